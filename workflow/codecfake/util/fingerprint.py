"""Fingerprints of unfinished work: hashes by name, so that a message can name what has changed."""

Fingerprint = dict[str, str]


def differences(found: Fingerprint, expected: Fingerprint) -> str:
    """Return the names of the hashes that differ, comma-separated; empty if all are equal."""
    names = {**found, **expected}
    return ", ".join(name for name in names if found.get(name) != expected.get(name))
