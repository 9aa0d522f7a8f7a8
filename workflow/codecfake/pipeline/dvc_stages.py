"""The stages of dvc.yaml: each is one call of Snakemake, which may run that stage's rules and no other."""

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from codecfake.pipeline import snakemake_records
from codecfake.pipeline.paths import Layout, by_recipe
from codecfake.util.constants import IDENTITY
from codecfake.util.errors import CodecFakeError, ConfigError, DataError

#: Options by which Snakemake ends well without having made anything.
PRETEND = {"-n", "--dry-run", "--dryrun", "-t", "--touch"}


class Stage(NamedTuple):
    """The rules that make a stage's files, and these."""

    rules: tuple[str, ...]
    files: list[str]


def stages(run: dict) -> dict[str, Stage]:
    """The stages of a resolved run, in order; each codec's resynthesis is one, and each recipe but the first."""
    at, *others = by_recipe(run).values()
    files, resynthesis = at.files(), "ingest_shard" if run.get("source") == "published" else "resynthesise_shard"
    recordings = [*at.corpus_tables(), *at.source_shards(), *map(at.set_shard, at.sets)]
    protocols, train = ("protocol", "set_protocol", "keys", "waveforms", "condition"), ("train", "train_tracer")
    evaluate = ("score_protocol", "score_pretrained", "score_baseline", "matrix", "trace_protocol")
    audit = ("cues", "audit", "quality", "quality_table")
    codecs = {f"resynthesise@{name}": Stage((resynthesis,), at.codec_shards([name])) for name in run["codecs"]}
    all_rules = (resynthesis, *protocols, *train, *evaluate, *audit)
    return {
        "corpus": Stage(
            ("corpus", "source_shard", "evaluation_set", resynthesis),
            [*recordings, *at.codec_shards([IDENTITY])],
        ),
        **codecs,
        "protocols": Stage(("splits", *protocols), [at.splits(), *files["protocols"]]),
        "train": Stage(train, files["detectors"]),
        "evaluate": Stage(evaluate, [*files["scores"], *files["matrix"]]),
        "audit": Stage(audit, [*files["audit"], *files["quality"]]),
        **{Path(other.audio).name: Stage(all_rules, other.all_files()) for other in others},
        "report": Stage(("resolved_config", "report", "samples"), at.report()),
    }


def run_stage(name: str, run: dict, config: Path) -> None:
    """Bring a stage's files up to date and keep their records for whoever gets them from DVC.

    Args:
        run: what `config` holds, resolved.

    Raises:
        ConfigError: there is no such stage, or Snakemake is to make nothing.
        DataError: files are there of which nobody knows how they were made, or that were changed since.
        CodecFakeError: Snakemake failed.
    """
    table = stages(run)
    if name not in table:
        raise ConfigError(f"unknown stage {name!r}; allowed: {', '.join(table)}")
    if "folds" in run["corpus"]:
        raise ConfigError(f"{config}: corpus.folds: DVC's stages know one split; allowed: 'splits'")
    stage, results = table[name], Layout(run).results
    snakemake_records.adopt(results)
    if unknown := snakemake_records.without(stage.files):
        raise DataError(
            f"stage {name}: {len(unknown)} files were changed, or have no record of how they were made, the first "
            f"{unknown[0]}; `dvc checkout` or `dvc pull {name}` brings what was shared; removed, they are made again"
        )
    options = shlex.split(os.environ.get("CODECFAKE_SNAKEMAKE", "--cores all"))
    if pretending := PRETEND.intersection(options):
        raise ConfigError(f"CODECFAKE_SNAKEMAKE: {min(pretending)} makes nothing, and DVC would believe it did")
    command = [sys.executable, "-m", "snakemake", "--configfile", str(config), *options]
    code = subprocess.call([*command, "--allowed-rules", *stage.rules, "--", *stage.files])
    if code:
        raise CodecFakeError(f"stage {name}: snakemake ended with exit code {code}")
    snakemake_records.keep(snakemake_records.place(results, name), stage.files)
    if name == "report" and (others := _of_other_configs(run, table)):
        print(
            f"{len(others)} files of another config, to be removed if not wanted, the first {others[0]}",
            file=sys.stderr,
        )


def _of_other_configs(run: dict, table: dict[str, Stage]) -> list[str]:
    """Files beside those of the stages, as a codec leaves them that was once in the config."""
    files = {file for stage in table.values() for file in stage.files}
    roots = sorted((at.audio for at in by_recipe(run).values()), reverse=True)  # what lies below another comes first
    folders = set()
    for file in files:
        root = next(root for root in roots if file.startswith(f"{root}/"))
        folder, *below = Path(file).relative_to(root).parts
        folders |= {Path(root, folder)} if below else set()
    there = [path for folder in sorted(folders) for path in sorted(folder.rglob("[!.]*")) if path.is_file()]
    return [path.as_posix() for path in there if path.as_posix() not in files]
