"""Config files: those in the repository are valid and consistent; invalid ones are refused with the allowed values."""

import copy
import math

import pytest
import yaml

from codecfake import corpora, detectors
from codecfake.fetch.download import downloads
from codecfake.fetch.entries import Debian, Download
from codecfake.pipeline import config
from codecfake.pipeline.entries import (
    CodecEntry,
    DetectorEntry,
    DetectorFiles,
    Level,
    Licence,
    Taxonomy,
    TrainingSettings,
)
from codecfake.pipeline.schema import DetectorSection, RunConfig
from codecfake.resynthesis.matching import Matching
from codecfake.training.codec_settings import CodecTraining
from codecfake.util.errors import ConfigError
from codecfake.util.validation import checked_table, validated

NAMED = [{"name": name} for name in corpora.names()]
TABLES = {
    "codecs": config.codecs,
    "conditions": config.conditions,
    "detectors": config.detectors,
    "downloads": downloads,
    "training": config.training,
}
FRAME_RATIOS = ("ratios", "encoder_rates", "strides")


def codebook_size(entry):
    if entry["family"] == "lyra":
        return 16
    model = entry.get("model", {})
    return model.get("bins") or model.get("codebook_size")


CODECS = config.codecs()
KNOWN_CODEBOOKS = [name for name, entry in CODECS.items() if "n_q" in entry and codebook_size(entry)]
KNOWN_STRIDES = [name for name, entry in CODECS.items() if entry.get("model", {}).keys() & FRAME_RATIOS]


@pytest.fixture
def run():
    """The config of the demo, without options that apply to one recipe only."""
    demo = copy.deepcopy(config.load_yaml(config.CONFIG / "demo.yaml"))
    return {key: value for key, value in demo.items() if key != "matched"}


