"""Export a finished run as a data set to publish.

Writes the speech of a finished run with the columns, labels and file names of the published CodecFake, the splits,
checksums and a data set card (README.md) for the Hugging Face Hub. Uploads nothing. Resumes an interrupted export.
"""

import argparse
import os
from pathlib import Path
from typing import Any

from codecfake.cli.options import positive
from codecfake.util.errors import DataError

EXAMPLE = "codecfake export config/demo.yaml --to hf --out ~/demo-hf"


def add_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("config", type=Path, help="config file of the run")
    kinds = "hf: Parquet files for `datasets`; wavs: one zip archive of 16-bit WAV files per codec"
    verb.add_argument("--to", choices=["hf", "wavs"], required=True, help=kinds)
    verb.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="DIR",
        help="a new or empty folder, or an interrupted export of this run",
    )
    verb.add_argument("--recipe", metavar="NAME", help="recipe to export (default: the first of the run)")
    cores = os.cpu_count() or 1
    workers = f"with wavs: clips decoded in parallel (default: {cores})"
    verb.add_argument("--workers", type=positive, default=cores, metavar="N", help=workers)


def run(args: argparse.Namespace) -> None:
    from codecfake.export import export
    from codecfake.pipeline import config
    from codecfake.pipeline.paths import by_recipe

    settings = _as_it_was_made(config.read_run(args.config))
    recipe = args.recipe or settings["recipes"][0]
    at = config.entry(by_recipe(settings), recipe, "recipe")
    described = export.settings_of(settings, recipe, args.to)
    sums = export.export(_source(at), args.to, args.out, described, workers=args.workers, **_audit(at))
    size = sum((args.out / name).stat().st_size for name in sums)
    print(f"{args.out}: {len(sums)} files, {size / 1e6:.1f} MB, listed in SHA256SUMS; the card is README.md")
    print("To publish it, read the card, comply with the licences it names, and run:")
    print(f"  hf auth login && hf upload OWNER/NAME {args.out} --repo-type dataset")


def _as_it_was_made(run: dict) -> dict:
    """Read the resolved config stored with a run's results; the config file may have changed since."""
    from codecfake.pipeline.paths import Paths
    from codecfake.util.files import read_json

    return read_json(_made(Paths(run).report()[0]))


def _made(path: str) -> Path:
    """Return the path of a file of the run.

    Raises:
        DataError: the file is missing.
    """
    if not Path(path).is_file():
        raise DataError(f"{path}: missing; the run is not finished: make it with snakemake first")
    return Path(path)


def _source(at):
    """Collect the speech, trials, utterances and splits to export from a run's `Paths`."""
    from codecfake.corpora.tables import Splits, Utterances
    from codecfake.data import tables
    from codecfake.export.export import Source
    from codecfake.trials.protocol import read_trials

    utterances, splits = _made(at.corpus_tables().utterances), _made(at.splits())
    for shard in at.codec_shards(at.codecs):
        _made(shard)
    return Source(
        resynthesised=Path(at.resynthesised()),
        trials=read_trials([_made(at.protocol_of(codec)) for codec in at.codecs]),
        utterances=tables.read(utterances, Utterances),
        splits=tables.read(splits, Splits),
    )


def _audit(at) -> dict[str, Any]:
    """Read the run's audit, if any, as the arguments `probe` and `verdicts` of `export.export`."""
    from codecfake.audit.probe import Probe
    from codecfake.audit.summary import Audit, verdicts
    from codecfake.data import tables

    found, probe = Path(at.audit().table), Path(at.audit().probe)
    if not (found.is_file() and probe.is_file()):
        return {}
    return {
        "probe": tables.read(probe, Probe).to_dict("records"),
        "verdicts": verdicts(tables.read(found, Audit)),
    }
