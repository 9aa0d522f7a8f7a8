"""Measure a codec on a run's eval speakers: STOI, PESQ-WB, and lines (dB) at multiples of its frame rate."""

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
    from codecfake.pipeline import config
    from codecfake.runtime.device import torch_device
    from codecfake.training.codec_data import pcm_of_split
    from codecfake.training.held_out import measures

    run, entry = config.read_run(args.config), config.codec(args.codec)
    codec = codecs.load(entry, codec_files(entry, run), torch_device(run["device"]))
    section = run["corpus"]
    utterances = pcm_of_split(open_corpus(section, run), section, "eval", codec.sample_rate, args.utterances)
    stoi, pesq_wb, line_db = measures(codec, utterances)
    print("codec\tstoi\tpesq_wb\tline_db\tutterances")
    print(args.codec, _cell(stoi, 3), _cell(pesq_wb, 2), _cell(line_db, 1), len(utterances), sep="\t")


def _cell(mean: float, digits: int) -> str:
    return "-" if math.isnan(mean) else f"{mean:.{digits}f}"