@pytest.mark.parametrize("path", sorted(config.CONFIG.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_config_file_of_the_repository_is_valid(path):
    if path.stem in TABLES:
        assert set(TABLES[path.stem]()) == set(config.load_yaml(path))
    elif path.stem == "codec_training":
        assert validated(CodecTraining, config.load_yaml(path), path.name).codecs.keys() <= CODECS.keys()
    elif path.stem == "published":
        over = yaml.safe_load(path.read_text())
        resolved = config.resolve({**config.load_yaml(config.CONFIG / "config.yaml"), **over})
        assert resolved["detector_entry"]["training"] == config.training()["published"]
    else:
        resolved = config.read_run(path)
        assert list(resolved["codec_entries"]) == ["identity", *resolved["codecs"]]


@pytest.mark.parametrize("name", CODECS)
def test_every_file_of_a_codec_is_in_downloads(name):
    for role, key in CODECS[name]["files"].items():
        assert config.codec(name)["files"][role] == {"key": key, **downloads()[key]}


def test_bandwidth_test_covers_the_families_with_known_codebooks():
    assert {CODECS[name]["family"] for name in KNOWN_CODEBOOKS} >= {
        "encodec",
        "dac",
        "speechtokenizer",
        "lyra",
    }


@pytest.mark.parametrize("name", KNOWN_CODEBOOKS)
def test_bandwidth_follows_from_frame_rate_and_codebooks(name):
    entry = CODECS[name]
    bits_per_frame = entry["n_q"] * math.log2(codebook_size(entry))
    assert entry["sample_rate"] / entry["hop"] * bits_per_frame / 1000 == pytest.approx(entry["bandwidth_kbps"])


@pytest.mark.parametrize("name", KNOWN_STRIDES)
def test_the_hop_is_the_product_of_the_strides(name):
    entry = CODECS[name]
    ratios = next(entry["model"][key] for key in FRAME_RATIOS if key in entry["model"])
    assert math.prod(ratios) == entry["hop"]


@pytest.mark.parametrize("name", ["config", "demo", "vctk_part"])
def test_included_configs_list_a_source_for_every_file(name):
    run = config.read_run(config.CONFIG / f"{name}.yaml")
    files = config.model_files(run)
    assert all("urls" in entry or entry["repository"] for entry in files.values())


@pytest.mark.parametrize("number", [0, [], "all", {"tran": 2}])
def test_invalid_alternative_is_refused_with_the_allowed_forms(run, number):
    run["corpus"]["utterances_per_speaker"] = number
    with pytest.raises(ConfigError) as error:
        config.resolve(run, "my.yaml")
    allowed = "the maximum number per speaker; or {train, dev, eval: number}, one maximum per split"
    assert f"my.yaml: corpus.utterances_per_speaker: {number!r} is not allowed; allowed: {allowed}" in str(error.value)


def test_detector_options_override_the_entry(run):
    run["detector"]["options"] = {"epochs": 99}
    resolved = config.resolve(run)
    entry = {**config.detectors()[run["detector"]["name"]], **run["detector"]["options"]}
    assert resolved["detector_entry"] == {**entry, "files": {}, "training": config.training()["default"]}


@pytest.mark.parametrize("recipe", ["clean", ["published", "matched"]])
def test_recipe_may_be_one_or_a_list(run, recipe):
    expected = [recipe] if isinstance(recipe, str) else recipe
    assert config.resolve({**run, "recipe": recipe})["recipes"] == expected


def test_default_recipe_is_clean(run):
    assert config.resolve({key: value for key, value in run.items() if key != "recipe"})["recipes"] == ["clean"]


def test_published_source_needs_no_codec_files(run):
    changed = {**run, "source": "published", **corpus("codecfake", path="p")}
    assert config.model_files(config.resolve(run))
    assert not config.model_files(config.resolve(changed))


@pytest.mark.parametrize("seed", [7, [7, 8]])
def test_seed_may_be_one_or_a_list(run, seed):
    assert config.resolve({**run, "seed": seed})["seeds"] == ([7] if seed == 7 else seed)


def test_published_detector_is_a_baseline_with_a_checkpoint_file(run):
    resolved = config.resolve({**run, "baselines": ["random", "aasist_2019"]})
    assert list(resolved["baseline_entries"]) == ["aasist_2019"]
    assert "aasist/AASIST.pth" in config.model_files(resolved)


def test_computed_with_ignores_descriptive_keys():
    entry = config.codecs()["encodec_24khz"]
    assert config.computed_with({**entry, "citation": "x", "taxonomy": {}}) == config.computed_with(entry)
    assert config.computed_with({**entry, "n_q": 3}) != config.computed_with(entry)


def corpus(name, **options):
    return {"corpus": {"name": name, "splits": {}, **options}}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"codec": ["dac_mini"]}, "my.yaml: top level: unknown key 'codec'; allowed: baselines, cache, codecs, "),
        ({"shards": 0}, "my.yaml: shards: 0 is not allowed; allowed: at least 1"),
        (
            {"seed": "1"},
            "my.yaml: seed: '1' is not allowed; allowed: a number from 0, the seed of all training; or a list",
        ),
        ({"seed": []}, "my.yaml: seed: [] is not allowed; allowed: a number from 0"),
        ({"train_sets": ["all"]}, "my.yaml: train_sets.0: 'all' is not allowed; allowed: 'each', 'pooled', "),
        ({"baselines": ["aasist"]}, "unknown pretrained detector 'aasist'; allowed: aasist_2019, aasist_l_2019"),
        ({"conditions": ["opus"]}, "unknown condition 'opus'; allowed: amr_nb_12k2, "),
        (
            {"conditions": ["opus_6k"], "evaluation_sets": {"opus_6k": "~/x"}},
            "my.yaml: two columns of the matrix would be called 'opus_6k'",
        ),
        (
            {"detector": {"name": "aasist_2019"}},
            "my.yaml: detector: 'aasist_2019' is pretrained; use it as a baseline",
        ),
        ({"detector": {"name": "aasist", "training": "swa"}}, "unknown training 'swa'; allowed: default, published"),
        (
            {"codecs": ["dac_mini"], "train_sets": ["leave-one-family-out"]},
            "train_sets: leave-one-family-out: all codecs are of family 'dac'; two are needed",
        ),
        (
            {"device": "gpu"},
            "my.yaml: device: 'gpu' is not allowed; allowed: torch device: auto (CUDA where there is one), cpu, ",
        ),
        ({"codecs": []}, "my.yaml: codecs: [] is not allowed; allowed: a list of at least 1"),
        ({"codecs": ["dac_mini", "dac_mini"]}, "my.yaml: codecs: 'dac_mini' is named twice"),
        ({"codecs": ["enkodec"]}, "unknown codec 'enkodec'; allowed: SpeechTokenizer, academicodec_hifi_16k_320d, "),
        ({"codecs": ["identity"]}, "my.yaml: codecs: 'identity' is part of every run; leave it out"),
        ({"codecs": ["dac_mini", "pooled"]}, "my.yaml: codecs: 'pooled' is part of every run; leave it out"),
        ({"detector": {"name": "rawnet"}}, "unknown detector 'rawnet'; allowed: "),
        (
            {"detector": {"name": "lfcc_lcnn", "options": {"epoch": 3}}},
            "my.yaml: detector.options: lfcc_lcnn: unknown key 'epoch'; allowed: batch_size, crop_samples, epochs, ",
        ),
        (
            {"detector": {"name": "lfcc_lcnn", "options": {"epochs": 0}}},
            "my.yaml: detector.options: lfcc_lcnn.epochs: 0 is not allowed; allowed: at least 1",
        ),
        (
            {"corpus": {"name": "timit", "splits": {}}},
            "my.yaml: corpus.name: 'timit' is not allowed; allowed: codecfake, folder, vctk, voices",
        ),
        (corpus("folder"), "my.yaml: corpus: 'path' is missing"),
        (corpus("vctk"), "my.yaml: corpus: 'version' is missing"),
        (
            corpus("vctk", version="0.92"),
            "my.yaml: corpus: 'microphone' is missing; corpus vctk 0.92 needs it; allowed: mic1, mic2",
        ),
        (
            corpus("vctk", version="0.80", microphone="mic1"),
            "my.yaml: corpus: 'microphone': corpus vctk 0.80 has only one; leave it out",
        ),
        (corpus("voices", path="/x"), "my.yaml: corpus: unknown key 'path'; allowed: folds, name, on_bad_audio, "),
        (corpus("vctk", version=0.92), "my.yaml: corpus.version: 0.92 is not allowed; allowed: '0.80' or '0.92'"),
        (corpus("voices", folds={"count": 5, "eval": 0}), "my.yaml: corpus: exactly one of 'splits' and 'folds'"),
        ({"corpus": {"name": "voices"}}, "my.yaml: corpus: exactly one of 'splits' and 'folds' is needed"),
        (
            {"corpus": {"name": "voices", "folds": {"count": 5, "eval": 5}}},
            "my.yaml: corpus.folds: eval: 5 of 5; allowed: 0 to 4",
        ),
        (
            {"corpus": {"name": "voices", "folds": {"count": 5, "eval": 0}, "utterances_per_speaker": {"dev": 1}}},
            "my.yaml: corpus: utterances_per_speaker: with folds, one number for all splits",
        ),
        (
            {"recipe": "tidy"},
            "my.yaml: recipe: 'tidy' is not allowed; allowed: published, clean, raw or matched, or a list of them",
        ),
        ({"recipe": ["clean", "clean"]}, "my.yaml: recipe: ['clean', 'clean'] is not allowed"),
        (
            {"recipe": "clean", "matched": {"trim_silence": True}},
            "my.yaml: matched: has no effect with recipe clean; leave it out",
        ),
        (
            {"recipe": "matched", "matched": {"bandwidth_hz": 9000}},
            "my.yaml: matched.bandwidth_hz: 9000 is not allowed; allowed: less than 8000",
        ),
        ({"source": "published"}, "my.yaml: source: published with corpus 'voices'; allowed: codecfake"),
        (
            {"source": "published", "recipe": "clean", **corpus("codecfake", path="p")},
            "my.yaml: recipe: 'clean' with source published; allowed: published, matched",
        ),
        (corpus("codecfake"), "my.yaml: corpus: 'path' is missing"),
        ({"tracing": ["speaker"]}, "my.yaml: tracing.0: 'speaker' is not allowed; allowed: 'codec' or 'family'"),
        (
            corpus("voices", on_bad_audio="ignore"),
            "corpus.on_bad_audio: 'ignore' is not allowed; allowed: 'fail' or 'skip'",
        ),
        (
            {"corpus": {"name": "voices", "splits": {"test": ["a"]}}},
            "my.yaml: corpus.splits: unknown key 'test'; allowed: dev, eval, train",
        ),
        ({"shards": 2.0}, "my.yaml: shards: 2.0 is not allowed; allowed: a whole number"),
        ({"shards": True}, "my.yaml: shards: True is not allowed; allowed: a whole number"),
        ({"offline": "yes"}, "my.yaml: offline: 'yes' is not allowed; allowed: true or false"),
        ({"detector": "aasist"}, "my.yaml: detector: 'aasist' is not allowed; allowed: keys with values"),
        ({"corpus": 7}, "my.yaml: corpus: 7 is not allowed; allowed: keys with values"),
        ({"codecs": [16]}, "my.yaml: codecs.0: 16 is a number, where a name is needed: quote it, as '16'"),
        (
            {"corpus": {"name": "voices", "splits": {"dev": [226]}}},
            "my.yaml: corpus.splits.dev.0: 226 is a number, where a name is needed: quote it, as '226'",
        ),
        (
            {"evaluation_sets": {"a b": "~/x"}},
            "my.yaml: evaluation_sets: 'a b' is not allowed; allowed: further columns",
        ),
    ],
    ids=lambda value: None if isinstance(value, dict) else value.split(": ", 1)[-1][:40],
)
def test_invalid_run_is_refused_with_allowed_values(run, change, message):
    with pytest.raises(ConfigError) as error:
        config.resolve({**run, **change}, "my.yaml")
    assert message in str(error.value)


