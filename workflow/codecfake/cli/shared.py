"""What several verbs do: a device, a run's files, a training, a table of one's own files."""

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from codecfake.errors import ConfigError


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


def print_table(rows: list) -> None:
    """Rows of strings as aligned columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def train_by(args: argparse.Namespace, entry: dict, train: Callable, save: Callable) -> None:
    """Train what an entry says, on all the GPUs asked for, and write it and its history.

    Args:
        train, save: of `train` or of `tracing`.
    """
    from codecfake import files, heard, manifest, parallel

    if args.gpus > 1 and not parallel.started():
        parallel.start(args.device, args.gpus)
        return
    fetched, waveforms = model_files(entry, vars(args)), heard.waveforms(args.heard, args.workers)
    described = "".join(path.read_text(encoding="utf-8") for path in args.heard)
    state = args.out.with_suffix(".state")
    with own_device(args) as device, parallel.processes(device) as together:
        trained = train(
            manifest.read_trials(args.protocols),
            waveforms,
            entry,
            seed=args.seed,
            device=device,
            workers=args.workers // together.count,
            front_end=fetched.get("front_end"),
            together=together,
            state=state,
            made_of=files.digest(described, files.code_digest()),
            curves=args.curves,
        )
    if together.first:
        files.write_text(args.history, trained.history.to_csv(sep="\t", index=False))
        save(trained, args.detector, entry, args.out)
        state.unlink(missing_ok=True)


def tell_files(
    args: argparse.Namespace, found: Iterable[tuple], number: int, head: tuple[str, ...], row: Callable, done: str
) -> None:
    """Print or write a row for each file; one that has an error is named on standard error.

    Args:
        found: (path, value or AudioError) of each of `number` files.
        row: makes of a value the cells after the file's name.
        done: what was to be done to the files, for messages.

    Raises:
        AudioError: at the end, if a file had an error.
    """
    from tqdm import tqdm

    from codecfake.errors import AudioError

    rows, lost = [], 0
    for path, value in tqdm(found, total=number, unit="file", disable=None):
        if isinstance(value, AudioError):
            lost += 1
            tqdm.write(f"codecfake {args.verb}: {value}", file=sys.stderr)
        else:
            rows.append((str(path), *row(value)))
    _write_rows(head, rows, args.format, args.out)
    if lost:
        raise AudioError(f"{lost} of {number} files could not be {done}")


def _write_rows(head: tuple[str, ...], rows: list[tuple], kind: str, path: Path | None) -> None:
    from codecfake.files import write_text

    if kind == "json":
        text = json.dumps([dict(zip(head, row, strict=True)) for row in rows], indent=2) + "\n"
    else:
        text = "".join("\t".join(map(str, row)) + "\n" for row in (head, *rows))
    if path:
        write_text(path, text)
    else:
        sys.stdout.write(text)
