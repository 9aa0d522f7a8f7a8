"""The card of an exported data set: README.md, with the YAML header that the Hugging Face Hub reads."""

import math
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import jinja2
import yaml

from codecfake.util.constants import IDENTITY, MATCHED

#: Of the card, for jinja2.
TEMPLATES = Path(__file__).parent / "templates"
#: Licences of a corpus's recordings, by the Hub's names. Those of another corpus are for its owner to say.
LICENCES = {"vctk": ["cc-by-4.0"], "voices": ["cc-by-sa-3.0", "gpl-2.0"]}
#: What a recipe leaves between the classes.
RECIPES = {
    "clean": "The codecs' output has the level, length and delay of the input.",
    "published": "The codecs' output has the level, length and delay that CodecFake's authors left it: a detector may "
    "learn those in place of the codec.",
    "raw": "The codecs' output has the models' own level, length and delay: a detector may learn those in place of the "
    "codec.",
    MATCHED: "Both classes were then brought to 16 kHz by one resampler, and made alike in length, delay, polarity, "
    "mean and level.",
}
#: The Hub's size categories, by the number of rows they end at.
SIZES = {10**3: "n<1K", 10**4: "1K<n<10K", 10**5: "10K<n<100K", 10**6: "100K<n<1M", 10**7: "1M<n<10M"}


def render(
    settings: dict[str, Any],
    counts: list[dict[str, Any]],
    speakers: list[str],
    files: dict[str, tuple[str, int]],
    probe: list[dict[str, Any]],
    verdicts: dict[str, str],
) -> str:
    """The card.

    Args:
        settings: what is in config.json, see `export.settings_of`.
        counts: see `export.counts`.
        speakers: the ids of all.
        files: of each file of audio, by name, its SHA-256 and its bytes.
        probe: how well a classifier of trivial cues tells each codec, rows of `probe.Probe`: `codec`, `group` of cues,
            `eer` (a fraction, NaN where there is none).
        verdicts: what an audit says of each codec. With neither, the card says that there was none.
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
        settings={"source": "resynthesised", **settings},
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
    """What the Hub reads of the card."""
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
    """By the Hub's names: the recordings', and those of weights that are not for commercial use."""
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
    """ISO 639-1 codes, where the corpus tells them: a speaker of `voices` is called SOURCE-LANGUAGE."""
    if corpus == "voices":
        return sorted({speaker.rsplit("-", 1)[1] for speaker in speakers})
    return ["en"] if corpus == "vctk" else []


def parquet_configs(files: list[str]) -> dict[str, Any]:
    """The configs of `datasets`: all codecs by default, or one; each with its splits."""
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


#: Of zips the Hub shows the list. Its columns are text, even if ids look like numbers.
LIST_CONFIGS = {
    "configs": [{"config_name": "default", "data_files": "datalist.csv"}],
    "dataset_info": {
        "features": [{"name": name, "dtype": "string"} for name in ("path", "label", "speaker", "codec")],
    },
}


def _probe_table(probe: list[dict[str, Any]]) -> list[list[str]]:
    """The probe's EERs in %, a row a codec and a column a group of cues, below their names."""
    if not probe:
        return []
    cells = {(row["codec"], row["group"]): row["eer"] for row in probe}
    codecs, groups = (list(dict.fromkeys(names)) for names in zip(*cells, strict=True))
    rows = [[cells[codec, group] for group in groups] for codec in codecs]
    percent = [["-" if eer is None or math.isnan(eer) else f"{100 * eer:.1f}" for eer in row] for row in rows]
    return [["codec", *groups], *([codec, *row] for codec, row in zip(codecs, percent, strict=True))]
