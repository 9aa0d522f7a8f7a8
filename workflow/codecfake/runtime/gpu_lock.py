"""Lock GPUs, so that no two jobs share one: Snakemake counts GPUs but does not assign them to jobs.

Each device has one lock file in the machine's temporary folder; the kernel releases a lock when its process dies.
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

#: Polling interval in seconds of a job that waits for a GPU.
PAUSE = 0.5
#: Values of CUDA_VISIBLE_DEVICES that stand for no GPU.
NONE = {"", "-1", "NoDevFiles"}

_held: list[int] = []


def visible() -> list[str]:
    """Return the GPUs this process may use, named as in CUDA_VISIBLE_DEVICES; numbers are those of nvidia-smi."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is None:
        import torch

        return [str(number) for number in range(torch.cuda.device_count())]
    names = (name.strip() for name in named.split(","))
    return list(itertools.takewhile(lambda name: name not in NONE, names))


def claim(device: str, count: int = 1) -> str:
    """Lock free GPUs until this process ends, and hide all others from it.

    Waits until enough are free. Must be called before CUDA is initialised. Under SLURM, only jobs of one allocation
    exclude each other, because GPU numbers differ between allocations.

    Args:
        device: a config's `device`; `cuda:N` is the N-th visible GPU and no other.
        count: number of GPUs; several are locked all at once, to avoid deadlocks between jobs.

    Returns:
        The name for `device.torch_device`: `cuda` in place of `cuda:N`; unchanged if no GPU is wanted or visible.

    Raises:
        ConfigError: `count` is more than 1, and fewer GPUs are visible.
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
    """Lock the first `count` free GPUs; return their lock handles by name."""
    taken: dict[str, int] = {}
    for name in names:
        handle = _lock(name) if len(taken) < count else None
        if handle is not None:
            taken[name] = handle
    return taken


def _lock(name: str) -> int | None:
    """Lock a device and return the lock's handle; None if another process holds it."""
    scope = os.environ.get("SLURM_JOB_ID", "local")
    path = Path(tempfile.gettempdir()) / f"codecfake-gpu-{scope}-{quote(name, safe='')}.lock"
    try:
        # in a sticky folder another user's file can be opened, but not with O_CREAT
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        handle = os.open(path, os.O_RDONLY | os.O_CREAT)
        os.fchmod(handle, 0o644)
    except PermissionError:  # another user is creating it
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle
