"""A small complete run, made once a session and copied by every test that needs a finished one."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
import yaml

from codecfake.audio import io as audio
from snakemake_project import Project

CODECS = ["academicodec_mini", "audiodec_mini"]
SPEAKERS = {"train": ["s1", "s2"], "dev": ["s3"], "eval": ["s4", "s5"]}
SPLITS = {split: SPEAKERS[split] for split in ("dev", "eval")}


def make(folder: Path, speech: Callable[..., np.ndarray]) -> None:
    """Make a run in `folder/work`, with the read-only checkout `folder/checkout` and the recordings `folder/corpus`."""
    write_corpus(folder / "corpus", speech)
    corpus = {"name": "folder", "path": str(folder / "corpus"), "splits": SPLITS, "on_bad_audio": "skip"}
    project = Project(folder / "checkout", corpus, CODECS, work=folder / "work")
    project.config["recipe"] = "published"
    project.pretend_gpus()
    change_modes(project.folder, lambda mode: mode & ~0o222)
    result = project.snakemake()
    assert result.returncode == 0, result.stdout


def change_modes(folder: Path, new: Callable[[int], int]) -> None:
    """Change the file mode of a folder and of everything in it except links."""
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            path.chmod(new(path.stat().st_mode))


def write_corpus(folder: Path, speech: Callable[..., np.ndarray]) -> None:
    """Write six recordings of each speaker, a recording that contains NaN, and a truncated one."""
    for number in range(30):
        audio.write(folder / f"s{1 + number // 6}/{number % 6}.wav", speech(0.6, 16000, 1 + number), 16000)
    samples = speech(0.6, 16000)
    samples[100] = np.nan
    soundfile.write(folder / "s1/nan.wav", samples, 16000, subtype="FLOAT")
    (folder / "s4/short.wav").write_bytes((folder / "s4/3.wav").read_bytes()[:-1000])


def copy(finished: Path, folder: Path) -> Project:
    """Copy the run with the times of its files. Snakemake's records have paths from `work` to `checkout`."""
    config = yaml.safe_load((finished / "work/small.yaml").read_text())
    places = {"work": folder / "work", "checkout": finished / "checkout"}
    project = Project(folder / "checkout", config["corpus"], config["codecs"], **places)
    project.config = config
    change_modes(project.folder, lambda mode: mode | 0o200)
    shutil.copytree(finished / "work", project.work, dirs_exist_ok=True)
    return project
