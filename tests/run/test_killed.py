"""Runs resume to identical bytes after SIGKILL at any time, a full disk or network failures."""

import contextlib
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
import zlib

import psutil
import pytest

from codecfake.pipeline import config
from codecfake.util.hashing import sha256
from http_server import serving
from snakemake_project import Project
from vctk_archive import KEYS, write_archive

KEY = KEYS["0.92"]
IDS = [f"{speaker}_{number:03}" for speaker in ("p225", "p226", "p227", "p228", "p376") for number in range(1, 31)]
CORPUS = {
    "name": "vctk",
    "version": "0.92",
    "microphone": "mic2",
    "on_bad_audio": "fail",
    "splits": {"dev": ["p226"], "eval": ["p227", "p228"]},
}
KILLS = 20

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory, speech):
    """A slow server with an archive of VCTK."""
    path = tmp_path_factory.mktemp("vctk") / "vctk.zip"
    write_archive(path, "0.92", IDS, lambda name, mic: speech(0.4, 48000, zlib.crc32(f"{name}{mic}".encode())))
    with serving() as server:
        server.files["vctk.zip"] = path.read_bytes()
        server.archive = {"bytes": path.stat().st_size, "sha256": sha256(path)}
        yield server


@pytest.fixture(scope="module")
def make_project(tmp_path_factory, server):
    def make_project() -> Project:
        made = Project(tmp_path_factory.mktemp("project"), CORPUS, ["encodec_mini"])
        made.config["shards"] = 1
        made.describe_download(KEY, urls=[server.url("vctk.zip")], **server.archive)
        return made

    return make_project


@pytest.fixture(scope="module")
def undisturbed(make_project):
    project = make_project()
    began = time.monotonic()
    result = project.snakemake()
    assert result.returncode == 0, result.stdout
    project.seconds = time.monotonic() - began
    return project


def results(project) -> dict[str, str]:
    """Return hashes of all results except the report, which contains date and durations."""
    folder = project.folder / "results/small"
    unlike = {"report.html", ".running", ".submitter"}
    files = [path for path in folder.rglob("*") if path.is_file() and path.name not in unlike]
    no_results = {"logs", "benchmarks", "tensorboard"}
    kept = [path for path in files if not no_results.intersection(path.relative_to(folder).parts)]
    return {str(path.relative_to(folder)): sha256(path) for path in kept}


def kill(process: subprocess.Popen) -> None:
    """Send SIGKILL to Snakemake and all its jobs."""
    with contextlib.suppress(psutil.NoSuchProcess):
        snakemake = psutil.Process(process.pid)
        for one in [snakemake, *snakemake.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
    process.communicate()


def test_run_killed_twenty_times_gives_identical_results(undisturbed, make_project, server):
    project = make_project()
    moments = random.Random(1)
    server.requests.clear()
    longest = undisturbed.seconds / 6
    server.bytes_a_second = int(server.archive["bytes"] / longest)  # a download takes longer than a process lives
    killed = 0
    for _ in range(KILLS):
        process = project.start()
        time.sleep(moments.uniform(2.0, longest))
        killed += process.poll() is None
        kill(process)
    assert killed >= KILLS / 2
    assert any(asked for _, asked in server.requests)  # downloads were resumed with a Range header
    server.bytes_a_second = None
    result = project.snakemake()
    assert result.returncode == 0, result.stdout
    assert results(project) == results(undisturbed)
    assert "Nothing to be done" in project.snakemake().stdout


def codecfake(project, *arguments, file_size=resource.RLIM_INFINITY):
    """Run a command of codecfake; files are limited to `file_size` bytes to simulate a full disk."""

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))

    # one thread, as in the rules: more threads sum in another order
    environment = {**os.environ, "PYTHONPATH": str(project.folder / "workflow"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "codecfake.cli", *map(str, arguments)]
    return subprocess.run(
        command, cwd=project.folder, env=environment, preexec_fn=limit, capture_output=True, text=True, check=False
    )


def test_full_disk_during_a_shard_keeps_the_finished_pieces(undisturbed, tmp_path):
    made = undisturbed.folder / "results/small"
    whole = made / "clean/resynthesised/encodec_mini/000.parquet"
    command = ["resynthesise-shard", "--codec", "encodec_mini", "--entry", json.dumps(config.codec("encodec_mini"))]
    command += ["--label", "spoof", "--device", "cpu", "--source", made / "corpus/000.parquet"]
    target = tmp_path / "000.parquet"
    result = codecfake(undisturbed, *command, "--out", target, file_size=whole.stat().st_size // 2)
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith(f"codecfake resynthesise-shard: error: {target}: ")
    assert "File too large" in result.stderr
    pieces = list((tmp_path / ".000.parquet.parts").glob("*.parquet"))
    assert len(pieces) == 3
    assert list(tmp_path.glob("*")) == [tmp_path / ".000.parquet.parts"]
    assert codecfake(undisturbed, *command, "--out", target).returncode == 0
    assert target.read_bytes() == whole.read_bytes()
    assert list(tmp_path.iterdir()) == [target]


def test_full_disk_during_a_download_keeps_the_partial_file(undisturbed, server, tmp_path):
    command = ["corpus", "--corpus", json.dumps(CORPUS), "--shards", "1", "--cache", tmp_path, "--out", tmp_path]
    result = codecfake(undisturbed, *command, file_size=server.archive["bytes"] // 2)
    part = tmp_path / f"{KEY}.part"
    assert result.returncode == 1
    assert f"codecfake corpus: error: {part}: File too large" in result.stderr
    assert part.stat().st_size == server.archive["bytes"] // 2
    assert codecfake(undisturbed, *command).returncode == 0
    assert server.requests[-1] == ("vctk.zip", f"bytes={server.archive['bytes'] // 2}-")
    made = undisturbed.folder / "results/small/corpus/utterances.tsv"
    assert (tmp_path / "utterances.tsv").read_bytes() == made.read_bytes()


def test_orphaned_jobs_of_a_killed_snakemake_block_the_next_run(make_project, server):
    project = make_project()
    server.bytes_a_second = server.archive["bytes"] // 20
    process = project.start()
    part = project.folder / "cache" / f"{KEY}.part"
    while not part.exists():
        assert process.poll() is None
        time.sleep(0.1)
    process.kill()  # but not its job
    process.wait()
    jobs = [one for one in psutil.process_iter(["cmdline"]) if str(project.folder) in _folder(one)]
    assert jobs
    result = project.snakemake()
    for job in jobs:
        job.kill()
    server.bytes_a_second = None
    assert result.returncode != 0
    assert "or jobs of a killed snakemake, are still writing these results" in result.stdout
    psutil.wait_procs(jobs)
    assert project.snakemake("results/small/report/split/config.json").returncode == 0


def _folder(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):
        return process.cwd()
    return ""
