"""Where the files of a run lie."""

from typing import NamedTuple

from codecfake.names import IDENTITY, POOLED, SPLITS
from codecfake.train_sets import train_sets


class ScoreFiles(NamedTuple):
    """A detector's scores: of the codecs' eval trials, and of all others (dev, conditions, sets)."""

    main: str
    other: str


class Layout:
    """The paths of a run, below the repository.

    Args:
        run: a resolved config.

    Attributes:
        results: the folder of the run.
        experiment: the folder of what depends on who is evaluated on; the folds of a run share the audio one above.
        codecs: all of them, the identity codec of bona fide speech first.
        train_sets: what detectors are trained on, by the names of the matrix's rows.
        seeds: each training set is trained with each.
        baselines: rows that are not trained here.
        conditions, sets: columns besides the codecs.
    """

    def __init__(self, run: dict):
        folds = run["corpus"].get("folds")
        self.results = f"results/{run['run']}"
        self.experiment = self.results + (f"/fold{folds['eval']}of{folds['count']}" if folds else "")
        self.codecs = [IDENTITY, *run["codecs"]]
        self.train_sets = train_sets(run)
        self.seeds = run["seeds"]
        self.baselines = run.get("baselines", [])
        self.conditions = run.get("conditions", [])
        self.sets = list(run.get("evaluation_sets", {}))
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
        return [f"{self.results}/resynthesised/{codec}/{shard}" for codec in codecs for shard in self._shards]

    def splits(self) -> str:
        return f"{self.experiment}/splits.tsv"

    def protocols(self) -> list[str]:
        """What has a protocol: codecs, conditions, sets."""
        return [*self.codecs, *self.conditions, *self.sets]

    def protocol_of(self, name: str) -> str:
        return f"{self.experiment}/protocols/{name}.tsv"

    def heard_of(self, name: str) -> str:
        """What detectors hear of a protocol's trials; see `heard`."""
        return f"{self.experiment if name in self.conditions else self.results}/waveforms/{name}.json"

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

    def matrix(self) -> list[str]:
        names = [f"eer_matrix.{kind}" for kind in ("tsv", "json", "png")]
        return [f"{self.experiment}/{name}" for name in (*names, "metrics.tsv", "breakdown.tsv", "significance.tsv")]

    def report(self) -> list[str]:
        return [f"{self.experiment}/config.json", f"{self.experiment}/report.html"]


def _scores(stem: str) -> ScoreFiles:
    return ScoreFiles(f"{stem}.tsv", f"{stem}.other.tsv")
