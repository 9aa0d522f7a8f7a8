"""Skip tests whose optional requirements the machine lacks."""

import os
import subprocess
from typing import NoReturn

import pytest


def lacking(what: str, message: str) -> NoReturn:
    """Skip the test because an optional requirement is missing, or fail if CODECFAKE_REQUIRE_<what>=1."""
    if os.environ.get(f"CODECFAKE_REQUIRE_{what}") == "1":
        pytest.fail(message)
    pytest.skip(message)


def in_namespace(kind: str, *commands: str) -> tuple[str, ...]:
    """Return a command prefix that runs a command in a new namespace, after the given commands.

    The test is skipped if namespaces are not permitted.

    Args:
        kind: kind of namespace as in unshare(1), e.g. `mount`.
    """
    words = ("unshare", "--map-root-user", f"--{kind}", "bash", "-euc", "\n".join([*commands, 'exec "$@"']), "-")
    if subprocess.run([*words, "true"], check=False, capture_output=True).returncode:
        pytest.skip(f"a {kind} namespace is not permitted here")
    return words
