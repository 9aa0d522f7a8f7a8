"""Debian packages as a source of recordings: downloaded and unpacked, never installed; no root needed."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from codecfake.errors import DownloadError

INSTEAD = "set `corpus: {name: folder, path: …}` in the config to use a directory of your own recordings"


def download(package: str, version: str, path: Path, work_dir: Path) -> None:
    """Save a package's .deb as `path`.

    The package lists of the system are used if they know the package; else they are fetched into a
    private folder below `work_dir`.

    Raises:
        DownloadError: apt-get is absent, or no configured repository has that version.
    """
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise DownloadError(f"{package}: apt-get and dpkg-deb are needed to fetch it; {INSTEAD}")
    print(f"fetching Debian package {package} {version}", file=sys.stderr)
    with tempfile.TemporaryDirectory(dir=work_dir) as folder:
        wanted = ["download", f"{package}={version}"]
        failure = _apt_get(wanted, folder, [])
        if failure:
            lists = Path(folder, "lists")
            (lists / "partial").mkdir(parents=True)
            private = ["-o", f"Dir::State::Lists={lists}", "-o", f"Dir::Cache={folder}/cache"]
            failure = _apt_get(["update"], folder, private) or _apt_get(wanted, folder, private)
        found = list(Path(folder).glob("*.deb"))
        if failure or not found:
            raise DownloadError(f"{package} {version}: apt-get cannot download it ({failure}); {INSTEAD}")
        shutil.move(found[0], path)


def _apt_get(arguments: list[str], folder: str, options: list[str]) -> str:
    """Run apt-get in `folder`; return its last error line, empty if it succeeded."""
    # apt drops to its own user for downloads unless told not to, and may not write into `folder`
    command = ["apt-get", "-q", "-o", "APT::Sandbox::User=root", *options, *arguments]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if result.returncode == 0:
        return ""
    return (result.stderr.strip().splitlines() or [f"exit code {result.returncode}"])[-1]


def unpack(deb: Path, target: Path) -> Path:
    """Unpack a .deb into the folder `target` unless that is there already.

    Raises:
        DownloadError: dpkg-deb fails.
    """
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        content = Path(folder, "content")
        command = ["dpkg-deb", "-x", str(deb), str(content)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode:
            raise DownloadError(f"{deb}: dpkg-deb cannot unpack it ({result.stderr.strip()}); {INSTEAD}")
        content.replace(target)
    return target