def test_a_missing_key_is_named(run):
    del run["codecs"]
    with pytest.raises(ConfigError, match=r"my\.yaml: top level: 'codecs' is missing"):
        config.resolve(run, "my.yaml")


def test_all_problems_are_reported_at_once(run):
    with pytest.raises(ConfigError) as error:
        config.resolve({**run, "shards": 0, "device": "gpu"}, "my.yaml")
    assert [line.split(": ")[1] for line in str(error.value).splitlines()] == ["device", "shards"]


def test_resolve_does_not_modify_its_input(run):
    before = copy.deepcopy(run)
    config.resolve(run)
    assert run == before


@pytest.mark.parametrize("name", ["gone.yaml", "folder"])
def test_unreadable_file_is_named(tmp_path, name):
    (tmp_path / "folder").mkdir()
    with pytest.raises(ConfigError, match=rf"{name}: cannot be read \("):
        config.read_run(tmp_path / name)


@pytest.mark.parametrize("content", [b"codecs: [a", b"\tseed: 1", b"run: \xff"], ids=["bracket", "tab", "latin1"])
def test_invalid_yaml_is_refused_by_name(tmp_path, content):
    path = tmp_path / "my.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"my\.yaml: not valid YAML \("):
        config.read_run(path)


@pytest.mark.parametrize("content", ["", "- 1\n", "text"])
def test_yaml_without_keys_is_refused(tmp_path, content):
    path = tmp_path / "my.yaml"
    path.write_text(content)
    with pytest.raises(ConfigError, match=r"my\.yaml: top level: .* is not allowed; allowed: keys with values"):
        config.read_run(path)


SPLITS = {"dev": ["a"], "eval": ["b"]}


@pytest.mark.parametrize(
    ("section", "decides"),
    [
        ({"splits": SPLITS}, False),
        ({"folds": {"count": 3, "eval": 0}}, False),
        ({"splits": SPLITS, "utterances_per_speaker": 5, "speakers": ["a", "b", "c"]}, False),
        ({"splits": SPLITS, "utterances_per_speaker": {"train": 5}}, True),
        ({"splits": SPLITS, "speakers": 7}, True),
        ({"folds": {"count": 3, "eval": 0}, "speakers": 7, "utterances_per_speaker": 5}, False),
    ],
)
def test_listing_depends_on_splits_only_if_the_selection_does(section, decides):
    listed = config.listed({"name": "voices", **section})
    left_out = set() if decides else {"splits", "folds"}
    assert set(listed) == {"name", *section} - left_out


@pytest.mark.parametrize("content", ["run: a\nrun: b\n", "corpus:\n  name: voices\n  splits: {}\n  name: vctk\n"])
def test_a_duplicate_key_is_refused(tmp_path, content):
    (tmp_path / "my.yaml").write_text(content)
    with pytest.raises(ConfigError, match=r"my\.yaml: not valid YAML \(duplicate key '(run|name)'"):
        config.read_run(tmp_path / "my.yaml")


def test_omitted_keys_get_their_defaults():
    run = config.resolve({"run": "r", "corpus": {"name": "voices", "splits": {}}, "codecs": ["dac_mini"]})
    assert (run["seeds"], run["shards"], run["recipes"], run["device"]) == ([1234], 64, ["clean"], "auto")
    assert run["train_sets"] == ["each", "pooled"]
    assert run["detector"] == {"name": "aasist_l", "training": "default", "options": {}, "gpus": 1}
    assert run["corpus"]["on_bad_audio"] == "fail"


MODELS = [RunConfig, DetectorSection, Matching, CodecEntry, Level, Licence, Taxonomy, DetectorEntry, DetectorFiles]
MODELS += [TrainingSettings, CodecTraining, Download, Debian]
MODELS += [*map(corpora.options_of, NAMED), *map(detectors.options_of, detectors.names())]


@pytest.mark.parametrize("model", MODELS)
def test_every_key_has_a_description(model):
    assert all(field.description for field in model.model_fields.values())


SHA256 = "0" * 64
TABLE_OF = {
    "codecs": (CodecEntry, "dac_mini"),
    "detectors": (DetectorEntry, "lfcc_lcnn"),
    "training": (TrainingSettings, "default"),
}


@pytest.mark.parametrize(
    ("table", "change", "message"),
    [
        ("codecs", {"hop": 0}, "a.hop: 0 is not allowed; allowed: at least 1"),
        ("codecs", {"hop": 320.0}, "a.hop: 320.0 is not allowed; allowed: a whole number"),
        ("codecs", {"delay": [0]}, "a.delay: [0] is not allowed; allowed: a list of at least 2"),
        ("codecs", {"delay": [0, 1, 2]}, "a.delay: [0, 1, 2] is not allowed; allowed: a list of at most 2"),
        ("codecs", {"level": {"peak": 0.9, "loudness": -20}}, "a.level: exactly one of 'peak' and 'loudness'"),
        ("codecs", {"level": {"peak": 1.1}}, "a.level.peak: 1.1 is not allowed; allowed: at most 1"),
        ("codecs", {"taxonomy": {"decoder": "phase"}}, "a.taxonomy: 'auxiliary' is missing"),
        ("codecs", {"length": "output"}, "a.length: 'output' is not allowed; allowed: 'input'"),
        ("codecs", {"bitrate": 3}, "a: unknown key 'bitrate'; allowed: bandwidth_kbps, citation, "),
        ("detectors", {"sample_rate": 8000}, "a.sample_rate: 8000 is not allowed; allowed: 16000"),
        ("detectors", {"files": {"weights": "x"}}, "a.files: unknown key 'weights'; allowed: checkpoint, front_end"),
        ("training", {"class_weights": "even"}, "a.class_weights: 'even' is not allowed; allowed: 'equal' or "),
        ("training", {"clip": 0}, "a.clip: 0 is not allowed; allowed: more than 0"),
        ("training", {"amp": "no"}, "a.amp: 'no' is not allowed; allowed: true or false"),
    ],
)
def test_invalid_table_entry_is_refused_with_allowed_values(table, change, message):
    model, name = TABLE_OF[table]
    entry = {**TABLES[table]()[name], **change}
    with pytest.raises(ConfigError) as error:
        checked_table(model, {"a": entry}, "my.yaml")
    assert f"my.yaml: {message}" in str(error.value)


def test_codec_requires_a_taxonomy():
    entry = {key: value for key, value in CODECS["dac_mini"].items() if key != "taxonomy"}
    with pytest.raises(ConfigError, match=r"my\.yaml: a: 'taxonomy' is missing"):
        checked_table(CodecEntry, {"a": entry}, "my.yaml")
    assert checked_table(CodecEntry, {"identity": CODECS["identity"]}, "my.yaml")


@pytest.mark.parametrize(
    "entry",
    [
        {"licence": "MIT"},
        {"licence": "MIT", "urls": ["https://a/b"], "repository": True, "bytes": 1, "sha256": SHA256},
        {"licence": "MIT", "repository": True, "bytes": 1},
        {"licence": "MIT", "debian": {"path": "pool/a.deb", "sha1": "0" * 40}, "sha256": SHA256},
    ],
)
def test_download_requires_exactly_one_source(entry):
    with pytest.raises(ConfigError, match=r"my\.yaml: a/b\.pt: one of urls; debian, bytes and sha256; repository, "):
        checked_table(Download, {"a/b.pt": entry}, "my.yaml", special="._-/")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "top level: None is not allowed; allowed: names with entries"),
        ({16: {}}, "16 is not text, but a name is needed: quote it, as '16'"),
        ({"a b": {}}, "'a b' is not a valid name; allowed: letters, digits, . _ -"),
        ({"a": 3}, "a: 3 is not allowed; allowed: keys with values"),
    ],
)
def test_malformed_table_is_refused(content, message):
    with pytest.raises(ConfigError) as error:
        checked_table(TrainingSettings, content, "my.yaml")
    assert f"my.yaml: {message}" in str(error.value)


