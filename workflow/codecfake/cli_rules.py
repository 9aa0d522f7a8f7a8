"""The verbs that rules call: everything they need comes as options, config entries as JSON."""

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from codecfake.errors import ConfigError
from codecfake.names import RECIPES


def add_device(verb: argparse.ArgumentParser) -> None:
    default = os.environ.get("CODECFAKE_DEVICE", "auto")
    verb.add_argument("--device", default=default, help=f"auto, cpu, cuda, cuda:N, mps (default: {default})")


def _device_options(verb: argparse.ArgumentParser) -> None:
    add_device(verb)
    verb.add_argument("--gpu-use", type=Path, help="where to write what the job had of a GPU")


def add_recipe(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--recipe",
        choices=RECIPES,
        default="clean",
        help="clean: level, length, delay as the input's; published: as CodecFake's authors; raw: the model alone",
    )


def add_fetch_options(verb: argparse.ArgumentParser) -> None:
    cache = os.environ.get("CODECFAKE_CACHE", "~/.cache/codecfake")
    verb.add_argument("--cache", type=Path, default=Path(cache), help=f"keeps fetched files (default: {cache})")
    verb.add_argument(
        "--mirror",
        default=os.environ.get("CODECFAKE_MIRROR"),
        help="folder or http(s) address tried before the network",
    )
    offline = os.environ.get("CODECFAKE_OFFLINE", "") == "1"
    verb.add_argument("--offline", action="store_true", default=offline, help="ask nothing but cache and mirror")


def add_verbs(verbs) -> None:
    """Add one verb per rule."""

    def add(name: str, function, help_text: str) -> argparse.ArgumentParser:
        verb = verbs.add_parser(name, help=f"rule: {help_text}")
        verb.set_defaults(run=function)
        return verb

    verb = add("corpus", corpus, "read a corpus's recordings and list its utterances and speakers")
    verb.add_argument("--corpus", type=json.loads, required=True, help="the config's section, as JSON")
    verb.add_argument("--shards", type=int, required=True)
    verb.add_argument("--workers", type=int, default=1, help="recordings read at a time")
    add_fetch_options(verb)
    verb.add_argument("--utterances", type=Path, required=True)
    verb.add_argument("--left-out", type=Path, required=True)
    verb.add_argument("--speakers", type=Path, required=True)

    verb = add("splits", splits, "which split each speaker is in")
    verb.add_argument("--corpus", type=json.loads, required=True)
    verb.add_argument("--speakers", type=Path, required=True)
    verb.add_argument("--out", type=Path, required=True)

    verb = add("source-shard", source_shard, "a corpus's recordings as a shard")
    verb.add_argument("--corpus", type=json.loads, required=True)
    verb.add_argument("--utterances", type=Path, required=True)
    verb.add_argument("--shard", type=int, required=True)
    add_fetch_options(verb)
    verb.add_argument("--out", type=Path, required=True)

    verb = add("resynthesise-shard", resynthesise_shard, "a shard through a codec")
    verb.add_argument("--codec", required=True)
    verb.add_argument("--entry", type=json.loads, required=True, help="of codecs.yaml, as JSON")
    verb.add_argument("--label", choices=["bonafide", "spoof"], required=True)
    add_recipe(verb)
    add_fetch_options(verb)
    _device_options(verb)
    verb.add_argument("--source", type=Path, required=True)
    verb.add_argument("--out", type=Path, required=True)

    verb = add("protocol", protocol, "the trials of a codec")
    verb.add_argument("--utterances", type=Path, required=True)
    verb.add_argument("--splits", type=Path, required=True)
    verb.add_argument("--shards", type=Path, nargs="+", required=True)
    verb.add_argument("--out", type=Path, required=True)

    verb = add("train", train, "train a detector")
    verb.add_argument("--detector", required=True)
    verb.add_argument("--entry", type=json.loads, required=True, help="of detectors.yaml, as JSON")
    verb.add_argument("--seed", type=int, required=True)
    _trial_options(verb)
    verb.add_argument("--history", type=Path, required=True)
    verb.add_argument("--out", type=Path, required=True)

    verb = add("score-protocol", score_protocol, "CM scores of the eval trials of protocols")
    verb.add_argument("--detector", required=True)
    verb.add_argument("--checkpoint", type=Path, required=True)
    verb.add_argument("--batch-size", type=int, required=True)
    _trial_options(verb)
    verb.add_argument("--out", type=Path, required=True)

    verb = add("evaluate", evaluate, "the EER matrix")
    _evaluation_options(verb)
    verb.add_argument("--tsv", type=Path, required=True)
    verb.add_argument("--json", type=Path, required=True)
    verb.add_argument("--png", type=Path, required=True)

    verb = add("report", report, "the HTML report")
    _evaluation_options(verb)
    verb.add_argument("--run", dest="settings", type=Path, required=True, help="the resolved config")
    for table in ("--utterances", "--left-out", "--speakers", "--splits"):
        verb.add_argument(table, type=Path, required=True)
    verb.add_argument("--resynthesised", type=Path, required=True)
    verb.add_argument("--benchmarks", type=Path, nargs="+", required=True)
    verb.add_argument("--histories", type=_named_path, nargs="+", required=True, metavar="CODEC=FILE")
    verb.add_argument("--out", type=Path, required=True)


