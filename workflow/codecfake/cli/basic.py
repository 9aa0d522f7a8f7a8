"""The user's first verbs: what there is, what is fetched, one file through a codec, a finished run."""

import argparse
import sys
from pathlib import Path

from codecfake.cli.options import add_device, add_fetch_options, add_recipe
from codecfake.cli.shared import codec_files, open_corpus, print_table


def add_verbs(verbs) -> None:
    verb = verbs.add_parser(
        "codecs", help="table of the codecs that can be named", epilog="example: codecfake codecs --mirror /data/mirror"
    )
    add_fetch_options(verb)
    verb.set_defaults(run=list_codecs)

    verb = verbs.add_parser(
        "detectors", help="table of the detectors that can be named", epilog="example: codecfake detectors"
    )
    verb.set_defaults(run=list_detectors)

    verb = verbs.add_parser(
        "fetch",
        help="fetch all files of a run beforehand, e.g. where a cluster has a network",
        description="Fetches what is not in the cache or the mirror. A run after it can be `offline: true`.",
        epilog="example: codecfake fetch config/demo.yaml",
    )
    verb.add_argument("config", type=Path, help="the run's config")
    verb.add_argument("--offline", action="store_true", help="fetch nothing: say what is missing and where to place it")
    verb.set_defaults(run=fetch)

    verb = verbs.add_parser(
        "show",
        help="the matrix of a finished run, and where its report is",
        epilog="example: codecfake show config/demo.yaml",
    )
    verb.add_argument("config", type=Path, help="the run's config, e.g. config/demo.yaml")
    verb.set_defaults(run=show)

    verb = verbs.add_parser(
        "stage",
        help="one stage of dvc.yaml: what `dvc repro` calls",
        description="Has Snakemake make its files, with the options in CODECFAKE_SNAKEMAKE (default: --cores all).",
        epilog="example: codecfake stage train config/demo.yaml",
    )
    verb.add_argument("name", help="corpus, resynthesise@CODEC, protocols, train, evaluate, audit, report, or a recipe")
    verb.add_argument("config", type=Path, help="the run's config")
    verb.set_defaults(run=stage)

    verb = verbs.add_parser(
        "resynthesise",
        help="one audio file through a codec",
        description="Any rate, mono or stereo, in; 16-bit WAV at the codec's rate out.",
        epilog="example: codecfake resynthesise --codec dac_mini speech.flac resynthesised.wav",
    )
    verb.add_argument("--codec", required=True, metavar="NAME", help="a name of `codecfake codecs`")
    add_recipe(verb)
    verb.add_argument(
        "--checkpoint",
        type=Path,
        metavar="DIR_OR_FILE",
        help="your own model: a directory with files under their published names, or the only file",
    )
    add_fetch_options(verb)
    add_device(verb)
    verb.add_argument("input", type=Path, metavar="IN")
    verb.add_argument("output", type=Path, metavar="OUT")
    verb.set_defaults(run=resynthesise)


def list_codecs(args: argparse.Namespace) -> None:
    from codecfake import config
    from codecfake.download import Places

    places = Places.of(vars(args))
    rows = [("codec", "family", "Hz", "hop", "n_q", "kbps", "parameters", "licence of weights", "files")]
    for name, entry in config.codecs().items():
        files = [
            config.REPOSITORY / key if key.startswith("checkpoints/") else places.local(key)
            for key in entry["files"].values()
        ]
        there = "here" if all(path and path.is_file() for path in files) else "to be fetched"
        millions = f"{entry['parameters'] / 1e6:.2f} M" if "parameters" in entry else "-"
        numbers = [str(entry.get(key, "-")) for key in ("sample_rate", "hop", "n_q", "bandwidth_kbps")]
        rows.append((name, entry["family"], *numbers, millions, entry["licence"]["weights"], there))
    print_table(rows)


def fetch(args: argparse.Namespace) -> None:
    from codecfake import config, download
    from codecfake.selection import choose

    run = config.read_run(args.config)
    run["offline"] = args.offline or run.get("offline", False)
    config.require_files(run)
    for key, entry in config.model_files(run).items():
        print(download.fetch(key, entry, download.Places.of(run)))
    corpus = open_corpus(run["corpus"], run)
    corpus.fetch(choose(corpus.recordings(), corpus.speakers(), run["corpus"]))
    print(f"all files of run {run['run']!r} are here")


def list_detectors(args: argparse.Namespace) -> None:
    from codecfake import config

    rows = [("detector", "module", "Hz", "weights")]
    for name, entry in config.detectors().items():
        published = "published" if "checkpoint" in entry.get("files", {}) else "to be trained"
        rows.append((name, entry["module"], str(entry["sample_rate"]), published))
    print_table(rows)


def show(args: argparse.Namespace) -> None:
    from codecfake import config
    from codecfake.layout import Layout

    results = Path(Layout(config.read_run(args.config)).experiment)
    matrix = [line.split("\t") for line in (results / "eer_matrix.tsv").read_text(encoding="utf-8").splitlines()]
    print("EER (%)  rows: trained on, columns: evaluated on")
    print_table(matrix)
    print(f"report: {(results / 'report.html').resolve()}")
    print(f"samples to listen to: {(results / 'samples/index.html').resolve()}")


def stage(args: argparse.Namespace) -> None:
    from codecfake import config
    from codecfake.stages import run_stage

    run_stage(args.name, config.read_run(args.config), args.config)


def resynthesise(args: argparse.Namespace) -> None:
    from codecfake import codecs, compute, config
    from codecfake.resynthesise import resynthesise_file

    entry = config.codec(args.codec)
    if args.checkpoint:
        files = codecs.find_files(entry, args.checkpoint)
        _say_if_not_pinned(entry, files)
    else:
        files = codec_files(entry, vars(args))
    codec = codecs.load(entry, files, compute.device(args.device))
    resynthesise_file(args.input, args.output, codec, args.recipe)


def _say_if_not_pinned(entry: dict, files: dict[str, Path]) -> None:
    from codecfake.files import sha256

    for role, path in files.items():
        if sha256(path) != entry["files"][role].get("sha256"):
            print(f"{path}: not known to be {entry['files'][role]['key']}; used as asked", file=sys.stderr)
