"""The docs' instructions for a cluster without a network: wheels, a copied cache, `offline: true`."""

import os
import re
import shutil
import subprocess
import sys

import pytest
import yaml

from codecfake.corpora import voices
from codecfake.util.files import REPOSITORY
from codecfake.util.hashing import sha256
from snakemake_project import Project
from tiny_packages import CUDA, LOCK, Checkout

PAGE = (REPOSITORY / "docs/run/offline.md").read_text(encoding="utf-8")
SOUNDS = "usr/share/asterisk/sounds/fr_CA_f_June"
#: Settings for a network that is unreachable.
NO_NETWORK = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "no_proxy": "", "NO_PROXY": ""}


def commands_of_the_page() -> list[list[str]]:
    """Return the arguments of the two make commands in docs/run/offline.md."""
    block = re.search(r"^make wheels .*?\n```", PAGE, re.MULTILINE | re.DOTALL)[0]
    return [line.split("#")[0].split()[1:] for line in block.splitlines()[:-1]]


def test_offline_installation_needs_only_the_wheels(tmp_path):
    here, cluster = Checkout(tmp_path), Checkout(tmp_path / "cluster")
    here.compiler.touch()
    for checkout, command in zip((here, cluster), commands_of_the_page(), strict=True):
        if checkout is cluster:
            shutil.rmtree(cluster.index)
            shutil.copytree(here.folder / "wheels", cluster.folder / "wheels")
        result = checkout.make(*command)
        assert result.returncode == 0, result.stderr
    names = {path.name.split("-")[0] for path in (here.folder / "wheels").iterdir()}
    assert names == {name.replace("-", "_") for name in {**LOCK, **CUDA, "pesq": ""}}
    expected = {**LOCK, **CUDA, "pesq": "0.0.4", "codecfake": "1.0"}
    assert expected.items() <= cluster.installed().items()


@pytest.fixture
def packages(build_deb, write_g722, speech, tmp_path):
    """Debian packages of recordings in a mirror folder; return their downloads.yaml entries by key."""
    recordings = {}
    for number in range(4):
        path = tmp_path / f"{number}.g722"
        write_g722(path, speech(1.2, seed=number))
        recordings[f"{SOUNDS}/{number}.g722"] = path.read_bytes()
    described = {}
    for package in voices.PACKAGES:
        deb = tmp_path / "mirror/debian" / f"{package}.deb"
        build_deb(deb, recordings if package.endswith("-fr-g722") else {"usr/share/doc/empty": b""})
        described[f"debian/{package}.deb"] = {"bytes": deb.stat().st_size, "sha256": sha256(deb)}
    return described


def test_offline_run_needs_only_the_copied_cache(packages, tmp_path, monkeypatch):
    for name, value in NO_NETWORK.items():
        monkeypatch.setenv(name, value)
    corpus = {"name": "voices", "splits": {"eval": ["asterisk-fr"]}}
    projects = []
    for name in ("here", "cluster"):
        project = Project(tmp_path / name, corpus, ["encodec_mini"])
        for key, entry in packages.items():
            project.describe_download(key, **entry)
        projects.append(project)
    here, cluster = projects
    (here.folder / "my.yaml").write_text(yaml.safe_dump({**here.config, "mirror": str(tmp_path / "mirror")}))
    fetch = [sys.executable, "-m", "codecfake.cli", "fetch", "my.yaml"]
    environment = {**os.environ, "PYTHONPATH": str(here.folder / "workflow")}
    subprocess.run(fetch, cwd=here.folder, env=environment, check=True, capture_output=True)
    shutil.rmtree(tmp_path / "mirror")

    without = cluster.snakemake("results/small/corpus/utterances.tsv", offline=True)
    assert without.returncode != 0
    assert f"offline: missing files: {len(packages)}. Place" in without.stdout
    shutil.copytree(here.folder / "cache", cluster.folder / "cache")
    result = cluster.snakemake("results/small/corpus/utterances.tsv", offline=True)
    assert result.returncode == 0, result.stdout
    rows = (cluster.folder / "results/small/corpus/utterances.tsv").read_text().splitlines()
    assert len(rows) == 1 + 4
