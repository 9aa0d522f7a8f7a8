"""A GPU that torch cannot use: how it is detected, and the reason reported."""

import os
import re

import pytest
import torch

from codecfake.runtime import cuda
from codecfake.runtime.device import torch_device
from codecfake.util.errors import ConfigError

#: Output of nvidia-smi for a query of driver, compute capability and name.
V100, OLD_DRIVER, H100 = "580.65.06, 7.0, Tesla V100", "535.104.05, 9.0, NVIDIA H100", "580.65.06, 9.0, NVIDIA H100"
ARCHITECTURES = ["sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120"]


@pytest.fixture(autouse=True)
def machine(monkeypatch, tmp_path):
    """A machine without a GPU and with torch for CUDA 13; return the folder of its devices."""
    for name in ("CUDA_VISIBLE_DEVICES", "SLURM_JOB_ID", *cuda.GRANTED_BY_SLURM):
        monkeypatch.delenv(name, raising=False)
    devices = tmp_path / "dev"
    devices.mkdir()
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(cuda, "DEVICES", devices)
    monkeypatch.setattr(cuda, "DRIVER", tmp_path / "version")
    monkeypatch.setattr(torch, "__version__", "2.14.1")
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.version, "hip", None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: ARCHITECTURES)
    return devices


@pytest.fixture
def nvidia_smi(tmp_path):
    """nvidia_smi(said): install a fake nvidia-smi that prints `said` for a query, and lists the GPU for -L."""

    def install(said: str, script: str = "") -> None:
        path = tmp_path / "bin/nvidia-smi"
        listed = "GPU 0: a GPU (UUID: GPU-1)" if said else "No devices found."
        path.write_text(f'#!/bin/sh\n{script}\n[ "$1" = -L ] && echo "{listed}" || echo "{said}"\n')
        path.chmod(0o755)

    return install


def refused(name: str = "auto") -> str:
    """Return the two-line error for a refused device as one line."""
    with pytest.raises(ConfigError) as error:
        torch_device(name)
    first, second = str(error.value).splitlines()
    assert second == cuda.WAY_OUT
    return first


@pytest.mark.parametrize(
    ("variables", "seen"),
    [
        ({"CUDA_VISIBLE_DEVICES": "0,1"}, "CUDA_VISIBLE_DEVICES=0,1"),
        ({"SLURM_JOB_ID": "1", "SLURM_JOB_GPUS": "2"}, "SLURM_JOB_GPUS=2"),
        ({"SLURM_JOB_ID": "1", "SLURM_GPUS_ON_NODE": "1"}, "SLURM_GPUS_ON_NODE=1"),
    ],
)
def test_allocated_gpu_that_torch_cannot_use_is_an_error(monkeypatch, variables, seen):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert refused().startswith(f"device: auto: there is a GPU ({seen}), but torch ")


def test_gpu_is_detected_by_its_device_file(machine):
    (machine / "nvidia0").touch()
    assert f"there is a GPU ({machine / 'nvidia0'})" in refused()
    assert f"there is a GPU ({machine / 'nvidia0'})" in refused("cuda")


def test_gpu_is_detected_by_nvidia_smi(nvidia_smi):
    nvidia_smi(OLD_DRIVER)
    assert "there is a GPU (GPU 0: a GPU (UUID: GPU-1))" in refused()


@pytest.mark.parametrize("named", ["", "-1", "NoDevFiles"])
def test_hidden_gpus_are_ignored(machine, monkeypatch, named):
    (machine / "nvidia0").touch()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    assert torch_device("auto") == "cpu"
    with pytest.raises(ConfigError, match=f"no 'cuda'; allowed: auto, cpu\nCUDA_VISIBLE_DEVICES={named} hides every"):
        torch_device("cuda")


@pytest.mark.parametrize("variables", [{}, {"SLURM_GPUS_ON_NODE": "0"}])
def test_job_without_allocated_gpu_computes_on_the_cpu(machine, monkeypatch, variables):
    (machine / "nvidia0").touch()
    for name, value in {"SLURM_JOB_ID": "1", **variables}.items():
        monkeypatch.setenv(name, value)
    assert torch_device("auto") == "cpu"


@pytest.mark.parametrize(("said", "script"), [("", ""), (H100, "exit 9"), (H100, "exec sleep 60")])
def test_auto_is_the_cpu_if_no_gpu_is_detected(nvidia_smi, monkeypatch, said, script):
    monkeypatch.setattr(cuda, "PATIENCE", 0.2)
    nvidia_smi(said, script)
    assert torch_device("auto") == "cpu"


