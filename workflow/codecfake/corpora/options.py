"""Options of the config's `corpus` section that all corpora share; each corpus's module adds its own in `Options`."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from codecfake.util.choices import nfc
from codecfake.util.validation import Distinct, Section

Speakers = Annotated[list[Annotated[str, AfterValidator(nfc)]], Field(min_length=1), Distinct]
Number = Annotated[int, Field(ge=1)]


class Splits(Section):
    """Speakers of each split; one split may be left out and takes all other speakers."""

    train: Speakers | None = Field(None, description="speakers of train")
    dev: Speakers | None = Field(None, description="speakers of dev")
    eval: Speakers | None = Field(None, description="speakers of eval")


class Folds(Section):
    """Division of the speakers into `count` folds: fold `eval` is eval, the next is dev, the others are train."""

    count: int = Field(ge=3, description="number of folds")
    eval: int = Field(ge=0, description="index, from 0, of the eval fold")

    @model_validator(mode="after")
    def _is_one_of_them(self) -> "Folds":
        if self.eval >= self.count:
            raise ValueError(f"eval: {self.eval} of {self.count}; allowed: 0 to {self.count - 1}")
        return self


class BySplit(Section):
    """The maximum number of utterances per speaker of each split; no limit for a split that is left out."""

    train: Number | None = Field(None, description="maximum per speaker of train")
    dev: Number | None = Field(None, description="maximum per speaker of dev")
    eval: Number | None = Field(None, description="maximum per speaker of eval")


class CorpusOptions(Section):
    """Options of every corpus."""

    name: str = Field(description="name of the corpus")
    splits: Splits | None = Field(
        None,
        description="{train, dev, eval: speakers}, or `folds`; one split may be left out and takes all other speakers",
    )
    folds: Folds | None = Field(
        None,
        description="{count, eval}, instead of splits: the speakers are divided into `count` folds; fold `eval` "
        "(from 0) is eval, the next is dev, the others are train",
    )
    speakers: Speakers | Annotated[int, Field(ge=3)] | None = Field(
        None,
        description="a list of at least one speaker to use; or the number of speakers to use, at least 3, which "
        "include those named in splits; all if left out",
    )
    utterances_per_speaker: Number | BySplit | None = Field(
        None,
        description="the maximum number per speaker; or {train, dev, eval: number}, one maximum per split; all if "
        "left out",
    )
    on_bad_audio: Literal["fail", "skip"] = Field(
        "fail", description="action on an unusable recording: fail, or skip it in both classes and report it"
    )

    @model_validator(mode="before")
    @classmethod
    def _has_splits_or_folds(cls, content: Any) -> Any:
        if isinstance(content, dict):
            if ("splits" in content) == ("folds" in content):
                raise ValueError("exactly one of 'splits' and 'folds' is needed")
            if "folds" in content and isinstance(content.get("utterances_per_speaker"), dict):
                raise ValueError("utterances_per_speaker: with folds, one number for all splits is needed")
        return content
