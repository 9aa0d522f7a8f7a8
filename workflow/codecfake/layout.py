"""Where the files of a run lie."""

from codecfake.names import IDENTITY, POOLED


class Layout:
    """The paths of a run, below the repository.

    Args:
        run: a resolved config.

    Attributes:
        results: the folder of the run.
        experiment: the folder of what depends on who is evaluated on; the folds of a run share the audio one above.
        codecs: all of them, the identity codec of bona fide speech first.
        train_codecs: what detectors are trained on.
    """

    def __init__(self, run: dict):
        folds = run["corpus"].get("folds")
        self.results = f"results/{run['run']}"
        self.experiment = self.results + (f"/fold{folds['eval']}of{folds['count']}" if folds else "")
        self.codecs = [IDENTITY, *run["codecs"]]
        self.train_codecs = [*run["codecs"], POOLED]
        self._shards = [f"{number:03d}.parquet" for number in range(run["shards"])]
        self._detector = run["detector"]["name"]

    def corpus_tables(self) -> list[str]:
        return [f"{self.results}/corpus/{name}.tsv" for name in ("utterances", "left_out", "speakers")]

    def source_shards(self) -> list[str]:
        return [f"{self.results}/corpus/{shard}" for shard in self._shards]

    def codec_shards(self, codecs: list[str]) -> list[str]:
        return [f"{self.results}/resynthesised/{codec}/{shard}" for codec in codecs for shard in self._shards]

    def splits(self) -> str:
        return f"{self.experiment}/splits.tsv"

    def protocol_of(self, codec: str) -> str:
        return f"{self.experiment}/protocols/{codec}.tsv"

    def trained_on(self, train_codec: str) -> list[str]:
        """The codecs whose trials a detector is trained on, bona fide first."""
        return self.codecs if train_codec == POOLED else [IDENTITY, train_codec]

    def detector_of(self, train_codec: str) -> str:
        return f"{self.experiment}/detectors/{self._detector}/{train_codec}.pt"

    def history_of(self, train_codec: str) -> str:
        return f"{self.experiment}/detectors/{self._detector}/{train_codec}.history.tsv"

    def scores_of(self, train_codec: str) -> str:
        return f"{self.experiment}/scores/{self._detector}/{train_codec}.tsv"

    def matrix(self) -> list[str]:
        return [f"{self.experiment}/eer_matrix.{kind}" for kind in ("tsv", "json", "png")]

    def report(self) -> list[str]:
        return [f"{self.experiment}/config.json", f"{self.experiment}/report.html"]
