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
def of_pip(tmp_path) -> Checkout:
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


def test_the_environment_has_the_lock_and_a_second_call_installs_nothing(of_pip):
    assert NO_PESQ in made(of_pip.make("env"))
    assert locked(of_pip) == ALL
    again = of_pip.make("env", PATH=os.environ["PATH"], PIP_FIND_LINKS="gone")
    assert (made(again), again.stdout) == ("", "")


def test_pip_and_uv_install_the_same(checkout):
    assert NO_PESQ in made(checkout.make("env"))
    by_uv = checkout.installed()
    shutil.rmtree(checkout.venv)
    made(checkout.make("env", UV=""))
    by_pip = checkout.installed()
    assert {name: by_uv[name] for name in ALL} == {name: by_pip[name] for name in ALL} == ALL
    assert set(by_uv) | SEEDED == set(by_pip) | SEEDED


def test_uv_is_used_where_it_is_on_the_path(checkout, uv, tmp_path):
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


def test_an_old_python_is_refused_in_a_line_that_says_how_to_name_another(checkout, tmp_path):
    folder = python_of_version(tmp_path / "bin", "3.10", old=True)
    result = checkout.make("env", PATH=f"{folder}{os.pathsep}{os.environ['PATH']}")
    expected = "make env: python3 is Python 3.10; 3.11 or newer is needed, e.g. make env PYTHON=python3.12"
    assert refused(result) == expected
    assert len(result.stderr.splitlines()) == 2
    assert not checkout.venv.exists()


def test_a_python_that_is_not_there_is_refused(checkout):
    assert "python9: no such Python" in refused(checkout.make("env", "PYTHON=python9"))


def test_a_named_python_of_another_version_makes_the_environment_anew(checkout, tmp_path):
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
def test_a_broken_environment_is_made_anew(checkout, damage):
    made(checkout.make("env"))
    damage(checkout.venv)
    assert ".venv is replaced" in made(checkout.make("env"))
    assert locked(checkout) == ALL


def test_a_checkout_that_was_moved_gets_a_new_environment(checkout):
    made(checkout.make("env"))
    checkout.folder = checkout.folder.rename(checkout.folder.with_name("moved"))
    checkout.venv = checkout.folder / ".venv"
    assert ".venv is replaced" in made(checkout.make("env"))
    assert locked(checkout) == ALL


def test_an_installation_that_stopped_goes_on(of_pip):
    (of_pip.index / "torch-2.14.1-py3-none-any.whl").rename(of_pip.index / "away")
    assert refused(of_pip.make("env")) == "make env: stopped: see the messages above. Run it again to continue"
    (of_pip.venv / "mine").touch()
    (of_pip.index / "away").rename(of_pip.index / "torch-2.14.1-py3-none-any.whl")
    made(of_pip.make("env"))
    assert locked(of_pip) == ALL
    assert (of_pip.venv / "mine").exists()


def test_a_changed_lock_is_installed_into_the_same_environment(checkout):
    made(checkout.make("env"))
    (checkout.venv / "mine").touch()
    write_wheel(checkout.index, "beta", "2.0")
    with open(checkout.folder / "envs/requirements.txt", "a") as file:
        file.write("beta==2.0\n")
    made(checkout.make("env"))
    assert locked(checkout) == {**ALL, "beta": "2.0"}
    assert (checkout.venv / "mine").exists()


def test_a_package_that_has_to_be_compiled_stops_before_the_large_ones_come(of_pip):
    (of_pip.index / "immutables-0.21-py3-none-any.whl").unlink()
    result = of_pip.make("env")
    assert refused(result) == "make env: stopped: see the messages above. Run it again to continue"
    assert "immutables==0.21 cannot be installed: see above. Without a wheel for this Python (" in result.stderr
    assert "make env PYTHON=python3.13" in result.stderr
    assert "torch" not in result.stdout


def test_without_the_module_venv_the_error_names_what_to_install(of_pip, tmp_path):
    folder = stand_in(
        tmp_path / "bin",
        "python3",
        f'case "$*" in *_base_executable*) echo "$0"; exit;; "-m venv"*) mkdir .venv; exit 1;; esac\n'
        f'exec {sys.executable} "$@"',
    )
    result = of_pip.make("env", PATH=f"{folder}{os.pathsep}{os.environ['PATH']}")
    assert "cannot make a virtual environment: install python3-venv (Debian, Ubuntu) or uv" in refused(result)
    assert not of_pip.venv.exists()


def test_pesq_is_added_by_a_later_call(checkout):
    assert NO_PESQ in made(checkout.make("env"))
    assert "Python.h: No such file" in checkout.make("env", "PESQ=1").stderr
    assert (
        refused(checkout.make("env", "PESQ=1")) == "make env: stopped: see the messages above. Run it again to continue"
    )
    checkout.compiler.touch()
    assert NO_PESQ not in made(checkout.make("env", "PESQ=1"))
    assert locked(checkout) == {**ALL, "pesq": "0.0.4"}


@pytest.mark.parametrize("tool", ["checkout", "of_pip"])
def test_torch_may_come_from_another_index_and_stays(tool, request):
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


def test_a_small_folder_for_temporary_files_is_no_hindrance(of_pip, tmp_path):
    write_wheel(of_pip.index, "alpha", LOCK["alpha"], num_bytes=3_000_000)
    (tmp_path / "small").mkdir()
    under = in_namespace("mount", f"mount -t tmpfs -o size=1m tmpfs {tmp_path}/small")
    made(of_pip.make("env", under=under, TMPDIR=str(tmp_path / "small")))
    assert locked(of_pip) == ALL
    assert not (of_pip.venv / ".tmp").exists()


def test_a_checkout_that_cannot_be_written_to_is_refused(checkout):
    folder = checkout.folder
    under = in_namespace("mount", f"mount --bind {folder} {folder}", f"mount -o remount,bind,ro {folder}")
    result = checkout.make("env", under=(*under, "env", "-C", str(checkout.folder)))
    said = f"{checkout.folder} cannot be written to; copy the checkout to a folder where you can write"
    assert refused(result) == f"make env: {said}"
    made(checkout.make("env"))
    result = checkout.make("demo", under=(*under, "env", "-C", str(checkout.folder)))
    assert result.returncode == 2
    assert result.stdout == f"make demo: {said}\n"
