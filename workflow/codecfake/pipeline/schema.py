"""The schema of a run's config: type, default and description of every key."""

from typing import Annotated, Any, Literal

from pydantic import Field

from codecfake.resynthesis.matching import Matching
from codecfake.trials.train_sets import DEFAULT
from codecfake.util.constants import MATCHED, RECIPES
from codecfake.util.validation import NAME, Distinct, Names, Section

Seed = Annotated[int, Field(ge=0)]
Recipe = Literal[*RECIPES, MATCHED]
TrainSet = Literal[
    "each", "pooled", "leave-one-family-out", "balanced-vector_quantizer", "balanced-auxiliary", "balanced-decoder"
]


class DetectorSection(Section):
    """The detector that is trained."""

    name: str = Field("aasist_l", description="a name in detectors.yaml")
    training: str = Field("default", description="training settings: a name in training.yaml")
    options: dict[str, Any] = Field({}, description="values that override its entry in detectors.yaml")
    gpus: int = Field(1, ge=1, description="GPUs for data-parallel training of one detector")


class RunConfig(Section):
    """A run: config.yaml, demo.yaml or the user's own."""

    run: str = Field(pattern=NAME, description="name of the run and of its folder in results/: letters, digits, . _ -")
    seed: Seed | Annotated[list[Seed], Field(min_length=1), Distinct] = Field(
        1234,
        description="a number from 0, the seed of all training; or a list of numbers: every detector is trained once "
        "per seed",
    )
    corpus: dict[str, Any] = Field(description="source of speech and splits of speakers; its keys depend on its name")
    shards: int = Field(64, ge=1, le=999, description="number of shards (files) per codec")
    codecs: Annotated[Names, Field(min_length=1)] = Field(description="names in codecs.yaml")
    source: Literal["resynthesised", "published"] = Field(
        "resynthesised",
        description="source of spoof speech: resynthesised (in the run) or published (the released set that corpus "
        "codecfake names)",
    )
    recipe: Recipe | Annotated[list[Recipe], Field(min_length=1), Distinct] | None = Field(
        None,
        description="published, clean, raw or matched, or a list of them (one data set with its own detectors per "
        "recipe). clean keeps the level, length and delay of the input; published repeats the processing of "
        "CodecFake's authors; raw is the model's output; matched gives both classes the same rate, length, level and "
        "band. Default: clean; with source published: published",
    )
    matched: Matching | None = Field(None, description="settings of recipe matched")
    detector: DetectorSection = Field(DetectorSection(), description="the detector that is trained")
    train_sets: Annotated[list[TrainSet], Field(min_length=1), Distinct] = Field(
        DEFAULT,
        description="training sets of the detectors: each codec alone, all codecs pooled, all but one family, or all "
        "codecs balanced over the classes of a taxonomy axis",
    )
    baselines: Names = Field(
        [],
        description="rows of the matrix that are not trained in the run: random, trivial, pretrained entries of "
        "detectors.yaml",
    )
    conditions: Names = Field(
        [],
        description="columns of the matrix: conditions of eval speech, for both classes; names in conditions.yaml",
    )
    evaluation_sets: dict[Annotated[str, Field(pattern=NAME)], str] = Field(
        {},
        description="further columns: name (letters, digits, . _ -) and folder (with bonafide/ and spoof/) of each set",
    )
    tracing: Annotated[list[Literal["codec", "family"]], Distinct] = Field(
        [], description="tracers to train: classifiers of the codec or of the codec family of an utterance"
    )
    quality_utterances: int = Field(
        100, ge=1, description="number of eval utterances on which the quality of each codec is measured"
    )
    cache: str = Field("~/.cache/codecfake", description="folder for fetched files, outside results/")
    mirror: str | None = Field(None, description="folder or http(s) address tried before the network")
    offline: bool = Field(False, description="use only the cache and the mirror; report missing files")
    device: str = Field(
        "auto",
        pattern=r"^(auto|cpu|cuda(:[0-9]+)?|mps)$",
        description="torch device: auto (CUDA where there is one), cpu, cuda, cuda:N or mps",
    )
