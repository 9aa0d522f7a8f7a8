"""Fetch the files of codecs and detectors, for the verbs that need them."""

import sys
from pathlib import Path


def model_files(entry: dict, options: dict) -> dict[str, Path]:
    """Return the local paths of an entry's files by role, fetching missing ones."""
    from codecfake.fetch import download

    places = download.Places.of(options)
    return {role: download.fetch(file["key"], file, places) for role, file in entry["files"].items()}


def codec_files(entry: dict, options: dict) -> dict[str, Path]:
    """Return the `model_files` of a codec; print the licence of its weights if it is non-commercial."""
    if "NC" in entry["licence"]["weights"]:
        print(f"weights of {entry['family']}: {entry['licence']['weights']}", file=sys.stderr)
    return model_files(entry, options)
