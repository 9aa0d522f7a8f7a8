"""Time two ways of resynthesising, turn about in one process: a file at a time, and this pipeline's.

    python tests/bench_codecs.py                     every family at full size, random weights, a process each
    python tests/bench_codecs.py --codec encodec_24khz --utterances 8

The first way is what the authors' scripts do: for each file read, make a resampler, encode and decode with the
upstream package's own calls where there is one, clamp, write a WAV. The second is `resynthesised_rows`, from shard
to shard. Both get the same 48 kHz utterances, weights and number of threads. A ratio above 1 is in our favour.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import soundfile
import torch
import torchaudio

import published
from codecfake import audio, codecs, config, store
from codecfake.resynthesise import resynthesised_rows
from conftest import make_speech

ROUNDS = 3
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


def upstream_call(codec, name: str):
    """waveform [T] to waveform [T'], as the upstream's own interface goes about it."""
    model, family = published.build(name).model.eval(), codec.entry["family"]
    if family == "dac":
        from audiotools import AudioSignal

        return lambda x: model.decompress(model.compress(AudioSignal(x[None, None], codec.sample_rate))).audio_data[0]
    if family == "encodec":
        return lambda x: model.decode(model.encode(x[None, None]))[0]
    if family == "speechtokenizer":
        return lambda x: model.decode(model.encode(x[None, None]))[0]
    if family == "funcodec":
        return lambda x: model(x[None, None])[0]
    if family == "academicodec":
        return lambda x: model.decode(model.encode(0.95 * x[None, None] / x.abs().max()))[0]
    return lambda x: model.decode(model.encode(x[None, None]))[0]


@torch.inference_mode()
def file_by_file(paths: list[Path], call, sample_rate: int, folder: Path) -> None:
    """The authors' way."""
    for path in paths:
        samples, rate = soundfile.read(path, dtype="float32")
        waveform = torchaudio.transforms.Resample(rate, sample_rate)(torch.from_numpy(samples))
        decoded = call(waveform).reshape(-1).clamp(-0.99, 0.99).numpy()
        soundfile.write(folder / path.name, decoded, sample_rate, subtype="PCM_16")


def ours(source: store.Shard, codec, recipe: str, target: Path) -> None:
    """This pipeline's way."""
    store.write_shard(target, resynthesised_rows(source, codec, "bench", "spoof", recipe))


def peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(name: str, utterances: int, folder: Path) -> str:
    """One line of the table."""
    lengths = np.random.default_rng(0).uniform(2.0, 4.0, utterances)
    samples = [make_speech(seconds, RATE, seed) for seed, seconds in enumerate(lengths)]
    description = {"label": "bonafide", "speaker_id": "s", "codec_name": "source"}
    rows = [store.row(x, RATE, utterance_id=f"u{i:03d}", **description) for i, x in enumerate(samples)]
    store.write_shard(folder / "source.parquet", rows)
    paths = [folder / f"u{i:03d}.wav" for i in range(utterances)]
    for path, x in zip(paths, samples, strict=True):
        audio.write_wav(path, x, RATE)
    entry = config.codec(name)
    published.save(name, folder)
    codec = codecs.load(entry, codecs.find_files(entry, folder), "cpu")
    source = store.Shard(folder / "source.parquet")
    (folder / "theirs").mkdir()
    seconds = {"published": [], "clean": [], "theirs": []}
    for recipe in ("published", "clean"):
        ours(source, codec, recipe, folder / "warm.parquet")
    peak = peak_megabytes()
    call = upstream_call(codec, name)
    for _ in range(ROUNDS):
        for way in seconds:
            start = time.perf_counter()
            if way == "theirs":
                file_by_file(paths, call, codec.sample_rate, folder / "theirs")
            else:
                ours(source, codec, way, folder / "ours.parquet")
            seconds[way].append(time.perf_counter() - start)
    best = {way: min(values) for way, values in seconds.items()}
    rates = "\t".join(f"{utterances / best[way]:.2f}" for way in ("theirs", "published", "clean"))
    ratios = "\t".join(f"{best['theirs'] / best[way]:.2f}" for way in ("published", "clean"))
    return f"{name}\t{rates}\t{ratios}\t{peak:.0f}"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--codec", help="one of published.MODELS; without it every family in turn")
    arguments.add_argument("--utterances", type=int, default=6)
    args = arguments.parse_args()
    if args.codec:
        warnings.filterwarnings("ignore")
        with tempfile.TemporaryDirectory() as folder:
            print(measure(args.codec, args.utterances, Path(folder)), flush=True)
        return
    print("utterances a second: file by file, published, clean; ratios published and clean; peak MB of ours")
    for name in FAMILIES:
        command = [sys.executable, __file__, "--codec", name, "--utterances", str(args.utterances)]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
