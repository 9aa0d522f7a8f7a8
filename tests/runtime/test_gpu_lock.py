"""A GPU for every job: visible GPUs, locks, and their release by killed jobs."""

import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from codecfake.runtime import gpu_lock
from codecfake.util.errors import ConfigError

PACKAGE = Path(gpu_lock.__file__).parents[1]
#: A job: claims a GPU, prints it, holds it, prints the start and end times.
JOB = """
import os, sys, time
from codecfake.runtime import gpu_lock
device = gpu_lock.claim(sys.argv[1], int(os.environ.get("COUNT", "1")))
begin = time.time()
print(os.environ.get("CUDA_VISIBLE_DEVICES"), device, flush=True)
time.sleep(float(sys.argv[2]))
print(begin, time.time(), flush=True)
"""


@pytest.fixture
def job(tmp_path):
    """job(device="auto", seconds=0, **environment): start a job, concurrently with the other jobs of the test."""
    started = []

    def start(device: str = "auto", seconds: float = 0, **environment: str) -> subprocess.Popen:
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("CUDA_", "SLURM_"))}
        process = subprocess.Popen(
            [sys.executable, "-c", JOB, device, str(seconds)],
            env={**inherited, "PYTHONPATH": str(PACKAGE), "TMPDIR": str(tmp_path), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def read(process: subprocess.Popen) -> list[list[str]]:
    said, complaints = process.communicate(timeout=60)
    assert process.returncode == 0, complaints
    return [line.split() for line in said.splitlines()]


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ("0,1", ["0", "1"]),
        ("3", ["3"]),
        (" GPU-1a , MIG-2b/1/0 ", ["GPU-1a", "MIG-2b/1/0"]),
        ("", []),
        ("-1", []),
        ("0,-1,1", ["0"]),
        ("NoDevFiles", []),
    ],
)
def test_visible_gpus_are_those_in_cuda_visible_devices(named, expected, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    assert gpu_lock.visible() == expected


def test_all_gpus_are_visible_by_default(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    assert gpu_lock.visible() == ["0", "1", "2"]


def test_twelve_jobs_on_two_gpus_never_share_one(job):
    jobs = [job(seconds=0.2, CUDA_VISIBLE_DEVICES="0,1") for _ in range(12)]
    spans = {"0": [], "1": []}
    for process in jobs:
        (gpu, device), (begin, end) = read(process)
        assert device == "auto"
        spans[gpu].append((float(begin), float(end)))
    for on_one in spans.values():
        assert len(on_one) > 1
        on_one.sort()
        for (_, end), (begin, _) in itertools.pairwise(on_one):
            assert begin >= end


def test_killed_job_releases_its_gpu(job):
    first = job(seconds=600, CUDA_VISIBLE_DEVICES="0")
    assert first.stdout.readline().split() == ["0", "auto"]
    waiting = job(CUDA_VISIBLE_DEVICES="0")
    assert waiting.stderr.readline() == "waiting for a GPU: other jobs have 0\n"
    time.sleep(1.2)
    assert waiting.poll() is None
    first.send_signal(signal.SIGKILL)
    assert read(waiting)[0] == ["0", "auto"]


def test_several_gpus_are_claimed_together_or_not_at_all(job):
    first = job(seconds=600, CUDA_VISIBLE_DEVICES="0,1,2")
    assert first.stdout.readline().split() == ["0", "auto"]
    both = job(seconds=600, CUDA_VISIBLE_DEVICES="0,1,2", COUNT="2")
    assert both.stdout.readline().split() == ["1,2", "auto"]
    waiting = job(CUDA_VISIBLE_DEVICES="0,1,2", COUNT="2")
    assert waiting.stderr.readline() == "waiting for a GPU: other jobs have 0, 1, 2\n"
    first.send_signal(signal.SIGKILL)
    time.sleep(1.2)
    # one GPU is free: a job that needs only one gets it, although the other job is waiting for two
    assert waiting.poll() is None
    assert read(job(CUDA_VISIBLE_DEVICES="0"))[0] == ["0", "auto"]
    both.send_signal(signal.SIGKILL)
    assert read(waiting)[0][1] == "auto"


@pytest.mark.parametrize(
    ("device", "named", "seen"), [("auto", "", 0), ("auto", "3", 1), ("cuda:1", "4,7", 1), ("cpu", "4,7", 0)]
)
def test_more_gpus_than_visible_are_refused(device, named, seen, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    with pytest.raises(ConfigError, match=f"detector.gpus: 2, but with device '{device}' this job sees {seen}"):
        gpu_lock.claim(device, 2)


def test_numbered_gpu_is_claimed_and_waited_for(job):
    first = job("cuda:1", seconds=600, CUDA_VISIBLE_DEVICES="4,7")
    assert first.stdout.readline().split() == ["7", "cuda"]
    waiting = job("cuda:1", CUDA_VISIBLE_DEVICES="4,7")
    assert waiting.stderr.readline() == "waiting for a GPU: other jobs have 7\n"
    first.kill()
    assert read(waiting)[0] == ["7", "cuda"]


@pytest.mark.parametrize(("device", "named"), [("auto", ""), ("cpu", "0,1"), ("mps", "0"), ("cuda:5", "0,1")])
def test_other_devices_are_not_locked(job, device, named):
    assert read(job(device, CUDA_VISIBLE_DEVICES=named))[0] == f"{named} {device}".split()


def test_gpus_of_slurm_jobs_are_locked_per_job(job):
    # each SLURM job sees its device under the same number
    one = job(seconds=600, CUDA_VISIBLE_DEVICES="0", SLURM_JOB_ID="17")
    other = job(CUDA_VISIBLE_DEVICES="0", SLURM_JOB_ID="18")
    assert one.stdout.readline().split() == ["0", "auto"]
    assert read(other)[0] == ["0", "auto"]


def test_processes_of_one_slurm_job_do_not_share_a_gpu(job):
    jobs = [job(seconds=1, CUDA_VISIBLE_DEVICES="2,3", SLURM_JOB_ID="17") for _ in range(2)]
    assert sorted(read(process)[0][0] for process in jobs) == ["2", "3"]
