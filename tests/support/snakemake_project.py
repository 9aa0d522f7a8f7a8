"""A copy of the repository's workflow, run with Snakemake on a small config."""

import collections
import functools
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import yaml

from codecfake.util.files import REPOSITORY

#: A detector that trains in seconds.
DETECTOR = {
    "name": "lfcc_lcnn",
    "options": {"crop_samples": 8000, "epochs": 1, "model": {"width": 0.1, "dropout": 0.1, "max_hz": 8000}},
}


def _interruptible() -> None:
    """Restore SIGINT: processes of a shell's background job inherit that it is ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Project:
    """A copy of a checkout's workflow and package, with which Snakemake runs.

    Attributes:
        folder: the checkout.
        work: working folder, in which the results are; by default the checkout.
        config: config of the run, a copy that the test may change.
        loaded: folder of files VERB.PID that list the modules loaded by each job.
    """

    def __init__(
        self, folder: Path, corpus: dict, codecs: list[str], work: Path | None = None, checkout: Path = REPOSITORY
    ):
        self.folder, self.work = folder, work or folder
        for path in (self.folder, self.work):
            path.mkdir(parents=True, exist_ok=True)
        for name in ("Snakefile", "workflow", "config", "envs", "profiles"):
            source = checkout / name
            copy = shutil.copytree if source.is_dir() else shutil.copy2
            copy(source, folder / name)
        (folder / "checkpoints").symlink_to(REPOSITORY / "checkpoints")
        self.loaded = self.work / "loaded"
        self.loaded.mkdir()
        self.config = {
            "run": "small",
            "seed": 7,
            "corpus": corpus,
            "shards": 2,
            "codecs": codecs,
            "detector": DETECTOR,
            "quality_utterances": 2,
            "cache": "cache",
            "device": "cpu",
        }

    def describe_download(self, key: str, **described) -> None:
        """Change the entry of a file in the project's downloads.yaml."""
        path = self.folder / "config/downloads.yaml"
        entries = yaml.safe_load(path.read_text())
        entries[key] |= described
        path.write_text(yaml.safe_dump(entries))

    def pretend_gpus(self) -> None:
        """Treat the names in CUDA_VISIBLE_DEVICES as GPUs, although the run computes on the CPU."""
        with open(self.folder / "workflow/codecfake/runtime/cuda.py", "a") as file:
            file.write('\n\ndef evidence() -> str:\n    return ""\n')

    def start(self, *options: str, more_configs: tuple[str, ...] = (), **changes) -> subprocess.Popen:
        """Start Snakemake in its own process group; `changes` are changes of the config."""
        (self.work / "small.yaml").write_text(yaml.safe_dump({**self.config, **changes}))
        command = [sys.executable, "-m", "snakemake", "--cores", "1", *options, "--configfile", "small.yaml"]
        command += more_configs
        if self.work != self.folder:
            command += ["--snakefile", str(self.folder / "Snakefile")]
        paths = (self.folder / "workflow", REPOSITORY / "tests/support/loaded_modules")
        loaded = {"LOADED_MODULES": str(self.loaded), "PYTHONPATH": os.pathsep.join(map(str, paths))}
        environment = {**os.environ, **loaded}
        how = {"cwd": self.work, "env": environment, "start_new_session": True, "preexec_fn": _interruptible}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        return subprocess.Popen(command, **how, **pipes)

    def snakemake(self, *options: str, **changes) -> subprocess.CompletedProcess:
        """Run Snakemake to its end; `stdout` has all output."""
        process = self.start(*options, **changes)
        said, _ = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, said)

    @functools.cached_property
    def rulegraph(self) -> list[tuple[str, str]]:
        """Pairs of a rule and a rule that takes its outputs."""
        graph = self.snakemake("--rulegraph", "dot").stdout
        names = dict(re.findall(r'^\s*(\d+)\[label = "(\w+)', graph, re.MULTILINE))
        takes = re.findall(r"^\s*(\d+) -> (\d+)", graph, re.MULTILINE)
        return [(names[before], names[after]) for before, after in takes]

    def downstream(self, rules: set[str]) -> set[str]:
        """Return the rules and all rules that depend on them, directly or indirectly."""
        found: set[str] = set()
        waiting = set(rules)
        while waiting:
            found |= waiting
            waiting = {after for before, after in self.rulegraph if before in waiting} - found
        return found - {"all"}

    def planned(self, *more_configs: str, **changes) -> collections.Counter:
        """Return the number of jobs of each rule in a dry run."""
        result = self.snakemake("--dry-run", more_configs=more_configs, **changes)
        assert result.returncode == 0, result.stdout
        table = re.search(r"^job +count\n[- ]+\n(.*?)\n\n", result.stdout, re.DOTALL | re.MULTILINE)
        rows = [line.split() for line in table[1].splitlines()] if table else []
        return collections.Counter({rule: int(count) for rule, count in rows if rule not in ("all", "total")})

    def touch_later(self, name: str) -> None:
        """Append a comment to a source file."""
        path = self.folder / name
        path.write_text(path.read_text() + "\n# changed\n")
