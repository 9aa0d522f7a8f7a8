"""External scores and keys: accepted formats, refused input, results."""

import numpy as np
import pandas as pd
import pytest

from codecfake.evaluation import assessment, asvspoof, bootstrap, metrics
from codecfake.util.errors import DataError

# (lines of a spoof trial s and a bona fide trial b in the challenges' formats; attack of s)
PROTOCOLS = {
    "2019 LA": ("LA_1 s - A07 spoof", "LA_2 b - - bonafide", "A07"),
    "2019 PA": ("LA_1 s aaa AB spoof", "LA_2 b aab - bonafide", "AB"),
    "2021 LA": ("LA_1 s alaw ita_tx A10 spoof notrim eval", "LA_2 b opus loc_tx bonafide bonafide notrim eval", "A10"),
    "2021 DF": (
        "LA_1 s nocodec asvspoof A14 spoof notrim progress traditional_vocoder - - - -",
        "LA_2 b mp3m4a asvspoof bonafide bonafide notrim progress bonafide - - - -",
        "A14",
    ),
    "5": ("LA_1 s F - - - AC3 A05 spoof -", "LA_2 b F - - - - bonafide bonafide -", "A05"),
    "tabs": ("LA_1\ts\t-\tA07\tspoof", "LA_2\tb\t-\t-\tbonafide", "A07"),
}


def written(path, *lines: str):
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("bonafide_first", [False, True])
@pytest.mark.parametrize("form", PROTOCOLS)
def test_challenge_protocol_is_read_as_a_key(tmp_path, form, bonafide_first):
    *lines, attack = PROTOCOLS[form]
    key = asvspoof.read_key(written(tmp_path / "key.txt", *(lines[::-1] if bonafide_first else lines)))
    assert key.index.tolist() == (["b", "s"] if bonafide_first else ["s", "b"])
    assert key["label"].to_dict() == {"b": "bonafide", "s": "spoof"}
    assert key["speaker"].to_dict() == {"b": "LA_2", "s": "LA_1"}
    assert key.loc["s", "attack"] == attack


def test_key_with_header_has_no_speakers_and_attacks(tmp_path):
    key = asvspoof.read_key(written(tmp_path / "key.tsv", "filename\tcm-label", "a b.wav\tspoof", "c\tbonafide"))
    assert key["label"].to_dict() == {"a b.wav": "spoof", "c": "bonafide"}
    assert key[["speaker", "attack"]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["a genuine", "b fake"], "not a key: line 1 has neither the header 'filename cm-label' nor a label: bonafide"),
        (["LA_1 s - A07 spoof", "LA_2 b - -"], "line 2 has 4 columns; at least 5 are needed"),
        (["filename\tcm-label", "a\tspoof", "b"], "line 3 has 1 columns; at least 2 are needed"),
        (["LA_1 s - A07 spoof", "LA_2 b - - genuine"], "b: label 'genuine'; allowed: bonafide, spoof"),
        (["filename\tcm-label", "a\tfake"], "a: label 'fake'; allowed: bonafide, spoof"),
        (["LA_1 s - A07 spoof", "LA_2 s - - bonafide"], "'s' is listed twice"),
        (["", " "], "is empty"),
    ],
)
def test_invalid_key_is_refused(tmp_path, lines, message):
    with pytest.raises(DataError, match=rf"key\.txt: {message}"):
        asvspoof.read_key(written(tmp_path / "key.txt", *lines))


