"""Imported by every Python with this folder in PYTHONPATH: `codecfake` records the modules that it has loaded."""

import atexit
import os
import sys
from pathlib import Path


def record_modules() -> None:
    if Path(sys.argv[0]).name == "codecfake":
        names = sorted(name for name in sys.modules if name.startswith("codecfake."))
        Path(os.environ["LOADED_MODULES"], f"{sys.argv[1]}.{os.getpid()}").write_text("\n".join(names))


if "LOADED_MODULES" in os.environ:
    atexit.register(record_modules)
