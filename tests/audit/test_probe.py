"""The probe: separable and inseparable classes, and cases without a result."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_curve
from sklearn.preprocessing import StandardScaler

from audited_set import HOPS
from audited_set import random_cues as cues
from codecfake.audit.probe import ALL, FORMAT, Probe, feature_groups, probe
from codecfake.audit.probe import GROUPS as PROBED
from codecfake.data import tables

GROUPS = [FORMAT, *PROBED, ALL]


def eers(spoof, bonafide=None):
    table = probe({"identity": cues() if bonafide is None else bonafide, "codec": spoof}, HOPS)
    assert list(table["group"]) == GROUPS
    return table.set_index("group")


PLANTED = {
    "length": {"num_samples": lambda lengths: lengths // 320 * 320},
    "level": {"level_dbfs": lambda level: level + 2},
    "silence": {"leading_silence_s": lambda seconds: seconds + 2},
    "band": {"above_7khz_db": lambda power: power - 2},
    "lsb": {"odd_share": 0.05},
    FORMAT: {"subtype": "FLOAT"},
}


@pytest.mark.parametrize("group", PLANTED)
def test_only_the_group_of_the_planted_cue_separates_the_classes(group):
    found = eers(cues(seed=1, **PLANTED[group]))
    assert found.loc[group, "eer"] < 0.05
    assert (found.loc[ALL, "eer"] < 0.1) == (group != FORMAT)
    for other in set(GROUPS) - {group, ALL}:
        assert found.loc[other, "eer"] == pytest.approx(0.5, abs=0.15), other


def test_eer_interval_of_equal_classes_includes_chance():
    found = eers(cues(seed=1))
    assert found.loc[ALL, "eer_low"] < 0.5 < found.loc[ALL, "eer_high"] + 0.05
    assert found.loc[ALL, "eer"] == pytest.approx(0.5, abs=0.1)
    assert found.loc[FORMAT, "eer"] == 0.5


def test_probe_ignores_cues_relative_to_bona_fide():
    paired = dict.fromkeys(("delay", "gain_db", "correlation", "length_difference"), lambda values: values + 100)
    pd.testing.assert_frame_equal(eers(cues(seed=1, **paired)), eers(cues(seed=1)))


def test_probe_ignores_low_bits_of_resampled_clips():
    heard = {"on_grid_share": 0.0, "odd_share": 0.5}
    even = {"on_grid_share": 1.0, "odd_share": 0.0}
    assert eers(cues(seed=1, sample_rate=24000, **even), cues(**heard)).loc["lsb", "eer"] == 0.5
    assert eers(cues(seed=1, **even), cues(**heard)).loc["lsb", "eer"] == 0


def test_eer_equals_scikit_learn_with_speakers_left_out():
    bonafide, spoof = cues(speakers=4), cues(speakers=4, seed=1, level_dbfs=lambda level: level + 0.3)
    found = eers(spoof, bonafide).loc["level"]
    both = pd.concat([bonafide, spoof], ignore_index=True)
    features, labels = feature_groups(both, HOPS)["level"], np.repeat([1, 0], 40)
    scores = np.empty(80)
    for speaker in both["speaker_id"].unique():  # four speakers give four folds
        out = (both["speaker_id"] == speaker).to_numpy()
        scaler = StandardScaler().fit(features[~out])
        model = LogisticRegression(class_weight="balanced", max_iter=1000)
        model.fit(scaler.transform(features[~out]), labels[~out])
        scores[out] = model.decision_function(scaler.transform(features[out]))
    false_alarm, hit, _ = roc_curve(labels, scores, drop_intermediate=False)
    nearest = np.argmin(np.abs(1 - hit - false_alarm))
    assert found["eer"] == pytest.approx((1 - hit + false_alarm)[nearest] / 2, abs=1 / 40)
    assert 0.05 < found["eer"] < 0.45


def test_inverted_probe_has_an_eer_above_chance():
    """Two speakers with opposite effects: a model trained on one is wrong for the other."""
    bonafide, spoof = cues(speakers=2), cues(speakers=2, seed=1)
    for table, sign in ((bonafide, 1), (spoof, -1)):
        table["level_dbfs"] = sign * table["speaker_id"].map({"s0": 5.0, "s1": -5.0})
    assert eers(spoof, bonafide).loc["level", "eer"] > 0.9


def test_speakers_with_a_single_class_are_excluded():
    more = pd.concat([cues(), cues(speakers=3, seed=2, prefix="t", level_dbfs=50.0)], ignore_index=True)
    found = eers(cues(seed=1), more)
    pd.testing.assert_frame_equal(found, eers(cues(seed=1)))
    assert found.loc[ALL, ["bonafide_trials", "spoof_trials", "speakers"]].tolist() == [80, 80, 8]


@pytest.mark.parametrize(
    ("spoof", "remark"),
    [
        (cues(speakers=1, seed=1), "speakers in both classes: 1, at least 2 needed"),
        (cues(prefix="t", seed=1), "speakers in both classes: 0, at least 2 needed"),
        (cues(speakers=3, per_speaker=3, seed=1), "trials: 30 bona fide and 9 spoof, at least 10 of each needed"),
    ],
)
def test_too_few_speakers_or_trials_give_a_remark_and_no_eer(spoof, remark):
    found = eers(spoof)
    assert found[["eer", "eer_low", "eer_high"]].isna().all(axis=None)
    assert set(found["remark"]) == {remark}


def test_eer_does_not_depend_on_clip_order(tmp_path):
    bonafide, spoof = cues(), cues(seed=1, level_dbfs=lambda level: level + 0.2)
    found = eers(spoof, bonafide)
    shuffled = eers(spoof.sample(frac=1, random_state=0), bonafide.sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(found, shuffled, rtol=0, atol=1e-9)
    table = found.reset_index().assign(codec="codec")[tables.columns(Probe)]
    tables.write(table, Probe, tmp_path / "probe.tsv")
    pd.testing.assert_frame_equal(tables.read(tmp_path / "probe.tsv", Probe), tables.check(table, Probe, "probe"))
