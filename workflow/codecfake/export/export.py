"""Export of a finished run as a data set to publish, with the columns, values and file names of CodecFake.

`hf` is Parquet by codec and split, as the Hugging Face dataset rogertseng/CodecFake; `wavs` is a zip of WAV files per
codec and a datalist.csv, as CodecFake_wavs. Samples are those of the shards: 16 bit, each codec at its own rate.

An interrupted export resumes: each file is written completely or not at all, SHA256SUMS lists the files written, and
README.md is written last. Utterances are sorted by id, so that the number of shards does not affect the export.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from tqdm import tqdm

from codecfake import __version__
from codecfake.corpora.tables import Splits
from codecfake.data import tables
from codecfake.data.shards import Shard, shard_path
from codecfake.export import card
from codecfake.export.published_format import datalist, published_name, write_parquet, write_zip
from codecfake.util.constants import SPLITS
from codecfake.util.errors import DataError
from codecfake.util.files import write_text
from codecfake.util.hashing import sha256

#: Maximum audio per Parquet file in seconds: 500 MB as 16-bit PCM at 48 kHz (FLAC takes about half).
PART_SECONDS = 500e6 / (2 * 48000)
#: Keys of a run's config that determine the audio, without paths of this machine and training of detectors.
DECIDING = ("run", "corpus", "source", "shards", "codecs", "matched", "codec_entries")
SUMS, CARD, SETTINGS, SPLIT_TABLE, DATALIST = "SHA256SUMS", "README.md", "config.json", "splits.tsv", "datalist.csv"


class Source(NamedTuple):
    """The data of a run that are exported.

    Attributes:
        resynthesised: the folder of the shards, see `shard_path`.
        trials: the `Protocol` tables of bona fide speech and of every codec, concatenated.
        utterances, splits: the tables `Utterances` and `Splits`, see `corpora.tables`.
    """

    resynthesised: Path
    trials: pd.DataFrame
    utterances: pd.DataFrame
    splits: pd.DataFrame

    def seconds(self, trials: pd.DataFrame) -> np.ndarray:
        """Return the length of each trial's recording in seconds, float64 [trials]."""
        described = self.utterances.set_index("utterance_id").loc[trials["utterance_id"]]
        return (described["num_samples"] / described["sample_rate"]).to_numpy()

    def shards(self, trials: pd.DataFrame) -> dict[tuple[str, int], Path]:
        """Return the shards that hold these trials, by codec and number."""
        pairs = sorted(set(zip(trials["codec"], trials["shard"], strict=True)))
        return {pair: shard_path(self.resynthesised, *pair) for pair in pairs}


class Part(NamedTuple):
    """An audio file: its path in the export, and its trials (of one codec) sorted by id."""

    name: str
    trials: pd.DataFrame


def settings_of(run: dict, recipe: str, kind: str) -> dict[str, Any]:
    """Return the content of an export's config.json: how its audio was made, without paths of this machine.

    Args:
        run: a resolved config.
    """
    settings = {key: run[key] for key in DECIDING if key in run}
    settings["corpus"] = {key: value for key, value in run["corpus"].items() if key != "path"}
    return {"codecfake": __version__, "export": kind, "recipe": recipe, **settings}


def plan(source: Source, kind: str) -> list[Part]:
    """Return the audio files to write: for `wavs` one per codec, for `hf` as few per codec and split as size permits.

    The files of a split hold the same utterances for every codec.
    """
    trials, codecs = source.trials.sort_values("utterance_id"), source.trials["codec"].unique()
    if kind == "wavs":
        return [Part(f"{published_name(codec)}.zip", trials[trials["codec"] == codec]) for codec in codecs]
    parts = []
    for codec, split in product(codecs, SPLITS):
        members = trials[(trials["codec"] == codec) & (trials["split"] == split)]
        parts_of = _parts(source.seconds(members))
        for number in range(count := parts_of.max(initial=-1) + 1):
            name = f"data/{published_name(codec)}/{split}-{number:05d}-of-{count:05d}.parquet"
            parts.append(Part(name, members[parts_of == number]))
    return parts


def _parts(seconds: np.ndarray) -> np.ndarray:
    """Divide consecutive utterances into the fewest, equally long parts; return each one's part, int [utterances]."""
    count = math.ceil(seconds.sum() / PART_SECONDS)
    begins = np.cumsum(seconds) - seconds
    return np.floor(begins / seconds.sum() * count).astype(int)