def _trial_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--protocols", type=Path, nargs="+", required=True)
    verb.add_argument("--resynthesised", type=Path, required=True, help="folder of the codecs' shards")
    verb.add_argument("--workers", type=int, default=1, help="processes that decode audio; 1: the one that computes")
    _device_options(verb)


def _evaluation_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--scores", type=_named_path, nargs="+", required=True, metavar="TRAIN_CODEC=FILE")
    verb.add_argument("--protocols", type=_named_path, nargs="+", required=True, metavar="CODEC=FILE")


def _named_path(text: str) -> tuple[str, Path]:
    name, separator, path = text.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError(f"{text!r}: NAME=FILE expected")
    return name, Path(path)


@contextlib.contextmanager
def own_device(args: argparse.Namespace) -> Iterator[str]:
    """The torch device of a rule's job, which shares no GPU with another job; what it used is written at the end."""
    import torch

    from codecfake import compute, gpus, usage

    device = compute.device(gpus.claim(args.device))
    if device == "cuda" and torch.cuda.device_count() != 1:
        raise ConfigError(
            "device: the driver cannot be asked for its GPUs before it is used (no NVML); name those to be used in "
            "CUDA_VISIBLE_DEVICES, e.g. 0,1"
        )
    if device == "cpu" and args.device == "auto":
        print("no GPU can be used: computing on the CPU", file=sys.stderr)
    # the same bytes however many cores a job is given: on a CPU it computes on one
    torch.set_num_threads(1)
    yield device
    if args.gpu_use:
        usage.write_gpu_use(args.gpu_use, device)


def codec_files(entry: dict, options: dict) -> dict[str, Path]:
    """Local paths of a codec's files by role, fetched if need be; a non-commercial licence is said."""
    from codecfake import download

    places = download.Places.of(options)
    if "NC" in entry["licence"]["weights"]:
        print(f"weights of {entry['family']}: {entry['licence']['weights']}", file=sys.stderr)
    return {role: download.fetch(file["key"], file, places) for role, file in entry["files"].items()}


def open_corpus(section: dict, options: dict):
    """The corpus of a config's section."""
    from codecfake import config, corpora
    from codecfake.download import Places

    return corpora.open_corpus(section, config.downloads(), Places.of(options))


def corpus(args: argparse.Namespace) -> None:
    from codecfake import manifest
    from codecfake.listing import list_utterances
    from codecfake.selection import choose, relevant

    opened = open_corpus(args.corpus, vars(args))
    chosen = choose(opened.recordings(), opened.speakers(), args.corpus)
    listing = list_utterances(opened, chosen, args.corpus.get("on_bad_audio", "fail"), args.workers)
    left_out = listing.left_out + relevant(opened.gaps(), chosen, args.corpus)
    speakers = manifest.speaker_table(listing.utterances, left_out, opened.speakers())
    manifest.write(speakers, manifest.Speakers, args.speakers)
    manifest.write(manifest.left_out_table(left_out), manifest.LeftOutUtterances, args.left_out)
    manifest.write(manifest.utterance_table(listing.utterances, args.shards), manifest.Utterances, args.utterances)


