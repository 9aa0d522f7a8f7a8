"""Versions of the packages that made a run."""

import contextlib
import importlib.metadata
import platform
import re

from codecfake import __version__


def versions() -> dict[str, str]:
    """Return the versions of this package, Python, Snakemake and every required package."""
    found = {"codecfake": __version__, "python": platform.python_version()}
    for requirement in ["snakemake", *_requirements()]:
        name = re.split(r"[^\w.-]", requirement)[0]
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def _requirements() -> list[str]:
    """Return the requirements in pyproject.toml; none if the package is not installed."""
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.requires("codecfake") or []
    return []
