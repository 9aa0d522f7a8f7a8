"""The generated pages of the documentation, and the JSON schema of a run's config."""

import importlib.util
import json
import re

import jsonschema
import pytest

from codecfake.util.files import REPOSITORY
from codecfake.util.source_code import PACKAGE
from codecfake.util.yaml_files import CONFIG, load_yaml

SPEC = importlib.util.spec_from_file_location("make_reference", REPOSITORY / "docs/make_reference.py")
make_reference = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(make_reference)
SCHEMA = json.loads((REPOSITORY / make_reference.SCHEMA).read_text(encoding="utf-8"))


@pytest.mark.parametrize(("path", "text"), make_reference.pages().items(), ids=make_reference.pages())
def test_committed_page_equals_the_generated_one(path, text):
    assert (REPOSITORY / path).read_text(encoding="utf-8") == text, f"{path} differs from the code; run `make docs`"
    assert "<!--" not in text


def test_reference_describes_every_table():
    defined = [path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")]
    names = {
        name for text in defined for name in re.findall(r"^class ([A-Z]\w+)\((?:tables\.)?Table\)", text, re.MULTILINE)
    }
    tables = make_reference.tables()
    assert names <= set(tables)
    described = re.findall(r"^## (\w+)$", make_reference.files_page(), re.MULTILINE)
    assert sorted(described) == sorted(tables)


@pytest.mark.parametrize("name", ["demo", "config", "vctk_part"])
def test_config_is_valid_against_the_schema(name):
    jsonschema.validate(load_yaml(CONFIG / f"{name}.yaml"), SCHEMA)


@pytest.mark.parametrize("section", [[], ["corpus"], ["detector"]], ids=["run", "corpus", "detector"])
def test_unknown_key_is_invalid_against_the_schema(section):
    config = load_yaml(CONFIG / "demo.yaml")
    place = config
    for key in section:
        place = place[key]
    place["unknown"] = 1
    with pytest.raises(jsonschema.ValidationError, match="unknown"):
        jsonschema.validate(config, SCHEMA)
