"""Tiny Python packages, and a checkout with a lock of them, to make environments offline in seconds."""

import ensurepip
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
#: Packages of the checkout's lock; pip_lock.sh installs the first before the others.
LOCK = {"immutables": "0.21", "alpha": "1.0", "torch": "2.14.1", "torchaudio": "2.11.0"}
CUDA = {"nvidia-tiny": "13.0"}
#: Build backend of the checkout: an editable installation is an empty wheel.
BACKEND = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from tiny_packages import write_wheel

def build_editable(folder, config_settings=None, metadata_directory=None):
    return write_wheel(Path(folder), "codecfake", "1.0").name
"""
#: Build backend like that of a C package: it fails if the file `compiler` does not exist.
COMPILING = """
from pathlib import Path
import sys
sys.path.insert(0, {tests!r})
from tiny_packages import write_wheel

def build_wheel(folder, config_settings=None, metadata_directory=None):
    if not Path({compiler!r}).exists():
        raise SystemExit("Python.h: No such file or directory")
    return write_wheel(Path(folder), "pesq", "0.0.4").name
"""
PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "{name}"
version = "{version}"
"""


def write_wheel(folder: Path, name: str, version: str, num_bytes: int = 0) -> Path:
    """Write the wheel of an empty package, or with `num_bytes` random bytes; return its path."""
    stem = f"{name.replace('-', '_')}-{version}"
    path, info = folder / f"{stem}-py3-none-any.whl", f"{stem}.dist-info"
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        names = [f"{info}/METADATA", f"{info}/WHEEL", f"{info}/RECORD"]
        if num_bytes:
            wheel.writestr(f"{name}.bin", os.urandom(num_bytes))
            names.append(f"{name}.bin")
        wheel.writestr(f"{info}/RECORD", "".join(f"{one},,\n" for one in names))
    return path


class Checkout:
    """A copy of the files for `make env`, with a lock of tiny packages in a folder.

    Attributes:
        uv: default path of uv for `make`; empty for pip, which is slower.
        folder, venv: folders of the checkout and of its environment.
        index: folder of packages, the only source of pip and uv.
        compiler: a file without which pesq cannot be built.
    """

    def __init__(self, folder: Path, uv: str = ""):
        self.uv = uv
        self.folder, self.venv, self.index = folder / "checkout", folder / "checkout/.venv", folder / "index"
        self.compiler = folder / "compiler"
        (self.folder / "envs").mkdir(parents=True)
        shutil.copy(REPOSITORY / "Makefile", self.folder)
        for name in ("make_env.sh", "pip_lock.sh"):
            shutil.copy(REPOSITORY / "envs" / name, self.folder / "envs")
        self._write_lock("requirements", LOCK)
        self._write_lock("cuda", CUDA)
        self._write_lock("pesq", {"pesq": "0.0.4"})
        (self.folder / "pyproject.toml").write_text(PYPROJECT.format(name="codecfake", version="1.0"))
        (self.folder / "backend.py").write_text(BACKEND.format(tests=str(Path(__file__).parent)))
        for name, version in {**LOCK, **CUDA}.items():
            write_wheel(self.index, name, version)
        self._write_pesq(folder / "source")
        # packages that uv installs in a new environment
        bundled = sysconfig.get_config_var("WHEEL_PKG_DIR") or Path(ensurepip.__file__).parent / "_bundled"
        for wheel in Path(bundled).glob("*.whl"):
            shutil.copy(wheel, self.index)
        write_wheel(self.index, "wheel", "0.45")

    def _write_lock(self, name: str, versions: dict[str, str]) -> None:
        lines = "".join(f"{package}=={version}\n" for package, version in versions.items())
        (self.folder / "envs" / f"{name}.txt").write_text(f"# tiny\n{lines}")

    def _write_pesq(self, folder: Path) -> None:
        """Write a source package, since pesq has no published wheels."""
        source = folder / "pesq-0.0.4"
        source.mkdir(parents=True)
        backend = COMPILING.format(tests=str(Path(__file__).parent), compiler=str(self.compiler))
        (source / "backend.py").write_text(backend)
        (source / "pyproject.toml").write_text(PYPROJECT.format(name="pesq", version="0.0.4"))
        (source / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: pesq\nVersion: 0.0.4\n")
        shutil.make_archive(str(self.index / "pesq-0.0.4"), "gztar", folder, source.name)

    def make(self, *arguments: str, under: tuple[str, ...] = (), **environment: str) -> subprocess.CompletedProcess:
        """Call make, by default with the Python of this process; `under` is a command prefix."""
        settings = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.folder.parent),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.index),
            "UV_NO_INDEX": "1",
            "UV_FIND_LINKS": str(self.index),
            "UV_OFFLINE": "1",
            "UV": self.uv,
            **environment,
        }
        return subprocess.run(
            [*under, "make", *arguments], cwd=self.folder, env=settings, capture_output=True, text=True, check=False
        )

    def installed(self) -> dict[str, str]:
        """Return the installed version of each package."""
        command = [self.venv / "bin/python", "-m", "pip", "list", "--format=freeze", "--disable-pip-version-check"]
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        return dict(line.split("==") for line in lines)
