"""The schema of codec_training.yaml."""

from typing import Annotated

from pydantic import Field

from codecfake.util.validation import Section

Steps = Annotated[int, Field(ge=1)]


class Settings(Section):
    """Training settings of one codec."""

    seed: int = Field(ge=0, description="seed of the initial weights and of the crops")
    steps: int = Field(ge=1, description="number of training steps")
    batch_size: int = Field(ge=1, description="crops per step")
    crop_samples: int = Field(ge=2048, description="length of a crop in samples at the codec's sample rate")
    learning_rate: float = Field(gt=0, description="learning rate after warm-up, from which it decays along a cosine")
    warmup_steps: int = Field(ge=1, description="steps over which the learning rate rises from 0")
    waveform_weight: float = Field(ge=0, description="weight of the waveform loss; the mel loss has weight 1")
    quantizer_weight: float = Field(ge=0, description="weight of the quantizer's loss")
    evaluate_every: int = Field(ge=1, description="steps between evaluations on the dev speakers")


class CodecTraining(Settings):
    """Training settings of the miniature codecs."""

    steps: dict[str, Steps] = Field(description="number of training steps of each codec")
