"""Allocation of the large tensors of a CPU."""

import ctypes

#: Parameters of mallopt (malloc.h).
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
#: Blocks below this size, in bytes, are kept for reuse.
LARGEST_BLOCK = 2**30


def keep_freed_memory() -> None:
    """Make glibc keep freed blocks for reuse; do nothing with another C library.

    By default it returns large blocks to the system, which must zero their pages again for the next tensor. This takes
    a fifth of the time of a detector's training step.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGEST_BLOCK)
        mallopt(M_TRIM_THRESHOLD, LARGEST_BLOCK)
