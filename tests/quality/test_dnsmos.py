"""DNSMOS: values of the reference package, lower with noise, undefined without speech."""

import math

import numpy as np
import pytest
import speechmos.dnsmos

from codecfake.audio import io as audio
from codecfake.quality import dnsmos


@pytest.fixture(scope="module")
def real(shared) -> np.ndarray:
    """Real speech at 16 kHz."""
    return audio.read(sorted((shared / "data/speechocean762").glob("*/*.flac"))[0])[0]


def test_dnsmos_equals_the_package(real):
    expected = speechmos.dnsmos.run(real, 16000)
    found = dnsmos.rate(real)
    assert found == pytest.approx([expected[f"{scale}_mos"] for scale in ("ovrl", "sig", "bak")], abs=1e-5)


def test_dnsmos_falls_with_noise(real):
    noise = np.random.default_rng(0).standard_normal(len(real)).astype(np.float32) * real.std()
    clean, at_20_db, at_0_db = (dnsmos.rate(real + gain * noise) for gain in np.float32([0, 0.1, 1]))
    assert clean.ovrl > at_20_db.ovrl + 0.2 > at_0_db.ovrl + 0.4
    assert clean.sig > at_0_db.sig
    assert clean.bak > at_20_db.bak > at_0_db.bak


def test_samples_beyond_full_scale_are_rated(real):
    assert dnsmos.rate(real * np.float32(1.01 / np.abs(real).max())).ovrl > 1


@pytest.mark.parametrize("useless", [np.zeros(16000, np.float32), np.ones(319, np.float32), np.zeros(0, np.float32)])
def test_dnsmos_without_speech_is_undefined(useless):
    assert all(map(math.isnan, dnsmos.rate(useless)))
