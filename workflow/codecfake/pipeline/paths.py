"""Where the files of a run lie."""

from typing import NamedTuple

from codecfake.trials.train_sets import train_sets
from codecfake.util.constants import IDENTITY, POOLED, SPLITS


class ScoreFiles(NamedTuple):
    """A detector's scores: of the codecs' eval trials, and of all others (dev, conditions, sets)."""

    main: str
    other: str


class MatrixFiles(NamedTuple):
    """The EER matrix in three forms, and the tables beside it."""

    tsv: str
    json: str
    png: str
    metrics: str
    breakdown: str
    significance: str


class TracerFiles(NamedTuple):
    """A tracer, and the course of its training."""

    checkpoint: str
    history: str


class TraceFiles(NamedTuple):
    """What a tracer tells of the eval trials: how good it is, its confusions and their picture, every trial."""

    tracing: str
    confusion: str
    png: str
    traces: str


class AuditFiles(NamedTuple):
    """An audit's tables and picture."""

    table: str
    probe: str
    ranges: str
    duplicates: str
    plot: str


class Paths:
    """The paths of a run, below the working directory: `results/RUN/RECIPE/FOLD/…`, for every recipe and fold alike.

    Args:
        run: a resolved config.
        recipe: one of the run's, its first by default, or a wildcard.
        fold: `fold_of` the config's corpus by default, or a wildcard.

    Attributes:
        results: the folder of the run: its corpus, its splits.
        audio: the folder of a recipe: what does not depend on who is evaluated on, and the folds.
        experiment: the folder of a recipe and a fold.
        study: the folder of what compares recipes: the report and the samples page.
        codecs: all of them, the identity codec of bona fide speech first.
        train_sets: what detectors are trained on, by the names of the matrix's rows.
        seeds: each training set is trained with each.
        baselines: rows that are not trained here.
        conditions, sets: columns besides the codecs.
        tracing: what is traced: codec, family.
    """

    def __init__(self, run: dict, recipe: str | None = None, fold: str | None = None):
        self._fold = fold or fold_of(run["corpus"])
        self.results = f"results/{run['run']}"
        self.audio = f"{self.results}/{recipe or run['recipes'][0]}"
        self.experiment = f"{self.audio}/{self._fold}"
        self.study = f"{self.results}/report/{self._fold}"
        self.codecs = [IDENTITY, *run["codecs"]]
        self.train_sets = train_sets(run)
        self.seeds = run["seeds"]
        self.baselines = run.get("baselines", [])
        self.conditions = run.get("conditions", [])
        self.sets = list(run.get("evaluation_sets", {}))
        self.tracing = run.get("tracing", [])
        self._shards = [f"{number:03d}.parquet" for number in range(run["shards"])]
        self._detector = run["detector"]["name"]

    def corpus_tables(self) -> list[str]:
        return [f"{self.results}/corpus/{name}.tsv" for name in ("utterances", "left_out", "speakers")]

    def source_shards(self) -> list[str]:
        return [f"{self.results}/corpus/{shard}" for shard in self._shards]

    def set_shard(self, name: str) -> str:
        """The recordings of an evaluation set."""
        return f"{self.results}/corpus/sets/{name}.parquet"

    def shards_of(self, name: str) -> list[str]:
        """The shards of a codec or a set."""
        return [self.set_shard(name)] if name in self.sets else self.codec_shards([name])

    def codec_shards(self, codecs: list[str]) -> list[str]:
        return [f"{self.resynthesised()}/{codec}/{shard}" for codec in codecs for shard in self._shards]

    def resynthesised(self) -> str:
        """The folder that has one folder of shards per codec."""
        return f"{self.audio}/resynthesised"

    def splits(self) -> str:
        return f"{self.results}/splits/{self._fold}.tsv"

    def protocols(self) -> list[str]:
        """What has a protocol: codecs, conditions, sets."""
        return [*self.codecs, *self.conditions, *self.sets]

    def protocol_of(self, name: str) -> str:
        return f"{self.experiment}/protocols/{name}.tsv"

    def waveforms_of(self, name: str) -> str:
        """The description of the waveforms of a protocol's trials; see `trials.waveform_cache`."""
        return f"{self.experiment if name in self.conditions else self.audio}/waveforms/{name}.json"

    def trained_on(self, train_set: str) -> list[str]:
        """The codecs whose trials a detector is trained on, bona fide first."""
        return [IDENTITY, *self.train_sets[train_set].codecs]

    def detectors(self) -> list[tuple[str, int]]:
        """(training set, seed) of every detector."""
        return [(train_set, seed) for train_set in self.train_sets for seed in self.seeds]

    def detector_of(self, train_set: str, seed: int | str) -> str:
        return f"{self.experiment}/detectors/{self._detector}/seed{seed}/{train_set}.pt"

    def history_of(self, train_set: str, seed: int | str) -> str:
        return f"{self.experiment}/detectors/{self._detector}/seed{seed}/{train_set}.history.tsv"

    def scores_of(self, train_set: str, seed: int | str) -> ScoreFiles:
        return _scores(f"{self.experiment}/scores/{self._detector}/seed{seed}/{train_set}")

    def baseline_scores_of(self, baseline: str) -> ScoreFiles:
        return _scores(f"{self.experiment}/scores/baselines/{baseline}")

    def scores(self) -> list[tuple[str, str]]:
        """Every score file, with ROW@SEED of its detector; a baseline's with ROW alone."""
        trained = [(f"{name}@{seed}", path) for name, seed in self.detectors() for path in self.scores_of(name, seed)]
        return trained + [(name, path) for name in self.baselines for path in self.baseline_scores_of(name)]

    def key(self) -> str:
        """The labels of the codecs' eval trials, as ASVspoof 5's evaluation package reads them."""
        return f"{self.experiment}/keys/asvspoof5.tsv"

    def exported_protocol(self, split: str) -> str:
        """The codecs' trials of a split, in the form of ASVspoof 2019."""
        return f"{self.experiment}/keys/asvspoof2019.{split}.txt"

    def keys(self) -> list[str]:
        return [self.key(), *map(self.exported_protocol, SPLITS)]

    def reference(self) -> str:
        """The row that others are compared with."""
        return POOLED if POOLED in self.train_sets else next(iter(self.train_sets))

    def matrix(self) -> MatrixFiles:
        names = (
            "eer_matrix.tsv",
            "eer_matrix.json",
            "eer_matrix.png",
            "metrics.tsv",
            "breakdown.tsv",
            "significance.tsv",
        )
        return MatrixFiles(*(f"{self.experiment}/{name}" for name in names))

    def benchmarks(self) -> set[str]:
        """The folders of what jobs cost."""
        return {f"{folder}/benchmarks" for folder in (self.results, self.audio, self.experiment)}

    def tracer_of(self, by: str) -> TracerFiles:
        """What tells codecs, or families of them, from each other; of the first seed."""
        stem = f"{self.experiment}/detectors/{self._detector}/seed{self.seeds[0]}/tracing/{by}"
        return TracerFiles(f"{stem}.pt", f"{stem}.history.tsv")

    def traces_of(self, by: str) -> TraceFiles:
        stem = f"{self.experiment}/scores/{self._detector}/seed{self.seeds[0]}/tracing/{by}"
        return TraceFiles(*(f"{stem}.{kind}" for kind in ("tsv", "confusion.tsv", "png", "traces.tsv")))

    def cues_of(self, codec: str) -> str:
        """What can be measured of each file of a codec without hearing what is said."""
        return f"{self.audio}/audit/cues/{codec}.tsv"

    def audit(self) -> AuditFiles:
        names = ("audit.tsv", "probe.tsv", "ranges.tsv", "duplicates.tsv", "audit.png")
        return AuditFiles(*(f"{self.audio}/audit/{name}" for name in names))

    def quality_of(self, codec: str) -> str:
        return f"{self.experiment}/quality/{codec}.tsv"

    def quality(self) -> str:
        return f"{self.experiment}/quality.tsv"

    def reported(self) -> list[str]:
        """What the report tells of a recipe."""
        audit, traces = self.audit(), map(self.traces_of, self.tracing)
        traced = [path for of in traces for path in (of.tracing, of.png)]
        return [self.matrix().metrics, audit.table, audit.probe, audit.plot, self.quality(), *traced]

    def files(self) -> dict[str, list[str]]:
        """The files of a recipe, by what they are, in the order in which they are made."""
        detectors = [path_of(*one) for one in self.detectors() for path_of in (self.detector_of, self.history_of)]
        tracers = [path for by in self.tracing for path in self.tracer_of(by)]
        traces = [path for by in self.tracing for path in self.traces_of(by)]
        protocols = [of(name) for name in self.protocols() for of in (self.protocol_of, self.waveforms_of)]
        return {
            "shards": self.codec_shards(self.codecs),
            "protocols": [*self.keys(), *protocols],
            "detectors": [*detectors, *tracers],
            "scores": [path for _, path in self.scores()],
            "matrix": [*self.matrix(), *traces],
            "audit": [*map(self.cues_of, self.codecs), *self.audit()],
            "quality": [*map(self.quality_of, self.codecs), self.quality()],
        }

    def all_files(self) -> list[str]:
        return [file for files in self.files().values() for file in files]

    def report(self) -> list[str]:
        return [f"{self.study}/{name}" for name in ("config.json", "report.html", "samples/index.html")]


def fold_of(corpus: dict) -> str:
    """The name of who is evaluated on: the config's splits, or a fold."""
    folds = corpus.get("folds")
    return f"fold{folds['eval']}of{folds['count']}" if folds else "split"


def by_recipe(run: dict) -> dict[str, Paths]:
    """The paths of each recipe of a resolved run, by its name."""
    return {recipe: Paths(run, recipe) for recipe in run["recipes"]}


def _scores(stem: str) -> ScoreFiles:
    return ScoreFiles(f"{stem}.tsv", f"{stem}.other.tsv")
