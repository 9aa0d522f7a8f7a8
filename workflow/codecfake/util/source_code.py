"""The source files that a result depends on: a verb's module and, recursively, its imports inside the package.

Rules list these files as inputs, so that an edit reruns only the results that it may change; unfinished work is kept
under their digest. Imports are read from the source text, including those inside functions. Modules chosen at run time
(a codec family, a detector, a corpus) are imported by name, which the source does not show: the caller adds them.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from codecfake.util.hashing import digest

PACKAGE = Path(__file__).resolve().parents[1]
#: Modules that cannot change a result: error classes, file replacement, downloads (which are checked by hash), and
#: config reading (rules receive the relevant settings as parameters).
EXEMPT = ("__init__.py", "util/errors.py", "util/files.py", "util/yaml_files.py", "fetch/")


def source_files(*modules: str) -> list[Path]:
    """Return the source files of modules and of their imports, sorted.

    Args:
        modules: paths in the package without suffix, such as `cli/train` and `detectors/aasist`.

    Raises:
        FileNotFoundError: a module does not exist.
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
    """Return a hash of the source files of modules and of their imports; see `source_files`."""
    return digest(*(path.read_text(encoding="utf-8") for path in source_files(*modules)))


def _path(module: str) -> Path:
    path = PACKAGE / f"{module}.py"
    if not path.is_file():
        raise FileNotFoundError(path)
    return path


@cache
def _imports(path: Path) -> tuple[Path, ...]:
    """Return the package's files that a file imports, at the top or inside functions."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return tuple(file for node in ast.walk(tree) for name in _names(node) for file in _files(name))


def _names(node: ast.AST) -> Iterator[str]:
    """Yield the modules that an import may name: both a and a.b for `from a import b`."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _files(name: str) -> Iterator[Path]:
    """Yield the file of a module of the package and the `__init__.py` of its parents; nothing for other names."""
    top, *parts = name.split(".")
    if top != PACKAGE.name:
        return
    for length in range(1, len(parts) + 1):
        below = PACKAGE.joinpath(*parts[:length])
        yield from filter(Path.is_file, (below / "__init__.py", below.with_suffix(".py")))
