"""What a machine may lack: without it a test is skipped."""

import os
import subprocess
from typing import NoReturn

import pytest


def lacking(what: str, message: str) -> NoReturn:
    """Skip a test for want of something optional; fail if CODECFAKE_REQUIRE_<what>=1."""
    if os.environ.get(f"CODECFAKE_REQUIRE_{what}") == "1":
        pytest.fail(message)
    pytest.skip(message)


def in_namespace(kind: str, *commands: str) -> tuple[str, ...]:
    """Words before a command that give it a namespace of its own, in which these commands run first.

    The test is skipped where that is not permitted.

    Args:
        kind: what unshare(1) calls it, e.g. `mount`.
    """
    words = ("unshare", "--map-root-user", f"--{kind}", "bash", "-euc", "\n".join([*commands, 'exec "$@"']), "-")
    if subprocess.run([*words, "true"], check=False, capture_output=True).returncode:
        pytest.skip(f"a {kind} namespace is not permitted here")
    return words
