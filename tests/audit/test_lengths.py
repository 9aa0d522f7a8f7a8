"""Length laws of codecs with known laws."""

import numpy as np
import pytest

from audited_set import HOPS
from codecfake.audit.lengths import input_lengths, length_law

INPUTS = np.random.default_rng(0).integers(16000, 160000, 40)


def law_of(lengths, rate=16000, inputs=INPUTS):
    return length_law(
        np.asarray(lengths), *input_lengths(inputs, np.full_like(inputs, 16000), np.full_like(inputs, rate)), HOPS
    )


@pytest.mark.parametrize("hop", HOPS)
@pytest.mark.parametrize("up", [True, False])
def test_rounding_to_whole_frames_is_recognised_with_its_hop(hop, up):
    lengths = (-(-INPUTS // hop) if up else INPUTS // hop) * hop
    law = law_of(lengths)
    assert law[:3] == (f"input rounded {'up' if up else 'down'} to a multiple of {hop}", 40, 40)
    assert law.bonafide_share == np.mean(INPUTS % hop == 0) < 0.1


@pytest.mark.parametrize("rate", [8000, 16000, 24000, 44100, 48000])
def test_unchanged_length_is_recognised_at_any_rate(rate):
    recorded = np.random.default_rng(1).integers(48000, 480000, 40)  # at 48 kHz; resampling to either rate rounds up
    inputs, lengths = -(-recorded // 3), -(-recorded * rate // 48000)
    law = law_of(lengths, rate, inputs)
    assert law[:3] == ("as the input", 40, 40)
    assert np.isnan(law.bonafide_share)
    assert law_of(lengths + 3, rate, inputs)[:3] == ("as the input", 0, 40)


def test_rounding_is_recognised_at_a_rate_other_than_the_inputs():
    recorded = np.random.default_rng(1).integers(48000, 480000, 40)
    law = law_of(-(-recorded // 2 // 300) * 300, 24000, -(-recorded // 3))
    assert law.name == "input rounded up to a multiple of 300"


def test_multiples_that_no_rounding_explains_are_multiples():
    law = law_of((INPUTS // 320 + 5) * 320)
    assert law[:3] == ("a multiple of 320", 40, 40)


def test_without_inputs_only_multiples_are_reported():
    none = np.zeros(0, int)
    law = length_law(INPUTS // 512 * 512, none, none, HOPS)
    assert law[:3] == ("a multiple of 512", 40, 40)
    assert np.isnan(law.bonafide_share)
    assert length_law(INPUTS // 512 * 512 + 1, none, none, HOPS)[:2] == ("unknown", 0)


def test_number_of_clips_that_obey_is_reported():
    mixed = np.where(np.arange(40) < 30, INPUTS // 320 * 320, INPUTS + 7)
    assert law_of(mixed)[:3] == ("input rounded down to a multiple of 320", 30, 40)
    assert law_of(np.where(np.arange(40) < 10, INPUTS, INPUTS + 7))[:2] == ("as the input", 10)


@pytest.mark.parametrize(("inputs", "rate", "lengths"), [(102472, 24000, 153708), (102472, 44100, 282439)])
def test_official_samples_keep_the_input_length(inputs, rate, lengths):
    assert law_of([lengths], rate, np.array([inputs])).name == "as the input"
