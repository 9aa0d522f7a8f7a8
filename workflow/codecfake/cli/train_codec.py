"""Train a miniature codec on a run's training speakers."""

import argparse
import os
from pathlib import Path

from codecfake.cli.corpus_opening import open_corpus
from codecfake.cli.miniatures import add_codec_data

EXAMPLE = "codecfake train-codec --codec encodec_mini --config config/demo.yaml --out work/encodec_mini"


def add_options(verb: argparse.ArgumentParser) -> None:
    add_codec_data(verb)
    verb.add_argument(
        "--settings", type=Path, default=Path("config/codec_training.yaml"), help="file with the settings"
    )
    verb.add_argument(
        "--out", required=True, type=Path, metavar="DIR", help="folder for training state, history and checkpoint files"
    )


def run(args: argparse.Namespace) -> None:
    from codecfake import codecs
    from codecfake.pipeline import config
    from codecfake.runtime.device import seed_all, torch_device
    from codecfake.training import codec_trainer
    from codecfake.training.codec_data import HELD_OUT_PER_SPEAKER, pcm_of_split
    from codecfake.training.codec_settings import CodecTraining
    from codecfake.util.validation import validated
    from codecfake.util.yaml_files import load_yaml

    run, entry = config.read_run(args.config), config.codec(args.codec)
    described = validated(CodecTraining, load_yaml(args.settings), str(args.settings))
    config.entry(described.codecs, args.codec, f"codec in {args.settings}:")
    settings = described.of(args.codec)
    section, rate = run["corpus"], entry["sample_rate"]
    corpus = open_corpus(section, run)
    training = pcm_of_split(corpus, section, "train", rate)
    held_out = pcm_of_split(corpus, section, "dev", rate, HELD_OUT_PER_SPEAKER)
    seed_all(settings.seed)
    adapter_class = codecs.family_class(entry["family"])
    adapter = adapter_class(entry, adapter_class.build(entry), torch_device(run["device"]))
    keys = {role: Path(file["key"]) for role, file in entry["files"].items()}
    folder = os.path.commonpath([key.parent for key in keys.values()])
    files = {role: args.out / key.relative_to(folder) for role, key in keys.items()}
    found = codec_trainer.train(adapter, training, held_out, settings, args.out, files)
    measured = ", ".join(f"{name} {value:.3f}" for name, value in found._asdict().items())
    print(f"held-out {measured}: {', '.join(map(str, files.values()))}")
