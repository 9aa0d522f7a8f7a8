"""A single-node SLURM cluster for tests: munged, slurmctld and slurmd, local only and run as root.

No limit is enforced: the node declares more CPUs and memory than exist, and uses two devices of any machine as its
GPUs. The resources that jobs requested stay visible, even long after a job has ended.
"""

import contextlib
import os
import re
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import psutil

from optional import lacking

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch")
#: Default configuration folder of SLURM. SLURM_CONF is no alternative: the plugin does not pass it to job steps.
FOLDER = Path("/etc/slurm")
CONFIGURATION = {
    "slurm.conf": """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmUser=root
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
SlurmdParameters=config_overrides
KillWait=5
MinJobAge=86400
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs=8 RealMemory=256000 Gres=gpu:2
PartitionName=cpu Nodes={host} Default=YES
PartitionName=gpu Nodes={host}
""",
    "gres.conf": "Name=gpu File=/dev/null\nName=gpu File=/dev/zero\n",
}
#: Seconds within which daemons must start, and jobs and daemons must end.
PATIENCE = 60

Found = TypeVar("Found")


@contextlib.contextmanager
def running(folder: Path) -> Iterator[None]:
    """Run a cluster with partitions `cpu` and `gpu`, with its files in an empty folder; cancel its jobs at the end.

    The test is skipped if no cluster can be started, or fails if CODECFAKE_REQUIRE_SLURM=1.
    """
    _require()
    for name in ("state", "spool"):
        (folder / name).mkdir()
    key = folder / "munge.key"
    key.touch(0o600)
    key.write_bytes(secrets.token_bytes(1024))
    munged = ["munged", "--foreground", "--force", f"--key-file={key}", f"--socket={folder}/munge.socket"]
    munged += [f"--{name}-file={folder}/munge.{name}" for name in ("log", "pid", "seed")]
    with contextlib.ExitStack() as stack:
        stack.enter_context(_second_address())
        stack.enter_context(_configuration(folder))
        for command in (munged, ["slurmctld", "-D"], ["slurmd", "-D"]):
            stack.enter_context(_daemon(command, folder))
        wait_until(lambda: said("sinfo", "--noheader", "--partition=cpu", "--format=%T") == "idle")
        try:
            yield
        finally:
            said("scancel", "--user=root")
            wait_until(lambda: not said("squeue", "--noheader"))


def said(*command: str) -> str:
    """Return the output of a command, even if it fails."""
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    return done.stdout.strip()


def jobs() -> list[dict[str, str]]:
    """Return all jobs, including ended ones, in order of submission, as `scontrol show job` shows them."""
    lines = said("scontrol", "--oneliner", "show", "job").splitlines()
    found = [dict(re.findall(r"(\w+)=(\S*)", line)) for line in lines if line.startswith("JobId=")]
    return sorted(found, key=lambda job: int(job["JobId"]))


def requeue(job: str) -> None:
    """Requeue a running job and restart it at once, without SLURM's delay of two minutes."""

    def begun_again() -> bool:
        said("scontrol", "update", f"JobId={job}", "StartTime=now")
        return said("squeue", "--noheader", f"--jobs={job}", "--Format=State: ,RestartCnt:") == "RUNNING 1"

    said("scontrol", "requeue", job)
    # a job that starts in the second in which its predecessor's credential is revoked is killed
    time.sleep(2)
    wait_until(begun_again)


def wait_until(condition: Callable[[], Found], seconds: float = PATIENCE) -> Found:
    """Wait until a condition holds and return its result; fail after the given seconds."""
    until = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < until, f"{said('sinfo', '--list-reasons')}\n{said('scontrol', 'show', 'job')}"
        time.sleep(0.2)
    return found


def _require() -> None:
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        message = f"not on PATH: {', '.join(missing)}"
    elif os.geteuid() != 0:
        message = "only root can start a SLURM"
    elif (FOLDER / "slurm.conf").exists():
        message = f"{FOLDER}/slurm.conf is there: a real cluster's, or to be deleted if a killed test left it"
    else:
        return
    lacking("SLURM", message)


@contextlib.contextmanager
def _configuration(folder: Path) -> Iterator[None]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        ports = {"controller_port": one.getsockname()[1], "node_port": other.getsockname()[1]}
    host = socket.gethostname().partition(".")[0]
    FOLDER.mkdir(exist_ok=True)
    try:
        for name, text in CONFIGURATION.items():
            (FOLDER / name).write_text(text.format(folder=folder, host=host, **ports))
        yield
    finally:
        # a leftover configuration would make every Snakemake wait for the stopped controller
        for name in CONFIGURATION:
            (FOLDER / name).unlink(missing_ok=True)


@contextlib.contextmanager
def _second_address() -> Iterator[None]:
    """Add an address on a machine without a network: without a second one, the C library does not resolve 127.0.0.1."""
    found = {one.address for many in psutil.net_if_addrs().values() for one in many if one.family == socket.AF_INET}
    if found > {"127.0.0.1"}:
        yield
        return
    address = ("127.0.0.2/32", "dev", "lo")
    subprocess.run(["ip", "address", "add", *address], check=True)
    try:
        yield
    finally:
        subprocess.run(["ip", "address", "delete", *address], check=True)


@contextlib.contextmanager
def _daemon(command: list[str], folder: Path) -> Iterator[None]:
    with open(folder / f"{command[0]}.said", "w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)
