"""The files of a config's entries, fetched where a verb needs them."""

import sys
from pathlib import Path


def model_files(entry: dict, options: dict) -> dict[str, Path]:
    """Local paths of an entry's files by role, fetched if need be."""
    from codecfake.fetch import download

    places = download.Places.of(options)
    return {role: download.fetch(file["key"], file, places) for role, file in entry["files"].items()}


def codec_files(entry: dict, options: dict) -> dict[str, Path]:
    """`model_files` of a codec; a non-commercial licence is printed."""
    if "NC" in entry["licence"]["weights"]:
        print(f"weights of {entry['family']}: {entry['licence']['weights']}", file=sys.stderr)
    return model_files(entry, options)
