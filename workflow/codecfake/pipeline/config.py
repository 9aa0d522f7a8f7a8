"""Read and validate the YAML files of config/. Only the CLI and the Snakefile use this module."""

from collections import Counter
from pathlib import Path

from codecfake import corpora
from codecfake import detectors as models
from codecfake.fetch import download
from codecfake.pipeline.entries import CodecEntry, DetectorEntry, TrainingSettings
from codecfake.pipeline.schema import RunConfig
from codecfake.trials.conditions import checked as checked_condition
from codecfake.trials.train_sets import train_sets
from codecfake.util.choices import allowed
from codecfake.util.constants import IDENTITY, MATCHED, POOLED, RANDOM, TRIVIAL
from codecfake.util.errors import ConfigError
from codecfake.util.validation import read_table, validated
from codecfake.util.yaml_files import CONFIG, load_yaml


def codecs() -> dict[str, dict]:
    """Return the entries of codecs.yaml, by codec name."""
    return read_table(CodecEntry, CONFIG / "codecs.yaml")


def hops() -> list[int]:
    """Return the hops of the codecs of codecs.yaml, in samples at their sample rates; clip lengths may be multiples."""
    return sorted({entry["hop"] for name, entry in codecs().items() if name != IDENTITY})


def detectors() -> dict[str, dict]:
    """Return the entries of detectors.yaml, by detector name."""
    table = read_table(DetectorEntry, CONFIG / "detectors.yaml")
    for name, entry in table.items():
        _check_module(entry, "detectors.yaml", name)
    return table


def check_detector(entry: dict, name: str, at: str) -> None:
    """Check a detector's entry, including what depends on its module; see `validated`.

    Raises:
        ConfigError: the module is unknown, a key is missing or unknown, or a value is invalid.
    """
    validated(DetectorEntry, entry, name, at)
    _check_module(entry, name, at)


def _check_module(entry: dict, name: str, at: str) -> None:
    """Check the part of a detector's entry that depends on its module."""
    if entry["module"] not in models.names():
        known = allowed(entry["module"], models.names())
        raise ConfigError(f"{name}: {at}.module: {entry['module']!r} is not allowed; {known}")
    options = models.options_of(entry["module"])
    validated(options, entry["model"], name, f"{at}.model")
    if entry["crop_samples"] < options.min_crop_samples:
        raise ConfigError(
            f"{name}: {at}.crop_samples: {entry['crop_samples']} is not allowed; "
            f"allowed: at least {options.min_crop_samples}"
        )
    if "front_end" in entry.get("files", {}) and not options.has_front_end:
        raise ConfigError(f"{name}: {at}.files: {entry['module']} has no front end; leave 'front_end' out")


def conditions() -> dict[str, dict]:
    """Return the entries of conditions.yaml, by condition name."""
    table = load_yaml(CONFIG / "conditions.yaml")
    return {name: checked_condition(entry, "conditions.yaml", name).model_dump() for name, entry in table.items()}


def training() -> dict[str, dict]:
    """Return the training settings of training.yaml, by name."""
    return read_table(TrainingSettings, CONFIG / "training.yaml")


def codec(name: str) -> dict:
    """Return a codec's entry, with each of its files replaced by `{"key", ...}` of downloads.yaml.

    Raises:
        ConfigError: the codec or a file of it is unknown.
    """
    return _with_files(entry(codecs(), name, "codec"), download.downloads())


def _with_files(found: dict, table: dict[str, dict]) -> dict:
    files = {role: {"key": key, **entry(table, key, "download")} for role, key in found["files"].items()}
    return {**found, "files": files}


def entry(table: dict[str, dict], name: str, what: str) -> dict:
    """Return one entry of a table.

    Raises:
        ConfigError: the table has no entry of that name.
    """
    if name not in table:
        raise ConfigError(f"unknown {what} {name!r}; {allowed(name, table)}")
    return table[name]


def resolve(run: dict, name: str = "config") -> dict:
    """Check a run's config and look up every name in it.

    Returns:
        `run` with defaults for missing keys, and with `codec_entries`, `detector_entry` (including its `options` and
        training settings), `condition_entries`, `baseline_entries` (pretrained detectors only), `seeds` and `recipes`
        added.

    Raises:
        ConfigError: the config violates its schema (`pipeline.schema`) or names an unknown entry.
    """
    checked = validated(RunConfig, run, name).model_dump(exclude_none=True)
    checked["corpus"] = check_corpus(run["corpus"], name)
    for reserved in (IDENTITY, POOLED):
        if reserved in checked["codecs"]:
            raise ConfigError(f"{name}: codecs: {reserved!r} is part of every run; leave it out")
    table, known, files = codecs(), detectors(), download.downloads()
    entries = {name: _with_files(entry(table, name, "codec"), files) for name in [IDENTITY, *checked["codecs"]]}
    described = conditions() if checked["conditions"] else {}
    baselines = [name for name in checked["baselines"] if name not in (RANDOM, TRIVIAL)]
    recipe = checked.get("recipe", "published" if checked["source"] == "published" else "clean")
    resolved = {
        **checked,
        "codec_entries": entries,
        "detector_entry": _trained_detector(checked["detector"], name, known, files),
        "condition_entries": {name: entry(described, name, "condition") for name in checked["conditions"]},
        "baseline_entries": {name: _pretrained(name, known, files) for name in baselines},
        "seeds": _listed(checked["seed"]),
        "recipes": _listed(recipe),
    }
    _check_names(resolved, name)
    _check_gpus(resolved, name)
    _check_source(resolved, name)
    return resolved


