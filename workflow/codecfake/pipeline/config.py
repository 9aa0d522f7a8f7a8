"""Read and validate the YAML files of config/. Called by the CLI and the Snakefile, by nothing else."""

from collections import Counter
from pathlib import Path

from codecfake import corpora
from codecfake.fetch import download
from codecfake.pipeline.schema import RunConfig
from codecfake.trials.conditions import checked as checked_condition
from codecfake.trials.train_sets import train_sets
from codecfake.util.constants import IDENTITY, MATCHED, POOLED, RANDOM, TRIVIAL
from codecfake.util.errors import ConfigError
from codecfake.util.source_code import PACKAGE
from codecfake.util.validation import validated
from codecfake.util.yaml_files import CONFIG, check, load_yaml, read_yaml


def codecs() -> dict[str, dict]:
    """The entries of codecs.yaml, by codec name."""
    return read_yaml(CONFIG / "codecs.yaml", "codecs")


def hops() -> list[int]:
    """The hops of the codecs of codecs.yaml, in samples at their rates: of these their lengths may be multiples."""
    return sorted({entry["hop"] for name, entry in codecs().items() if name != IDENTITY})


def detectors() -> dict[str, dict]:
    """The entries of detectors.yaml, by detector name."""
    return _with_modules(read_yaml(CONFIG / "detectors.yaml", "detectors"), "detectors.yaml")


def _with_modules(table: dict[str, dict], name: str) -> dict[str, dict]:
    """Entries of detectors, whose modules are there; told without importing them, which takes seconds."""
    texts = {path.stem: path.read_text(encoding="utf-8") for path in sorted((PACKAGE / "detectors").glob("*.py"))}
    allowed = [module for module, text in texts.items() if "\nclass Model(" in text]
    for detector, found in table.items():
        if found["module"] not in allowed:
            raise ConfigError(
                f"{name}: {detector}.module: {found['module']!r} is not allowed; allowed: {', '.join(allowed)}"
            )
    return table


def conditions() -> dict[str, dict]:
    """The entries of conditions.yaml, by condition name."""
    table = load_yaml(CONFIG / "conditions.yaml")
    return {name: checked_condition(entry, "conditions.yaml", name).model_dump() for name, entry in table.items()}


def training() -> dict[str, dict]:
    """The recipes of training.yaml, by name."""
    return read_yaml(CONFIG / "training.yaml", "training")


def codec(name: str) -> dict:
    """One codec's entry, each of its files replaced by `{"key", ...}` of downloads.yaml.

    Raises:
        ConfigError: there is no such codec, or no such file.
    """
    return _with_files(entry(codecs(), name, "codec"), download.downloads())


def _with_files(found: dict, table: dict[str, dict]) -> dict:
    files = {role: {"key": key, **entry(table, key, "download")} for role, key in found["files"].items()}
    return {**found, "files": files}


def entry(table: dict[str, dict], name: str, what: str) -> dict:
    """One entry of a table.

    Raises:
        ConfigError: there is none of that name.
    """
    if name not in table:
        raise ConfigError(f"unknown {what} {name!r}; allowed: {', '.join(sorted(table))}")
    return table[name]


def resolve(run: dict, name: str = "config") -> dict:
    """A run's config, checked, with every name in it looked up.

    Returns:
        `run` with the defaults of what it leaves out, and `codec_entries`, `detector_entry` (with its `options` and
        recipe of training merged in), `condition_entries`, `baseline_entries` (of those that are detectors), `seeds`
        and `recipes` added.

    Raises:
        ConfigError: the config breaks its schema (`pipeline.schema`) or names what does not exist.
    """
    checked = validated(RunConfig, run, name).model_dump(exclude_none=True)
    checked["corpus"] = check_corpus(run["corpus"], name)
    for reserved in (IDENTITY, POOLED):
        if reserved in checked["codecs"]:
            raise ConfigError(f"{name}: codecs: {reserved!r} is always there; leave it out")
    table, files = codecs(), download.downloads()
    entries = {name: _with_files(entry(table, name, "codec"), files) for name in [IDENTITY, *checked["codecs"]]}
    baselines = [name for name in checked["baselines"] if name not in (RANDOM, TRIVIAL)]
    recipe = checked.get("recipe", "published" if checked["source"] == "published" else "clean")
    resolved = {
        **checked,
        "codec_entries": entries,
        "detector_entry": _trained_detector(checked["detector"], name),
        "condition_entries": {name: entry(conditions(), name, "condition") for name in checked["conditions"]},
        "baseline_entries": {name: pretrained(name) for name in baselines},
        "seeds": _listed(checked["seed"]),
        "recipes": _listed(recipe),
    }
    _check_names(resolved, name)
    _check_gpus(resolved, name)
    _check_source(resolved, name)
    return resolved


def _listed(value) -> list:
    return value if isinstance(value, list) else [value]


