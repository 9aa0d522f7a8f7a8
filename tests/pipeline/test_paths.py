"""Paths of a run's files."""

import pytest

from codecfake.pipeline.paths import Paths, by_recipe
from codecfake.trials.detector_id import DetectorId

RUN = {
    "run": "r",
    "seeds": [1, 2],
    "recipes": ["clean"],
    "corpus": {"name": "voices"},
    "codecs": ["a", "b"],
    "codec_entries": {"a": {"family": "fa"}, "b": {"family": "fb"}},
    "shards": 2,
    "detector": {"name": "lcnn"},
    "train_sets": ["each", "pooled"],
    "baselines": [],
    "conditions": [],
    "evaluation_sets": {},
    "tracing": [],
}


@pytest.fixture
def fold() -> Paths:
    return Paths({**RUN, "corpus": {"name": "voices", "folds": {"count": 5, "eval": 3}}})


def test_folds_share_audio_and_have_their_own_detectors(fold):
    whole = Paths(RUN)
    assert (
        fold.source_shards()
        == whole.source_shards()
        == ["results/r/corpus/000.parquet", "results/r/corpus/001.parquet"]
    )
    assert fold.codec_shards(["a"]) == whole.codec_shards(["a"])
    assert fold.detector_of("a", 1) == "results/r/clean/fold3of5/detectors/lcnn/seed1/a.pt"
    assert whole.detector_of("a", 1) == "results/r/clean/split/detectors/lcnn/seed1/a.pt"


def test_detector_is_trained_on_bona_fide_speech_and_its_codecs():
    at = Paths(RUN)
    assert at.detectors() == [(name, seed) for name in ("a", "b", "pooled") for seed in (1, 2)]
    assert at.trained_on("b") == ["identity", "b"]
    assert at.trained_on("pooled") == ["identity", "a", "b"]


def test_every_detector_and_baseline_has_its_own_score_files():
    at = Paths({**RUN, "seeds": [1], "baselines": ["random"]})
    assert at.scores() == [
        *(
            (DetectorId(name, 1), f"results/r/clean/split/scores/lcnn/seed1/{name}{kind}.tsv")
            for name in ("a", "b", "pooled")
            for kind in ("", ".other")
        ),
        (DetectorId("random"), "results/r/clean/split/scores/baselines/random.tsv"),
        (DetectorId("random"), "results/r/clean/split/scores/baselines/random.other.tsv"),
    ]


def test_conditions_belong_to_the_fold_and_evaluation_sets_to_the_run(fold):
    at = Paths({**RUN, "conditions": ["noise"], "evaluation_sets": {"tts": "~/tts"}})
    assert at.protocols() == ["identity", "a", "b", "noise", "tts"]
    assert at.waveforms_of("noise") == "results/r/clean/split/waveforms/noise.json"
    assert at.waveforms_of("tts") == "results/r/clean/waveforms/tts.json"
    folded = Paths({**RUN, "conditions": ["noise"], "corpus": {"name": "voices", "folds": {"count": 5, "eval": 3}}})
    assert folded.waveforms_of("noise") == "results/r/clean/fold3of5/waveforms/noise.json"
    assert fold.waveforms_of("a") == "results/r/clean/waveforms/a.json"
    assert at.shards_of("tts") == ["results/r/corpus/sets/tts.parquet"]


def test_reference_is_the_pooled_detector_if_present():
    assert Paths(RUN).reference() == "pooled"
    assert Paths({**RUN, "train_sets": ["leave-one-family-out", "each"]}).reference() == "without-fa"


def test_recipes_share_only_corpus_and_report():
    folds = {"name": "voices", "folds": {"count": 5, "eval": 3}}
    first, second = by_recipe({**RUN, "recipes": ["published", "matched"], "corpus": folds}).values()
    assert first.codec_shards(["a"])[0] == "results/r/published/resynthesised/a/000.parquet"
    assert second.codec_shards(["a"])[0] == "results/r/matched/resynthesised/a/000.parquet"
    assert second.waveforms_of("a") == "results/r/matched/waveforms/a.json"
    assert second.detector_of("a", 1) == "results/r/matched/fold3of5/detectors/lcnn/seed1/a.pt"
    assert first.source_shards() == second.source_shards()
    assert first.splits() == second.splits() == "results/r/splits/fold3of5.tsv"
    assert first.report() == second.report()
    assert first.report()[1] == "results/r/report/fold3of5/report.html"
    assert not set(first.all_files()) & set(second.all_files())


def test_path_patterns_expand_to_the_paths_of_each_recipe_and_fold():
    for corpus, fold in (({}, "split"), ({"folds": {"count": 5, "eval": 3}}, "fold3of5")):
        run = {**RUN, "recipes": ["clean", "matched"], "tracing": ["family"], "corpus": {"name": "voices", **corpus}}
        for recipe, at in by_recipe(run).items():
            filled = [path.format(recipe=recipe, fold=fold) for path in Paths(run, "{recipe}", "{fold}").all_files()]
            assert filled == at.all_files()