@pytest.mark.parametrize(
    ("detector", "options", "message"),
    [
        ("lfcc_lcnn", {"module": "lcnn"}, "lfcc_lcnn.module: 'lcnn' is not allowed; allowed: aasist, lfcc_lcnn, "),
        ("lfcc_lcnn", {"model": {"width": 1.0}}, "lfcc_lcnn.model: 'dropout' is missing"),
        ("rawnet2", {"crop_samples": 3000}, "rawnet2.crop_samples: 3000 is not allowed; allowed: at least 3211"),
        ("aasist", {"crop_samples": 1000}, "aasist.crop_samples: 1000 is not allowed; allowed: at least 1600"),
        ("rawnet2", {"files": {"front_end": "x"}}, "rawnet2.files: rawnet2 has no front end; leave 'front_end' out"),
    ],
)
def test_allowed_options_depend_on_the_detector_module(run, detector, options, message):
    with pytest.raises(ConfigError) as error:
        config.resolve({**run, "detector": {"name": detector, "options": options}}, "my.yaml")
    assert f"my.yaml: detector.options: {message}" in str(error.value)


def test_front_end_size_must_be_a_multiple_of_16(run):
    model = copy.deepcopy(config.detectors()["ssl_aasist"]["model"])
    model["front_end"]["features"] = 1000
    with pytest.raises(ConfigError, match=r"ssl_aasist\.model\.front_end\.features: 1000 .* a multiple of 16"):
        config.resolve({**run, "detector": {"name": "ssl_aasist", "options": {"model": model}}}, "my.yaml")
