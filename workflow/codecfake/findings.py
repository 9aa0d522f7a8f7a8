"""What a run came to, read from where its files lie: for the report."""

from pathlib import Path
from typing import NamedTuple

import pandas as pd

from codecfake import evaluate, manifest
from codecfake.audit.audit import Audit
from codecfake.audit.probe import Probe
from codecfake.layout import Layout, by_recipe
from codecfake.quality.quality_table import QualitySummary
from codecfake.tracing import TracingMeasures


class Traced(NamedTuple):
    """What a tracer made of the eval trials: its measures, and a picture of its confusions (PNG)."""

    measures: pd.DataFrame
    confusions: bytes


class Findings(NamedTuple):
    """What came of one recipe: tables as their models describe them, the audit's picture (PNG), tracers by task."""

    metrics: pd.DataFrame
    audit: pd.DataFrame
    probe: pd.DataFrame
    picture: bytes
    quality: pd.DataFrame
    tracing: dict[str, Traced]


def read(run: dict) -> dict:
    """All that `report.write_report` takes of a finished run (a resolved config) besides where to write."""
    at = Layout(run)
    matrix = at.matrix()
    utterances, left_out, speakers = map(Path, at.corpus_tables())
    histories = {f"{row}@{seed}": at.history_of(row, seed) for row, seed in at.detectors()}
    return {
        "run": run,
        "evaluation": evaluate.read(at.scores(), {name: Path(at.protocol_of(name)) for name in at.protocols()}),
        "metrics": manifest.read(Path(matrix.metrics), manifest.Metrics),
        "breakdown": manifest.read(Path(matrix.breakdown), manifest.Breakdown),
        "significance": manifest.read(Path(matrix.significance), manifest.Significance),
        "heatmap": Path(matrix.png).read_bytes(),
        "utterances": manifest.read(utterances, manifest.Utterances),
        "left_out": manifest.read(left_out, manifest.LeftOutUtterances),
        "speakers": manifest.read(speakers, manifest.Speakers),
        "splits": manifest.read(Path(at.splits()), manifest.Splits),
        "resynthesised": Path(at.resynthesised()),
        "benchmarks": sorted({Path(folder) for one in by_recipe(run).values() for folder in one.benchmarks()}),
        "training": {name: pd.read_csv(path, sep="\t") for name, path in histories.items()},
        "recipes": {recipe: _findings(one) for recipe, one in by_recipe(run).items()},
    }


def _findings(at: Layout) -> Findings:
    audit = at.audit()
    traces = {by: at.traces_of(by) for by in at.tracing}
    return Findings(
        metrics=manifest.read(Path(at.matrix().metrics), manifest.Metrics),
        audit=manifest.read(Path(audit.table), Audit),
        probe=manifest.read(Path(audit.probe), Probe),
        picture=Path(audit.plot).read_bytes(),
        quality=manifest.read(Path(at.quality()), QualitySummary),
        tracing={
            by: Traced(manifest.read(Path(of.tracing), TracingMeasures), Path(of.png).read_bytes())
            for by, of in traces.items()
        },
    )
