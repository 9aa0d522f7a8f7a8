"""All environments (pip, conda, container) use the same lock."""

import hashlib
import os
import re
import shutil
import sys

import pytest
import yaml

from codecfake.util.files import REPOSITORY
from snakemake_project import Project

ENVS = REPOSITORY / "envs"
#: A fake conda, whose environments contain only a python that records its arguments.
CONDA = """#!/usr/bin/env bash
set -eu
case "$1 ${2-}" in
    "info --json") echo '{"conda_prefix": "BASE", "platform": "linux-64"}' ;;
    "--version "*) echo "conda 25.1.0" ;;
    "config "*) echo '{"get": {"channel_priority": "strict"}}' ;;
    "env create")
        while [ $# -gt 0 ]; do [[ "$1" == --prefix=* ]] && p="${1#*=}"; [ "$1" = --prefix ] && p="$2"; shift; done
        mkdir -p "$p/bin"
        printf '#!/bin/sh\\necho "$PWD $*" >> BASE/asked\\n' > "$p/bin/python"
        chmod +x "$p/bin/python" ;;
esac
"""


@pytest.fixture
def conda(tmp_path, monkeypatch):
    """A fake conda on the PATH; return its folder."""
    base = tmp_path / "conda"
    (base / "bin").mkdir(parents=True)
    (base / "bin/conda").write_text(CONDA.replace("BASE", str(base)))
    (base / "bin/conda").chmod(0o755)
    (base / "bin/activate").write_text('export PATH="$1/bin:$PATH"\n')
    monkeypatch.setenv("PATH", f"{base}/bin:{os.environ['PATH']}")
    return base


def test_snakemake_installs_the_lock_into_the_conda_environment(tmp_path, conda):
    project = Project(tmp_path / "project", {"name": "folder", "path": "none", "splits": {"eval": ["a"]}}, [])
    shutil.copy(REPOSITORY / "pyproject.toml", project.folder)
    result = project.snakemake("results/small/report/split/config.json", "--sdm", "conda", codecs=["encodec_mini"])
    assert result.returncode == 0, result.stdout
    compiled, lock, package, pesq = (conda / "asked").read_text().splitlines()
    pip = f"{project.folder} -m pip install --no-deps"
    assert compiled.startswith(f"{pip} immutables==")
    assert lock == f"{pip} --requirement envs/requirements.txt --requirement envs/cuda.txt"
    assert pesq == f"{pip} --requirement envs/pesq.txt"
    assert package == f"{pip} --no-build-isolation --editable ."


def test_post_deploy_script_has_the_hash_of_the_lock():
    # Snakemake checks only the conda file and the script for changes
    lock = b"".join((ENVS / f"{name}.txt").read_bytes() for name in ("requirements", "cuda", "pesq"))
    assert hashlib.sha256(lock).hexdigest() in (ENVS / "codecfake.post-deploy.sh").read_text()


def test_every_environment_has_the_python_version_of_the_lock():
    made_for = re.search(r"Python (3\.\d+)", (ENVS / "requirements.txt").read_text())[1]
    assert f"python={made_for}" in yaml.safe_load((ENVS / "codecfake.yaml").read_text())["dependencies"]
    # the Python of Debian 12 is 3.11
    assert (made_for, "From: debian:bookworm-slim" in (ENVS / "codecfake.def").read_text()) == ("3.11", True)
    assert sys.version_info >= tuple(map(int, made_for.split(".")))


def test_container_installs_the_lock_like_make():
    recipe = (ENVS / "codecfake.def").read_text()
    assert "    envs /opt/envs\n" in recipe
    assert "/opt/envs/pip_lock.sh /opt/codecfake/bin/python\n" in recipe