def _trained_detector(section: dict, name: str) -> dict:
    """The entry of the detector that a run trains, its files looked up."""
    options = {**entry(detectors(), section["name"], "detector"), **section["options"]}
    _with_modules(
        check({section["name"]: options}, "detectors", f"{name}: detector.options"), f"{name}: detector.options"
    )
    if "checkpoint" in options.get("files", {}):
        raise ConfigError(f"{name}: detector: {section['name']!r} has been trained; it can be a baseline")
    recipe = entry(training(), section["training"], "training")
    return {**_with_files({"files": {}, **options}, download.downloads()), "training": recipe}


def pretrained(name: str) -> dict:
    """The entry of a detector that others have trained.

    Raises:
        ConfigError: there is no such detector, or it has to be trained first.
    """
    published = {key: value for key, value in detectors().items() if "checkpoint" in value.get("files", {})}
    return _with_files(entry(published, name, "pretrained detector"), download.downloads())


def _check_gpus(run: dict, name: str) -> None:
    """Refuse several GPUs for a detector where there is but one device."""
    count = run["detector"]["gpus"]
    if count > 1 and run["device"] not in ("auto", "cuda"):
        raise ConfigError(f"{name}: detector.gpus: {count} with device {run['device']!r}; allowed: auto, cuda")


def _check_source(run: dict, name: str) -> None:
    """Refuse recipes that do not go with where speech comes from, and what would have no effect."""
    if run["source"] == "published":
        if run["corpus"]["name"] != "codecfake":
            raise ConfigError(f"{name}: source: published with corpus {run['corpus']['name']!r}; allowed: codecfake")
        for recipe in sorted(set(run["recipes"]) - {"published", MATCHED}):
            raise ConfigError(f"{name}: recipe: {recipe!r} with source published; allowed: published, {MATCHED}")
    if "matched" in run and MATCHED not in run["recipes"]:
        raise ConfigError(f"{name}: matched: of no use to recipe {', '.join(run['recipes'])}; leave it out")


def _check_names(run: dict, name: str) -> None:
    """Refuse two rows or two columns of the matrix with one name."""
    rows = [*train_sets(run), *run["baselines"]]
    columns = [*run["codec_entries"], POOLED, *run["conditions"], *run["evaluation_sets"]]
    for kind, names in (("rows", rows), ("columns", columns)):
        twice = [one for one, count in Counter(names).items() if count > 1]
        if twice:
            raise ConfigError(f"{name}: two {kind} of the matrix would be called {twice[0]!r}")


def computed_with(entry: dict) -> dict:
    """What of a codec's entry decides its output: not what describes it."""
    return {key: value for key, value in entry.items() if key not in ("taxonomy", "parameters", "citation")}


def check_corpus(section: dict, name: str) -> dict:
    """The corpus section of a config, checked by the corpus's own model, with its defaults.

    Raises:
        ConfigError: no corpus has that name; a key is missing, unknown, or has a value that is not allowed.
    """
    try:
        model = corpora.options(section)
    except ConfigError as error:
        raise ConfigError(f"{name}: {error}") from None
    return validated(model, section, name, "corpus").model_dump(exclude_none=True)


def model_files(run: dict) -> dict[str, dict]:
    """The entries of downloads.yaml that a resolved run's codecs and detectors need, by key."""
    codecs = [] if run["source"] == "published" else run["codec_entries"].values()
    entries = [*codecs, run["detector_entry"], *run["baseline_entries"].values()]
    return {file["key"]: file for entry in entries for file in entry["files"].values()}


def require_files(run: dict) -> None:
    """Refuse an offline run for which files are missing.

    Raises:
        ConfigError: names each file, where to place it and where it comes from.
    """
    if not run["offline"]:
        return
    from codecfake import corpora
    from codecfake.fetch.download import Places, placing

    places, table = Places.of(run), download.downloads()
    needed = {key: table[key] for key in corpora.files(run["corpus"], places)} | model_files(run)
    missing = [
        placing(key, entry, places)
        for key, entry in needed.items()
        if not entry.get("repository") and not places.addresses(key, entry) and places.local(key) is None
    ]
    if missing:
        raise ConfigError(
            "\n  ".join([f"offline: missing files: {len(missing)}. Place", *missing])
            + "\nor run `codecfake fetch` with this config where there is a network, and bring its cache here"
        )


def listed(section: dict) -> dict:
    """What of a corpus section decides which utterances there are: not who is evaluated on, unless that decides."""
    decided = isinstance(section.get("utterances_per_speaker"), dict) or isinstance(section.get("speakers"), int)
    return {key: value for key, value in section.items() if key != "folds" and (decided or key != "splits")}


def read_run(path: Path) -> dict:
    """A run's config file, checked and resolved. See `resolve`."""
    return resolve(load_yaml(path), str(path))
