"""The verbs that rules call, up to the protocols: everything they need comes as options, config entries as JSON."""

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from codecfake.errors import ConfigError
from codecfake.names import RECIPES


def add_device(verb: argparse.ArgumentParser) -> None:
    default = os.environ.get("CODECFAKE_DEVICE", "auto")
    verb.add_argument("--device", default=default, help=f"auto, cpu, cuda, cuda:N, mps (default: {default})")


def device_options(verb: argparse.ArgumentParser) -> None:
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


def add_rule(verbs, name: str, function, help_text: str) -> argparse.ArgumentParser:
    """Add a verb that a rule calls."""
    verb = verbs.add_parser(name, help=f"rule: {help_text}")
    verb.set_defaults(run=function)
    return verb


def add_verbs(verbs) -> None:
    """Add the verbs of the rules up to the protocols."""
    add = partial(add_rule, verbs)
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

    verb = add("evaluation-set", evaluation_set, "a folder of bona fide and spoof recordings as a shard")
    verb.add_argument("--name", required=True)
    verb.add_argument("--folder", type=Path, required=True, help="with bonafide/ and spoof/")
    verb.add_argument("--out", type=Path, required=True)

    verb = add("resynthesise-shard", resynthesise_shard, "a shard through a codec")
    verb.add_argument("--codec", required=True)
    verb.add_argument("--entry", type=json.loads, required=True, help="of codecs.yaml, as JSON")
    verb.add_argument("--label", choices=["bonafide", "spoof"], required=True)
    add_recipe(verb)
    add_fetch_options(verb)
    device_options(verb)
    verb.add_argument("--source", type=Path, required=True)
    verb.add_argument("--out", type=Path, required=True)

    verb = add("set-protocol", set_protocol, "the trials of an evaluation set")
    verb.add_argument("--shard", type=Path, required=True)
    verb.add_argument("--out", type=Path, required=True)

    verb = add("protocol", protocol, "the trials of a codec")
    verb.add_argument("--utterances", type=Path, required=True)
    verb.add_argument("--splits", type=Path, required=True)
    verb.add_argument("--shards", type=Path, nargs="+", required=True)
    verb.add_argument("--out", type=Path, required=True)


@contextlib.contextmanager
def own_device(args: argparse.Namespace) -> Iterator[str]:
    """The torch device of a rule's job, which shares no GPU with another job; what it used is written at the end."""
    import torch

    from codecfake import compute, gpus, parallel, usage

    device = parallel.own_device() if parallel.started() else compute.device(gpus.claim(args.device))
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
    if args.gpu_use and os.environ.get("RANK", "0") == "0":
        usage.write_gpu_use(args.gpu_use, device)


def model_files(entry: dict, options: dict) -> dict[str, Path]:
    """Local paths of an entry's files by role, fetched if need be."""
    from codecfake import download

    places = download.Places.of(options)
    return {role: download.fetch(file["key"], file, places) for role, file in entry["files"].items()}


def codec_files(entry: dict, options: dict) -> dict[str, Path]:
    """`model_files` of a codec; a non-commercial licence is said."""
    if "NC" in entry["licence"]["weights"]:
        print(f"weights of {entry['family']}: {entry['licence']['weights']}", file=sys.stderr)
    return model_files(entry, options)


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


def evaluation_set(args: argparse.Namespace) -> None:
    from codecfake import store
    from codecfake.evaluation_sets import set_rows

    store.write_shard(args.out, set_rows(args.name, args.folder.expanduser()))


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


def set_protocol(args: argparse.Namespace) -> None:
    from codecfake import evaluation_sets, manifest

    manifest.write(evaluation_sets.set_protocol(args.shard), manifest.Protocol, args.out)
