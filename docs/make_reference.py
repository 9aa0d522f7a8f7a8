"""Write the pages of docs/reference and the JSON schema of a run's config from the code. `make docs` calls it."""

import argparse
import functools
import importlib
import inspect
import json
import os
import re
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from unittest import mock

from pydantic import BaseModel

from codecfake import corpora, detectors
from codecfake.cli.main import RULE_VERBS, VERBS, parser
from codecfake.corpora.options import CorpusOptions
from codecfake.data.tables import Table
from codecfake.fetch.entries import Download
from codecfake.pipeline.entries import CodecEntry, DetectorEntry, TrainingSettings
from codecfake.pipeline.schema import RunConfig
from codecfake.quality.fidelity import MEASURES
from codecfake.training.codec_settings import CodecTraining, Phases
from codecfake.trials import conditions

REPOSITORY = Path(__file__).resolve().parents[1]
SCHEMA = "workflow/schemas/config.schema.json"
#: Modules of tables; every table has a place in docs/heads/files.md.
TABLE_MODULES = (
    *("corpora.tables", "trials.protocol", "evaluation.tables", "evaluation.source_tracing", "audit.cues"),
    *("audit.comparison", "audit.probe", "audit.summary", "quality.fidelity", "quality.summary"),
)
#: Types of JSON schemas and of columns, by their first letters.
KIND = {"int": "whole number", "num": "number", "flo": "number", "boo": "true, false", "str": "text", "obj": "section"}


def cell(text: str) -> str:
    """Escape text for a Markdown table, except in code."""
    escaped = re.sub(r"`[^`]*`|[*<]", lambda found: {"*": r"\*", "<": "&lt;"}.get(found[0], found[0]), text)
    return " ".join(escaped.replace("|", r"\|").split())


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table."""
    lines = [list(head), ["---"] * len(list(head)), *(map(cell, row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def code(values: Iterable[object]) -> str:
    return ", ".join(f"`{value}`" for value in values)


def commands() -> dict[str, argparse.ArgumentParser]:
    """Return the parsers of all verbs, with no default taken from this machine."""
    with mock.patch.dict(os.environ, clear=True), mock.patch("os.cpu_count", return_value="number of CPU cores"):
        verbs = next(action for action in parser()._actions if action.dest == "verb")
    return verbs.choices


def page(name: str, **parts: str) -> str:
    """Fill the placeholders of a page's text in docs/heads."""
    text = (REPOSITORY / f"docs/heads/{name}.md").read_text(encoding="utf-8")
    for part, content in parts.items():
        text = text.replace(f"<!-- {part} -->", content)
    return text


def cli_page() -> str:
    found = commands()
    rules = ((f"`{name}`", found[name].description.split("\n")[0]) for name in RULE_VERBS)
    verbs = "\n\n".join(verb_section(name, found[name]) for name in VERBS)
    return page("cli", verbs=verbs, rules=table(("verb", "what it does"), rules))


def verb_section(name: str, verb: argparse.ArgumentParser) -> str:
    parts = [f"## {name}", verb.description.strip(), f"```text\n{usage(verb)}\n```"]
    if options := [option(action) for action in verb._actions if action.dest != "help"]:
        parts.append(table(("option", "meaning", "values"), options))
    return "\n\n".join([*parts, f"```sh\n{verb.epilog.removeprefix('example: ')}\n```"])


def usage(verb: argparse.ArgumentParser) -> str:
    """Return the usage, wrapped between options: the same on every terminal and with every Python."""
    verb.formatter_class = functools.partial(argparse.HelpFormatter, width=10_000)
    verb.color = False
    line = re.sub(r"\[[^\]]*\]", lambda found: found[0].replace(" ", "\0"), verb.format_usage().removeprefix("usage: "))
    return textwrap.fill(line, 100, subsequent_indent="    ", break_on_hyphens=False).replace("\0", " ")


def option(action: argparse.Action) -> tuple[str, str, str]:
    """Return name, meaning, and allowed values with the default."""
    value = action.metavar or (action.dest.upper() if action.option_strings else action.dest)
    names = " ".join([", ".join(action.option_strings), "" if action.nargs == 0 or action.choices else value]).strip()
    meaning, _, default = (action.help or "").removesuffix(")").partition(" (default: ")
    meaning = meaning if default else action.help or ""
    if action.nargs != 0 and not default:
        default = "" if action.default is None else str(action.default)
    values = [code(action.choices or []), "required" if action.required else default and f"default: {default}"]
    return f"`{names}`", meaning, "; ".join(filter(None, values))


def config_schema() -> dict:
    """Return the JSON schema of a run's config; the options of each corpus are one alternative of `corpus`."""
    schema = RunConfig.model_json_schema()
    alternatives = []
    for name in corpora.names():
        module = importlib.import_module(f"codecfake.corpora.{name}")
        alternative = module.Options.model_json_schema()
        schema["$defs"] |= alternative.pop("$defs")
        alternatives.append({**alternative, "title": name, "description": inspect.getdoc(module)})
    described = schema["properties"]["corpus"]["description"]
    schema["properties"]["corpus"] = {"oneOf": alternatives, "description": described}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "config of a run"}


