"""The README agrees with the code and the config."""

import re
import shlex
import subprocess
import sys
import tomllib

import pytest
import torch
import yaml

from codecfake import detectors
from codecfake.cli.main import parser
from codecfake.pipeline import config
from codecfake.util.files import REPOSITORY
from published import MODELS

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
PAGES = {
    str(path.relative_to(REPOSITORY)): path.read_text(encoding="utf-8")
    for pattern in ("README.md", "docs/**/*.md", "config/README.md", "workflow/profiles/README.md")
    for path in REPOSITORY.glob(pattern)
    if path.parent.name != "heads"
}
EVERYTHING = "\n".join(text for page, text in PAGES.items() if page != "docs/reference/cli.md")
BLOCKS = re.findall(r"^```yaml\n(.*?)^```", EVERYTHING, re.MULTILINE | re.DOTALL)


def table_rows(page, heading):
    """Cells of the table below a heading of a page, without header and separator."""
    section = re.split(r"^#+ ", PAGES[page].split(f"# {heading}\n")[1], maxsplit=1, flags=re.MULTILINE)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def anchors(page):
    """Return the HTML ids of the headings of a Markdown page."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", page, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def described(name, entry):
    """Return the cells of a codec's row that are in codecs.yaml."""
    numbers = [str(entry[key]) for key in ("sample_rate", "hop", "n_q", "bandwidth_kbps")]
    return [name, entry["family"], *numbers, entry["licence"]["weights"]]


def test_codec_tables_agree_with_codecs_yaml():
    entries = {name: entry for name, entry in config.codecs().items() if name != "identity"}
    published = config.load_yaml(config.CONFIG / "config.yaml")["codecs"]
    assert table_rows("docs/experiment/codecs.md", "Codecs") == [described(name, entries[name]) for name in published]
    others = [name for name in entries if name not in published and not name.startswith("encodec_24khz_")]
    assert [row[:7] for row in table_rows("docs/experiment/codecs.md", "Miniatures")] == [
        described(name, entries[name]) for name in others
    ]


def test_detector_table_agrees_with_detectors_yaml():
    rows = []
    for name, entry in config.detectors().items():
        with torch.device("meta"):
            parameters = sum(one.numel() for one in detectors.build(entry).parameters())
        weights = "published" if "checkpoint" in entry.get("files", {}) else "to be trained"
        rows.append([name, str(parameters), weights])
    assert [
        [name, number, weights] for name, _, number, weights in table_rows("docs/experiment/detectors.md", "Detectors")
    ] == rows


def test_every_miniature_reaches_the_minimum_quality():
    for row in table_rows("docs/experiment/codecs.md", "Miniatures"):
        stoi, pesq = float(row[7]), float(row[8])
        assert stoi >= 0.70, row
        assert pesq >= 1.25, row


@pytest.mark.parametrize("name", ["config", "vctk_part"])
def test_configs_list_the_fifteen_published_codecs(name):
    assert config.load_yaml(config.CONFIG / f"{name}.yaml")["codecs"] == list(MODELS)


@pytest.mark.parametrize("command", re.findall(r"^codecfake (?!--help).*$", EVERYTHING, re.MULTILINE))
def test_commands_parse(command):
    parser().parse_args(shlex.split(command, comments=True)[1:])


@pytest.mark.parametrize("target", sorted(set(re.findall(r"(?:^|`)make ([\w-]+)", EVERYTHING, re.MULTILINE))))
def test_make_targets_exist(target):
    assert re.search(rf"^{target}:", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)


def test_readme_map_lists_existing_folders_and_every_subpackage():
    section = README.split("## Map")[1].split("##")[0]
    for path in re.findall(r"^([\w/]+/)(?:,| )", section, re.MULTILINE):
        assert (REPOSITORY / path).is_dir(), path
    package = REPOSITORY / "workflow" / "codecfake"
    for folder in package.glob("*/__init__.py"):
        assert f"  {folder.parent.name}/ " in section, folder.parent.name


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.startswith("run:")])
def test_configs_in_the_docs_are_valid(block):
    config.resolve(yaml.safe_load(block))


@pytest.mark.parametrize("page", PAGES)
def test_link_targets_exist(page):
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", PAGES[page]):
        name, _, anchor = target.partition("#")
        path = (REPOSITORY / page).parent / name if name else REPOSITORY / page
        assert path.is_file(), target
        assert not anchor or anchor in anchors(path.read_text(encoding="utf-8")), target


def test_readme_is_short_and_every_page_is_in_the_navigation():
    assert len(README.splitlines()) <= 150
    navigation = (REPOSITORY / "mkdocs.yml").read_text()
    for page in PAGES:
        assert not page.startswith("docs/") or f" {page.removeprefix('docs/')}\n" in navigation, page


IMPORTED = """
import re, sys
from pathlib import Path
for path in sorted(Path(sys.argv[1]).glob("*.smk")):
    exec("\\n".join(re.findall(r"^from codecfake.*$", path.read_text(), re.MULTILINE)))
print(*{name.split(".")[0] for name in sys.modules})
"""


def test_docs_name_the_packages_that_the_rules_import():
    rules = REPOSITORY / "workflow" / "rules"
    found = subprocess.run([sys.executable, "-c", IMPORTED, rules], capture_output=True, text=True, check=True).stdout
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    of_ours = {re.split("[=<>]", dependency)[0] for dependency in project["dependencies"]} & set(found.split())
    (named,) = re.findall(r"^pip install snakemake==\S+ (.*)$", PAGES["docs/run/environments.md"], re.MULTILINE)
    of_snakemake = {"requests", "urllib3"}
    assert set(named.split()) == of_ours - of_snakemake


def test_the_lock_has_every_dependency():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    lock = {
        re.split("==", line)[0].lower().replace("_", "-")
        for line in (REPOSITORY / "envs" / "requirements.txt").read_text().splitlines()
        if "==" in line
    }
    for dependency in project["dependencies"]:
        assert re.split("[=<>]", dependency)[0] in lock