def _listed(value) -> list:
    return value if isinstance(value, list) else [value]


def _trained_detector(section: dict, name: str, known: dict[str, dict], files: dict[str, dict]) -> dict:
    """Return the entry of the detector that a run trains, with its files looked up."""
    options = {**entry(known, section["name"], "detector"), **section["options"]}
    check_detector(options, f"{name}: detector.options", section["name"])
    if "checkpoint" in options.get("files", {}):
        raise ConfigError(f"{name}: detector: {section['name']!r} is pretrained; use it as a baseline")
    settings = entry(training(), section["training"], "training")
    return {**_with_files({"files": {}, **options}, files), "training": settings}


def pretrained(name: str) -> dict:
    """Return the entry of a pretrained detector.

    Raises:
        ConfigError: the detector is unknown or has no published weights.
    """
    return _pretrained(name, detectors(), download.downloads())


def _pretrained(name: str, known: dict[str, dict], files: dict[str, dict]) -> dict:
    published = {key: value for key, value in known.items() if "checkpoint" in value.get("files", {})}
    return _with_files(entry(published, name, "pretrained detector"), files)


def _check_gpus(run: dict, name: str) -> None:
    """Refuse several GPUs per detector if the config names a single device."""
    count = run["detector"]["gpus"]
    if count > 1 and run["device"] not in ("auto", "cuda"):
        raise ConfigError(f"{name}: detector.gpus: {count} with device {run['device']!r}; allowed: auto, cuda")


def _check_source(run: dict, name: str) -> None:
    """Refuse recipes that the source of speech does not allow, and settings without effect."""
    if run["source"] == "published":
        if run["corpus"]["name"] != "codecfake":
            raise ConfigError(f"{name}: source: published with corpus {run['corpus']['name']!r}; allowed: codecfake")
        for recipe in sorted(set(run["recipes"]) - {"published", MATCHED}):
            raise ConfigError(f"{name}: recipe: {recipe!r} with source published; allowed: published, {MATCHED}")
    if "matched" in run and MATCHED not in run["recipes"]:
        raise ConfigError(f"{name}: matched: has no effect with recipe {', '.join(run['recipes'])}; leave it out")


def _check_names(run: dict, name: str) -> None:
    """Refuse two rows or two columns of the matrix with the same name."""
    rows = [*train_sets(run), *run["baselines"]]
    columns = [*run["codec_entries"], POOLED, *run["conditions"], *run["evaluation_sets"]]
    for kind, names in (("rows", rows), ("columns", columns)):
        twice = [one for one, count in Counter(names).items() if count > 1]
        if twice:
            raise ConfigError(f"{name}: two {kind} of the matrix would be called {twice[0]!r}")


def computed_with(entry: dict) -> dict:
    """Return the part of a codec's entry that determines its output, without descriptive keys."""
    return {key: value for key, value in entry.items() if key not in ("label", "taxonomy", "parameters", "citation")}


def check_corpus(section: dict, name: str) -> dict:
    """Check the corpus section of a config with the corpus's own model, and return it with defaults.

    Raises:
        ConfigError: the corpus is unknown, a key is missing or unknown, or a value is invalid.
    """
    try:
        model = corpora.options_of(section)
    except ConfigError as error:
        raise ConfigError(f"{name}: {error}") from None
    return validated(model, section, name, "corpus").model_dump(exclude_none=True)


def model_files(run: dict) -> dict[str, dict]:
    """Return the entries of downloads.yaml that a resolved run's codecs and detectors need, by key."""
    codecs = [] if run["source"] == "published" else run["codec_entries"].values()
    entries = [*codecs, run["detector_entry"], *run["baseline_entries"].values()]
    return {file["key"]: file for entry in entries for file in entry["files"].values()}


def require_files(run: dict) -> None:
    """Refuse an offline run whose files are missing.

    Raises:
        ConfigError: names each missing file, where to place it and its source.
    """
    if not run["offline"]:
        return
    places, table = download.Places.of(run), download.downloads()
    needed = {key: table[key] for key in corpora.files(run["corpus"], places)} | model_files(run)
    missing = [
        download.placing(key, entry, places)
        for key, entry in needed.items()
        if not entry.get("repository") and not places.addresses(key, entry) and places.local(key) is None
    ]
    if missing:
        raise ConfigError(
            "\n  ".join([f"offline: missing files: {len(missing)}. Place", *missing])
            + "\nor run `codecfake fetch` with this config on a machine with a network, and copy its cache here"
        )


def listed(section: dict) -> dict:
    """Return the part of a corpus section that determines its utterances; splits only if the choice depends on them."""
    decided = isinstance(section.get("utterances_per_speaker"), dict) or isinstance(section.get("speakers"), int)
    return {key: value for key, value in section.items() if key != "folds" and (decided or key != "splits")}


def read_run(path: Path) -> dict:
    """Read, check and resolve a run's config file; see `resolve`."""
    return resolve(load_yaml(path), str(path))
