"""Names of the files that one verb writes to one folder."""

import os
from pathlib import Path
from typing import NamedTuple, TypeVar


class CorpusFiles(NamedTuple):
    """The tables of a corpus; see `corpora.tables`."""

    utterances: str | Path = "utterances.tsv"
    left_out: str | Path = "left_out.tsv"
    speakers: str | Path = "speakers.tsv"


class KeyFiles(NamedTuple):
    """The key of the codecs' eval trials for the package of ASVspoof 5, and their protocols as of ASVspoof 2019."""

    key: str | Path = "asvspoof5.tsv"
    train: str | Path = "asvspoof2019.train.txt"
    dev: str | Path = "asvspoof2019.dev.txt"
    eval: str | Path = "asvspoof2019.eval.txt"


class MatrixFiles(NamedTuple):
    """The EER matrix in three formats, and the tables that accompany it; see `evaluation.tables`."""

    tsv: str | Path = "eer_matrix.tsv"
    json: str | Path = "eer_matrix.json"
    png: str | Path = "eer_matrix.png"
    metrics: str | Path = "metrics.tsv"
    breakdown: str | Path = "breakdown.tsv"
    significance: str | Path = "significance.tsv"


class AuditFiles(NamedTuple):
    """Tables and figure of an audit."""

    table: str | Path = "audit.tsv"
    probe: str | Path = "probe.tsv"
    ranges: str | Path = "ranges.tsv"
    duplicates: str | Path = "duplicates.tsv"
    plot: str | Path = "audit.png"


Files = TypeVar("Files", CorpusFiles, KeyFiles, MatrixFiles, AuditFiles)


def within(folder: str | Path, files: type[Files]) -> Files:
    """Return the paths of files in a folder, of the folder's type."""
    return files(*(type(folder)(os.path.join(folder, name)) for name in files()))
