"""The dataset card of an export: README.md, with the YAML header that the Hugging Face Hub reads."""

import math
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import jinja2
import yaml

from codecfake.util.constants import IDENTITY, MATCHED

#: Folder of the card's jinja2 template.
TEMPLATES = Path(__file__).parent / "templates"
#: Licences of a corpus's recordings, by the Hub's names. For any other corpus, its owner must state them.
LICENCES = {"vctk": ["cc-by-4.0"], "voices": ["cc-by-sa-3.0", "gpl-2.0"]}
#: The differences between the classes that each recipe leaves.
RECIPES = {
    "clean": "The codecs' output has the level, length and delay of the input.",
    "published": "The codecs' output has the level, length and delay that the processing of CodecFake's authors gives "
    "it: a detector may learn those instead of the codec.",
    "raw": "The codecs' output has the models' own level, length and delay: a detector may learn those instead of the "
    "codec.",
    MATCHED: "Both classes were then resampled to 16 kHz by one resampler, and given the same length, delay, polarity, "
    "mean and level.",
}
#: The Hub's size categories, by the number of rows at which they end.
SIZES = {10**3: "n<1K", 10**4: "1K<n<10K", 10**5: "10K<n<100K", 10**6: "100K<n<1M", 10**7: "1M<n<10M"}


def render(
    settings: dict[str, Any],
    counts: list[dict[str, Any]],
    speakers: list[str],
    files: dict[str, tuple[str, int]],
    probe: list[dict[str, Any]],
    verdicts: dict[str, str],
) -> str:
    """Render the card.

    Args:
        settings: content of config.json, see `export.settings_of`.
        counts: see `export.counts`.
        speakers: ids of all speakers.
        files: SHA-256 and size in bytes of each audio file, by name.
        probe: EERs of a classifier of trivial cues for each codec, rows of `probe.Probe`: `codec`, `group` of cues,
            `eer` (a fraction, NaN if there is none).
        verdicts: an audit's verdict on each codec. If both are empty, the card says that there was no audit.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    entries = settings["codec_entries"]
    codecs = {name: entry for name, entry in entries.items() if name != IDENTITY}
    return environment.get_template("dataset_card.md").render(
        header=yaml.safe_dump(header(settings, counts, speakers, list(files)), sort_keys=False),
        settings=settings,
        of_vctk=settings["corpus"]["name"] == "vctk",
        recipe=RECIPES[settings["recipe"]],
        codecs=codecs,
        rates=sorted({entry["sample_rate"] for entry in entries.values()}),
        non_commercial=_which(codecs, _non_commercial),
        unstated=_which(codecs, lambda entry: entry["licence"]["weights"] == "unstated"),
        miniatures=_which(codecs, lambda entry: any(file.get("repository") for file in entry["files"].values())),
        counts=counts,
        files=files,
        probe=_probe_table(probe),
        verdicts=verdicts,
    )


def header(
    settings: dict[str, Any], counts: list[dict[str, Any]], speakers: list[str], files: list[str]
) -> dict[str, Any]:
    """Return the card's header, which the Hub reads."""
    corpus = settings["corpus"]["name"]
    rows = sum(split["genuine"] + split["spoofing"] for split in counts)
    found: dict[str, Any] = {
        "pretty_name": f"CodecFake, resynthesised: {settings['run']}, {settings['recipe']}",
        "license": licences(settings),
    }
    if spoken := languages(corpus, speakers):
        found["language"] = spoken
    return found | {
        "task_categories": ["audio-classification"],
        "tags": ["anti-spoofing", "audio-deepfake-detection", "neural-audio-codec", "speech"],
        "size_categories": [next((name for most, name in SIZES.items() if rows < most), "n>10M")],
        **(parquet_configs(files) if settings["export"] == "hf" else LIST_CONFIGS),
    }


def licences(settings: dict[str, Any]) -> list[str]:
    """Return the licences of the recordings and of weights for non-commercial use only, by the Hub's names."""
    weights = {
        entry["licence"]["weights"].split()[0].lower()
        for entry in settings["codec_entries"].values()
        if _non_commercial(entry)
    }
    return [*LICENCES.get(settings["corpus"]["name"], ["unknown"]), *sorted(weights)]


def _which(codecs: dict[str, dict[str, Any]], holds: Callable[[dict[str, Any]], bool]) -> list[str]:
    return [name for name, entry in codecs.items() if holds(entry)]


def _non_commercial(entry: dict[str, Any]) -> bool:
    return "NC" in entry["licence"]["weights"]


def languages(corpus: str, speakers: list[str]) -> list[str]:
    """Return ISO 639-1 codes, if known for the corpus: speakers of `voices` are named SOURCE-LANGUAGE."""
    if corpus == "voices":
        return sorted({speaker.rsplit("-", 1)[1] for speaker in speakers})
    return ["en"] if corpus == "vctk" else []


def parquet_configs(files: list[str]) -> dict[str, Any]:
    """Return the configs for `datasets`: `default` with all codecs, and one per codec; each with its splits."""
    paths = [PurePosixPath(name) for name in files]
    splits = list(dict.fromkeys(path.name.split("-")[0] for path in paths))
    folders = {"*": "default"} | {path.parent.name: path.parent.name for path in paths}
    return {
        "configs": [
            {
                "config_name": name,
                "data_files": [{"split": split, "path": f"data/{folder}/{split}-*.parquet"} for split in splits],
            }
            for folder, name in folders.items()
        ]
    }


#: For zips, the Hub shows the list. Its columns are text, even if ids look like numbers.
LIST_CONFIGS = {
    "configs": [{"config_name": "default", "data_files": "datalist.csv"}],
    "dataset_info": {
        "features": [{"name": name, "dtype": "string"} for name in ("path", "label", "speaker", "codec")],
    },
}


def _probe_table(probe: list[dict[str, Any]]) -> list[list[str]]:
    """Return a table of the probe's EERs in %, with a row per codec, a column per group of cues, and a header row."""
    if not probe:
        return []
    cells = {(row["codec"], row["group"]): row["eer"] for row in probe}
    codecs, groups = (list(dict.fromkeys(names)) for names in zip(*cells, strict=True))
    rows = [[cells[codec, group] for group in groups] for codec in codecs]
    percent = [["-" if eer is None or math.isnan(eer) else f"{100 * eer:.1f}" for eer in row] for row in rows]
    return [["codec", *groups], *([codec, *row] for codec, row in zip(codecs, percent, strict=True))]
