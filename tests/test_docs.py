"""The README against the code and the config."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest
import torch

from codecfake import detectors
from codecfake.cli.main import parser
from codecfake.pipeline import config
from published import MODELS

REPOSITORY = Path(__file__).resolve().parents[1]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def table_rows(heading):
    """Cells of the table below a heading, without head and rule."""
    section = re.split(r"^#+ ", README.split(f"# {heading}\n")[1], maxsplit=1, flags=re.MULTILINE)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def described(name, entry):
    """The cells of a codec's row that codecs.yaml knows."""
    numbers = [str(entry[key]) for key in ("sample_rate", "hop", "n_q", "bandwidth_kbps")]
    return [name, entry["family"], *numbers, entry["licence"]["weights"]]


def test_the_tables_of_codecs_are_codecs_yaml():
    entries = {name: entry for name, entry in config.codecs().items() if name != "identity"}
    published = config.load_yaml(config.CONFIG / "config.yaml")["codecs"]
    assert table_rows("Codecs") == [described(name, entries[name]) for name in published]
    others = [name for name in entries if name not in published and not name.startswith("encodec_24khz_")]
    assert [row[:7] for row in table_rows("Miniatures")] == [described(name, entries[name]) for name in others]


def test_the_table_of_detectors_is_detectors_yaml():
    rows = []
    for name, entry in config.detectors().items():
        with torch.device("meta"):
            parameters = sum(one.numel() for one in detectors.build(entry).parameters())
        weights = "published" if "checkpoint" in entry.get("files", {}) else "to be trained"
        rows.append([name, str(parameters), weights])
    assert [[name, number, weights] for name, _, number, weights in table_rows("Detectors")] == rows


def test_every_codec_with_weights_has_a_measured_quality_and_reaches_the_bar():
    for row in table_rows("Miniatures"):
        stoi, pesq = float(row[7]), float(row[8])
        assert stoi >= 0.70, row
        assert pesq >= 1.25, row


@pytest.mark.parametrize("name", ["config", "vctk_part"])
def test_the_published_codecs_are_the_fifteen_of_the_set(name):
    assert config.load_yaml(config.CONFIG / f"{name}.yaml")["codecs"] == list(MODELS)


@pytest.mark.parametrize("command", re.findall(r"^codecfake .*$", README, re.MULTILINE))
def test_the_commands_parse(command):
    parser().parse_args(shlex.split(command, comments=True)[1:])


@pytest.mark.parametrize("target", sorted(set(re.findall(r"(?:^|`)make (\w+)", README, re.MULTILINE))))
def test_the_make_targets_exist(target):
    assert re.search(rf"^{target}:", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)


def test_the_map_names_what_is_there_and_leaves_out_no_module():
    section = README.split("## Map")[1].split("##")[0]
    for path in re.findall(r"^([\w/]+/)(?:,| )", section, re.MULTILINE):
        assert (REPOSITORY / path).is_dir(), path
    package = REPOSITORY / "workflow" / "codecfake"
    for folder in package.glob("*/__init__.py"):
        assert f"  {folder.parent.name}/ " in section, folder.parent.name


def test_the_lock_has_every_dependency():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    lock = {
        re.split("==", line)[0].lower().replace("_", "-")
        for line in (REPOSITORY / "envs" / "requirements.txt").read_text().splitlines()
        if "==" in line
    }
    for dependency in project["dependencies"]:
        assert re.split("[=<>]", dependency)[0] in lock
