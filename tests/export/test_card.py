"""The dataset card: a valid Hub header, text that agrees with the export, examples that run."""

import re

import datasets
import pytest
import yaml

from codecfake.export import card, export
from codecfake.pipeline import config
from codecfake.util.constants import IDENTITY, MATCHED, RECIPES
from tiny_export import SPEAKERS, files, source_of, write
from tiny_run import make_run

COUNTS = [
    {"split": "train", "speakers": 3, "genuine": 12, "spoofing": 12, "hours": 0.5},
    {"split": "dev", "speakers": 1, "genuine": 4, "spoofing": 4, "hours": 0.25},
    {"split": "eval", "speakers": 2, "genuine": 8, "spoofing": 8, "hours": 0.125},
]
VCTK = {"name": "vctk", "version": "0.80", "splits": {"dev": ["p226", "p229"], "eval": ["p227", "p228"]}}


def settings_of(codecs, corpus=VCTK, kind="hf", recipe="clean"):
    entries = {name: config.codec(name) for name in [IDENTITY, *codecs]}
    run = {
        "run": "small",
        "corpus": corpus,
        "source": "resynthesised",
        "shards": 2,
        "codecs": codecs,
        "codec_entries": entries,
    }
    return export.settings_of(run, recipe, kind)


def render(settings, **changes):
    given = {
        "counts": COUNTS,
        "speakers": ["dev0", "eval0", "eval1", "train0", "train1", "train2"],
        "files": {"data/genuine/train-00000-of-00001.parquet": ("ab" * 32, 1234)},
        "probe": [],
        "verdicts": {},
    }
    return card.render(settings, **given | changes)


def header(text):
    return yaml.safe_load(text.split("---\n")[1])


def part(text, title):
    return re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)[1]


@pytest.fixture(scope="module")
def source(tmp_path_factory, speech):
    folder = tmp_path_factory.mktemp("run")
    return source_of(folder, *make_run(folder, speech, SPEAKERS))


@pytest.fixture(params=["hf", "wavs"])
def exported(request, source, tmp_path):
    write(source, request.param, tmp_path / "out")
    return tmp_path / "out"


def test_header_lists_exactly_the_audio_files(exported):
    found = header((exported / "README.md").read_text())
    listed = [item for one in found["configs"] for item in paths(one["data_files"])]
    for pattern in listed:
        assert list(exported.glob(pattern)), pattern
    of_default = {path for pattern in paths(found["configs"][0]["data_files"]) for path in exported.glob(pattern)}
    assert of_default == set(exported.rglob("*.parquet")) or of_default == {exported / "datalist.csv"}
    if (exported / "data").is_dir():
        names = [path.name for path in (exported / "data").iterdir()]
        configs = [one["config_name"] for one in found["configs"]]
        assert configs[0] == "default"
        assert set(configs[1:]) == set(names)


def paths(data_files):
    return [data_files] if isinstance(data_files, str) else [item["path"] for item in data_files]


def test_examples_of_the_card_run(exported, monkeypatch, tmp_path):
    monkeypatch.chdir(exported)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    blocks = re.findall(r"```python\n(.*?)```", (exported / "README.md").read_text(), re.DOTALL)
    names = {}
    for block in blocks:
        exec(block.replace("OWNER/NAME", str(exported)), names)
    assert len(blocks) == (2 if (exported / "data").is_dir() else 1)
    assert names["sample_rate"] == 16000
    assert len(names["samples"]) > 1000
    if "pair" in names:
        assert set(names["pair"]["label"]) == {"genuine", "spoofing"}
        assert list(names["everything"]) == ["train", "dev", "eval"]
    else:
        assert set(names["table"]["split"]) == {"train", "dev", "eval"}


def test_listed_checksums_and_sizes_are_correct(exported):
    rows = re.findall(r"^\| (\S+) \| (\d+) \| ([0-9a-f]{64}) \|$", (exported / "README.md").read_text(), re.MULTILINE)
    listed = dict(line.split("  ")[::-1] for line in (exported / "SHA256SUMS").read_text().splitlines())
    audio = {name: content for name, content in files(exported).items() if name.endswith((".parquet", ".zip"))}
    assert {name: (int(size), value) for name, size, value in rows} == {
        name: (len(content), listed[name]) for name, content in audio.items()
    }


def test_utterances_of_splits_are_counted(exported):
    text = (exported / "README.md").read_text()
    for line in ("| train | 3 | 12 | 12 | 0.00 |", "| dev | 1 | 4 | 4 | 0.00 |", "| eval | 2 | 8 | 8 | 0.00 |"):
        assert line in text
    assert header(text)["size_categories"] == ["n<1K"]


