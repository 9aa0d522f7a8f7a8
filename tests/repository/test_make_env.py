"""`make env` with pip and uv: choice of Python, rebuilding, resuming, optional packages."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from optional import in_namespace
from tiny_packages import CUDA, LOCK, Checkout, write_wheel

ALL = {**LOCK, **CUDA, "codecfake": "1.0"}
#: Packages of a new environment.
SEEDED = {"pip", "setuptools", "wheel"}
NO_PESQ = "PESQ cannot be built here"


@pytest.fixture
def uv() -> str:
    """The path of uv, which is in the lock."""
    return shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def checkout(tmp_path, uv) -> Checkout:
    """A checkout that installs with uv."""
    return Checkout(tmp_path, uv)


@pytest.fixture
def pip_checkout(tmp_path) -> Checkout:
    """A checkout that installs with pip."""
    return Checkout(tmp_path)


def stand_in(folder: Path, name: str, script: str) -> str:
    """Write a fake program to a folder; return the folder."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)
    return str(folder)


def made(result: subprocess.CompletedProcess) -> str:
    """Check that a call succeeded; return its standard error."""
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stderr


def refused(result: subprocess.CompletedProcess) -> str:
    """Check that a call failed; return its last line of standard error before that of make."""
    assert result.returncode == 2, result.stdout + result.stderr
    return result.stderr.splitlines()[-2]


def locked(checkout: Checkout) -> dict[str, str]:
    return {name: version for name, version in checkout.installed().items() if name not in SEEDED}


def test_lock_is_installed_once(pip_checkout):
    assert NO_PESQ in made(pip_checkout.make("env"))
    assert locked(pip_checkout) == ALL
    again = pip_checkout.make("env", PATH=os.environ["PATH"], PIP_FIND_LINKS="gone")
    assert (made(again), again.stdout) == ("", "")


def test_pip_and_uv_install_the_same_packages(checkout):
    assert NO_PESQ in made(checkout.make("env"))
    by_uv = checkout.installed()
    shutil.rmtree(checkout.venv)
    made(checkout.make("env", UV=""))
    by_pip = checkout.installed()
    assert {name: by_uv[name] for name in ALL} == {name: by_pip[name] for name in ALL} == ALL
    assert set(by_uv) | SEEDED == set(by_pip) | SEEDED


def test_uv_on_the_path_is_used(checkout, uv, tmp_path):
    folder = stand_in(tmp_path / "bin", "uv", f'echo "$*" >> {tmp_path}/asked\nexec {uv} "$@"')
    settings = {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    command = ["make", "env"]
    environment = {**os.environ, **settings, "UV_NO_INDEX": "1", "UV_FIND_LINKS": str(checkout.index)}
    environment |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(checkout.index)}
    environment.pop("UV", None)
    made(subprocess.run(command, cwd=checkout.folder, env=environment, capture_output=True, text=True, check=False))
    assert [line.split()[0] for line in (tmp_path / "asked").read_text().splitlines()] == ["venv"] + ["pip"] * 4


def python_of_version(folder: Path, version: str, old: bool) -> str:
    """Return a folder with a `python3` that reports the given version, but otherwise is the current Python."""
    script = f'case "$*" in *print*version_info*) echo {version}; exit;; *"< (3, 11)"*) exit {int(old)};; esac'
    return stand_in(folder, "python3", f'{script}\nexec {sys.executable} "$@"')


def test_old_python_is_refused_with_advice(checkout, tmp_path):
    folder = python_of_version(tmp_path / "bin", "3.10", old=True)
    result = checkout.make("env", PATH=f"{folder}{os.pathsep}{os.environ['PATH']}")
    expected = "make env: python3 is Python 3.10; 3.11 or newer is needed, e.g. make env PYTHON=python3.12"
    assert refused(result) == expected
    assert len(result.stderr.splitlines()) == 2
    assert not checkout.venv.exists()


def test_missing_python_is_refused(checkout):
    assert "python9: no such Python" in refused(checkout.make("env", "PYTHON=python9"))


def test_python_of_another_version_replaces_the_environment(checkout, tmp_path):
    made(checkout.make("env"))
    (checkout.venv / "mine").touch()
    made(checkout.make("env", f"PYTHON={sys.executable}"))
    assert (checkout.venv / "mine").exists()
    folder = python_of_version(tmp_path / "bin", "3.99", old=False)
    assert ".venv is replaced" in made(checkout.make("env", f"PYTHON={folder}/python3"))
    assert not (checkout.venv / "mine").exists()
    assert locked(checkout) == ALL


def without_pip(venv: Path) -> None:
    (venv / "bin/pip").unlink()
    (venv / ".installed").unlink()


def half_made(venv: Path) -> None:
    shutil.rmtree(venv)
    venv.mkdir()
    (venv / "pyvenv.cfg").touch()


def python_gone(venv: Path) -> None:
    (venv / "bin/python").unlink()
    (venv / "bin/python").symlink_to("/gone/python3")


