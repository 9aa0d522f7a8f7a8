"""Measure the overhead of the full experiment without codecs and training: 44,242 VCTK-like utterances, tiny audio.

    export PYTHONPATH=tests/support
    python tests/bench/bench_scale.py

Prints seconds and peak MB of listing the corpus and of packing and resynthesising (identity) shards of two sizes, the
download volume of a subset, and the seconds of `snakemake -n`, of a run with nothing to do and of DVC for the 15
codecs of config/config.yaml with 64 shards each and 16 detectors.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

from codecfake.pipeline import config, snakemake_records
from codecfake.pipeline.dvc_stages import record_of, stages
from codecfake.util.files import REPOSITORY
from codecfake.util.hashing import sha256
from http_server import serving
from snakemake_project import Project
from synthetic_speech import make_speech
from vctk_archive import KEYS, encode, members

SPEAKERS, UTTERANCES = 109, 44_242
KEY = KEYS["0.92"]
CORPUS = {
    "name": "vctk",
    "version": "0.92",
    "microphone": "mic2",
    "on_bad_audio": "fail",
    "splits": {"dev": ["p226", "p229"], "eval": ["p227", "p228"]},
}


def utterance_ids(count: int) -> Iterator[str]:
    """Return VCTK-like utterance ids, about 400 per speaker."""
    for number in range(count):
        speaker = 400 + number % SPEAKERS if number % SPEAKERS > 4 else 225 + number % SPEAKERS
        yield f"p{speaker}_{number // SPEAKERS + 1:03}"


def write_archive(path: Path, count: int) -> None:
    """Write an archive of `count` utterances from two microphones with texts; all recordings are the same 0.15 s."""
    path.parent.mkdir(parents=True, exist_ok=True)
    recording = encode(make_speech(0.15, 48000), "flac")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("speaker-info.txt", "ID  AGE  GENDER  ACCENTS  REGION COMMENTS\n")
        for utterance_id in utterance_ids(count):
            for name in members("0.92", utterance_id).values():
                archive.writestr(name, recording)
            archive.writestr(f"txt/{utterance_id[:4]}/{utterance_id}.txt", "Please call Stella.\n")


#: Runs a command from a small process, because a child's peak memory includes the parent's size at the fork.
MEASURE = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:], stdout=sys.stderr)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""


def measure(command: list, folder: Path) -> tuple[float, float]:
    """Return seconds and peak MB (of the largest process) of a command that must succeed."""
    environment = {**os.environ, "PYTHONPATH": str(folder / "workflow"), "OMP_NUM_THREADS": "1"}
    began = time.perf_counter()
    wrapped = [sys.executable, "-c", MEASURE, *map(str, command)]
    result = subprocess.run(wrapped, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    if result.returncode:
        raise SystemExit(f"{command}\n{result.stderr}")
    return seconds, int(result.stdout) / 1024


def report(what: str, measured: tuple[float, float]) -> None:
    print(f"{what}\t{measured[0]:.1f}\t{measured[1]:.0f}", flush=True)


def verb(*arguments) -> list:
    return [sys.executable, "-m", "codecfake.cli", *arguments]


def corpus_command(folder: Path, section: dict, out: Path) -> list:
    return verb("corpus", "--corpus", json.dumps(section), "--shards", "64", "--cache", folder / "cache", "--out", out)


def make_project(folder: Path, count: int) -> Project:
    """Make a project whose downloads.yaml lists the archive in its cache."""
    folder.mkdir(parents=True)
    project = Project(folder, CORPUS, [])
    archive = folder / "cache" / KEY
    write_archive(archive, count)
    project.describe_download(KEY, bytes=archive.stat().st_size, sha256=sha256(archive))
    return project


def bench_corpus(folder: Path, count: int) -> None:
    """Measure the listing, and a shard of 1/64 and of 1/6 of the utterances."""
    project = make_project(folder, count)
    report(f"corpus: list {count} utterances", measure(corpus_command(folder, CORPUS, folder / "64"), project.folder))
    identity = json.dumps(config.codec("identity"))
    for shards in (64, 6):
        table = folder / str(shards) / "utterances.tsv"
        lines = (folder / "64/utterances.tsv").read_text().splitlines()
        columns = lines[0].split("\t")
        rows = [line.split("\t") for line in lines[1:]]
        for number, row in enumerate(rows):
            row[columns.index("shard")] = str(number % shards)
        table.parent.mkdir(exist_ok=True)
        table.write_text("\n".join(["\t".join(row) for row in [columns, *rows]]) + "\n")
        source, made = folder / f"{shards}/000.parquet", folder / f"{shards}/identity.parquet"
        options = ["--corpus", json.dumps(CORPUS), "--utterances", table, "--shard", "0", "--cache", folder / "cache"]
        size = len(rows) // shards
        report(f"source-shard: {size} utterances", measure(verb("source-shard", *options, "--out", source), folder))
        options = ["--codec", "identity", "--entry", identity, "--label", "bonafide", "--source", source, "--out", made]
        measured = measure(verb("resynthesise-shard", *options, "--device", "cpu"), folder)
        report(f"resynthesise-shard (identity): {size} utterances", measured)


def bench_subset(folder: Path, archive: Path) -> None:
    """Measure the download of 20 speakers × 25 utterances from a server."""
    folder.mkdir()
    project = Project(folder, CORPUS, [])
    with serving() as server:
        server.files["vctk.zip"] = archive.read_bytes()
        project.describe_download(KEY, urls=[server.url("vctk.zip")], bytes=archive.stat().st_size)
        section = {**CORPUS, "speakers": 20, "utterances_per_speaker": 25}
        measured = measure(corpus_command(folder, section, folder), project.folder)
        spans = [
            list(map(int, asked.removeprefix("bytes=").split("-"))) for _, asked in server.requests if asked[6] != "-"
        ]
        directory = max(last - first for first, last in spans)
        requests = len(server.requests)
    recordings = len(list(folder.glob("cache/vctk/*.members/wav48*/*/*.flac")))
    report(
        f"corpus: {recordings} utterances from a server ({requests} requests, directory {directory / 1e6:.1f} MB)",
        measured,
    )


def bench_graph(folder: Path) -> None:
    """Measure Snakemake on the full experiment, before and after the run, and DVC on its files of 1 MB."""
    folder.mkdir()
    run = config.load_yaml(REPOSITORY / "config/config.yaml")
    Project(folder, CORPUS, [])
    snakemake = [sys.executable, "-m", "snakemake", "--cores", "8", "--resources", "gpu=2"]
    report(f"snakemake -n: {len(run['codecs'])} codecs, {run['shards']} shards", measure([*snakemake, "-n"], folder))
    environment = {**os.environ, "PYTHONPATH": str(folder / "workflow")}
    listed = subprocess.run(
        [*snakemake, "--summary"], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    outputs = [line.split("\t")[0] for line in listed.stdout.splitlines()[1:] if line.startswith("results/")]
    for path in outputs:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(os.urandom(1_000_000) if path.endswith(".parquet") else b"")
    measure([*snakemake, "--touch", "--forceall"], folder)
    report(f"snakemake, nothing to be done: {len(outputs)} files", measure(snakemake, folder))
    bench_dvc(folder, [*snakemake, "-n"])


def bench_dvc(folder: Path, snakemake: list[str]) -> None:
    """Measure recording and pushing the finished files, and pulling them in a clone."""
    run = config.read_run(folder / "config/config.yaml")
    for name, stage in stages(run).items():
        with contextlib.chdir(folder):
            snakemake_records.keep(record_of(name, f"results/{run['run']}"), stage.files)
    text = (REPOSITORY / "dvc.yaml").read_text().replace("config/demo.yaml", "config/config.yaml")
    (folder / "dvc.yaml").write_text(text)
    for name in (".dvcignore", ".gitignore"):
        shutil.copy2(REPOSITORY / name, folder)
    dvc = [sys.executable, "-m", "dvc"]
    git = ["git", "-c", "user.name=bench", "-c", "user.email=bench@localhost"]
    for command in (["git", "init"], [*dvc, "init"], [*dvc, "remote", "add", "-d", "shelf", folder.parent / "shelf"]):
        measure(command, folder)
    report("dvc commit: hash and keep them", measure([*dvc, "commit", "--force"], folder))
    report("dvc status, after dvc commit", measure([*dvc, "status"], folder))
    report("dvc push, to a folder", measure([*dvc, "push"], folder))
    for command in (["add", "--all"], ["commit", "--message", "finished"], ["clone", ".", folder.parent / "clone"]):
        measure([*git, *command], folder)
    clone = folder.parent / "clone"
    report("dvc pull, from a folder", measure([*dvc, "pull"], clone))
    report("snakemake -n, after dvc pull", measure(snakemake, clone))
    report("dvc status, after dvc pull", measure([*dvc, "status"], clone))


def main() -> None:
    print("what\tseconds\tpeak MB")
    with tempfile.TemporaryDirectory() as folder:
        for count in (UTTERANCES // 10, UTTERANCES):
            bench_corpus(Path(folder, str(count)), count)
        bench_subset(Path(folder, "subset"), Path(folder, str(UTTERANCES), "cache", KEY))
        bench_graph(Path(folder, "graph"))


if __name__ == "__main__":
    main()
