"""YAML files, checked against the schemas of workflow/schemas."""

import json
from pathlib import Path

import jsonschema
import yaml

from codecfake.util.errors import ConfigError
from codecfake.util.files import REPOSITORY

CONFIG = REPOSITORY / "config"
SCHEMAS = REPOSITORY / "workflow" / "schemas"


def read_yaml(path: Path, schema: str) -> dict:
    """A YAML file, checked against `workflow/schemas/<schema>.schema.json`.

    Raises:
        ConfigError: it is missing, is no YAML, or breaks the schema.
    """
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid YAML ({' '.join(str(error).split())})") from None
    return check(content, schema, str(path))


def check(content: dict, schema: str, name: str) -> dict:
    """Return `content` if it fits the schema; `name` stands for it in errors.

    Raises:
        ConfigError: an unknown or missing key, or a value that is not allowed, with what is allowed.
    """
    validator = jsonschema.Draft202012Validator(
        json.loads((SCHEMAS / f"{schema}.schema.json").read_text(encoding="utf-8"))
    )
    problems = [_explain(error) for error in validator.iter_errors(content)]
    if problems:
        raise ConfigError("\n".join(f"{name}: {problem}" for problem in sorted(problems)))
    return content


def _explain(error: jsonschema.ValidationError) -> str:
    where = ".".join(map(str, error.absolute_path)) or "top level"
    if error.validator == "additionalProperties":
        allowed = sorted(error.schema.get("properties", {}))
        unknown = sorted(set(error.instance) - set(allowed))
        return f"{where}: unknown key {', '.join(map(repr, unknown))}; allowed: {', '.join(allowed)}"
    if error.validator == "oneOf":
        return f"{where}: {error.instance!r} is not allowed; allowed: {error.schema['description']}"
    return f"{where}: {error.message}"