def export(
    source: Source,
    kind: str,
    out: Path,
    settings: dict[str, Any],
    *,
    workers: int = 1,
    probe: Iterable[dict] = (),
    verdicts: dict[str, str] | None = None,
) -> dict[str, str]:
    """Write an export, or its missing files.

    Args:
        kind: `hf` or `wavs`.
        settings: see `settings_of`.
        workers: number of utterances decoded concurrently (`wavs`); does not affect the files.
        probe, verdicts: results of an audit, see `card.render`.

    Returns:
        The SHA-256 of every file except SHA256SUMS, by name.

    Raises:
        DataError: `out` holds other files, or a shard is damaged or does not match the trials.
    """
    parts, described = plan(source, kind), json.dumps(settings, indent=2) + "\n"
    extras = [SETTINGS, SPLIT_TABLE, *([DATALIST] if kind == "wavs" else [])]
    _check_out(out, described, {SUMS, CARD, *extras, *(part.name for part in parts)})
    (out / CARD).unlink(missing_ok=True)
    write_text(out / SETTINGS, described)
    sums = _write_parts(source, kind, out, parts, workers)
    tables.write(source.splits, Splits, out / SPLIT_TABLE)
    if kind == "wavs":
        write_text(out / DATALIST, datalist(pd.concat([part.trials for part in parts])))
    page = card.render(
        settings=settings,
        counts=counts(source),
        speakers=sorted(source.splits["speaker_id"]),
        files={name: (value, (out / name).stat().st_size) for name, value in sums.items()},
        probe=list(probe),
        verdicts=verdicts or {},
    )
    write_text(out / CARD, page)
    sums |= {name: sha256(out / name) for name in (*extras, CARD)}
    _write_sums(out / SUMS, sums)
    return sums


def _check_out(out: Path, described: str, expected: set[str]) -> None:
    """Refuse a folder that holds files other than those of this export. Hidden files, such as Git's, are ignored."""
    there = [path.relative_to(out) for path in sorted(out.rglob("*")) if path.is_file()]
    names = [path.as_posix() for path in there if not any(part.startswith(".") for part in path.parts)]
    strange = [name for name in names if name not in expected or SETTINGS not in names]
    if strange:
        raise DataError(f"{out}: holds {strange[0]!r}, which is not part of this export; choose an empty folder")
    if names and (out / SETTINGS).read_text(encoding="utf-8") != described:
        raise DataError(f"{out / SETTINGS}: belongs to another export; delete {out}, or choose another folder")


def _write_parts(source: Source, kind: str, out: Path, parts: list[Part], workers: int) -> dict[str, str]:
    """Write the audio files that are missing; return the SHA-256 of all, by name."""
    known, sums = _read_sums(out / SUMS), {}
    known = {part.name: known[part.name] for part in parts if part.name in known}
    with tqdm(total=len(source.trials), unit="utt", desc=str(out), disable=None) as bar:
        for part in parts:
            path, shards = out / part.name, source.shards(part.trials)
            if part.name in known and _whole(path, known[part.name], shards.values()):
                sums[part.name] = known[part.name]
                bar.update(len(part.trials))
                continue
            rows = _ticking(_rows(part.trials, shards), bar)
            write_parquet(path, rows) if kind == "hf" else write_zip(path, rows, workers)
            sums[part.name] = sha256(path)
            _write_sums(out / SUMS, known | sums)
    return sums


def _whole(path: Path, known: str, shards: Iterable[Path]) -> bool:
    """Return whether the file exists with this hash, and no shard has been written since."""
    if not path.is_file() or path.stat().st_mtime < max(shard.stat().st_mtime for shard in shards):
        return False
    return sha256(path) == known


def _read_sums(path: Path) -> dict[str, str]:
    """Read the SHA-256 of files by name, as written by `sha256sum`; empty if there is no list."""
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return {name: value for value, name in re.findall(r"^([0-9a-f]{64})  (.+)$", text, re.MULTILINE)}


def _write_sums(path: Path, sums: dict[str, str]) -> None:
    write_text(path, "".join(f"{value}  {name}\n" for name, value in sorted(sums.items())))


def _rows(trials: pd.DataFrame, shards: dict[tuple[str, int], Path]) -> Iterator[dict[str, Any]]:
    """Yield the rows of trials (of one codec), in order; one row group of each shard is in memory.

    Raises:
        DataError: a shard is damaged, or the row of a trial holds another utterance.
    """
    opened = {number: Shard(path) for (_, number), path in shards.items()}
    for trial in trials.itertuples(index=False):
        shard = opened[trial.shard]
        item = shard[trial.row] if trial.row < len(shard) else {"utterance_id": None}
        if item["utterance_id"] != trial.utterance_id:
            raise DataError(
                f"{shard.path}: row {trial.row} is {item['utterance_id']!r}; by the protocol it is "
                f"{trial.utterance_id!r}: make the protocol again"
            )
        yield item


def _ticking(rows: Iterable[dict], bar: tqdm) -> Iterator[dict]:
    for row in rows:
        yield row
        bar.update()


def counts(source: Source) -> list[dict[str, Any]]:
    """Return, for each split, the numbers of speakers and of files of each class, and hours of bona fide speech."""
    rows = []
    for split, trials in source.trials.groupby("split"):
        bonafide = trials[trials["label"] == "bonafide"]
        rows.append(
            {
                "split": split,
                "speakers": bonafide["speaker_id"].nunique(),
                "genuine": len(bonafide),
                "spoofing": len(trials) - len(bonafide),
                "hours": source.seconds(bonafide).sum() / 3600,
            }
        )
    return sorted(rows, key=lambda row: SPLITS.index(row["split"]))