@pytest.mark.parametrize("read", [asvspoof.read_key, asvspoof.read_scores])
def test_unreadable_file_is_named(tmp_path, read):
    with pytest.raises(DataError, match=r"none\.txt: cannot be read"):
        read(tmp_path / "none.txt")
    (tmp_path / "latin.txt").write_bytes("LA_1 é - A07 spoof\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"latin\.txt: cannot be read .*utf-8"):
        read(tmp_path / "latin.txt")


@pytest.mark.parametrize(
    "lines",
    [
        ["filename\tcm-score", "a\t-1.5", "b\t2e1"],
        ["cm-score\tattack\tfilename", "-1.5\tA07\ta", "2e1\t-\tb"],
        ["filename cm-score", "a -1.5", "b 2e1"],
        ["a -1.5", "b 2e1"],
        ["a\t-1.5", "", "b\t2e1"],
        ["a A07 spoof -1.5", "b - bonafide 2e1"],
    ],
)
def test_scores_are_read_by_file_name(tmp_path, lines):
    scores = asvspoof.read_scores(written(tmp_path / "scores.txt", *lines))
    assert scores.to_dict() == {"a": -1.5, "b": 20.0}
    assert scores.dtype == np.float64


@pytest.mark.parametrize("head", [["filename\tcm-score"], []])
def test_tab_separated_names_may_contain_spaces(tmp_path, head):
    scores = asvspoof.read_scores(written(tmp_path / "scores.txt", *head, "my speech.wav\t1", "my other.wav\t2"))
    assert scores.to_dict() == {"my speech.wav": 1, "my other.wav": 2}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["a 1", "b high"], "b: score 'high' is not a number"),
        (["a 1", "b nan"], "b: score 'nan' is not a number"),
        (["filename\tcm-score", "a\t1", "b\t"], "b: score '' is not a number"),
        (["filename\tcm-score", "a\t1", "b"], "line 3 has 1 columns; at least 2 are needed"),
        (["a 1", "a 2"], "'a' is listed twice"),
        ([], "is empty"),
    ],
)
def test_invalid_scores_are_refused(tmp_path, lines, message):
    with pytest.raises(DataError, match=rf"scores\.txt: {message}"):
        asvspoof.read_scores(written(tmp_path / "scores.txt", *lines))


@pytest.fixture
def trials() -> pd.DataFrame:
    rows = [(f"s{n % 3}", f"u{n}", codec) for codec in ("identity", "alpha", "beta") for n in range(6)]
    table = pd.DataFrame(rows, columns=["speaker_id", "utterance_id", "codec"], index=range(100, 118))
    return table.assign(label=np.where(table["codec"] == "identity", "bonafide", "spoof"))


def test_written_key_has_the_asvspoof_5_format(trials, tmp_path):
    asvspoof.write_key(trials, tmp_path / "key.tsv")
    lines = (tmp_path / "key.tsv").read_text().splitlines()
    assert lines[:2] == ["filename\tcm-label", "identity+u0\tbonafide"]
    assert len(lines) == 1 + 18
    key = asvspoof.read_key(tmp_path / "key.tsv")
    assert key.index.tolist() == (trials["codec"] + "+" + trials["utterance_id"]).tolist()
    assert key["label"].tolist() == trials["label"].tolist()


def test_written_protocol_has_the_asvspoof_2019_format(trials, tmp_path):
    asvspoof.write_protocol(trials, tmp_path / "protocol.txt")
    lines = (tmp_path / "protocol.txt").read_text().splitlines()
    assert lines[0] == "s0 identity+u0 - - bonafide"
    assert lines[7] == "s1 alpha+u1 - alpha spoof"
    key = asvspoof.read_key(tmp_path / "protocol.txt")
    assert key["label"].tolist() == trials["label"].tolist()
    assert key["speaker"].tolist() == trials["speaker_id"].tolist()
    assert key["attack"].tolist() == trials["codec"].replace("identity", "-").tolist()


@pytest.mark.parametrize("column", ["speaker_id", "utterance_id"])
def test_names_with_spaces_round_trip(trials, tmp_path, column):
    trials[column] = "my " + trials[column]
    asvspoof.write_protocol(trials, tmp_path / "protocol.txt")
    asvspoof.write_key(trials, tmp_path / "key.tsv")
    names = (trials["codec"] + "+" + trials["utterance_id"]).tolist()
    key = asvspoof.read_key(tmp_path / "protocol.txt")
    assert key.index.tolist() == asvspoof.read_key(tmp_path / "key.tsv").index.tolist() == names
    assert key["speaker"].tolist() == trials["speaker_id"].tolist()
    assert key["label"].tolist() == trials["label"].tolist()


@pytest.fixture
def key(trials, tmp_path) -> pd.DataFrame:
    asvspoof.write_protocol(trials, tmp_path / "protocol.txt")
    return asvspoof.read_key(tmp_path / "protocol.txt")


