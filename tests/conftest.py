"""Fixtures shared by several test files."""

import io
import os
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest
import tenacity
import torch

from codecfake.audio.intelligibility import has_pesq
from codecfake.fetch import http, remote_zip
from http_server import Server, serving
from optional import lacking

torch.set_num_threads(1)
# test servers are on this machine: bypass proxies set in the environment
os.environ |= dict.fromkeys(("no_proxy", "NO_PROXY"), "127.0.0.1,localhost")

REPOSITORY = Path(__file__).resolve().parents[1]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run slow tests first, so that no worker is left alone with one at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def make_speech(seconds: float = 1.0, sample_rate: int = 16000, seed: int = 0) -> np.ndarray:
    """Return speech-like sound, float32 [seconds * sample_rate], within ±0.5: syllables with a varying f0."""
    random = np.random.default_rng(seed)
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    f0 = random.uniform(90, 220) * (1 + 0.15 * np.sin(2 * np.pi * random.uniform(0.5, 2) * time + random.uniform(0, 6)))
    phase = 2 * np.pi * np.cumsum(f0) / sample_rate
    voice = np.zeros_like(time)
    for harmonic in range(1, 30):
        audible = harmonic * f0 < min(4000, 0.45 * sample_rate)
        voice += audible * np.sin(harmonic * phase + random.uniform(0, 6)) / harmonic
    syllables = 0.05 + np.sin(np.pi * random.uniform(3, 5) * time + random.uniform(0, 3)) ** 2
    sound = syllables * (voice + 0.02 * random.standard_normal(len(time)))
    return (0.5 * sound / max(np.abs(sound).max(initial=0), 1e-9)).astype(np.float32)


def damaged(content: bytes, mark: str, beyond: int) -> bytes:
    """Return the bytes with one byte changed, `beyond` bytes after the end of the first `mark`."""
    place = content.index(mark.encode()) + len(mark) + beyond
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


@pytest.fixture(scope="session")
def speech() -> Callable[..., np.ndarray]:
    """speech(seconds=1.0, sample_rate=16000, seed=0): deterministic speech-like samples, float32 [N]."""
    return make_speech


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

    def build(path: Path, files: dict[str, bytes], compression: str = "xz") -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode=f"w:{compression}") as archive:
            for name, content in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        suffix = f".{compression}" if compression else ""
        members = {"debian-binary": b"2.0\n", f"control.tar{suffix}": b"odd", f"data.tar{suffix}": data.getvalue()}
        path.write_bytes(b"!<arch>\n" + b"".join(map(ar_member, members, members.values())))

    return build


def ar_member(name: str, content: bytes) -> bytes:
    """Return a member of an ar archive with its header, padded to an even length."""
    header = f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n"
    return header.encode() + content + b"\n" * (len(content) % 2)


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
