"""The schemas of the entries of codecs.yaml, detectors.yaml, training.yaml: type and description of every key."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from codecfake.util.constants import IDENTITY
from codecfake.util.validation import Section

Samples = Annotated[int, Field(ge=0)]


class Level(Section):
    """Level to which an utterance is brought before the model."""

    peak: float | None = Field(
        None, gt=0, le=1, description="highest magnitude of a sample; recipe `published` does not undo it"
    )
    loudness: float | None = Field(
        None, ge=-70, le=0, description="loudness in LUFS; undone after the model in every recipe"
    )

    @model_validator(mode="before")
    @classmethod
    def _is_one(cls, content: Any) -> Any:
        if isinstance(content, dict) and len(content) != 1:
            raise ValueError("exactly one of 'peak' and 'loudness' is needed")
        return content


class Licence(Section):
    """Licences of a codec."""

    code: str = Field(description="licence of the code that runs it: its package, or this project")
    weights: str = Field(description="licence of the published weights")


class Taxonomy(Section):
    """Type of a codec: the axes and classes of CodecFake+; train sets `balanced-…` balance spoof trials by them."""

    vector_quantizer: Literal["residual", "group_residual", "single", "scalar"] = Field(description="type of quantizer")
    auxiliary: Literal["none", "semantic", "disentanglement"] = Field(
        description="training objective in addition to reconstruction"
    )
    decoder: Literal["time", "frequency"] = Field(description="domain of the decoder's output: samples or spectrum")


class CodecEntry(Section):
    """A codec with its published files."""

    family: str = Field(description="codec family: a module in `codecs/`")
    label: str | None = Field(None, max_length=6, description="short name, for the columns of matrices")
    sample_rate: int = Field(ge=8000, le=48000, description="sample rate of the model in Hz")
    hop: int = Field(ge=1, description="samples per frame")
    n_q: int | None = Field(None, ge=1, description="number of codebooks used")
    bandwidth_kbps: float | None = Field(None, gt=0, description="bit rate in kbit/s")
    files: dict[str, str] = Field(description="key in downloads.yaml of each file, by its role in the family")
    parameters: int | None = Field(None, ge=1, description="number of parameters of the model")
    model: dict[str, Any] | None = Field(
        None, description="arguments of the model's constructor that differ from the package's defaults"
    )
    level: Level | None = Field(None, description="level to which an utterance is brought before the model")
    length: Literal["input"] | None = Field(None, description="input: recipe `published` cuts output to input's length")
    delay: list[Samples] | None = Field(
        None,
        min_length=2,
        max_length=2,
        description="minimum and maximum lag of the output in samples; recipe `clean` measures the lag in this range "
        "and removes it",
    )
    licence: Licence = Field(description="licences of code and weights")
    taxonomy: Taxonomy | None = Field(None, description="type of the codec; required, except for `identity`")
    citation: str | None = Field(None, description="paper that describes the codec")

    @model_validator(mode="before")
    @classmethod
    def _has_a_taxonomy(cls, content: Any) -> Any:
        if isinstance(content, dict) and content.get("family") != IDENTITY and "taxonomy" not in content:
            raise ValueError("'taxonomy' is missing")
        return content


class DetectorFiles(Section):
    """Pretrained weights of a detector: keys in downloads.yaml."""

    front_end: str | None = Field(None, description="weights of the front end, from which training starts")
    checkpoint: str | None = Field(None, description="published weights of all layers; such a detector is not trained")


class DetectorEntry(Section):
    """A detector with its size and the part of its training settings that depends on the size."""

    module: str = Field(description="a module in `detectors/` with a class `Options`")
    sample_rate: Literal[16000] = Field(description="sample rate of the waveforms in Hz")
    crop_samples: int = Field(ge=1600, description="crop in samples: random on train, the beginning on dev and eval")
    model: dict[str, Any] = Field(description="arguments of the network; its keys depend on the module")
    batch_size: int = Field(ge=1, description="utterances per training step")
    epochs: int = Field(ge=1, description="maximum number of epochs")
    spoof_ratio: float | None = Field(
        None,
        gt=0,
        description="maximum number of spoof trials per bona fide trial in an epoch; they rotate",
    )
    learning_rate: float = Field(gt=0, description="initial learning rate")
    files: DetectorFiles | None = Field(None, description="pretrained weights")


class TrainingSettings(Section):
    """Training settings of detectors."""

    weight_decay: float = Field(ge=0, description="weight decay of the optimiser Adam")
    final_share: float = Field(
        ge=0, le=1, description="final learning rate as a share of the initial one; it decays along a cosine"
    )
    class_weights: Literal["equal", "balanced"] = Field(
        description="loss weights of the classes: equal, or inverse to their numbers of trials"
    )
    average: bool = Field(description="SWA over the epochs that were no worse on dev than all epochs before them")
    patience: int | None = Field(None, ge=1, description="stop after this number of epochs without improvement on dev")
    clip: float | None = Field(None, gt=0, description="maximum norm of the gradient")
    amp: bool = Field(description="mixed precision, on CUDA only")
