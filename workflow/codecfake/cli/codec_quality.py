"""Measure STOI and PESQ of a codec on a run's eval speakers."""

import argparse
import math

from codecfake.cli.corpus_opening import open_corpus
from codecfake.cli.fetching import codec_files
from codecfake.cli.miniatures import add_codec_data

EXAMPLE = "codecfake codec-quality --codec dac_mini --config config/demo.yaml"


def add_options(verb: argparse.ArgumentParser) -> None:
    add_codec_data(verb)
    verb.add_argument("--utterances", type=int, default=20, help="utterances per eval speaker (default: 20)")


def run(args: argparse.Namespace) -> None:
    from codecfake import codecs
    from codecfake.audio import intelligibility
    from codecfake.audio import io as audio
    from codecfake.pipeline import config
    from codecfake.resynthesis.resynthesis import through_codec
    from codecfake.runtime.device import torch_device
    from codecfake.training.codec_data import pcm_of_split

    run, entry = config.read_run(args.config), config.codec(args.codec)
    files = codec_files(entry, run)
    codec = codecs.load(entry, files, torch_device(run["device"]))
    rate, section = codec.sample_rate, run["corpus"]
    corpus = open_corpus(section, run)
    references = [audio.from_pcm16(x) for x in pcm_of_split(corpus, section, "eval", rate, args.utterances)]
    names = [args.codec] * len(references)
    pairs = list(zip(references, through_codec(references, names, codec, "clean"), strict=True))
    stoi, pesq_wb = intelligibility.mean_quality(pairs, rate)
    print("codec\tstoi\tpesq_wb\tutterances")
    print(args.codec, _cell(stoi, 3), _cell(pesq_wb, 2), len(pairs), sep="\t")


def _cell(mean: float, digits: int) -> str:
    return "-" if math.isnan(mean) else f"{mean:.{digits}f}"
