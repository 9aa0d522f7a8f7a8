"""The source files that a result depends on: what a verb's module imports, and what these import, inside the package.

Rules name these files as inputs, so that an edit reruns what it may change and nothing else; work half done is kept
under their digest. Imports are read from the sources, those inside functions too. What a module is chosen by (a codec
family, a detector, a corpus) is imported by name, which no source shows: the caller adds it.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from codecfake.util.hashing import digest

PACKAGE = Path(__file__).resolve().parents[1]
#: What cannot change a result: wording of errors, how files are replaced, where bytes come from that are checked, and
#: how config files are read, of which rules get what counts as parameters.
EXEMPT = ("__init__.py", "util/errors.py", "util/files.py", "util/yaml_files.py", "fetch/")


def source_files(*modules: str) -> list[Path]:
    """The closure of modules, sorted.

    Args:
        modules: as paths in the package without a suffix, such as `cli/train` and `detectors/aasist`.

    Raises:
        FileNotFoundError: there is no such module.
    """
    found: set[Path] = set()
    waiting = [_path(module) for module in modules]
    while waiting:
        path = waiting.pop()
        if path not in found and not path.relative_to(PACKAGE).as_posix().startswith(EXEMPT):
            found.add(path)
            waiting += _imports(path)
    return sorted(found)


def code_digest(*modules: str) -> str:
    """A hash of the closure of modules; see `source_files`."""
    return digest(*(path.read_text(encoding="utf-8") for path in source_files(*modules)))


def _path(module: str) -> Path:
    path = PACKAGE / f"{module}.py"
    if not path.is_file():
        raise FileNotFoundError(path)
    return path


@cache
def _imports(path: Path) -> tuple[Path, ...]:
    """The files of the package that importing a file, or calling what is in it, runs."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return tuple(file for node in ast.walk(tree) for name in _names(node) for file in _files(name))


def _names(node: ast.AST) -> Iterator[str]:
    """The dotted names that an import may mean: of `from a import b` both a and a.b."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _files(name: str) -> Iterator[Path]:
    """The file of a module of the package and those of the folders that hold it; none for other names."""
    top, *parts = name.split(".")
    if top != PACKAGE.name:
        return
    for length in range(1, len(parts) + 1):
        below = PACKAGE.joinpath(*parts[:length])
        yield from filter(Path.is_file, (below / "__init__.py", below.with_suffix(".py")))
