"""Compare names, and say in an error which are allowed."""

import difflib
import unicodedata
from collections.abc import Iterable

#: Longer lists are cut to the values nearest to the one found.
LONGEST, NEAREST = 50, 5


def nfc(name: str) -> str:
    """Return a name in the composed form of Unicode; file systems and editors may use another for the same text."""
    return unicodedata.normalize("NFC", name)


def allowed(found: str, values: Iterable[str]) -> str:
    """Return "allowed: …" with all values, or of a long list those that are nearest to the value found."""
    values = sorted(values)
    if len(values) <= LONGEST:
        return f"allowed: {', '.join(values)}"
    nearest = difflib.get_close_matches(found, values, NEAREST, cutoff=0.5) or values[:NEAREST]
    return f"allowed: {len(values)} names, the nearest {', '.join(nearest)}"
