"""The schema of an entry of downloads.yaml."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from codecfake.util.validation import Section

Address = Annotated[str, Field(pattern="^https?://", description="an http or https address")]


class Debian(Section):
    """A package of Debian."""

    path: str = Field(pattern=r"^pool/.*[.]deb$", description="path on a mirror: pool/…/NAME.deb")
    sha1: str = Field(pattern="^[0-9a-f]{40}$", description="SHA-1 by which Debian's archive lists it: 40 hex digits")


class Download(Section):
    """A file that is downloaded, or included in the repository; its key is its path in the cache and in a mirror."""

    urls: list[Address] | None = Field(None, min_length=1, description="http or https addresses, tried in this order")
    debian: Debian | None = Field(None, description="package of Debian, from any of its mirrors or its archive")
    repository: Literal[True] | None = Field(None, description="true for a file of this repository")
    bytes: int | None = Field(None, ge=0, description="size in bytes; checked before the file is used")
    sha256: str | None = Field(
        None, pattern="^[0-9a-f]{64}$", description="SHA-256, 64 hex digits; checked before the file is used"
    )
    licence: str = Field(description="licence of the file")

    @model_validator(mode="before")
    @classmethod
    def _has_one_source(cls, content: Any) -> Any:
        if isinstance(content, dict):
            sources = [key for key in ("urls", "debian", "repository") if key in content]
            if len(sources) != 1 or (sources != ["urls"] and not {"bytes", "sha256"} <= content.keys()):
                raise ValueError("one of urls; debian, bytes and sha256; repository, bytes and sha256 is needed")
        return content
