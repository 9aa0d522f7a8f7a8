"""Detect GPUs that torch cannot use, and the reason, so that no run silently falls back to the CPU."""

import os
import re
import subprocess
from pathlib import Path

import torch

from codecfake.runtime import gpu_lock

#: Where the NVIDIA driver lists its devices and its version.
DEVICES, DRIVER = Path("/dev"), Path("/proc/driver/nvidia/version")
#: Minimum driver version for each major version of CUDA (CUDA Compatibility, NVIDIA).
NEEDED_DRIVER = {11: 450, 12: 525, 13: 580}
#: Variables in which SLURM names a job's GPUs.
GRANTED_BY_SLURM = ("SLURM_JOB_GPUS", "SLURM_STEP_GPUS", "SLURM_GPUS_ON_NODE")
#: Timeout of nvidia-smi in seconds.
PATIENCE = 10
#: Arguments of nvidia-smi that print a line "driver, capability, name" per GPU.
QUERY = ("--query-gpu=driver_version,compute_cap,name", "--format=csv,noheader")
WAY_OUT = 'Install a fitting torch (docs/run/environments.md: make env TORCH="…") or set `device: cpu` in the config'


def evidence() -> str:
    """Return evidence that this process was granted a GPU or that this machine has one; empty if there is none."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return f"CUDA_VISIBLE_DEVICES={named}" if gpu_lock.visible() else ""
    if "SLURM_JOB_ID" in os.environ:  # a job may use only the node's devices that it was granted
        granted = {name: os.environ.get(name, "") for name in GRANTED_BY_SLURM}
        return next((f"{name}={value}" for name, value in granted.items() if value not in ("", "0")), "")
    devices = sorted(DEVICES.glob("nvidia[0-9]*"))
    listed = "" if devices else _nvidia_smi("-L")
    return str(devices[0]) if devices else next((line for line in listed.splitlines() if line.startswith("GPU ")), "")


def obstacle() -> str:
    """Return the likely reason why torch can use no GPU, given that `torch.cuda.is_available()` is false."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None and not gpu_lock.visible():
        return f"CUDA_VISIBLE_DEVICES={named} hides every GPU"
    if torch.version.hip:
        return f"torch {torch.__version__} is a build for ROCm and finds no GPU"
    if torch.version.cuda is None:
        return f"torch {torch.__version__} is a build without CUDA"
    build = f"torch {torch.__version__} (CUDA {torch.version.cuda})"
    needed = NEEDED_DRIVER.get(int(torch.version.cuda.split(".")[0]))
    described = re.findall(r"^(\d[\d.]*), ([^,]*), (.*)$", _nvidia_smi(*QUERY), re.MULTILINE)
    found = described[0][0] if described else _driver_of_kernel()
    if found and needed and int(found.split(".")[0]) < needed:
        return f"the driver is {found}; {build} needs {needed} or newer"
    lacking = [_lacking(tuple(map(int, one.split("."))), name) for _, one, name in described if one[:1].isdigit()]
    if lacking and all(lacking):
        return lacking[0]
    return (
        f"{build} finds no GPU with the driver ({found or 'version unknown'}); check nvidia-smi, the GPU option of the "
        "container, and the permissions of the device"
    )


def without_code(number: int) -> str:
    """Return why the first kernel would fail on a GPU that torch sees: no code for it; empty if it can run."""
    if torch.version.cuda is None:  # ROCm
        return ""
    return _lacking(torch.cuda.get_device_capability(number), torch.cuda.get_device_name(number))


def _lacking(capability: tuple[int, int], name: str) -> str:
    architectures = torch.cuda.get_arch_list()
    if not architectures or any(_runs(capability, one) for one in architectures):
        return ""
    found = ".".join(map(str, capability))
    return (
        f"{name} has compute capability {found}; torch {torch.__version__} (CUDA {torch.version.cuda}) has code for "
        f"{', '.join(architectures)}"
    )


def _runs(capability: tuple[int, int], architecture: str) -> bool:
    """Return whether a GPU runs code for `sm_XY` (same major, no higher minor version) or `compute_XY` (no higher)."""
    kind, _, digits = architecture.partition("_")
    number = int(re.match(r"\d+", digits)[0])
    of_code = divmod(number, 10)
    return of_code <= capability and (kind == "compute" or of_code[0] == capability[0])


def _driver_of_kernel() -> str:
    """Return the version of the loaded kernel driver; empty if it cannot be read."""
    try:
        found = re.search(r"Kernel Module(?: for \S+)?\s+([\d.]+)", DRIVER.read_text(encoding="utf-8"))
    except OSError:
        return ""
    return found[1] if found else ""


def _nvidia_smi(*arguments: str) -> str:
    """Return the output of nvidia-smi; empty if it is missing, fails or times out."""
    try:
        command = ["nvidia-smi", *arguments]
        result = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return result.stdout
