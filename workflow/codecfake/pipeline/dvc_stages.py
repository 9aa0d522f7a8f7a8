"""The stages of dvc.yaml: each calls Snakemake once, restricted to the rules of that stage."""

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from codecfake.pipeline import snakemake_records
from codecfake.pipeline.paths import Paths, by_recipe
from codecfake.util.constants import IDENTITY
from codecfake.util.errors import CodecFakeError, ConfigError, DataError

#: Stages in the order of dvc.yaml, without recipe and codec suffixes.
ORDER = ("corpus", "splits", "bonafide", "resynthesise", "protocols", "train", "evaluate", "audit")
#: Options with which Snakemake succeeds without making any file.
PRETEND = {"-n", "--dry-run", "--dryrun", "-t", "--touch"}


class Stage(NamedTuple):
    """A stage: the Snakemake rules that it may run, and the files that they make."""

    rules: tuple[str, ...]
    files: list[str]


def stages(run: dict) -> dict[str, Stage]:
    """Return the stages of a resolved run by name, in order of execution."""
    recipes = by_recipe(run)
    at = next(iter(recipes.values()))
    recordings = [*at.corpus_tables(), *at.source_shards(), *map(at.set_shard, at.sets)]
    found = {
        "corpus": Stage(("corpus", "source_shard", "evaluation_set"), recordings),
        "splits": Stage(("splits",), [at.splits()]),
    }
    resynthesis = "ingest_shard" if run["source"] == "published" else "resynthesise_shard"
    for recipe, paths in recipes.items():
        found |= _stages_of(recipe, paths, resynthesis)
    in_order = sorted(found, key=lambda name: ORDER.index(name.partition("@")[0]))
    return {name: found[name] for name in in_order} | {
        "report": Stage(("resolved_config", "report", "samples"), at.report())
    }


def _stages_of(recipe: str, at: Paths, resynthesis: str) -> dict[str, Stage]:
    """Return the stages of a recipe; `resynthesis` is the rule that makes its shards."""
    files = at.files()
    protocols = ("protocol", "set_protocol", "keys", "waveforms", "condition")
    evaluate = ("score_protocol", "score_pretrained", "score_baseline", "matrix", "trace_protocol")
    audit = ("cues", "audit", "quality", "quality_table")
    codecs = [codec for codec in at.codecs if codec != IDENTITY]
    return {
        f"bonafide@{recipe}": Stage((resynthesis,), at.codec_shards([IDENTITY])),
        **{f"resynthesise@{recipe}-{codec}": Stage((resynthesis,), at.codec_shards([codec])) for codec in codecs},
        f"protocols@{recipe}": Stage(protocols, files["protocols"]),
        f"train@{recipe}": Stage(("train", "train_tracer"), files["detectors"]),
        f"evaluate@{recipe}": Stage(evaluate, [*files["scores"], *files["matrix"]]),
        f"audit@{recipe}": Stage(audit, [*files["audit"], *files["quality"]]),
    }


def record_of(stage: str, results: str) -> Path:
    """Return the path of a stage's records; those of the report, which depends on the others, are in its own folder."""
    return snakemake_records.place(f"{results}/report" if stage == "report" else results, stage)


def run_stage(name: str, run: dict, config: Path) -> None:
    """Bring a stage's files up to date and store their records, for users who get the files from DVC.

    Args:
        run: the resolved content of `config`.

    Raises:
        ConfigError: the stage is unknown, or CODECFAKE_SNAKEMAKE has an option with which Snakemake makes no files.
        DataError: existing files have no record of how they were made, or were changed since.
        CodecFakeError: Snakemake failed.
    """
    table = stages(run)
    if name not in table:
        raise ConfigError(f"unknown stage {name!r}; allowed: {', '.join(table)}")
    if "folds" in run["corpus"]:
        raise ConfigError(f"{config}: corpus.folds: the stages of dvc.yaml support no folds; use 'splits'")
    stage, results = table[name], Paths(run).results
    snakemake_records.adopt(results)
    if unknown := snakemake_records.without(stage.files):
        raise DataError(
            f"stage {name}: {len(unknown)} files were changed, or have no record of how they were made, e.g. "
            f"{unknown[0]}; `dvc checkout` or `dvc pull {name}` restores shared files; removed files are made again"
        )
    options = shlex.split(os.environ.get("CODECFAKE_SNAKEMAKE", "--cores all"))
    if pretending := PRETEND.intersection(options):
        raise ConfigError(f"CODECFAKE_SNAKEMAKE: {min(pretending)} makes no files, but DVC would record success")
    command = [sys.executable, "-m", "snakemake", "--configfile", str(config), *options]
    code = subprocess.call([*command, "--allowed-rules", *stage.rules, "--", *stage.files])
    if code:
        raise CodecFakeError(f"stage {name}: snakemake ended with exit code {code}")
    snakemake_records.keep(record_of(name, results), stage.files)
    if name == "report" and (others := _of_other_configs(run, table)):
        print(
            f"{len(others)} files of another config, e.g. {others[0]}; remove them if you do not need them",
            file=sys.stderr,
        )


def _of_other_configs(run: dict, table: dict[str, Stage]) -> list[str]:
    """Return result files that belong to no stage, e.g. of a codec that was removed from the config."""
    files = {file for stage in table.values() for file in stage.files}
    root, samples = Path(Paths(run).results), Path(Paths(run).study, "samples")
    there = [path for path in sorted(root.rglob("*")) if path.is_file() and not path.is_relative_to(samples)]
    results = [path.as_posix() for path in there if not any(map(_is_no_result, path.relative_to(root).parts))]
    return [path for path in results if path not in files]


def _is_no_result(name: str) -> bool:
    """Return whether a file or folder of this name is not a result: logs, benchmarks, hidden files."""
    return name.startswith(".") or name in ("logs", "benchmarks", "tensorboard")
