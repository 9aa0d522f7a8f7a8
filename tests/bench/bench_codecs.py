"""Compare the speed of resynthesis file by file and by this pipeline, alternately in one process.

    export PYTHONPATH=tests/support
    python tests/bench/bench_codecs.py               every family at full size, random weights, a process each
    python tests/bench/bench_codecs.py --codec encodec_24khz --utterances 8

The first method is that of the authors' script: for each file read, resample, encode and decode with the calls of the
upstream package (including weight norm), clamp, write a WAV. (AcademiCodec and AudioDec have no package, and FunCodec's
cannot be imported completely: this project's networks replace them, without the optimisations of `make_fast`.) The
second method is `resynthesise_shard`, from shard to shard. Both use the same 48 kHz utterances, the same weights and
one thread. A ratio above 1 means that the pipeline is faster. MB is the peak memory of the pipeline. The last lines
give its peak for many utterances with a miniature codec.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
import torch
import torchaudio

import published
from codecfake import codecs
from codecfake.audio import io as audio
from codecfake.data.shards import shard_row, write_shard
from codecfake.pipeline import config
from codecfake.resynthesis.resynthesis import resynthesise_shard
from codecfake.util.files import REPOSITORY
from synthetic_speech import make_speech

ROUNDS = 2
RATE = 48000
FAMILIES = [
    "SpeechTokenizer",
    "academicodec_hifi_16k_320d",
    "audiodec_24k_320d",
    "descript-audio-codec-16khz",
    "descript-audio-codec-44khz",
    "encodec_24khz",
    "funcodec-funcodec_en_libritts-16k-gr1nq32ds320",
    "funcodec-funcodec_en_libritts-16k-nq32ds320",
    "funcodec-funcodec_en_libritts-16k-nq32ds640",
]
HEAD = ["codec", "file by file", "published", "clean", "ratio published", "ratio clean", "MB"]
#: Numbers of utterances and codec of the memory measurements.
MANY, MINIATURE = (100, 400, 1200), "encodec_mini"


def upstream_call(name: str) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return a function from waveform [T] to waveform [T'] that calls the upstream interface."""
    codec = published.build(name)
    if codec.entry["family"] == "dac":
        from audiotools import AudioSignal

        model, rate = codec.model, codec.sample_rate
        return lambda x: model.decompress(model.compress(AudioSignal(x[None, None], rate))).audio_data
    return lambda x: codec.resynthesise(x[None])


@torch.no_grad()
def file_by_file(paths: list[Path], call, sample_rate: int, folder: Path) -> None:
    """Resynthesise file by file, as the authors' script does."""
    resampler = torchaudio.transforms.Resample(RATE, sample_rate)
    for path in paths:
        samples, _ = soundfile.read(path, dtype="float32")
        decoded = call(resampler(torch.from_numpy(samples))).reshape(-1).clamp(-0.99, 0.99)
        soundfile.write(folder / path.name, decoded.numpy(), sample_rate, subtype="PCM_16")


def seconds(function: Callable, *arguments) -> float:
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def peak_megabytes(function: Callable, *arguments) -> float:
    """Return the peak memory (MB) of the process during the call of the function. Linux only."""
    Path("/proc/self/clear_refs").write_text("5")
    function(*arguments)
    return int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024


def write_speech(count: int, folder: Path) -> list[Path]:
    """Write utterances of 2 to 4 s at 48 kHz."""
    lengths = np.random.default_rng(0).uniform(2.0, 4.0, count)
    paths = [folder / f"u{seed:03d}.wav" for seed in range(count)]
    for seed, (path, length) in enumerate(zip(paths, lengths, strict=True)):
        audio.write(path, make_speech(length, RATE, seed), RATE)
    return paths


def shard(paths: list[Path], target: Path) -> Path:
    description = {"label": "bonafide", "speaker_id": "s", "codec_name": "source"}
    rows = (shard_row(*audio.read(path), utterance_id=f"{i}", **description) for i, path in enumerate(paths))
    write_shard(target, rows)
    return target


def measure(name: str, count: int, folder: Path) -> list[str]:
    """Print one line of the table."""
    paths = write_speech(count, folder)
    source = shard(paths, folder / "source.parquet")
    published.save(name, folder)
    entry = config.codec(name)
    codec = codecs.load(entry, codecs.find_files(entry, folder), "cpu")

    def ours(recipe: str) -> None:
        resynthesise_shard(source, folder / "ours.parquet", codec, "bench", "spoof", recipe, fingerprint={})

    (folder / "theirs").mkdir()
    peak = peak_megabytes(ours, "clean")
    call = upstream_call(name)
    ways = {
        "file by file": lambda: file_by_file(paths, call, codec.sample_rate, folder / "theirs"),
        "published": lambda: ours("published"),
        "clean": lambda: ours("clean"),
    }
    rounds = [[seconds(way) for way in ways.values()] for _ in range(ROUNDS)]
    theirs, *best = map(min, zip(*rounds, strict=True))
    rates = [f"{count / spent:.2f}" for spent in (theirs, *best)]
    return [name, *rates, *(f"{theirs / spent:.2f}" for spent in best), f"{peak:.0f}"]


def measure_memory(count: int, folder: Path) -> list[str]:
    """Print the peak memory for `count` utterances with a miniature codec."""
    source = shard(write_speech(count, folder), folder / "source.parquet")
    entry = config.codec(MINIATURE)
    codec = codecs.load(entry, codecs.find_files(entry, REPOSITORY / "checkpoints" / MINIATURE), "cpu")
    target = folder / "ours.parquet"
    peak = peak_megabytes(resynthesise_shard, source, target, codec, "bench", "spoof", "clean", {})
    return [MINIATURE, f"{count} utterances", f"{peak:.0f} MB"]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--codec", choices=[*published.MODELS, MINIATURE], help="without it every family in turn")
    arguments.add_argument("--utterances", type=int, default=3)
    args = arguments.parse_args()
    if args.codec:
        warnings.filterwarnings("ignore")
        torch.set_num_threads(1)
        with tempfile.TemporaryDirectory() as folder:
            if args.codec == MINIATURE:
                line = measure_memory(args.utterances, Path(folder))
            else:
                line = measure(args.codec, args.utterances, Path(folder))
            print("\t".join(line), flush=True)
        return
    print("utterances a second, ratios to file by file, peak memory", "\t".join(HEAD), sep="\n", flush=True)
    for name, count in [(name, args.utterances) for name in FAMILIES] + [(MINIATURE, count) for count in MANY]:
        command = [sys.executable, __file__, "--codec", name, "--utterances", str(count)]
        subprocess.run(command, check=True, env={**os.environ, "TQDM_DISABLE": "1"})


if __name__ == "__main__":
    main()
