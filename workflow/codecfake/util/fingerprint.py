"""What half-done work was made with: hashes by name, so that a message can tell what has changed."""

Fingerprint = dict[str, str]


def differences(found: Fingerprint, expected: Fingerprint) -> str:
    """The names of what differs, as text; empty if nothing does."""
    names = {**found, **expected}
    return ", ".join(name for name in names if found.get(name) != expected.get(name))
