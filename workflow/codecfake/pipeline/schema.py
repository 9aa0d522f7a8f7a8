"""What a run's config may hold: the type, default and description of every key."""

from typing import Annotated, Any, Literal

from pydantic import Field

from codecfake.resynthesis.matching import Matching
from codecfake.trials.train_sets import DEFAULT
from codecfake.util.constants import MATCHED, RECIPES
from codecfake.util.validation import Distinct, Names, Section

#: Of what becomes a folder or a file.
NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"
Seed = Annotated[int, Field(ge=0)]
Recipe = Literal[*RECIPES, MATCHED]
TrainSet = Literal[
    "each", "pooled", "leave-one-family-out", "balanced-vector_quantizer", "balanced-auxiliary", "balanced-decoder"
]


class DetectorSection(Section):
    """The detector that is trained."""

    name: str = Field("aasist_l", description="a name in detectors.yaml")
    training: str = Field("default", description="a name in training.yaml: how it is trained")
    options: dict[str, Any] = Field({}, description="what replaces values of its entry")
    gpus: int = Field(1, ge=1, description="that train one detector together")


class RunConfig(Section):
    """A run: config.yaml, demo.yaml or the user's own."""

    run: str = Field(
        pattern=NAME, description="name of the run, and of its folder below results/: letters, digits, . _ -"
    )
    seed: Seed | Annotated[list[Seed], Field(min_length=1), Distinct] = Field(
        1234,
        description="a number from 0, the seed of all training; or a list of them, with each of which every detector "
        "is trained",
    )
    corpus: dict[str, Any] = Field(description="where speech comes from, and who is in which split; see Corpora")
    shards: int = Field(64, ge=1, le=999, description="files into which the speech of each codec is divided")
    codecs: Annotated[Names, Field(min_length=1)] = Field(description="names in codecs.yaml")
    source: Literal["resynthesised", "published"] = Field(
        "resynthesised",
        description="where spoof speech comes from: resynthesised here, or published, out of the released set that "
        "corpus codecfake names",
    )
    recipe: Recipe | Annotated[list[Recipe], Field(min_length=1), Distinct] | None = Field(
        None,
        description="published, clean, raw or matched, or a list of them, each a set with detectors of its own: level, "
        "length and delay of the codecs' output: clean (default) as the input's, published (default with source "
        "published) as the authors of CodecFake left them, raw the model's own; matched, both classes alike in what "
        "need not be the codec's",
    )
    matched: Matching | None = Field(None, description="what recipe matched makes alike")
    detector: DetectorSection = Field(DetectorSection(), description="the detector that is trained")
    train_sets: Annotated[list[TrainSet], Field(min_length=1), Distinct] = Field(
        DEFAULT,
        description="what detectors are trained on: each codec by itself, all pooled, all but one family, all with the "
        "same share for every class of an axis of the codecs' taxonomy",
    )
    baselines: Names = Field(
        [],
        description="rows of the matrix that are not trained here: random, trivial, pretrained entries of "
        "detectors.yaml",
    )
    conditions: Names = Field(
        [], description="columns of the matrix: eval speech of both classes through these; names in conditions.yaml"
    )
    evaluation_sets: dict[Annotated[str, Field(pattern=NAME)], str] = Field(
        {},
        description="further columns: a name (of letters, digits, . _ -) and a folder with bonafide/ and spoof/",
    )
    tracing: Annotated[list[Literal["codec", "family"]], Distinct] = Field(
        [], description="detectors that tell which codec, or which family of codecs, made an utterance"
    )
    quality_utterances: int = Field(
        100, ge=1, description="eval utterances by which the quality of each codec is measured"
    )
    cache: str = Field("~/.cache/codecfake", description="folder that keeps fetched files; outside results/")
    mirror: str | None = Field(None, description="folder or http(s) address tried before the network")
    offline: bool = Field(False, description="ask nothing but cache and mirror; say what is missing")
    device: str = Field(
        "auto",
        pattern=r"^(auto|cpu|cuda(:[0-9]+)?|mps)$",
        description="torch device: auto (CUDA where there is one), cpu, cuda, cuda:N or mps",
    )
