"""Read the results of a finished run for the report."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from codecfake.audit.probe import Probe
from codecfake.audit.summary import Audit
from codecfake.corpora.tables import LeftOutUtterances, Speakers, Splits, Utterances
from codecfake.data import tables
from codecfake.evaluation.cells import Evaluation, read_evaluation
from codecfake.evaluation.source_tracing import TracingMeasures
from codecfake.evaluation.tables import Breakdown, Metrics, Significance
from codecfake.pipeline.paths import Paths, by_recipe
from codecfake.quality.summary import QualitySummary
from codecfake.trials.detector_id import DetectorId


class TracerResults(NamedTuple):
    """Results of a tracer on the eval trials: its measures, and its confusion matrix (PNG)."""

    measures: pd.DataFrame
    confusions: bytes


class RecipeResults(NamedTuple):
    """Results of one recipe: tables as their models describe them, the audit's figure (PNG), tracers by task."""

    metrics: pd.DataFrame
    audit: pd.DataFrame
    probe: pd.DataFrame
    picture: bytes
    quality: pd.DataFrame
    tracing: dict[str, TracerResults]


@dataclass(frozen=True)
class Results:
    """Results of a run.

    Attributes:
        run: the resolved config.
        evaluation: scores and trials.
        metrics, breakdown, significance: tables of `evaluation.tables`.
        heatmap: picture of the EER matrix (PNG).
        utterances: table of `corpora.tables`, with the split of each.
        left_out, speakers, splits: tables of `corpora.tables`.
        resynthesised: folder of the codecs' shards.
        benchmarks: folders of the files that Snakemake's `benchmark:` wrote; see `by_rule`.
        training: history (epoch, learning_rate, train_loss, dev_eer) of each detector trained in the run.
        recipes: results of each recipe, including the first.
    """

    run: dict
    evaluation: Evaluation
    metrics: pd.DataFrame
    breakdown: pd.DataFrame
    significance: pd.DataFrame
    heatmap: bytes
    utterances: pd.DataFrame
    left_out: pd.DataFrame
    speakers: pd.DataFrame
    splits: pd.DataFrame
    resynthesised: Path
    benchmarks: list[Path]
    training: dict[DetectorId, pd.DataFrame]
    recipes: dict[str, RecipeResults]

    @property
    def reference(self) -> str:
        """The row that others are compared with."""
        return Paths(self.run).reference()


def read(run: dict) -> Results:
    """Read the results of a finished run (a resolved config)."""
    at = Paths(run)
    matrix = at.matrix()
    utterances, left_out, speakers = map(Path, at.corpus_tables())
    splits = tables.read(Path(at.splits()), Splits)
    return Results(
        run=run,
        evaluation=read_evaluation(at.scores(), {name: Path(at.protocol_of(name)) for name in at.protocols()}),
        metrics=tables.read(Path(matrix.metrics), Metrics),
        breakdown=tables.read(Path(matrix.breakdown), Breakdown),
        significance=tables.read(Path(matrix.significance), Significance),
        heatmap=Path(matrix.png).read_bytes(),
        utterances=tables.read(utterances, Utterances).merge(splits, on="speaker_id"),
        left_out=tables.read(left_out, LeftOutUtterances),
        speakers=tables.read(speakers, Speakers),
        splits=splits,
        resynthesised=Path(at.resynthesised()),
        benchmarks=sorted({Path(folder) for one in by_recipe(run).values() for folder in one.benchmarks()}),
        training={detector: pd.read_csv(at.history_of(*detector), sep="\t") for detector in at.detectors()},
        recipes={recipe: _of_recipe(one) for recipe, one in by_recipe(run).items()},
    )


def _of_recipe(at: Paths) -> RecipeResults:
    audit = at.audit()
    traces = {by: at.traces_of(by) for by in at.tracing}
    return RecipeResults(
        metrics=tables.read(Path(at.matrix().metrics), Metrics),
        audit=tables.read(Path(audit.table), Audit),
        probe=tables.read(Path(audit.probe), Probe),
        picture=Path(audit.plot).read_bytes(),
        quality=tables.read(Path(at.quality()), QualitySummary),
        tracing={
            by: TracerResults(tables.read(Path(of.tracing), TracingMeasures), Path(of.png).read_bytes())
            for by, of in traces.items()
        },
    )
