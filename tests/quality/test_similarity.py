"""Speaker similarity: separates real speakers, invariant to level, undefined without speech."""

import math
from itertools import combinations, product

import numpy as np
import pytest

from codecfake.audio import io as audio
from codecfake.quality import similarity


@pytest.fixture(scope="module")
def speakers(shared) -> list[list[np.ndarray]]:
    """Three utterances at 16 kHz of each of two speakers."""
    folders = sorted(path for path in (shared / "data/speechocean762").iterdir() if path.is_dir())
    return [[audio.read(path)[0] for path in sorted(folder.glob("*.flac"))[:3]] for folder in (folders[0], folders[2])]


def test_similarity_is_higher_within_than_across_speakers(speakers):
    within = [similarity.speaker_similarity(*pair) for one in speakers for pair in combinations(one, 2)]
    across = [similarity.speaker_similarity(*pair) for pair in product(*speakers)]
    assert min(within) > max(across) + 0.05


def test_similarity_does_not_depend_on_the_level(speakers):
    recording = speakers[0][0]
    for gain in (1, 0.01, 3):
        assert similarity.speaker_similarity(recording, recording * np.float32(gain)) == pytest.approx(1, abs=1e-4)


def test_similarity_falls_with_noise(speakers):
    recording = speakers[0][0]
    noise = np.random.default_rng(0).standard_normal(len(recording)).astype(np.float32) * recording.std()
    found = [similarity.speaker_similarity(recording, recording + gain * noise) for gain in np.float32([0.01, 0.1, 1])]
    assert found == sorted(found, reverse=True)
    assert found[-1] < 0.9


@pytest.mark.parametrize("useless", [np.zeros(16000, np.float32), np.ones(399, np.float32), np.zeros(0, np.float32)])
def test_similarity_without_speech_is_undefined(speech, useless):
    assert math.isnan(similarity.speaker_similarity(speech(1.0), useless))
    assert math.isnan(similarity.speaker_similarity(useless, speech(1.0)))
