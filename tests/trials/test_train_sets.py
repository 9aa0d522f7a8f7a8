"""Training sets: their codecs, and the trials drawn in an epoch."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from codecfake.trials.dataset import draw
from codecfake.trials.train_sets import DEFAULT, TrainSet, train_sets
from codecfake.util.errors import ConfigError

ENTRIES = {
    "encodec_24k": {"family": "encodec", "taxonomy": {"vector_quantizer": "residual", "decoder": "time"}},
    "encodec_48k": {"family": "encodec", "taxonomy": {"vector_quantizer": "residual", "decoder": "time"}},
    "freq": {"family": "funcodec", "taxonomy": {"vector_quantizer": "residual", "decoder": "frequency"}},
    "single": {"family": "single", "taxonomy": {"vector_quantizer": "single", "decoder": "time"}},
}
CODECS = list(ENTRIES)


def sets(*kinds: str, codecs: list[str] = CODECS) -> dict[str, TrainSet]:
    return train_sets({"codecs": codecs, "codec_entries": ENTRIES, "train_sets": kinds or DEFAULT})


def test_default_sets_are_each_codec_and_pooled():
    assert sets() == {**{codec: TrainSet([codec]) for codec in CODECS}, "pooled": TrainSet(CODECS)}
    assert list(sets()) == [*CODECS, "pooled"]


def test_leave_one_family_out_excludes_all_codecs_of_the_family():
    assert sets("leave-one-family-out") == {
        "without-encodec": TrainSet(["freq", "single"]),
        "without-funcodec": TrainSet(["encodec_24k", "encodec_48k", "single"]),
        "without-single": TrainSet(["encodec_24k", "encodec_48k", "freq"]),
    }


@pytest.mark.parametrize(
    ("kind", "classes"),
    [
        ("balanced-vector_quantizer", ["residual", "residual", "residual", "single"]),
        ("balanced-decoder", ["time", "time", "frequency", "time"]),
    ],
)
def test_balanced_set_has_all_codecs_with_their_taxonomy_class(kind, classes):
    assert sets(kind) == {kind: TrainSet(CODECS, dict(zip(CODECS, classes, strict=True)))}


def test_sets_are_in_the_order_of_the_config():
    assert list(sets("pooled", "leave-one-family-out", "each")) == [
        "pooled", "without-encodec", "without-funcodec", "without-single", *CODECS,
    ]  # fmt: skip


def test_the_only_family_cannot_be_left_out():
    with pytest.raises(ConfigError, match="leave-one-family-out: all codecs are of family 'encodec'; two are needed"):
        sets("leave-one-family-out", codecs=["encodec_24k", "encodec_48k"])


@pytest.mark.parametrize("name", ["without-single", "pooled"])
def test_codec_with_the_name_of_a_set_is_refused(name, monkeypatch):
    monkeypatch.setitem(ENTRIES, name, {"family": "other"})
    with pytest.raises(ConfigError, match=f"train_sets: '{name}' is the name of a codec and of a set"):
        sets("each", "pooled", "leave-one-family-out", codecs=[*CODECS, name])


def protocol(bonafide: int, **spoof: int) -> pd.DataFrame:
    """Make a shuffled protocol with given numbers of trials per codec, whose index is not the position."""
    counts = {"identity": bonafide, **spoof}
    rows = [(f"u{number}", codec) for codec, count in counts.items() for number in range(count)]
    table = pd.DataFrame(rows, columns=["utterance_id", "codec"])
    table["label"] = np.where(table["codec"] == "identity", "bonafide", "spoof")
    return table.sample(frac=1, random_state=0).set_index(np.arange(1000, 1000 + len(table)))


def drawn(trials: pd.DataFrame, classes: dict[str, str] | None, epoch: int = 0, seed: int = 1) -> list[int]:
    return draw(trials, classes, np.random.default_rng([seed, epoch]))


def test_trials_without_classes_are_drawn_once_per_epoch_in_random_order():
    trials = protocol(10, alpha=7, beta=30)
    epochs = [drawn(trials, None, epoch) for epoch in range(3)]
    for order in epochs:
        assert sorted(order) == list(range(47))
    assert epochs[0] != epochs[1] != epochs[2] != list(range(47))


#: Classes of the spoof trials: a has two codecs.
CLASSES = {"a1": "a", "a2": "a", "b": "b", "c": "c"}


@pytest.mark.parametrize(
    "numbers",
    [
        {"a1": 5, "a2": 8, "b": 3, "c": 41},
        {"a1": 4, "a2": 4, "b": 8, "c": 8},
        {"a1": 1, "a2": 1, "b": 1, "c": 97},
        {"a1": 20, "a2": 0, "b": 1, "c": 1},
    ],
)
def test_classes_get_equal_shares_of_spoof_draws_and_bona_fide_is_drawn_once(numbers):
    trials = protocol(12, **numbers)
    order = drawn(trials, CLASSES)
    shares = Counter(trials["codec"].iloc[order].map(CLASSES).dropna().tolist())
    assert set(shares) == {"a", "b", "c"}
    assert max(shares.values()) - min(shares.values()) <= 1
    assert 0 <= sum(numbers.values()) - sum(shares.values()) < 3
    bonafide = [position for position in order if trials["label"].iloc[position] == "bonafide"]
    assert sorted(bonafide) == np.flatnonzero(trials["label"] == "bonafide").tolist()


def test_small_class_is_repeated_evenly_and_a_large_one_is_not_repeated():
    trials = protocol(12, a1=5, a2=8, b=3, c=41)
    order = Counter(drawn(trials, CLASSES))
    times = {codec: [order[number] for number in np.flatnonzero(trials["codec"] == codec)] for codec in CLASSES}
    assert sum(times["b"]) == 57 // 3
    assert sorted(times["b"]) == [6, 6, 7]
    assert max(times["a1"] + times["a2"]) - min(times["a1"] + times["a2"]) <= 1
    assert set(times["c"]) == {0, 1}


def test_trials_of_a_large_class_rotate_over_epochs():
    trials = protocol(12, a1=5, a2=8, b=3, c=41)
    large = set(np.flatnonzero(trials["codec"] == "c"))
    epochs = [large & set(drawn(trials, CLASSES, epoch)) for epoch in range(20)]
    assert epochs[0] != epochs[1]
    assert {len(one) for one in epochs} == {19}
    assert set.union(*epochs) == large


@pytest.mark.parametrize("classes", [None, CLASSES])
def test_draws_depend_on_the_seed(classes):
    trials = protocol(12, a1=5, a2=8, b=3, c=41)
    assert drawn(trials, classes, seed=3) == drawn(trials, classes, seed=3)
    assert drawn(trials, classes, seed=3) != drawn(trials, classes, seed=4)


def test_classes_are_mixed_within_an_epoch():
    trials = protocol(100, a1=50, a2=50, b=100, c=100)
    codecs = trials["codec"].iloc[drawn(trials, CLASSES)].to_numpy()
    for half in np.split(codecs, 2):
        assert all(
            30 < np.count_nonzero(np.isin(half, some)) < 70 for some in (["identity"], ["a1", "a2"], ["b"], ["c"])
        )


@pytest.mark.parametrize(("ratio", "expected"), [(1.5, 15), (3.0, 30), (4.0, 37)])
def test_spoof_trials_are_limited_by_the_ratio_and_rotate_over_epochs(ratio, expected):
    trials = protocol(10, alpha=7, beta=30)
    is_spoof = (trials["label"] == "spoof").to_numpy()
    epochs = [draw(trials, None, np.random.default_rng([1, epoch]), ratio) for epoch in range(20)]
    for order in epochs:
        assert len(set(order)) == len(order)
        assert (sum(is_spoof[order]), len(order)) == (expected, expected + 10)
    assert set.union(*map(set, epochs)) == set(range(47))
    assert epochs[0] != epochs[1]


def test_ratio_limits_the_draws_of_balanced_classes():
    trials = protocol(6, a1=5, a2=8, b=3, c=41)
    order = draw(trials, CLASSES, np.random.default_rng(1), 2.0)
    shares = Counter(trials["codec"].iloc[order].map(CLASSES).dropna().tolist())
    assert shares == {"a": 4, "b": 4, "c": 4}
