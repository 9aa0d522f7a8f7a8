"""What the config's corpus section may hold, whatever the corpus; each corpus's module adds its own, in `Options`."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from codecfake.util.validation import Distinct, Section

Speakers = Annotated[list[str], Field(min_length=1), Distinct]
Number = Annotated[int, Field(ge=1)]


class Splits(Section):
    """Speakers of each split; one split may be left out and takes all the others."""

    train: Speakers | None = Field(None, description="speakers")
    dev: Speakers | None = Field(None, description="speakers")
    eval: Speakers | None = Field(None, description="speakers")


class Folds(Section):
    """The speakers, dealt to `count` folds: one is evaluated on, the next is dev, the others are train."""

    count: int = Field(ge=3, description="how many folds")
    eval: int = Field(ge=0, description="the number, from 0, of the one that is evaluated on")

    @model_validator(mode="after")
    def _is_one_of_them(self) -> "Folds":
        if self.eval >= self.count:
            raise ValueError(f"eval: {self.eval} of {self.count}; allowed: 0 to {self.count - 1}")
        return self


class BySplit(Section):
    """A number for each split; all utterances where it is left out."""

    train: Number | None = Field(None, description="of each speaker of train")
    dev: Number | None = Field(None, description="of each speaker of dev")
    eval: Number | None = Field(None, description="of each speaker of eval")


class CorpusOptions(Section):
    """What every corpus takes."""

    name: str = Field(description="the corpus")
    splits: Splits | None = Field(
        None, description="{train, dev, eval: speakers}; one split may be left out and takes all the others"
    )
    folds: Folds | None = Field(
        None,
        description="{count, eval}, in place of splits: the speakers are dealt to `count` folds, of which number "
        "`eval` (from 0) is evaluated on, the next is dev, the others are train",
    )
    speakers: Speakers | Annotated[int, Field(ge=3)] | None = Field(
        None,
        description="a list of at least one speaker, only these; or a number of at least 3, so many, among them those "
        "that splits names; all where left out",
    )
    utterances_per_speaker: Number | BySplit | None = Field(
        None,
        description="a number, at most so many of each speaker; or {train, dev, eval: number}, by split; all where "
        "left out",
    )
    on_bad_audio: Literal["fail", "skip"] = Field(
        "fail", description="a recording that cannot be used: fail, or skip it in both classes and say so"
    )

    @model_validator(mode="before")
    @classmethod
    def _has_splits_or_folds(cls, content: Any) -> Any:
        if isinstance(content, dict):
            if ("splits" in content) == ("folds" in content):
                raise ValueError("exactly one of 'splits' and 'folds' is needed")
            if "folds" in content and isinstance(content.get("utterances_per_speaker"), dict):
                raise ValueError("utterances_per_speaker: with folds, one number for all splits; the folds share it")
        return content