def test_device_cpu_ignores_gpus(machine):
    (machine / "nvidia0").touch()
    assert torch_device("cpu") == "cpu"


def test_build_without_cuda_is_reported(nvidia_smi, monkeypatch):
    nvidia_smi(H100)
    monkeypatch.setattr(torch.version, "cuda", None)
    monkeypatch.setattr(torch, "__version__", "2.14.1+cpu")
    assert refused().endswith("but torch 2.14.1+cpu is a build without CUDA")


@pytest.mark.parametrize(("version", "needed"), [("13.0", 580), ("12.6", 525)])
def test_old_driver_is_reported_with_the_required_version(nvidia_smi, monkeypatch, version, needed):
    nvidia_smi("470.82.01, 8.0, NVIDIA A100")
    monkeypatch.setattr(torch.version, "cuda", version)
    said = f"but the driver is 470.82.01; torch 2.14.1 (CUDA {version}) needs {needed} or newer"
    assert refused().endswith(said)


def test_driver_version_is_read_from_the_kernel_without_nvidia_smi(machine, tmp_path):
    (machine / "nvidia0").touch()
    text = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023\n"
    (tmp_path / "version").write_text(text)
    assert "but the driver is 535.104.05;" in refused()
    (tmp_path / "version").write_text(text.replace("UNIX x86_64 Kernel Module", "UNIX Open Kernel Module for x86_64"))
    assert "but the driver is 535.104.05;" in refused()


def test_old_gpu_is_reported_with_the_supported_capabilities(nvidia_smi):
    nvidia_smi(V100)
    said = "Tesla V100 has compute capability 7.0; torch 2.14.1 (CUDA 13.0) has code for sm_75, sm_80"
    assert f"but {said}" in refused()
    assert refused("cuda:1") == refused().replace("auto", "cuda:1")


@pytest.mark.parametrize(
    "said", ["No devices were found", "[N/A], [N/A], Tesla", f"{V100}\\n{H100}", "580.65.06, [N/A], T4"]
)
def test_unexplained_failure_is_reported_with_the_driver(nvidia_smi, said):
    nvidia_smi(said)
    assert "torch 2.14.1 (CUDA 13.0) finds no GPU with the driver" in refused()


def test_rocm_build_without_gpu_is_reported(nvidia_smi, monkeypatch):
    monkeypatch.setattr(torch.version, "cuda", None)
    monkeypatch.setattr(torch.version, "hip", "7.0")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert refused().endswith("but torch 2.14.1 is a build for ROCm and finds no GPU")


def test_cuda_is_refused_with_a_reason_if_no_gpu_is_detected(monkeypatch):
    monkeypatch.setattr(torch.version, "cuda", None)
    with pytest.raises(ConfigError, match=r"no 'cuda'; allowed: auto, cpu\ntorch 2.14.1 is a build without CUDA"):
        torch_device("cuda")


@pytest.mark.parametrize(("old", "name", "number"), [(0, "auto", 0), (0, "cuda", 0), (1, "cuda:1", 1)])
def test_old_gpu_is_refused_even_if_torch_reports_it_available(monkeypatch, old, name, number):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda number: f"GPU {number}")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda number: (6, 1) if number == old else (9, 0))
    device = "cuda" if name == "auto" else name
    said = f"device: {device}: GPU {number} has compute capability 6.1; torch 2.14.1 (CUDA 13.0) has code for"
    assert refused(name).startswith(said)
    assert torch_device("cpu") == "cpu"
    # an additional old GPU is no error
    old = 1 - number
    assert torch_device(name) == device


@pytest.mark.parametrize(
    ("capability", "architectures", "runs"),
    [
        ((7, 5), ARCHITECTURES, True),
        ((8, 9), ARCHITECTURES, True),
        ((7, 0), ARCHITECTURES, False),
        ((12, 1), ARCHITECTURES, True),
        ((11, 0), ARCHITECTURES, False),
        ((11, 0), [*ARCHITECTURES, "compute_90"], True),
        ((9, 0), ["sm_90a"], True),
        ((9, 0), [], True),
    ],
)
def test_gpu_runs_code_of_its_major_version_or_older_ptx(monkeypatch, capability, architectures, runs):
    monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: architectures)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda number: "a GPU")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda number: capability)
    assert bool(re.search("capability", cuda.without_code(0))) != runs
