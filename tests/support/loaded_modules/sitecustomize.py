"""Found by every Python with this folder in PYTHONPATH: a verb leaves the names of the modules that it has loaded."""

import atexit
import os
import sys
from pathlib import Path


def leave_names() -> None:
    if Path(sys.argv[0]).name == "codecfake":
        names = sorted(name for name in sys.modules if name.startswith("codecfake."))
        Path(os.environ["LOADED_MODULES"], f"{sys.argv[1]}.{os.getpid()}").write_text("\n".join(names))


if "LOADED_MODULES" in os.environ:
    atexit.register(leave_names)