@pytest.fixture
def scores(key) -> pd.Series:
    """Scores without errors on alpha; beta scores as high as bona fide speech."""
    values = {"-": [1, 2, 3, 4, 5, 6], "alpha": [-1, -2, -3, -4, -5, -6], "beta": [6, 5, 4, 3, 2, 1]}
    return pd.Series({name: float(values[row["attack"]][int(name[-1])]) for name, row in key.iterrows()})


def test_scores_are_evaluated_pooled_and_by_attack(scores, key):
    table = assessment.assess(scores, key)
    assert table.index.tolist() == ["pooled", "alpha", "beta"]
    assert table["bonafide_trials"].tolist() == [6, 6, 6]
    assert table["spoof_trials"].tolist() == [12, 6, 6]
    assert table["eer"].tolist() == pytest.approx([1 / 3, 0, 0.5])
    bonafide = scores[key["label"] == "bonafide"].to_numpy()
    for attack in ("alpha", "beta"):
        expected = metrics.summary(bonafide, scores[key["attack"] == attack].to_numpy())
        assert table.loc[attack, list(expected)].to_dict() == pytest.approx(expected)
    low, high = table.loc["pooled", ["eer_low", "eer_high"]]
    assert low <= table.loc["pooled", "eer"] <= high


def test_key_without_attacks_and_speakers_gives_one_row_and_no_speaker_interval(scores, key):
    whole = assessment.assess(scores, key.assign(speaker=None, attack=None))
    assert whole.index.tolist() == ["pooled"]
    assert whole[["eer_low", "eer_high"]].isna().all(axis=None)
    assert whole.loc["pooled", "eer_low_by_trial"] < 1 / 3 < whole.loc["pooled", "eer_high_by_trial"]
    by_attack = assessment.assess(scores, key)
    assert by_attack.notna().all(axis=None)
    assert by_attack.loc["pooled", "eer_low_by_trial"] == whole.loc["pooled", "eer_low_by_trial"]


def test_missing_score_is_named_and_extra_score_ignored(scores, key):
    more = pd.concat([pd.Series({"other": 99.0}), scores.sample(frac=1, random_state=0)])
    pd.testing.assert_frame_equal(assessment.assess(more, key), assessment.assess(scores, key))
    with pytest.raises(DataError, match=r"no score for 'alpha\+u1' \(2 of the key's 18 files have none\)"):
        assessment.assess(scores.drop(["alpha+u1", "beta+u5"]), key)


def test_inverted_scores_are_not_flipped(scores, key):
    inverted = assessment.assess(-scores, key)
    assert inverted["eer"].tolist() == pytest.approx([2 / 3, 1, 0.5])
    assert inverted["auc"].tolist() == pytest.approx((1 - assessment.assess(scores, key)["auc"]).tolist())


@pytest.mark.parametrize("speakers", [True, False])
def test_better_detector_has_a_negative_eer_difference(scores, key, speakers):
    key = key if speakers else key.assign(speaker=None)
    worse = scores.where(key["attack"] != "alpha", scores + 20)
    found, back = assessment.compare(scores, worse, key), assessment.compare(worse, scores, key)
    assert found.difference == -back.difference < 0
    assert found.difference == pytest.approx(
        assessment.assess(scores, key).loc["pooled", "eer"]
        - metrics.eer(*(worse[key["label"] == label].to_numpy() for label in ("bonafide", "spoof")))
    )
    assert found.low <= found.difference <= found.high
    parts = [assessment.cell_of(one, key) for one in (scores, worse)]
    clusters = parts[0][2:] if speakers else ()
    assert found == bootstrap.paired(*parts[0][:2], *parts[1][:2], *clusters)
    same = assessment.compare(scores, scores, key)
    assert (same.difference, same.p) == (0, 1)


def test_readable_table_has_rates_in_percent(scores, key):
    head, *rows = assessment.readable(assessment.assess(scores, key))
    pooled = dict(zip(head, rows[0], strict=True))
    assert [row[0] for row in rows] == ["pooled", "alpha", "beta"]
    assert pooled["eer (%)"] == "33.33"
    assert pooled["spoof_trials"] == "12"
    assert dict(zip(head, rows[1], strict=True))["auc (%)"] == "100.00"
    assert dict(zip(head, rows[1], strict=True))["min_dcf"] == "0.0000"
