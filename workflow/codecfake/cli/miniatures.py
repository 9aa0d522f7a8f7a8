"""The verbs by which the miniature codecs were made: training and quality."""

import argparse
import math
import os
from pathlib import Path

from codecfake.cli.shared import codec_files, open_corpus


def add_verbs(verbs) -> None:
    """Add `train-codec` and `codec-quality`."""
    verb = verbs.add_parser(
        "train-codec",
        help="train a miniature codec on a run's training speakers",
        epilog="example: codecfake train-codec --codec encodec_mini --config config/demo.yaml --out work/encodec_mini",
    )
    _codec_data_options(verb)
    verb.add_argument("--recipe", type=Path, default=Path("config/codec_training.yaml"))
    verb.add_argument("--out", required=True, type=Path, metavar="DIR", help="state, history and checkpoint files")
    verb.set_defaults(run=train_codec)

    verb = verbs.add_parser(
        "codec-quality",
        help="STOI and PESQ of codecs on a run's eval speakers",
        epilog="example: codecfake codec-quality --codec dac_mini --config config/demo.yaml",
    )
    _codec_data_options(verb)
    verb.add_argument("--utterances", type=int, default=20, help="of each eval speaker (default 20)")
    verb.set_defaults(run=codec_quality)


def _codec_data_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--codec", required=True, metavar="NAME")
    verb.add_argument("--config", required=True, type=Path, help="the run whose corpus and splits to use")


def train_codec(args: argparse.Namespace) -> None:
    from codecfake import codecs, compute, config, train_codec

    run, entry = config.read_run(args.config), config.codec(args.codec)
    settings = config.read_yaml(args.recipe, "codec_training")
    steps = config.entry(settings["steps"], args.codec, f"codec in the steps of {args.recipe}:")
    recipe = train_codec.Recipe(**{**settings, "steps": steps})
    corpus = open_corpus(run["corpus"], run)
    training = train_codec.pcm_of_split(corpus, run["corpus"], "train", entry["sample_rate"])
    held_out = train_codec.pcm_of_split(
        corpus, run["corpus"], "dev", entry["sample_rate"], train_codec.HELD_OUT_PER_SPEAKER
    )
    compute.seed(recipe.seed)
    adapter_class = codecs.family_class(entry["family"])
    adapter = adapter_class(entry, adapter_class.build(entry), compute.device(run["device"]))
    keys = {role: Path(file["key"]) for role, file in entry["files"].items()}
    folder = os.path.commonpath([key.parent for key in keys.values()])
    files = {role: args.out / key.relative_to(folder) for role, key in keys.items()}
    stoi = train_codec.train(adapter, training, held_out, recipe, args.out, files)
    print(f"held-out STOI {stoi:.3f}: {', '.join(map(str, files.values()))}")


def codec_quality(args: argparse.Namespace) -> None:
    from codecfake import audio, codecs, compute, config, train_codec
    from codecfake.quality import quality
    from codecfake.resynthesise import through_codec

    run, entry = config.read_run(args.config), config.codec(args.codec)
    files = codec_files(entry, run)
    codec = codecs.load(entry, files, compute.device(run["device"]))
    rate, section = codec.sample_rate, run["corpus"]
    corpus = open_corpus(run["corpus"], run)
    references = [audio.from_pcm16(x) for x in train_codec.pcm_of_split(corpus, section, "eval", rate, args.utterances)]
    names = [args.codec] * len(references)
    pairs = list(zip(references, through_codec(references, names, codec, "clean"), strict=True))
    found = quality.mean_quality(pairs, rate)
    print("codec\tstoi\tpesq_wb\tutterances")
    print(args.codec, _cell(found.stoi, 3), _cell(found.pesq_wb, 2), found.utterances, sep="\t")


def _cell(mean: float, digits: int) -> str:
    return "-" if math.isnan(mean) else f"{mean:.{digits}f}"
