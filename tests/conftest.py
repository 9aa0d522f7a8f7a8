"""Fixtures shared by several test files."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest
import tenacity
import torch

from codecfake.audio.intelligibility import has_pesq
from codecfake.fetch import http, remote_zip
from codecfake.util.files import REPOSITORY
from debian_package import write_deb
from http_server import Server, serving
from optional import lacking
from synthetic_speech import make_speech

torch.set_num_threads(1)
# test servers are on this machine: bypass proxies set in the environment
os.environ |= dict.fromkeys(("no_proxy", "NO_PROXY"), "127.0.0.1,localhost")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run slow tests first, so that none is left for one worker at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(scope="session")
def speech() -> Callable[..., np.ndarray]:
    """speech(seconds=1.0, sample_rate=16000, seed=0): deterministic speech-like samples, float32 [N]."""
    return make_speech


@pytest.fixture(scope="module")
def resynthesised(tmp_path_factory) -> Path:
    """The folder of a module's tiny run, see `tiny_run.make_trials`."""
    return tmp_path_factory.mktemp("resynthesised")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder `shared` next to the repository; without it the test is skipped, see `lacking`."""
    folder = REPOSITORY.parent / "shared"
    if not folder.is_dir():
        lacking("SHARED", f"{folder}: no such folder")
    return folder


@pytest.fixture(scope="session")
def pesq() -> None:
    """The package pesq; without it the test is skipped, see `lacking`."""
    if not has_pesq():
        lacking("PESQ", "the package pesq is not installed")


@pytest.fixture(scope="session")
def write_g722() -> Callable[[Path, np.ndarray], None]:
    """write_g722(path, samples): write 16 kHz samples as raw G.722, the format of the Asterisk recordings."""

    def write(path: Path, samples: np.ndarray) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with av.open(str(path), "w", format="g722") as container:
            stream = container.add_stream("g722", rate=16000, layout="mono")
            pcm = np.rint(samples * 32767).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(pcm[None], format="s16", layout="mono")
            frame.sample_rate = 16000
            for packet in [*stream.encode(frame), *stream.encode(None)]:
                container.mux(packet)

    return write


@pytest.fixture(scope="session")
def build_deb() -> Callable[..., None]:
    """build_deb(path, files, compression="xz"): write a Debian package with files given as path -> content."""
    return write_deb


@pytest.fixture
def batching(monkeypatch) -> float:
    """Enable GPU-like batching on the CPU; return the maximum seconds of a batch."""
    seconds = 64.0
    monkeypatch.setattr("codecfake.resynthesis.resynthesis.BATCH_SECONDS", {"cpu": seconds})
    return seconds


@pytest.fixture
def http_server(monkeypatch) -> Iterator[Server]:
    """A file server on this machine; failed requests are retried without delay."""
    for retried in (http._go_on, remote_zip._persistently):
        monkeypatch.setattr(retried.retry, "wait", tenacity.wait_none())
    monkeypatch.setattr(http, "PAUSE_SECONDS", 0)
    with serving() as server:
        yield server
