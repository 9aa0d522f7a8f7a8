"""Check that the lock resolves on every platform and Python, by a query with uv; installs nothing."""

import itertools
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ENVS = Path(__file__).parent
PLATFORMS = {
    "Linux x86_64": "x86_64-manylinux_2_28",
    "Linux aarch64": "aarch64-manylinux_2_28",
    "macOS 14 arm64": "aarch64-apple-darwin",
}
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
#: Packages published only as source, without C code, so that any machine can build them.
PURE = ("antlr4-python3-runtime", "argbind", "connection-pool", "encodec", "randomname")
#: Packages without a wheel, by Python: they need a C compiler and Python's headers.
COMPILED = {"3.14": ("immutables",)}


def check(platform: str, python: str) -> str:
    """Return uv's error for a platform and a Python; empty if the complete lock resolves."""
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if uv is None:
        sys.exit("lock-check: uv is not installed; call `make lock-check`, whose environment includes it")
    built = [f"--no-binary={name}" for name in (*PURE, *COMPILED.get(python, ()))]
    command = [uv, "pip", "compile", "--quiet", "--no-deps", "--only-binary=:all:", *built]
    with tempfile.TemporaryDirectory() as folder:
        command += ["--python-platform", platform, "--python-version", python, "--output-file", f"{folder}/lock"]
        result = subprocess.run(
            [*command, ENVS / "requirements.txt", ENVS / "cuda.txt"],
            env={**os.environ, "MACOSX_DEPLOYMENT_TARGET": "14.0"},
            capture_output=True,
            text=True,
            check=False,
        )
    return result.stderr.strip() if result.returncode else ""


def main() -> int:
    """Print a line per platform and Python; return the number of failures."""
    failures = 0
    for (name, platform), python in itertools.product(PLATFORMS.items(), PYTHONS):
        complaint = check(platform, python)
        failures += bool(complaint)
        compiler = f"; a C compiler is needed for {', '.join(COMPILED[python])}" if python in COMPILED else ""
        print(f"{name:15} Python {python}  {complaint or 'resolves' + compiler}")
    return failures


if __name__ == "__main__":
    sys.exit(main())