def config_page() -> str:
    schema, common = config_schema(), CorpusOptions.model_json_schema()
    sections = []
    for corpus in schema["properties"]["corpus"]["oneOf"]:
        own = {key: value for key, value in corpus["properties"].items() if value != common["properties"].get(key)}
        rows = key_table({**corpus, "properties": own}, schema["$defs"], "corpus.")
        sections.append(f"### {corpus['title']}\n\n{corpus['description']}\n\n{rows}")
    shared = key_table(common, common["$defs"], "corpus.")
    main = key_table(schema, schema["$defs"])
    return page("config", keys=main, common=shared, corpora="\n\n".join(sections), **table_keys())


def table_keys() -> dict[str, str]:
    """Return the keys of the tables of config/, by the placeholder in the page's text."""
    models = {name: detectors.options_of(name) for name in detectors.names()}
    return {
        "codecs": model_keys(CodecEntry),
        "detectors": model_keys(DetectorEntry),
        "models": "\n\n".join(titled(f"`{name}`", model, "model.") for name, model in models.items()),
        "training": model_keys(TrainingSettings),
        "conditions": "\n\n".join(titled(f"`{name}`", kind) for name, kind in conditions.KINDS.items()),
        "downloads": model_keys(Download),
        "codec_training": model_keys(CodecTraining),
        "codec_phases": model_keys(Phases),
    }


def titled(title: str, model: type[BaseModel], prefix: str = "") -> str:
    """Return the keys of a model under its title and description."""
    return f"{title}: {inspect.getdoc(model)}\n\n{model_keys(model, prefix)}"


def model_keys(model: type[BaseModel], prefix: str = "") -> str:
    schema = model.model_json_schema()
    return key_table(schema, schema.get("$defs", {}), prefix)


def key_table(section: dict, sections: dict, prefix: str = "") -> str:
    return table(("key", "type", "default", "meaning"), keys(section, sections, prefix))


def keys(section: dict, sections: dict, prefix: str = "") -> Iterator[tuple[str, str, str, str]]:
    """Yield key, type, default and meaning of each key of a section and of the sections in it."""
    for name, value in section["properties"].items():
        nested = [one["$ref"].split("/")[-1] for one in value.get("anyOf", [value]) if "$ref" in one]
        default = "required"
        if name not in section.get("required", []):
            default = "none" if value.get("default") is None else f"`{json.dumps(value['default'])}`"
        if nested and isinstance(value.get("default"), dict):
            default = "see its keys"
        yield f"`{prefix}{name}`", kind(value), default, value["description"]
        for one in nested:
            yield from keys(sections[one], sections, f"{prefix}{name}.")


def kind(value: dict) -> str:
    """Return the type of a value of a JSON schema in words."""
    if "anyOf" in value:
        return " or ".join(kind(one) for one in value["anyOf"] if one.get("type") != "null")
    if "enum" in value or "const" in value:
        return code(value.get("enum") or [value["const"]])
    if "$ref" in value or "oneOf" in value:
        return "section"
    if value["type"] == "array":
        return f"list of {kind(value['items'])}"
    words = {
        "minimum": "at least",
        "exclusiveMinimum": "more than",
        "maximum": "at most",
        "exclusiveMaximum": "less than",
    }
    bounds = ", ".join(f"{word} {value[key]:g}" for key, word in words.items() if key in value)
    return KIND[value["type"][:3]] + (bounds and f" ({bounds})")


def tables() -> dict[str, type[Table]]:
    """Return the tables that the modules define, by name."""
    modules = [importlib.import_module(f"codecfake.{name}") for name in TABLE_MODULES]
    found = [one for module in modules for one in vars(module).values() if inspect.isclass(one)]
    return {
        one.__name__: one for one in found if issubclass(one, Table) and one.__name__[0] != "_" and one is not Table
    }


def files_page() -> str:
    measures = table(("measure", "value"), ((f"`{name}`", text) for name, text in MEASURES.items()))
    return page("files", measures=measures, **{name: table_section(model) for name, model in tables().items()})


def table_section(model: type[Table]) -> str:
    rows = (column(*one) for one in model.to_schema().columns.items())
    return f"{inspect.cleandoc(model.__doc__)}\n\n{table(('column', 'type', 'meaning'), rows)}"


def column(name: str, described) -> tuple[str, str, str]:
    """Return name, type and meaning of a column; a pattern stands for several names."""
    shown = re.sub(r"[\\^$]", "", name).replace(".+", "…") if described.regex else name
    allowed = next((check.statistics["allowed_values"] for check in described.checks if check.name == "isin"), None)
    words = code(allowed) if allowed else KIND[str(described.dtype)[:3]]
    return f"`{shown}`", f"{words}{', or empty' if described.nullable else ''}", described.description


def pages() -> dict[str, str]:
    """Return the text of every generated file by its path in the repository."""
    return {
        "docs/reference/cli.md": cli_page(),
        "docs/reference/config.md": config_page(),
        "docs/reference/files.md": files_page(),
        SCHEMA: json.dumps(config_schema(), indent=2, sort_keys=True, ensure_ascii=False) + "\n",
    }


if __name__ == "__main__":
    for path, text in pages().items():
        (REPOSITORY / path).parent.mkdir(parents=True, exist_ok=True)
        (REPOSITORY / path).write_text(text, encoding="utf-8")