def test_card_of_the_full_set_lists_codecs_with_licences_and_papers():
    names = yaml.safe_load((config.CONFIG / "config.yaml").read_text())["codecs"]
    text = render(settings_of(names), counts=[{**row, "spoofing": 300_000} for row in COUNTS])
    for name in names:
        entry = config.codecs()[name]
        kbps, licence = entry["bandwidth_kbps"], entry["licence"]
        row = f"| {name} | {entry['family']} | {entry['sample_rate']} | {entry['n_q']} | {kbps} | {licence['code']} | "
        assert f"{row}{licence['weights']} | {entry['citation']} |" in text
    found = header(text)
    assert found["license"] == ["cc-by-4.0", "cc-by-nc-4.0"]
    assert found["language"] == ["en"]
    assert found["task_categories"] == ["audio-classification"]
    assert found["size_categories"] == ["100K<n<1M"]
    assert "non-commercial use only: audiodec_24k_320d." in " ".join(part(text, "Licences").split())
    assert "Yamagishi" in part(text, "Licences")
    assert "10283/2651" in text
    assert "(16000, 24000, 44100 Hz; bona fide 16000)" in text
    assert "iniature" not in text


@pytest.mark.parametrize(("rows", "expected"), [(999, "n<1K"), (1000, "1K<n<10K"), (99_999, "10K<n<100K")])
def test_size_category_follows_from_the_number_of_rows(rows, expected):
    counts = [{**COUNTS[0], "genuine": 1, "spoofing": rows - 1}]
    assert header(render(settings_of(["dac_mini"]), counts=counts))["size_categories"] == [expected]


def test_voices_card_has_licences_and_languages_of_the_sources():
    text = render(settings_of(["dac_mini"], {"name": "voices"}), speakers=["asterisk-it", "tuxpaint-da", "asterisk-fr"])
    assert header(text)["license"] == ["cc-by-sa-3.0", "gpl-2.0"]
    assert header(text)["language"] == ["da", "fr", "it"]
    assert "GPL-2" in part(text, "Licences")
    assert "Miniature models, trained on little speech: dac_mini." in text
    assert "vctk" not in text.lower()


def test_licence_of_a_folder_corpus_is_left_to_the_owner():
    text = render(settings_of(["dac_mini"], {"name": "folder", "path": "/home/someone"}))
    assert header(text)["license"] == ["unknown"]
    assert "language" not in header(text)
    assert "**To be filled in before this set is published**" in part(text, "Licences")
    assert "someone" not in text


def test_vctk_0_92_is_cited_with_its_version():
    text = render(settings_of(["dac_mini"], {**VCTK, "version": "0.92", "microphone": "mic1"}))
    assert "10283/3443" in text
    assert "CSTR VCTK Corpus 0.92, " in text


@pytest.mark.parametrize("recipe", [*RECIPES, MATCHED])
def test_every_recipe_is_described(recipe):
    text = " ".join(render(settings_of(["dac_mini", "encodec_24khz"], recipe=recipe)).split())
    assert f"(recipe `{recipe}`). {card.RECIPES[recipe]}" in text
    assert ("The sampling rate differs" in text) == (recipe != MATCHED)


def test_published_source_is_stated():
    text = render(settings_of(["dac_mini"], {"name": "codecfake"}, recipe="published") | {"source": "published"})
    assert "The audio is that of CodecFake as published" in text
    assert "coded and decoded once" not in text


def test_missing_audit_is_stated():
    assert part(render(settings_of(["dac_mini"])), "Audit").strip().startswith("This set was not audited")


def test_audit_is_reported():
    probe = [
        {"codec": "dac_mini", "group": "level", "eer": 0.5, "remark": ""},
        {"codec": "dac_mini", "group": "all", "eer": 0.125, "remark": ""},
        {"codec": "encodec_mini", "group": "level", "eer": float("nan"), "remark": "too few"},
        {"codec": "encodec_mini", "group": "all", "eer": None, "remark": "too few"},
    ]
    verdicts = {"dac_mini": "delay: -8.0 samples at 16 kHz", "encodec_mini": "no single cue stands out"}
    found = part(render(settings_of(["dac_mini", "encodec_mini"]), probe=probe, verdicts=verdicts), "Audit")
    table = [line for line in found.splitlines() if line.startswith("|")]
    assert table == [
        "| codec | level | all |",
        "| --- | --- | --- |",
        "| dac_mini | 50.0 | 12.5 |",
        "| encodec_mini | - | - |",
    ]
    assert "- `dac_mini`: delay: -8.0 samples at 16 kHz.\n- `encodec_mini`: no single cue stands out." in found
    assert "not measured" not in found


@pytest.mark.parametrize("kind", ["hf", "wavs"])
def test_page_has_no_template_residue(kind):
    text = render(settings_of(["dac_mini"], kind=kind))
    assert "\n\n\n" not in text
    assert not re.search("{%|{{|{#", text)
    assert text.endswith("</details>\n")
    for line in text.splitlines():  # rows have as many columns as the header
        assert not line.startswith("|") or line.endswith("|")
