"""Paths of the files of a run."""

from typing import NamedTuple

from codecfake.data.result_files import AuditFiles, CorpusFiles, KeyFiles, MatrixFiles, within
from codecfake.trials.detector_id import DetectorId
from codecfake.trials.train_sets import train_sets
from codecfake.util.constants import IDENTITY, POOLED


class ScoreFiles(NamedTuple):
    """Score files of a detector: the codecs' eval trials, and all others (dev, conditions, evaluation sets)."""

    main: str
    other: str


class TracerFiles(NamedTuple):
    """A tracer's checkpoint and training history."""

    checkpoint: str
    history: str


class TraceFiles(NamedTuple):
    """A tracer's results on the eval trials: measures, confusion matrix and its figure, posteriors per trial."""

    tracing: str
    confusion: str
    png: str
    traces: str


class Paths:
    """The paths of a run, relative to the working directory: `results/RUN/RECIPE/FOLD/…`.

    Args:
        run: a resolved config.
        recipe: a recipe of the run (default: its first), or a wildcard.
        fold: a fold (default: `fold_of` the config's corpus), or a wildcard.

    Attributes:
        results: folder of the run, with its corpus and splits.
        audio: folder of a recipe, with the files that do not depend on the splits, and the folds.
        experiment: folder of a recipe and a fold.
        study: folder of the report, which compares recipes, and the samples page.
        codecs: names of all codecs, first the identity codec of bona fide speech.
        train_sets: training sets of the detectors, by name of the matrix row.
        seeds: training seeds; every training set is trained once per seed.
        baselines: rows of the matrix that are not trained in the run.
        conditions, sets: conditions and evaluation sets: columns of the matrix in addition to the codecs.
        tracing: targets of the tracers: "codec", "family".
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
        self.baselines = run["baselines"]
        self.conditions = run["conditions"]
        self.sets = list(run["evaluation_sets"])
        self.tracing = run["tracing"]
        self._shards = [f"{number:03d}.parquet" for number in range(run["shards"])]
        self._detector = run["detector"]["name"]

    def corpus_tables(self) -> CorpusFiles:
        return within(f"{self.results}/corpus", CorpusFiles)

    def source_shards(self) -> list[str]:
        return [f"{self.results}/corpus/{shard}" for shard in self._shards]

    def set_shard(self, name: str) -> str:
        """Return the shard with the recordings of an evaluation set."""
        return f"{self.results}/corpus/sets/{name}.parquet"

    def shards_of(self, name: str) -> list[str]:
        """Return the shards of a codec or an evaluation set."""
        return [self.set_shard(name)] if name in self.sets else self.codec_shards([name])

    def codec_shards(self, codecs: list[str]) -> list[str]:
        return [f"{self.resynthesised()}/{codec}/{shard}" for codec in codecs for shard in self._shards]

    def resynthesised(self) -> str:
        """Return the folder with one folder of shards per codec."""
        return f"{self.audio}/resynthesised"

    def splits(self) -> str:
        return f"{self.results}/splits/{self._fold}.tsv"

    def protocols(self) -> list[str]:
        """Return the names of all protocols: codecs, conditions, evaluation sets."""
        return [*self.codecs, *self.conditions, *self.sets]

    def protocol_of(self, name: str) -> str:
        return f"{self.experiment}/protocols/{name}.tsv"

    def waveforms_of(self, name: str) -> str:
        """Return the path of the description of a protocol's waveforms; see `trials.waveform_cache`."""
        return f"{self.experiment if name in self.conditions else self.audio}/waveforms/{name}.json"

    def trained_on(self, train_set: str) -> list[str]:
        """Return the codecs whose trials a detector is trained on, bona fide first."""
        return [IDENTITY, *self.train_sets[train_set].codecs]

    def detectors(self) -> list[DetectorId]:
        """Return every detector trained in the run; its row is the name of its training set."""
        return [DetectorId(train_set, seed) for train_set in self.train_sets for seed in self.seeds]

    def detector_of(self, train_set: str, seed: int | str) -> str:
        return f"{self.experiment}/detectors/{self._detector}/seed{seed}/{train_set}.pt"

    def history_of(self, train_set: str, seed: int | str) -> str:
        return f"{self.experiment}/detectors/{self._detector}/seed{seed}/{train_set}.history.tsv"

    def scores_of(self, train_set: str, seed: int | str) -> ScoreFiles:
        return _scores(f"{self.experiment}/scores/{self._detector}/seed{seed}/{train_set}")

    def baseline_scores_of(self, baseline: str) -> ScoreFiles:
        return _scores(f"{self.experiment}/scores/baselines/{baseline}")

    def scores(self) -> list[tuple[DetectorId, str]]:
        """Return the score files of all detectors and baselines, each with its detector."""
        trained = [(detector, path) for detector in self.detectors() for path in self.scores_of(*detector)]
        return trained + [(DetectorId(name), path) for name in self.baselines for path in self.baseline_scores_of(name)]

    def keys(self) -> KeyFiles:
        return within(f"{self.experiment}/keys", KeyFiles)

    def reference(self) -> str:
        """Return the row that the others are compared with."""
        return POOLED if POOLED in self.train_sets else next(iter(self.train_sets))

    def matrix(self) -> MatrixFiles:
        return within(self.experiment, MatrixFiles)

    def benchmarks(self) -> set[str]:
        """Return the folders of Snakemake's benchmarks: run time and memory of jobs."""
        return {f"{folder}/benchmarks" for folder in (self.results, self.audio, self.experiment)}

    def tracer_of(self, by: str) -> TracerFiles:
        """Return the files of the tracer of codecs or of codec families, trained with the first seed."""
        stem = f"{self.experiment}/detectors/{self._detector}/seed{self.seeds[0]}/tracing/{by}"
        return TracerFiles(f"{stem}.pt", f"{stem}.history.tsv")

    def traces_of(self, by: str) -> TraceFiles:
        stem = f"{self.experiment}/scores/{self._detector}/seed{self.seeds[0]}/tracing/{by}"
        return TraceFiles(*(f"{stem}.{kind}" for kind in ("tsv", "confusion.tsv", "png", "traces.tsv")))

    def cues_of(self, codec: str) -> str:
        """Return the table of a codec's audit cues, which do not depend on speech content."""
        return f"{self.audio}/audit/cues/{codec}.tsv"

    def audit(self) -> AuditFiles:
        return within(f"{self.audio}/audit", AuditFiles)

    def quality_of(self, codec: str) -> str:
        return f"{self.experiment}/quality/{codec}.tsv"

    def quality(self) -> str:
        return f"{self.experiment}/quality.tsv"

    def files(self) -> dict[str, list[str]]:
        """Return the files of a recipe by kind, in the order in which they are made."""
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
    """Return the name of the fold that a corpus section selects; "split" if it has splits instead."""
    folds = corpus.get("folds")
    return f"fold{folds['eval']}of{folds['count']}" if folds else "split"


def by_recipe(run: dict) -> dict[str, Paths]:
    """Return the paths of a resolved run, by recipe."""
    return {recipe: Paths(run, recipe) for recipe in run["recipes"]}


def _scores(stem: str) -> ScoreFiles:
    return ScoreFiles(f"{stem}.tsv", f"{stem}.other.tsv")
