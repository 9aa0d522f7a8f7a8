"""Find the modules that add something to the pipeline: a corpus, a codec family or a detector."""

import re
from functools import cache
from pathlib import Path


@cache
def defining(class_name: str, *folders: str) -> tuple[str, ...]:
    """Return the names of the modules in a package's folders (its `__path__`) that define a class, sorted.

    The source text is searched; nothing is imported, because a module may need torch or a package not installed.
    """
    definition = re.compile(rf"^class {class_name}\b", re.MULTILINE)
    paths = (path for folder in folders for path in Path(folder).glob("*.py"))
    return tuple(sorted(path.stem for path in paths if definition.search(path.read_text(encoding="utf-8"))))
