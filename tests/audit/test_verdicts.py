"""Verdicts on synthetic cues: wording, order, differences below a threshold."""

import numpy as np
import pytest

from audited_set import HOPS, random_cues
from codecfake.audit.summary import audit

PAIRED = {"delay": 0.0, "correlation": 1.0, "gain_db": 0.0, "length_difference": 0.0}


def bonafide(**changes):
    return random_cues(**{**PAIRED, **changes})


def verdict(codec, others=None, **changes):
    """Return the findings on a codec whose cues are those of bona fide speech, with some changes."""
    own = random_cues(**{**PAIRED, **changes}, bytes_hash=lambda old: "x" + old, samples_hash=lambda old: "x" + old)
    cues = {"identity": bonafide(), codec: own, **(others or {})}
    return audit(cues, HOPS).table.set_index("codec")["verdict"][codec].split("; ")


def plus(number):
    return lambda values: values + number


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"gain_db": 1.2, "level_dbfs": plus(1.2)}, "level: +1.2 dB against bona fide"),
        ({"dc": plus(-0.001)}, "DC: -0.001 of full scale against bona fide"),
        ({"leading_silence_s": plus(-0.08)}, "leading silence: -0.08 s against bona fide"),
        ({"trailing_silence_s": plus(0.3)}, "trailing silence: +0.3 s against bona fide"),
        ({"above_7khz_db": plus(-20)}, "power from 7 to 8 kHz: -20 dB against bona fide"),
        ({"delay": -8.04}, "delay: -8.0 samples at 16 kHz"),
        ({"correlation": -0.4}, "polarity: inverted"),
        ({"subtype": "FLOAT"}, "format: FLOAT where bona fide is PCM_16"),
        (
            {"container": "FLAC", "sample_rate": 24000},
            "format: FLAC where bona fide is WAV, 24000 Hz where bona fide is 16000 Hz",
        ),
        ({"num_samples": plus(3)}, "length: as the input in 0 % only"),
    ],
)
def test_difference_is_described(changes, words):
    found = verdict("codec", **changes)
    assert words in found
    assert len(found) == (2 if "sample_rate" not in changes else 3)  # and the probe; rate changes length


@pytest.mark.parametrize(
    "changes",
    [
        {"gain_db": 0.9, "level_dbfs": plus(0.9)},
        {"dc": plus(0.0004)},
        {"leading_silence_s": plus(0.04)},
        {"above_7khz_db": plus(-2.9)},
        {"delay": 1.9},
        {"odd_share": plus(0.04)},
    ],
)
def test_difference_below_its_threshold_is_not_reported(changes):
    assert verdict("codec", **changes)[0] == "no single cue stands out"


def test_delay_with_two_values_is_reported_with_its_range():
    either = np.where(np.arange(80) % 2, 160.0, 0.0)
    assert "delay: +0.0 to +160.0 samples at 16 kHz, median +80.0" in verdict("codec", delay=either)
    few = np.where(np.arange(80) % 20, 0.0, 160.0)  # one clip in twenty
    assert verdict("codec", delay=few)[0] == "no single cue stands out"
    jitter = np.linspace(-12, 12, 80)  # as with a codec that generates random phases
    assert verdict("codec", delay=jitter)[0] == "no single cue stands out"


def test_varying_difference_is_reported_with_its_range():
    gains = np.linspace(1, 9, 80)
    (level,) = (words for words in verdict("codec", gain_db=gains, level_dbfs=plus(5)) if words.startswith("level"))
    assert level == "level: +5 dB against bona fide (+1.7 to +8.3)"


def test_fixed_peak_is_reported_only_if_bona_fide_peaks_vary():
    assert "peak: nearly always 0.95, bona fide 0." in "; ".join(verdict("codec", peak=0.95))
    cues = {"identity": bonafide(peak=0.95), "codec": random_cues(**PAIRED, peak=0.95, bytes_hash="", samples_hash="")}
    assert audit(cues, HOPS).table["verdict"][1].startswith("no single cue stands out")


def test_the_strongest_cue_comes_first():
    # two effects in every clip, the larger first; one is within the variation of speakers
    found = verdict("codec", trailing_silence_s=plus(0.06), above_7khz_db=plus(4), leading_silence_s=plus(2))
    names = [words.partition(":")[0] for words in found]
    assert names == ["leading silence", "power from 7 to 8 kHz", "trailing silence", "probe"]


def test_off_grid_samples_are_reported_unless_the_format_explains_them():
    for subtype, told in (("PCM_16", True), ("FLOAT", False)):
        off_grid = random_cues(**PAIRED, on_grid_share=0.1, subtype=subtype, bytes_hash="x", samples_hash="x")
        cues = {"identity": bonafide(on_grid_share=1.0), "codec": off_grid}
        words = audit(cues, HOPS).table["verdict"][1]
        assert ("samples on the 16-bit grid: -0.9 of them against bona fide" in words) == told
        assert ("format: FLOAT" in words) != told


def test_identical_codecs_are_reported_with_the_kind_of_identity():
    own = bonafide()
    ids = own["utterance_id"].to_numpy()
    same = {"bytes_hash": lambda old: "x" + old, "samples_hash": lambda old: "x" + old}
    other_files = {**same, "bytes_hash": lambda old: "y" + old}
    partly = {name: np.where(np.arange(80) < 20, "x" + own[name], "z" + ids) for name in same}
    for changes, words in (
        (same, "identical to other"),
        (other_files, "identical to other once decoded"),
        (partly, "identical to other in 20 of 80"),
    ):
        assert verdict("codec", others={"other": bonafide(**changes)})[0] == words


def test_length_law_is_reported_with_the_share_of_clips():
    def mostly(lengths):
        return np.where(np.arange(80) < 72, lengths // 512 * 512, lengths + 7)

    expected = "length: input rounded down to a multiple of 512, in 90 % (bona fide 0 %)"
    assert verdict("codec", num_samples=mostly)[0] == expected


def test_low_number_of_utterances_is_reported():
    for count, words in ((9, "only 9 utterances"), (1, "only 1 utterance")):
        cues = {"identity": bonafide(), "codec": bonafide(delay=50.0).head(count)}
        assert audit(cues, HOPS).table["verdict"][1].split("; ")[-2] == words


def test_probe_is_reported_with_its_best_group_or_as_chance():
    assert "by silence alone 0 %" in verdict("codec", leading_silence_s=plus(2))[-1]
    assert verdict("codec")[-1].endswith("which may be chance")
