"""Where a run's files lie."""

import pytest

from codecfake.layout import Layout

RUN = {"run": "r", "corpus": {"name": "voices"}, "codecs": ["a", "b"], "shards": 2, "detector": {"name": "lcnn"}}


@pytest.fixture
def fold() -> Layout:
    return Layout({**RUN, "corpus": {"name": "voices", "folds": {"count": 5, "eval": 3}}})


def test_a_fold_shares_the_audio_and_keeps_the_rest_apart(fold):
    whole = Layout(RUN)
    assert (
        fold.source_shards()
        == whole.source_shards()
        == ["results/r/corpus/000.parquet", "results/r/corpus/001.parquet"]
    )
    assert fold.codec_shards(["a"]) == whole.codec_shards(["a"])
    assert fold.detector_of("a") == "results/r/fold3of5/detectors/lcnn/a.pt"
    assert whole.detector_of("a") == "results/r/detectors/lcnn/a.pt"


def test_a_detector_is_trained_on_bona_fide_speech_and_its_codec_or_all():
    at = Layout(RUN)
    assert at.train_codecs == ["a", "b", "pooled"]
    assert at.trained_on("b") == ["identity", "b"]
    assert at.trained_on("pooled") == ["identity", "a", "b"]
