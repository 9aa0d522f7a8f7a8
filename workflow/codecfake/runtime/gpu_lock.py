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

from codecfake.util.errors import ConfigError

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


def claim(device: str, count: int = 1) -> str:
    """Take GPUs that no other job has, the only ones this process then sees, until the process ends.

    Waits while other jobs have them. Must come before the first use of CUDA. Of a scheduler's choice `count` are
    taken: numbers mean something else in every SLURM job, so jobs of one allocation only exclude each other.

    Args:
        device: a config's `device`; `cuda:N` is the N-th visible GPU and no other.
        count: how many; several are taken all at once, or jobs that have some each would wait for each other.

    Returns:
        The device for `compute.device`: `cuda` in place of `cuda:N`. As given where no GPU is wanted or visible.

    Raises:
        ConfigError: there are fewer than several.
    """
    kind, _, number = device.partition(":")
    wanted = visible() if kind in ("auto", "cuda") else []
    if number.isdigit():
        wanted = wanted[int(number) :][:1]
    if count > max(len(wanted), 1):
        raise ConfigError(f"detector.gpus: {count}, but with device {device!r} this job sees {len(wanted)}")
    if not wanted:
        return device
    names = _wait_for(wanted, count)
    print(f"GPU {', '.join(names)}", file=sys.stderr, flush=True)
    os.environ.update(CUDA_VISIBLE_DEVICES=",".join(names), CUDA_DEVICE_ORDER="PCI_BUS_ID")
    return kind


def _wait_for(names: list[str], count: int) -> list[str]:
    said = False
    while len(taken := _take(names, count)) < count:
        for handle in taken.values():
            os.close(handle)
        if not said:
            print(f"waiting for a GPU: other jobs have {', '.join(names)}", file=sys.stderr, flush=True)
        said = True
        time.sleep(PAUSE)
    _held.extend(taken.values())
    return list(taken)


def _take(names: list[str], count: int) -> dict[str, int]:
    """The first `count` that are free, each with its lock's handle."""
    taken: dict[str, int] = {}
    for name in names:
        handle = _lock(name) if len(taken) < count else None
        if handle is not None:
            taken[name] = handle
    return taken


def _lock(name: str) -> int | None:
    """The handle of a device's lock, None if another process has it."""
    scope = os.environ.get("SLURM_JOB_ID", "local")
    path = Path(tempfile.gettempdir()) / f"codecfake-gpu-{scope}-{quote(name, safe='')}.lock"
    try:
        # another user's file in such a folder may be opened, but not with O_CREAT
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        handle = os.open(path, os.O_RDONLY | os.O_CREAT)
        os.fchmod(handle, 0o644)
    except PermissionError:  # another user is just making it
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle
