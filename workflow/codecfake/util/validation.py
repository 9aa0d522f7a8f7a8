"""Config sections as pydantic models: unknown keys are refused, values are not converted, all problems are reported."""

import re
import types
from collections.abc import Hashable
from pathlib import Path
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo

from codecfake.util.errors import ConfigError
from codecfake.util.yaml_files import load_yaml

Item, Model = TypeVar("Item", bound=Hashable), TypeVar("Model", bound="Section")
#: Pattern of names that become a folder or file name.
NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"
#: Pydantic's bounds, and their wording in errors.
BOUNDS = {
    "ge": "at least",
    "gt": "more than",
    "le": "at most",
    "lt": "less than",
    "multiple_of": "a multiple of",
    "min_length": "a list of at least",
    "max_length": "a list of at most",
}
#: Pydantic's type errors, and the type that is allowed.
KINDS = {
    **dict.fromkeys(("int_type", "int_from_float"), "a whole number"),
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text",
    "list_type": "a list",
    **dict.fromkeys(("dict_type", "model_type"), "keys with values"),
}


class Section(BaseModel):
    """A section of a config. Every field has a description; optional fields have a default."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def _no_two_alike(items: list[Item]) -> list[Item]:
    for number, item in enumerate(items):
        if item in items[:number]:
            raise ValueError(f"{item!r} is named twice")
    return items


def one_of(*allowed: float) -> AfterValidator:
    """Return a validator that restricts a number to the allowed values."""

    def check(value: float) -> float:
        if value not in allowed:
            raise ValueError(f"{value:g} is not allowed; allowed: {', '.join(map(str, allowed))}")
        return value

    return AfterValidator(check)


#: Validator of a list whose items must differ.
Distinct = AfterValidator(_no_two_alike)
Names = Annotated[list[str], Distinct]


def validated(model: type[Model], content: Any, name: str, at: str = "") -> Model:
    """Validate a section and return it as its model.

    Args:
        name: name of the config, for errors.
        at: path of the section in the config; empty for the complete config.

    Raises:
        ConfigError: names every unknown or missing key and every invalid value, with the values allowed.
    """
    try:
        return model.model_validate(content)
    except ValidationError as errors:
        problems = dict.fromkeys(_explained(model, error, at) for error in errors.errors())
        raise ConfigError("\n".join(f"{name}: {problem}" for problem in sorted(problems))) from None


def read_table(model: type[Section], path: Path, special: str = "._-") -> dict[str, dict]:
    """Read a YAML file of entries and check it; see `checked_table`."""
    return checked_table(model, load_yaml(path), str(path), special)


def checked_table(model: type[Section], content: Any, name: str, special: str = "._-") -> dict[str, dict]:
    """Check every entry of a table, and return the table as it is.

    Args:
        name: name of the table's file, for errors.
        special: characters that the names of entries may contain besides letters and digits.

    Raises:
        ConfigError: see `validated`; a name is not text or has other characters; or the content is no table.
    """
    if not isinstance(content, dict):
        raise ConfigError(f"{name}: top level: {content!r} is not allowed; allowed: names with entries")
    allowed = re.compile(rf"[A-Za-z0-9][A-Za-z0-9{re.escape(special)}]*")
    problems = []
    for key, entry in content.items():
        if not isinstance(key, str):
            problems.append(f"{name}: {key!r} is not text, but a name is needed: quote it, as '{key}'")
        elif not allowed.fullmatch(key):
            problems.append(f"{name}: {key!r} is not a valid name; allowed: letters, digits, {' '.join(special)}")
        try:
            validated(model, entry, name, str(key))
        except ConfigError as error:
            problems.append(str(error))
    if problems:
        raise ConfigError("\n".join(problems))
    return content


def _explained(model: type[Section], error: dict, at: str) -> str:
    """Describe one of pydantic's errors: its place, the value found and the values allowed."""
    path, field, section = _place(model, error["loc"])
    where, key = _dotted(at, path), error["loc"][-1] if error["loc"] else ""
    found, limits = error["input"], error.get("ctx", {})
    match error["type"]:
        case "missing":
            return f"{_dotted(at, path[:-1])}: {key!r} is missing"
        case _ if field is not None and _has_forms(field):
            return f"{where}: {found!r} is not allowed; allowed: {field.description}"
        case "extra_forbidden":
            return f"{where}: unknown key {key!r}; allowed: {', '.join(sorted(section.model_fields))}"
        case "string_type" if isinstance(found, int | float):
            return f"{where}: {found!r} is a number, where a name is needed: quote it, as '{found}'"
        case "value_error":
            return f"{where}: {limits['error']}"
        case "literal_error":
            allowed = limits["expected"]
        case "string_pattern_mismatch":
            allowed = field.description
        case kind if kind in KINDS:
            allowed = KINDS[kind]
        case _:
            bounds = [f"{words} {limits[bound]}" for bound, words in BOUNDS.items() if bound in limits]
            allowed = " and ".join(bounds) or error["msg"]
    return f"{where}: {found!r} is not allowed; allowed: {allowed}"


def _dotted(at: str, path: list) -> str:
    return ".".join([*([at] if at else []), *map(str, path)]) or "top level"


def _place(model: type[Section], loc: tuple) -> tuple[list, FieldInfo | None, type[Section]]:
    """Return an error's path as written in the config, the field at its end, and the section of that field."""
    path: list = []
    field, section = None, model
    for part in loc:
        if isinstance(part, str) and part in section.model_fields:
            field = section.model_fields[part]
            path.append(part)
            if _has_forms(field):
                break
            section = next(_sections(field.annotation), section)
        elif isinstance(part, int):
            path.append(part)
    return path, field, section


def _has_forms(field: FieldInfo) -> bool:
    """Return whether a field allows values of several types, which its description lists."""
    return len([form for form in _forms(field.annotation) if form is not type(None)]) > 1


def _forms(annotation: Any) -> tuple:
    return get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)


def _sections(annotation: Any):
    """Yield the section models in an annotation."""
    for form in _forms(annotation):
        if isinstance(form, type) and issubclass(form, Section):
            yield form
