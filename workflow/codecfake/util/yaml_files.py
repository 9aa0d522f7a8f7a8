"""Read YAML files and check them against the schemas of workflow/schemas."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from codecfake.util.errors import ConfigError
from codecfake.util.files import REPOSITORY

CONFIG = REPOSITORY / "config"
SCHEMAS = REPOSITORY / "workflow" / "schemas"


class _Loader(yaml.SafeLoader):
    """Loader that refuses duplicate keys, of which YAML would silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        seen = set()
        for key in (key for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"):
            if (name := self.construct_object(key, deep=True)) in seen:
                raise yaml.MarkedYAMLError(problem=f"key {name!r} is there twice", problem_mark=key.start_mark)
            seen.add(name)
        return super().construct_mapping(node, deep)


def load_yaml(path: Path) -> Any:
    """Return the content of a YAML file.

    Raises:
        ConfigError: the file is missing, is not valid YAML, or has a duplicate key.
    """
    try:
        return yaml.load(Path(path).read_text(encoding="utf-8"), _Loader)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid YAML ({' '.join(str(error).split())})") from None


def read_yaml(path: Path, schema: str) -> dict:
    """Read a YAML file and check it against `workflow/schemas/<schema>.schema.json`.

    Raises:
        ConfigError: see `load_yaml`; or the content violates the schema.
    """
    return check(load_yaml(path), schema, str(path))


def check(content: dict, schema: str, name: str) -> dict:
    """Return `content` if it fits the schema; errors refer to it as `name`.

    Raises:
        ConfigError: names every unknown or missing key and every invalid value, with the values allowed.
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
