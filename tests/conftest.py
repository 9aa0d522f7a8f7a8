"""Fixtures that several test files use."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest
import tenacity
import torch

from codecfake import archive, transfer
from http_server import Server, serving

torch.set_num_threads(1)

REPOSITORY = Path(__file__).resolve().parents[1]


def make_speech(seconds: float = 1.0, sample_rate: int = 16000, seed: int = 0) -> np.ndarray:
    """Speech-like sound, float32 [seconds * sample_rate], within ±0.5: harmonics of a moving f0, in syllables."""
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
    """Bytes of which one is changed: `beyond` those after the first `mark`."""
    place = content.index(mark.encode()) + len(mark) + beyond
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


@pytest.fixture(scope="session")
def speech() -> Callable[..., np.ndarray]:
    """speech(seconds=1.0, sample_rate=16000, seed=0): deterministic speech-like samples, float32 [N]."""
    return make_speech


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder `shared` beside the repository. Without it tests skip, or fail if CODECFAKE_REQUIRE_SHARED=1."""
    folder = REPOSITORY.parent / "shared"
    if not folder.is_dir():
        message = f"{folder}: no such folder"
        if os.environ.get("CODECFAKE_REQUIRE_SHARED") == "1":
            pytest.fail(message)
        pytest.skip(message)
    return folder


@pytest.fixture(scope="session")
def write_g722() -> Callable[[Path, np.ndarray], None]:
    """write_g722(path, samples): 16 kHz samples as raw G.722, the format of the Asterisk recordings."""

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


@pytest.fixture
def build_deb(tmp_path: Path) -> Callable[[Path, dict[str, bytes]], None]:
    """build_deb(path, files): a Debian package holding the files, given by path and content."""
    if shutil.which("dpkg-deb") is None:
        pytest.skip("dpkg-deb is not installed")

    def build(path: Path, files: dict[str, bytes]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        root = tmp_path / f"build-{path.stem}"
        control = f"Package: {path.stem}\nVersion: 1.0\nArchitecture: all\nMaintainer: nobody\nDescription: test\n"
        for name, content in {**files, "DEBIAN/control": control.encode()}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(content)
        subprocess.run(["dpkg-deb", "-Znone", "--build", str(root), str(path)], check=True, capture_output=True)

    return build


@pytest.fixture
def batching(monkeypatch) -> float:
    """Batches on the CPU as on a GPU; the most seconds of one."""
    seconds = 64.0
    monkeypatch.setattr("codecfake.resynthesise.BATCH_SECONDS", {"cpu": seconds})
    return seconds


@pytest.fixture
def http_server(monkeypatch) -> Iterator[Server]:
    """A file server on this machine, asked again at once after a failure."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for retried in (transfer._go_on, archive._persistently):
        monkeypatch.setattr(retried.retry, "wait", tenacity.wait_none())
    monkeypatch.setattr(transfer, "PAUSE_SECONDS", 0)
    with serving() as server:
        yield server
