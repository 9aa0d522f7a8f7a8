"""Compare the speed of plain AASIST and the pipeline's optimised AASIST, alternately in one process, on one thread.

    export PYTHONPATH=tests/support
    python tests/bench/bench_detectors.py            both sizes, scoring and training
    python tests/bench/bench_detectors.py --detector aasist_l --utterances 8

Scoring is a forward pass, training a forward and a backward pass, both for a batch of full crops of noise.
Seconds are per utterance, in the best round; a ratio above 1 means that the pipeline is faster.
"""

import argparse
import time

import torch

import plain_aasist
from codecfake.pipeline import config
from codecfake.runtime.device import seed_all

DETECTORS = ["aasist", "aasist_l"]
HEAD = ["detector", "step", "plain", "fast", "ratio"]


@torch.inference_mode()
def score(model: torch.nn.Module, waveforms: torch.Tensor) -> None:
    model.eval()(waveforms)


def train(model: torch.nn.Module, waveforms: torch.Tensor) -> None:
    model.zero_grad()
    labels = torch.arange(len(waveforms)) % 2
    torch.nn.functional.cross_entropy(model.train()(waveforms), labels).backward()


def seconds(step, model: torch.nn.Module, waveforms: torch.Tensor) -> float:
    """Return the seconds per utterance."""
    start = time.perf_counter()
    step(model, waveforms)
    return (time.perf_counter() - start) / len(waveforms)


def measure(name: str, step, utterances: int, rounds: int) -> list[str]:
    """Print one line of the table."""
    seed_all(1)
    entry = config.detectors()[name]
    models = plain_aasist.pair(entry)
    waveforms = 0.1 * torch.randn(utterances, entry["crop_samples"])
    # the first round is a warm-up
    turns = [[seconds(step, model, waveforms) for model in models] for _ in range(rounds + 1)][1:]
    plain, fast = map(min, zip(*turns, strict=True))
    return [name, step.__name__, f"{plain:.3f}", f"{fast:.3f}", f"{plain / fast:.2f}"]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--detector", choices=DETECTORS, help="without it both")
    arguments.add_argument("--utterances", type=int, default=4, help="of a batch")
    arguments.add_argument("--rounds", type=int, default=3)
    args = arguments.parse_args()
    torch.set_num_threads(1)
    print("seconds an utterance", "\t".join(HEAD), sep="\n", flush=True)
    for name in [args.detector] if args.detector else DETECTORS:
        for step in (score, train):
            print("\t".join(measure(name, step, args.utterances, args.rounds)), flush=True)


if __name__ == "__main__":
    main()