def splits(args: argparse.Namespace) -> None:
    from codecfake import manifest, selection

    table = manifest.read(args.speakers, manifest.Speakers)
    speakers = manifest.speakers_with_utterances(table)
    assigned = selection.assign_splits(speakers, table["speaker_id"], args.corpus)
    manifest.write(manifest.split_table(assigned), manifest.Splits, args.out)


def source_shard(args: argparse.Namespace) -> None:
    from codecfake import manifest, store
    from codecfake.resynthesise import source_rows

    table = manifest.read(args.utterances, manifest.Utterances)
    members = manifest.utterances_of_shard(table, args.shard)
    store.write_shard(args.out, source_rows(open_corpus(args.corpus, vars(args)), members))


def resynthesise_shard(args: argparse.Namespace) -> None:
    from codecfake import codecs
    from codecfake.files import code_digest, digest
    from codecfake.resynthesise import resynthesise_shard

    files = codec_files(args.entry, vars(args))
    making = digest(json.dumps(args.entry), code_digest())
    with own_device(args) as device:
        codec = codecs.load(args.entry, files, device)
        resynthesise_shard(args.source, args.out, codec, args.codec, args.label, args.recipe, making)


def protocol(args: argparse.Namespace) -> None:
    from codecfake import manifest

    utterances = manifest.read(args.utterances, manifest.Utterances)
    split_table = manifest.read(args.splits, manifest.Splits)
    manifest.write(manifest.protocol(args.shards, utterances, split_table), manifest.Protocol, args.out)


def _trials(paths: list[Path]):
    import pandas as pd

    from codecfake import manifest

    return pd.concat([manifest.read(path, manifest.Protocol) for path in paths], ignore_index=True)


def train(args: argparse.Namespace) -> None:
    from codecfake import files
    from codecfake.train import save, train

    with own_device(args) as device:
        trained = train(
            _trials(args.protocols),
            args.resynthesised,
            args.entry,
            seed=args.seed,
            device=device,
            workers=args.workers,
            state=args.out.with_suffix(".state"),
        )
    files.write_text(args.history, trained.history.to_csv(sep="\t", index=False))
    save(trained, args.detector, args.entry, args.out)


def score_protocol(args: argparse.Namespace) -> None:
    from codecfake import detectors, manifest
    from codecfake.score import score_protocol

    with own_device(args) as device:
        model = detectors.load(args.checkpoint, args.detector, device)
        scores = score_protocol(model, _trials(args.protocols), args.resynthesised, args.batch_size, args.workers)
    manifest.write(scores, manifest.Scores, args.out)


def evaluate(args: argparse.Namespace) -> None:
    from codecfake.evaluate import evaluate, write_matrix
    from codecfake.files import write_bytes
    from codecfake.plots import heatmap

    evaluation = evaluate(dict(args.scores), dict(args.protocols))
    write_matrix(evaluation, args.tsv, args.json)
    write_bytes(args.png, heatmap(evaluation))


def report(args: argparse.Namespace) -> None:
    import pandas as pd

    from codecfake import manifest
    from codecfake.evaluate import evaluate
    from codecfake.report import write_report

    write_report(
        args.out,
        run=json.loads(args.settings.read_text(encoding="utf-8")),
        evaluation=evaluate(dict(args.scores), dict(args.protocols)),
        utterances=manifest.read(args.utterances, manifest.Utterances),
        left_out=manifest.read(args.left_out, manifest.LeftOutUtterances),
        speakers=manifest.read(args.speakers, manifest.Speakers),
        splits=manifest.read(args.splits, manifest.Splits),
        resynthesised=args.resynthesised,
        benchmarks=args.benchmarks,
        training={codec: pd.read_csv(path, sep="\t") for codec, path in args.histories},
    )
