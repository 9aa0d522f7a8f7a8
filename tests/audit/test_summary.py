"""The audit on sets with one planted artefact each, and on the official samples."""

import numpy as np
import pytest

from audited_set import HOPS, TRACES, measured, write_set
from codecfake.audit import plots
from codecfake.audit.comparison import Duplicates, Ranges
from codecfake.audit.probe import ALL, Probe
from codecfake.audit.summary import Audit, audit, readable, verdict_text
from codecfake.data import tables
from codecfake.util.errors import DataError

#: All findings of the verdict on each codec of `TRACES`, without the probe.
EXPECTED = {
    "none": [],
    "delay": ["delay: +7.5 samples at 16 kHz"],
    "gain": ["level: +3 dB against bona fide"],
    "hop": ["length: input rounded down to a multiple of 320, always (bona fide 0 %)"],
    "dc": ["DC: +0.002 of full scale against bona fide"],
    "band": ["power from 7 to 8 kHz: ", "bandwidth up to 8 kHz: -"],
    "trimmed": ["delay: -3200.0 samples at 16 kHz", "length: as the input in 0 % only", "leading silence: -0.2 s"],
    "peak": ["level: +", "peak: nearly always 0.95, bona fide 0."],
    "inverted": ["polarity: inverted"],
    "clipped": ["clipping: +", "level: -"],
    "even": ["odd 16-bit samples: -0.5 of them against bona fide"],
}
#: Known findings on the published set.
ACADEMICODEC = ("academicodec_hifi_16k_320d", "academicodec_hifi_16k_320d_large_uni", "academicodec_hifi_24k_320d")
TWINS = tuple(f"funcodec-funcodec_zh_en_general_16k_nq32ds{hop}" for hop in (320, 640))
FREQUENCY = tuple(f"funcodec-funcodec_en_libritts-16k-gr{groups}nq32ds320" for groups in (1, 8))
LAWS = {
    "SpeechTokenizer": "input rounded up to a multiple of 320",
    "audiodec_24k_320d": "input rounded up to a multiple of 300",
    **dict.fromkeys(ACADEMICODEC, "input rounded down to a multiple of 320"),
}


@pytest.fixture(scope="module")
def cues(tmp_path_factory, speech):
    return measured(write_set(tmp_path_factory.mktemp("set"), speech, list(TRACES)))


@pytest.fixture(scope="module")
def audited(cues):
    return audit(cues, HOPS)


def findings(audited, codec):
    """Return the findings of a codec's verdict; the last is that of the probe."""
    return audited.table.set_index("codec")["verdict"][codec].split("; ")


@pytest.mark.parametrize("codec", TRACES)
def test_exactly_the_planted_artefacts_are_reported(audited, codec):
    *found, _ = findings(audited, codec)
    expected = EXPECTED[codec] or ["no single cue stands out"]
    assert len(found) == len(expected), found
    for words in expected:
        assert any(one.startswith(words) for one in found), found


def test_probe_without_artefact_is_reported_as_chance(audited):
    probe = audited.probe.set_index(["codec", "group"])
    assert probe.loc[("none", ALL), "eer"] == pytest.approx(0.5, abs=0.15)
    assert "which may be chance" in findings(audited, "none")[-1]


@pytest.mark.parametrize(
    ("codec", "group"),
    [("hop", "length"), ("dc", "level"), ("band", "band"), ("peak", "level"), ("even", "lsb"), ("clipped", "level")],
)
def test_probe_separates_by_the_group_of_the_planted_cue(audited, codec, group):
    eer = audited.probe.set_index(["codec", "group"])["eer"]
    assert eer[codec, group] < 0.1
    assert eer[codec, ALL] < 0.2
    assert "chance" not in findings(audited, codec)[-1]


def test_bona_fide_speech_has_a_row_without_verdict(audited):
    row = audited.table.set_index("codec").loc["identity"]
    assert (row["verdict"], row["subtype"], row["clips"], row["speakers"]) == ("", "PCM_16", 24, 6)


def test_tables_round_trip(audited, tmp_path):
    for table, model in zip(audited, (Audit, Ranges, Probe, Duplicates), strict=True):
        tables.write(table, model, tmp_path / "table.tsv")
        again = tables.read(tmp_path / "table.tsv", model)
        assert again.equals(table.astype(again.dtypes)), model


def test_audit_is_deterministic(cues, audited):
    part = {codec: cues[codec] for codec in ("identity", "gain")}
    first, second = audit(part, HOPS), audit(part, HOPS)
    for one, again in zip(first, second, strict=True):
        assert one.equals(again)
    assert findings(first, "gain") == findings(audited, "gain")


def test_unpaired_codec_is_compared_with_all_bona_fide_speech(cues):
    stranger = cues["hop"].assign(
        utterance_id="t" + cues["hop"]["utterance_id"],
        speaker_id="t" + cues["hop"]["speaker_id"],
        **dict.fromkeys(("delay", "correlation", "gain_db", "length_difference"), np.nan),
    )
    louder = stranger.assign(level_dbfs=stranger["level_dbfs"] + 10)
    found = audit({"identity": cues["identity"], "hop": stranger, "loud": louder}, HOPS)
    assert "length: a multiple of 320, always" in findings(found, "hop")
    assert any(words.startswith("level: +10 dB") for words in findings(found, "loud"))
    assert "speakers in both classes: 0" in findings(found, "hop")[-1]
    assert plots.figure(found.ranges, found.probe).startswith(b"\x89PNG")


