"""Compare two ways to load training crops, alternately in one process, on one thread.

    export PYTHONPATH=tests/support
    python tests/bench/bench_loader.py

Both draw the same random crops of the same trials in the same random order. The first decodes and resamples an
utterance of a shard for each crop; the second reads the crops from the waveforms that the workflow makes once.
Utterances have 2 to 5 s: bona fide speech at 16 kHz and two codecs at 24 and 44.1 kHz.
"""

import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from codecfake.audio import io as audio
from codecfake.data.shards import Shard, decode_row, shard_path, shard_row, write_shard
from codecfake.data.waveforms import shard_waveforms, write_waveforms
from codecfake.trials.dataset import TrialDataset, fixed_length, in_batches, load
from codecfake.util.constants import SAMPLE_RATE
from synthetic_speech import make_speech

UTTERANCES, CROP, BATCH, ROUNDS = 200, 64600, 24, 3
RATES = {"identity": 16000, "at_24k": 24000, "at_44k": 44100}


def write_run(folder: Path) -> pd.DataFrame:
    """Write shards and waveforms to a folder; return their trials."""
    lengths = np.random.default_rng(0).uniform(2.0, 5.0, UTTERANCES)
    trials = []
    for codec, rate in RATES.items():
        label = "bonafide" if codec == "identity" else "spoof"
        described = {"label": label, "speaker_id": "s", "codec_name": codec}
        rows = [
            shard_row(make_speech(length, rate, n), rate, utterance_id=f"{n}", **described)
            for n, length in enumerate(lengths)
        ]
        write_shard(shard_path(folder, codec, 0), rows)
        write_waveforms(folder / f"{codec}.arrow", shard_waveforms([shard_path(folder, codec, 0)], 1))
        trials += [{"codec": codec, "utterance_id": f"{n}", "label": label, "row": n} for n in range(UTTERANCES)]
    return pd.DataFrame(trials)


def from_shards(trials: pd.DataFrame, folder: Path, order: list[int], dataset: TrialDataset) -> None:
    shards = {codec: Shard(shard_path(folder, codec, 0)) for codec in RATES}
    for batch in in_batches(order, BATCH):
        crops = []
        for index in batch:
            trial = trials.iloc[index]
            samples, rate = decode_row(shards[trial["codec"]][int(trial["row"])])
            samples = audio.resample(samples, rate, SAMPLE_RATE)
            crops.append(torch.from_numpy(fixed_length(samples, CROP, dataset._start(index)).copy()))
        torch.stack(crops)


def from_waveforms(order: list[int], dataset: TrialDataset) -> None:
    for waveforms, _ in load(dataset, in_batches(order, BATCH), 1, torch.device("cpu")):
        waveforms.float()


def main() -> None:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        trials = write_run(folder)
        dataset = TrialDataset(trials, sorted(folder.glob("*.arrow")), CROP, random_crops=1)
        order = np.random.default_rng(0).permutation(len(trials)).tolist()
        ways = {
            "from shards": lambda: from_shards(trials, folder, order, dataset),
            "from waveforms": lambda: from_waveforms(order, dataset),
        }
        spent = {way: [] for way in ways}
        for _ in range(ROUNDS):
            for way, function in ways.items():
                start = time.perf_counter()
                function()
                spent[way].append(time.perf_counter() - start)
    slow, fast = (len(order) / min(seconds) for seconds in spent.values())
    print("crops a second on one core", "from shards\tfrom waveforms\tratio", sep="\n")
    print(f"{slow:.0f}\t{fast:.0f}\t{fast / slow:.1f}", flush=True)


if __name__ == "__main__":
    main()
