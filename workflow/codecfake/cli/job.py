"""The device of a rule's job."""

import argparse
import contextlib
import os
import sys
from collections.abc import Callable, Iterator

from codecfake.util.errors import ConfigError


@contextlib.contextmanager
def own_device(args: argparse.Namespace, choose: Callable[[], str] | None = None) -> Iterator[str]:
    """The torch device of a rule's job, which shares no GPU with another job; its use of the GPU is written at the end.

    Args:
        choose: gives the device of a process that others share a job with; by default a free GPU is locked.
    """
    import torch

    from codecfake.runtime import gpu_lock
    from codecfake.runtime.device import torch_device, write_gpu_use

    device = choose() if choose else torch_device(gpu_lock.claim(args.device))
    if device == "cuda" and torch.cuda.device_count() != 1:
        raise ConfigError(
            "device: the driver cannot be asked for its GPUs before it is used (no NVML); name those to be used in "
            "CUDA_VISIBLE_DEVICES, e.g. 0,1"
        )
    if device == "cpu" and args.device == "auto":
        print("no GPU can be used: computing on the CPU", file=sys.stderr)
    # the same bytes however many cores a job is given: on a CPU it computes on one
    torch.set_num_threads(1)
    yield device
    if args.gpu_use and os.environ.get("RANK", "0") == "0":
        write_gpu_use(args.gpu_use, device)
