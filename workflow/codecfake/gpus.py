"""A GPU of its own for every job: Snakemake counts GPUs, but tells no job which one to take.

One lock file per device, in the machine's folder for temporary files; the kernel takes a lock back from a process
however it dies.
"""

import fcntl
import itertools
import os
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

#: Seconds until a job that waits for a GPU asks again.
PAUSE = 0.5
#: What CUDA_VISIBLE_DEVICES says where there is none.
NONE = {"", "-1", "NoDevFiles"}

_held: list[int] = []


def visible() -> list[str]:
    """The GPUs this process may use, by the names that CUDA_VISIBLE_DEVICES takes; numbers are nvidia-smi's."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is None:
        import torch

        return [str(number) for number in range(torch.cuda.device_count())]
    names = (name.strip() for name in named.split(","))
    return list(itertools.takewhile(lambda name: name not in NONE, names))


def claim(device: str) -> str:
    """Take a GPU that no other job has, the only one this process then sees, until the process ends.

    Waits while other jobs have them all. Must come before the first use of CUDA. Of a scheduler's choice one is
    taken: numbers mean something else in every SLURM job, so jobs of one allocation only exclude each other.

    Args:
        device: a config's `device`; `cuda:N` is the N-th visible GPU and no other.

    Returns:
        The device for `compute.device`: `cuda` in place of `cuda:N`. As given where no GPU is wanted or visible.
    """
    kind, _, number = device.partition(":")
    wanted = visible() if kind in ("auto", "cuda") else []
    if number.isdigit():
        wanted = wanted[int(number) :][:1]
    if not wanted:
        return device
    name = _wait_for(wanted)
    print(f"GPU {name}", file=sys.stderr, flush=True)
    os.environ.update(CUDA_VISIBLE_DEVICES=name, CUDA_DEVICE_ORDER="PCI_BUS_ID")
    return kind


def _wait_for(names: list[str]) -> str:
    said = False
    while (free := next(filter(_lock, names), None)) is None:
        if not said:
            print(f"waiting for a GPU: other jobs have {', '.join(names)}", file=sys.stderr, flush=True)
        said = True
        time.sleep(PAUSE)
    return free


def _lock(name: str) -> bool:
    scope = os.environ.get("SLURM_JOB_ID", "local")
    path = Path(tempfile.gettempdir()) / f"codecfake-gpu-{scope}-{quote(name, safe='')}.lock"
    try:
        # another user's file in such a folder may be opened, but not with O_CREAT
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        handle = os.open(path, os.O_RDONLY | os.O_CREAT)
        os.fchmod(handle, 0o644)
    except PermissionError:  # another user is just making it
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return False
    _held.append(handle)
    return True
