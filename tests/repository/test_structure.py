"""The structure of the package: folders import only folders below them; commands for tables do not import torch."""

import ast
import subprocess
import sys

import pytest

from codecfake.util.source_code import PACKAGE

#: From top to bottom.
FOLDERS = [
    "cli",
    "report",
    "audit",
    "quality",
    "training",
    "evaluation",
    "pipeline",
    "trials",
    "resynthesis",
    "export",
    "corpora",
    "codecs",
    "detectors",
    "data",
    "audio",
    "fetch",
    "runtime",
    "util",
]
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.glob("*/**/*.py"))
#: Commands that handle only tables.
TABLE_VERBS = [
    "codecs",
    "corpus",
    "detectors",
    "evaluate",
    "keys",
    "protocol",
    "set_protocol",
    "splits",
    "matrix",
    "audit_tables",
    "quality_table",
    "report",
    "samples",
    "show",
    "source_shard",
]


def imported(tree: ast.AST) -> set[str]:
    """Return all modules imported in a file."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def test_every_module_is_in_a_folder():
    assert {path.parts[0] for path in MODULES} == set(FOLDERS)
    assert [path.name for path in PACKAGE.glob("*.py")] == ["__init__.py"]


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_modules_import_only_from_their_own_or_lower_folders(module):
    names = imported(ast.parse((PACKAGE / module).read_text(encoding="utf-8")))
    own = FOLDERS.index(module.parts[0])
    for name in names:
        top, *rest = name.split(".")
        assert top != "snakemake"
        if top == "codecfake" and rest[0] != "__version__":
            assert FOLDERS.index(rest[0]) >= own, name


@pytest.mark.parametrize("verb", TABLE_VERBS)
def test_table_verb_does_not_import_torch(verb):
    """Run all imports of the command's file; none of the imported modules may import torch at its top level."""
    tree = ast.parse((PACKAGE / f"cli/{verb}.py").read_text(encoding="utf-8"))
    lines = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    script = "\n".join([*lines, "import sys", "sys.exit('torch' in sys.modules)"])
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_parsing_the_command_line_loads_only_cli_and_util():
    """A process loads the modules of all verbs; a rule's code dependencies include only those of its own verb."""
    script = "import sys; from codecfake.cli.main import parser; parser(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout.split()
    folders = {name.split(".")[1] for name in loaded if name.startswith("codecfake.")}
    assert folders == {"cli", "util"}
