"""Reserve the device of a rule's job."""

import argparse
import contextlib
import os
import sys
from collections.abc import Callable, Iterator

from codecfake.util.errors import ConfigError


@contextlib.contextmanager
def own_device(args: argparse.Namespace, choose: Callable[[], str] | None = None) -> Iterator[str]:
    """Yield the torch device of a rule's job, whose GPU no other job uses; write its GPU use at the end.

    Args:
        choose: returns the device of one process of a multi-process job; by default a free GPU is locked.
    """
    import torch

    from codecfake.runtime import gpu_lock
    from codecfake.runtime.device import torch_device, write_gpu_use
    from codecfake.runtime.memory import keep_freed_memory

    device = choose() if choose else torch_device(gpu_lock.claim(args.device))
    if device == "cuda" and torch.cuda.device_count() != 1:
        raise ConfigError(
            "device: the GPUs cannot be listed before CUDA is initialised (no NVML); name those to be used in "
            "CUDA_VISIBLE_DEVICES, e.g. 0,1"
        )
    if device == "cpu" and args.device == "auto":
        print("no usable GPU: computing on the CPU", file=sys.stderr)
    # one thread on the CPU, so that results do not depend on the number of cores
    torch.set_num_threads(1)
    keep_freed_memory()
    yield device
    if args.gpu_use and os.environ.get("RANK", "0") == "0":
        write_gpu_use(args.gpu_use, device)