def test_set_without_bona_fide_speech_or_codecs_is_refused(cues):
    for codecs in (["identity"], ["gain", "hop"]):
        with pytest.raises(DataError, match=r"an audit needs bona fide speech \(identity, genuine\) and a codec"):
            audit({codec: cues[codec] for codec in codecs}, HOPS)


def test_figure_reflects_the_numbers_and_is_reproducible(audited):
    figure = plots.figure(audited.ranges, audited.probe)
    assert figure.startswith(b"\x89PNG")
    assert figure == plots.figure(audited.ranges, audited.probe)
    for column in ("eer", "eer_low"):
        other = plots.figure(audited.ranges, audited.probe.assign(**{column: 0.1}))
        assert (other != figure) == (column == "eer")
    assert figure != plots.figure(audited.ranges.assign(median=1.0), audited.probe)


def test_audit_is_rendered_as_table_and_text(audited):
    head, *rows = readable(audited)
    assert {len(row) for row in rows} == {len(head)}
    assert ("delay", "24", "PCM_16", "16000", "as the input", "7.5", "0.0") in [row[:7] for row in rows]
    assert rows[0][-1] == "-"
    assert "\ngain\n  level: +3 dB against bona fide\n  probe: EER " in verdict_text(audited.table)


class TestOfficialSamples:
    """The audit of two utterances of the published set."""

    @pytest.fixture(scope="class")
    def cues(self, shared):
        return measured(shared / "data/codecfake-samples")

    @pytest.fixture(scope="class")
    def audited(self, cues):
        return audit(cues, HOPS)

    def test_set_has_fifteen_codecs_with_two_utterances_each(self, audited):
        assert list(audited.table["clips"]) == [2] * 16

    def test_only_the_known_duplicates_are_found(self, audited):
        (row,) = audited.duplicates.to_dict("records")
        expected = {"codec": TWINS[0], "other": TWINS[1], "utterances": 2, "same_samples": 2, "same_bytes": 2}
        assert row == expected
        for one, other in (TWINS, TWINS[::-1]):
            assert findings(audited, one)[0] == f"identical to {other}"

    def test_only_genuine_clips_are_float(self, audited):
        subtypes = audited.table.set_index("codec")["subtype"]
        assert subtypes.pop("identity") == "FLOAT"
        assert set(subtypes) == {"PCM_16"}
        assert all("format: PCM_16 where bona fide is FLOAT" in words for words in audited.table["verdict"][1:])

    def test_lengths_follow_the_known_laws(self, audited):
        laws = audited.table.set_index("codec")["length_law"]
        for codec, law in laws.items():
            assert law == LAWS.get(codec, "as the input"), codec
            assert any(one.startswith(f"length: {law}, always") for one in findings(audited, codec)) == (codec in LAWS)
        partly = audited.table[audited.table["lawful"] < 2]
        assert tuple(partly["codec"]) == FREQUENCY

    def test_academicodec_is_louder(self, audited, cues):
        louder = {codec for codec in cues if any(one.startswith("level: +") for one in findings(audited, codec))}
        assert louder == set(ACADEMICODEC)
        for codec in ACADEMICODEC:
            assert 10 ** (cues[codec]["gain_db"].min() / 20) == pytest.approx(1.2, abs=0.1)
            assert 10 ** (cues[codec]["gain_db"].max() / 20) == pytest.approx(2.75, abs=0.1)

    def test_delays_equal_the_known_values(self, audited, cues):
        known = {"descript-audio-codec-16khz": (-8.2, -7.8), "descript-audio-codec-24khz": (-5.5, -5.2)}
        for codec, (least, most) in {**known, "audiodec_24k_320d": (118, 136)}.items():
            assert cues[codec]["delay"].between(least, most).all()
            assert any(one.startswith("delay: ") for one in findings(audited, codec))
        for codec in FREQUENCY:
            assert sorted(cues[codec]["delay"]) == pytest.approx([0, 160], abs=1)
            assert any("to +160" in one for one in findings(audited, codec))
        delayed = {codec for codec in cues if any(one.startswith("delay: ") for one in findings(audited, codec))}
        assert delayed == {*known, "audiodec_24k_320d", *FREQUENCY}

    def test_only_audiodec_is_inverted(self, audited, cues):
        inverted = [codec for codec in cues if "polarity: inverted" in findings(audited, codec)]
        assert inverted == ["audiodec_24k_320d"]

    def test_two_utterances_are_reported_as_too_few(self, audited):
        assert audited.probe["eer"].isna().all()
        for codec in audited.table["codec"][1:]:
            assert findings(audited, codec)[-2:] == [
                "only 2 utterances",
                "no probe (trials: 2 bona fide and 2 spoof, at least 10 of each needed)",
            ]
