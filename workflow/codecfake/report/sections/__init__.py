"""The sections of the report. A section is a module with a template of the same name next to it, and:

- `TITLE` is its heading.
- `inputs(run)` returns the files that it needs, for a resolved config. Snakemake calls it while it plans, so a module
  imports nothing heavy at the top.
- `variables(found)` returns the variables of the template for the `Results` of the run, or None to leave the section
  out. The template also gets `run` and `reference`, the row that others are compared with.
"""

from pathlib import Path
from types import ModuleType

from codecfake.report.sections import (
    codecs,
    configuration,
    det_curves,
    differences,
    generalisation,
    matrix,
    metrics,
    quality,
    resources,
    samples,
    shortcuts,
    summary,
    tracing,
    training,
    utterances,
)

#: In the order of the report.
SECTIONS = [
    summary,
    matrix,
    generalisation,
    shortcuts,
    quality,
    tracing,
    differences,
    metrics,
    det_curves,
    samples,
    utterances,
    codecs,
    training,
    resources,
    configuration,
]


def template(section: ModuleType) -> Path:
    """Return the template of a section."""
    return Path(section.__file__).with_suffix(".html")


def inputs(run: dict) -> list[str]:
    """Return the files that the sections need, each once."""
    return list(dict.fromkeys(path for section in SECTIONS for path in section.inputs(run)))