@pytest.mark.parametrize("damage", [without_pip, half_made, python_gone])
def test_broken_environment_is_replaced(checkout, damage):
    made(checkout.make("env"))
    damage(checkout.venv)
    assert ".venv is replaced" in made(checkout.make("env"))
    assert locked(checkout) == ALL


def test_moved_checkout_gets_a_new_environment(checkout):
    made(checkout.make("env"))
    checkout.folder = checkout.folder.rename(checkout.folder.with_name("moved"))
    checkout.venv = checkout.folder / ".venv"
    assert ".venv is replaced" in made(checkout.make("env"))
    assert locked(checkout) == ALL


def test_stopped_installation_is_resumed(pip_checkout):
    (pip_checkout.index / "torch-2.14.1-py3-none-any.whl").rename(pip_checkout.index / "away")
    assert refused(pip_checkout.make("env")) == "make env: stopped: see the messages above. Run it again to continue"
    (pip_checkout.venv / "mine").touch()
    (pip_checkout.index / "away").rename(pip_checkout.index / "torch-2.14.1-py3-none-any.whl")
    made(pip_checkout.make("env"))
    assert locked(pip_checkout) == ALL
    assert (pip_checkout.venv / "mine").exists()


def test_a_changed_lock_is_installed_into_the_same_environment(checkout):
    made(checkout.make("env"))
    (checkout.venv / "mine").touch()
    write_wheel(checkout.index, "beta", "2.0")
    with open(checkout.folder / "envs/requirements.txt", "a") as file:
        file.write("beta==2.0\n")
    made(checkout.make("env"))
    assert locked(checkout) == {**ALL, "beta": "2.0"}
    assert (checkout.venv / "mine").exists()


def test_package_without_wheel_stops_before_large_packages_are_installed(pip_checkout):
    (pip_checkout.index / "immutables-0.21-py3-none-any.whl").unlink()
    result = pip_checkout.make("env")
    assert refused(result) == "make env: stopped: see the messages above. Run it again to continue"
    assert "immutables==0.21 cannot be installed: see above. Without a wheel for this Python (" in result.stderr
    assert "make env PYTHON=python3.13" in result.stderr
    assert "torch" not in result.stdout


def test_missing_module_venv_is_reported_with_the_package_to_install(pip_checkout, tmp_path):
    folder = stand_in(
        tmp_path / "bin",
        "python3",
        f'case "$*" in *_base_executable*) echo "$0"; exit;; "-m venv"*) mkdir .venv; exit 1;; esac\n'
        f'exec {sys.executable} "$@"',
    )
    result = pip_checkout.make("env", PATH=f"{folder}{os.pathsep}{os.environ['PATH']}")
    assert "cannot make a virtual environment: install python3-venv (Debian, Ubuntu) or uv" in refused(result)
    assert not pip_checkout.venv.exists()


def test_pesq_is_added_by_a_later_call(checkout):
    assert NO_PESQ in made(checkout.make("env"))
    assert "Python.h: No such file" in checkout.make("env", "PESQ=1").stderr
    assert (
        refused(checkout.make("env", "PESQ=1")) == "make env: stopped: see the messages above. Run it again to continue"
    )
    checkout.compiler.touch()
    assert NO_PESQ not in made(checkout.make("env", "PESQ=1"))
    assert locked(checkout) == {**ALL, "pesq": "0.0.4"}


@pytest.mark.parametrize("tool", ["checkout", "pip_checkout"])
def test_torch_from_another_index_is_kept(tool, request):
    checkout = request.getfixturevalue(tool)
    other = checkout.folder.parent / "other"
    write_wheel(other, "torch", "2.14.1+cpu")
    made(checkout.make("env", f"TORCH=--find-links {other} --find-links {checkout.index}"))
    of_cpu = {**ALL, "torch": "2.14.1+cpu"}
    del of_cpu["nvidia-tiny"]
    assert locked(checkout) == of_cpu
    assert made(checkout.make("env")) == ""
    assert ".venv is replaced" in made(checkout.make("env", "TORCH="))
    assert locked(checkout) == ALL


def test_installation_works_with_a_small_temporary_folder(pip_checkout, tmp_path):
    write_wheel(pip_checkout.index, "alpha", LOCK["alpha"], num_bytes=3_000_000)
    (tmp_path / "small").mkdir()
    under = in_namespace("mount", f"mount -t tmpfs -o size=1m tmpfs {tmp_path}/small")
    made(pip_checkout.make("env", under=under, TMPDIR=str(tmp_path / "small")))
    assert locked(pip_checkout) == ALL
    assert not (pip_checkout.venv / ".tmp").exists()


def test_read_only_checkout_is_refused(checkout):
    folder = checkout.folder
    under = in_namespace("mount", f"mount --bind {folder} {folder}", f"mount -o remount,bind,ro {folder}")
    result = checkout.make("env", under=(*under, "env", "-C", str(checkout.folder)))
    said = f"{checkout.folder} cannot be written to; copy the checkout to a folder where you can write"
    assert refused(result) == f"make env: {said}"
    made(checkout.make("env"))
    result = checkout.make("demo", under=(*under, "env", "-C", str(checkout.folder)))
    assert result.returncode == 2
    assert result.stdout == f"make demo: {said}\n"
