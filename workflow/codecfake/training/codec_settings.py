"""The schema of codec_training.yaml."""

from typing import Literal

from pydantic import Field

from codecfake.util.validation import Section

#: Kinds of discriminators; `training.discriminators` builds them.
Kind = Literal["stft", "period"]


class Phases(Section):
    """The phases of a codec's training."""

    reconstruction_steps: int = Field(ge=1, description="training steps without discriminators")
    adversarial_steps: int = Field(ge=0, description="training steps with discriminators, which follow")
    discriminators: list[Kind] = Field(min_length=1, description="kinds of discriminators")


class _Common(Section):
    """What all codecs share."""

    seed: int = Field(ge=0, description="seed of the initial weights and of the crops")
    batch_size: int = Field(ge=1, description="crops per step")
    crop_samples: int = Field(ge=2048, description="length of a crop in samples at the codec's sample rate")
    learning_rate: float = Field(gt=0, description="learning rate after warm-up, from which it decays along a cosine")
    matrix_learning_rate: float = Field(
        gt=0, description="the same for weight matrices (Muon): change per step relative to the weight"
    )
    warmup_steps: int = Field(ge=1, description="steps over which the learning rate rises from 0")
    waveform_weight: float = Field(ge=0, description="weight of the waveform loss; the mel loss has weight 1")
    line_weight: float = Field(
        ge=0, description="weight of the loss of lines in the long-term spectrum, in the adversarial phase"
    )
    quantizer_weight: float = Field(ge=0, description="weight of the quantizer's loss")
    adversarial_weight: float = Field(ge=0, description="weight of the adversarial loss")
    feature_weight: float = Field(ge=0, description="weight of the feature matching loss")
    discriminator_learning_rate: float = Field(gt=0, description="learning rate of the discriminators")
    evaluate_every: int = Field(ge=1, description="steps between evaluations on the dev speakers")


class Settings(_Common, Phases):
    """Training settings of one codec."""

    @property
    def steps(self) -> int:
        """The number of steps of both phases."""
        return self.reconstruction_steps + self.adversarial_steps


class CodecTraining(_Common):
    """Training settings of the miniature codecs."""

    codecs: dict[str, Phases] = Field(description="phases of each codec")

    def of(self, codec: str) -> Settings:
        """Return the settings of one codec, which must be in `codecs`."""
        return Settings(**self.model_dump(exclude={"codecs"}), **self.codecs[codec].model_dump())
