"""The source files on which a result depends: all those that its command imports, and no others."""

import ast

import pytest

from codecfake.cli.main import RULE_VERBS
from codecfake.util import source_code
from codecfake.util.source_code import PACKAGE, code_digest, source_files


def closure(*modules: str) -> set[str]:
    return {path.relative_to(PACKAGE).with_suffix("").as_posix() for path in source_files(*modules)}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """package(path, text): write a file of a package that replaces the real one."""
    folder = tmp_path / "codecfake"
    monkeypatch.setattr(source_code, "PACKAGE", folder)
    source_code._imports.cache_clear()

    def write(path: str, text: str) -> None:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)

    write("__init__.py", "")
    yield write
    source_code._imports.cache_clear()


def names(*modules: str) -> list[str]:
    return [path.relative_to(source_code.PACKAGE).as_posix() for path in source_files(*modules)]


def test_imports_inside_functions_are_followed(package):
    package(
        "cli/verb.py",
        "import os\ndef run():\n    from codecfake.data import one, other as alias\n    import codecfake.deep.down\n",
    )
    package("data/__init__.py", "from codecfake.data.base import THING\n")
    package("data/one.py", "from codecfake.data.two import name\nfrom codecfake.cli.verb import run\n")
    package("data/other.py", "")
    package("data/two.py", "name = 1")
    package("data/base.py", "THING = 1")
    package("data/apart.py", "")
    package("deep/down.py", "")
    expected = [
        "cli/verb.py",
        *(f"data/{name}.py" for name in ("__init__", "base", "one", "other", "two")),
        "deep/down.py",
    ]
    assert names("cli/verb") == expected


def test_modules_that_cannot_change_a_result_are_excluded_with_their_imports(package):
    package(
        "cli/verb.py",
        "from codecfake.util.errors import A\nfrom codecfake.fetch import http\nfrom codecfake.util import files\n",
    )
    package("util/errors.py", "from codecfake.data import one")
    package("util/files.py", "")
    package("fetch/http.py", "from codecfake.data import one")
    package("data/one.py", "")
    assert names("cli/verb") == ["cli/verb.py"]


def test_missing_module_is_an_error():
    with pytest.raises(FileNotFoundError, match=r"detectors/nothing\.py"):
        source_files("detectors/nothing")


def test_digest_covers_exactly_the_closure(package):
    package("cli/verb.py", "from codecfake.data import one")
    package("data/one.py", "")
    package("data/apart.py", "")
    digests = [code_digest("cli/verb")]
    for path, text in (
        ("data/apart.py", "x = 1"),
        ("data/one.py", "# a comment"),
        ("cli/verb.py", "from codecfake.data import one, apart"),
    ):
        package(path, text)
        source_code._imports.cache_clear()
        digests.append(code_digest("cli/verb"))
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


def test_only_known_modules_import_dynamically():
    """Exceptions: modules chosen in the config, and makers of waveforms, which are covered by their descriptions."""
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "import_module"
    }
    assert found == {
        "cli/main.py",
        "cli/matched.py",
        "codecs/__init__.py",
        "corpora/__init__.py",
        "detectors/__init__.py",
        "trials/waveform_cache.py",
    }


@pytest.mark.parametrize("verb", RULE_VERBS)
def test_closure_of_a_rule_verb_includes_its_module(verb):
    name = f"cli/{verb.replace('-', '_')}"
    assert name in closure(name)
    assert "cli/main" not in closure(name)


def test_closures_exclude_unrelated_modules():
    """Unrelated modules do not make the results of a stage stale."""
    assert not any(name.startswith(("training", "evaluation", "report", "audit")) for name in closure("cli/corpus"))
    assert "resynthesis/matching" not in closure("cli/resynthesise_shard", "codecs/dac")
    assert "trials/conditions" not in closure("cli/score_protocol", "detectors/aasist")
    assert "evaluation/baselines" not in closure("cli/score_protocol", "detectors/aasist")
    assert not any(name.startswith("codecs/") for name in closure("cli/train", "detectors/aasist"))
    assert closure("cli/train", "detectors/aasist") >= {
        "detectors/graphs",
        "detectors/rawnet2_network",
        "runtime/device",
    }
    assert closure("cli/splits") >= {"corpora/selection", "util/hashing"}
