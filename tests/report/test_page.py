"""The HTML report of a small synthetic run: self-contained, complete, escaped, rendered by a browser."""

import base64
import importlib.metadata

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from browser import browsing
from codecfake.audio import io as audio
from codecfake.corpora import LeftOut, Speaker, Utterance
from codecfake.corpora.tables import left_out_table, speaker_table, split_table
from codecfake.data.shards import Shard, decode_row, shard_path
from codecfake.evaluation import figures, matrix
from codecfake.evaluation.cells import Evaluation
from codecfake.report import tables
from codecfake.report.page import write_report
from codecfake.report.results import RecipeResults, Results, TracerResults
from codecfake.report.tables import counts
from codecfake.trials.detector_id import DetectorId
from codecfake.trials.protocol import trial_names
from codecfake.util.constants import IDENTITY, POOLED
from html_page import Page, chromium
from tiny_run import make_run

CODEC, OTHER = 'muffled <i>"1 kHz" & co', "other"
COLUMNS = [CODEC, OTHER, POOLED]
#: EERs of each row, in the order of columns.
EER = {
    CODEC: [0.0123, 0.3, 0.2],
    OTHER: [0.4567, 0.1, 0.25],
    POOLED: [0.11, 0.12, 0.13],
    "without-filter": [0.4, 0.1, 0.2],
    "without-<b>": [0.02, 0.5, 0.3],
    "random": [0.48, 0.5267, 0.5],
}
MATRIX = [
    ["train \\ eval", *COLUMNS],
    *([row, *(f"{100 * eer:.2f} {100 * eer - 1:.2f} to {100 * eer + 2:.2f}" for eer in EER[row])] for row in EER),
]
TEXT = "Please <i> & thank you"
RATE = {"n_q": 6, "bandwidth_kbps": 1.5}
RUN = {
    "run": "tiny <script>alert(1)</script>",
    "seed": 1234,
    "seeds": [1234],
    "recipes": ["published", "matched"],
    "tracing": ["codec"],
    "shards": 3,
    "corpus": {"name": "folder", "path": "https://example.org/corpus"},
    "codecs": [CODEC, OTHER],
    "train_sets": ["each", "pooled", "leave-one-family-out"],
    "baselines": ["random"],
    "conditions": [],
    "evaluation_sets": {},
    "detector": {"name": "lfcc_lcnn"},
    "codec_entries": {
        IDENTITY: {"family": "identity", "sample_rate": 16000, "hop": 1, "licence": {"weights": "none"}},
        CODEC: {"family": "filter", "sample_rate": 16000, "hop": 64, "licence": {"weights": "CC0"}, **RATE},
        OTHER: {"family": "<b>", "sample_rate": 16000, "hop": 64, "licence": {"weights": "CC0"}},
    },
    "detector_entry": {"module": "lfcc_lcnn"},
}
GROUPS = ("format", "length", "level", "silence", "band", "lsb", "all")
#: EER of the probe with all cues by recipe and codec; None if there are too few trials.
PROBE = {"published": {CODEC: 0.01, OTHER: 0.2}, "matched": {CODEC: 0.48, OTHER: None}}
VERDICT = "level: <+6> dB against bona fide"
HISTORY = pd.DataFrame(
    {"epoch": [1, 2], "learning_rate": [1e-3, 5.04e-5], "train_loss": [0.7, 0.34567], "dev_eer": [0.25, 0.125]}
)
GENDERS = {"eval0": "F", "eval1": "M"}


def findings(metrics: pd.DataFrame, recipe: str) -> RecipeResults:
    """Make synthetic results of a recipe with the given metrics."""
    counts = {"bonafide_trials": 12, "spoof_trials": 12, "speakers": 3}
    probe = [
        {
            "codec": codec,
            "group": group,
            **counts,
            "eer": eer,
            "eer_low": eer and eer - 0.005,
            "eer_high": eer and eer + 0.01,
            "remark": "" if eer else "too few",
        }
        for codec, eer in PROBE[recipe].items()
        for group in GROUPS
    ]
    means = {"pesq_wb": 2.345, "stoi": 0.9}
    quality = [
        {
            "codec": codec,
            "measure": measure,
            "utterances": 4,
            "speakers": 2,
            "mean": mean,
            "low": mean - 1,
            "high": mean + 1,
        }
        for codec in (IDENTITY, CODEC)
        for measure, mean in means.items()
    ]
    quality[0] |= dict.fromkeys(("mean", "low", "high"), np.nan) | {"utterances": 0}
    names = ("accuracy", "balanced_accuracy", "macro_f1")
    shares = {"trials": 9, "speakers": 3, "value": 0.875, "low": 0.5, "high": 1.0}
    tracing = pd.DataFrame([{"measure": name, "class": "", **shares} for name in names])
    return RecipeResults(
        metrics=metrics,
        audit=pd.DataFrame({"codec": [IDENTITY, CODEC, OTHER], "verdict": ["", VERDICT, "no single cue stands out"]}),
        probe=pd.DataFrame(probe).astype({"eer": float, "eer_low": float, "eer_high": float}),
        picture=f"the audit of {recipe}".encode(),
        quality=pd.DataFrame(quality),
        tracing={"codec": TracerResults(tracing, f"the confusions of {recipe}".encode())},
    )


def benchmark(folder, name: str, *lines: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time"
    path.write_text("\n".join([columns, *lines]) + "\n")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("report")


@pytest.fixture(scope="module")
def made(folder, speech) -> dict:
    """Arguments of `Results` for a synthetic run with real shards and made-up EERs."""
    codecs = (IDENTITY, CODEC, OTHER)
    utterances, protocols = make_run(folder, speech, {"train": 2, "dev": 1, "eval": 3}, 2, codecs=codecs)
    evaluation = evaluation_of(pd.concat(protocols.values(), ignore_index=True), [1234])
    benchmark(folder / "benchmarks", "train/pooled.tsv", "12.5\t0:00:12\t321.0\t1\t1\t1\t1\t1\t90\t11")
    split_of = {speaker: speaker.rstrip("0123456789") for speaker in utterances["speaker_id"]}
    left_out = [LeftOut(f"eval0_{number}", "eval0", "no <mic>") for number in range(7, 9)]
    left_out.append(LeftOut("dev0_9", "dev0", "cut short"))
    utterances["text"] = TEXT
    known = {"eval0": Speaker("23", "F", comment="<b>"), "dev0": Speaker(age="44")}
    metrics = metrics_of(evaluation, EER)
    return {
        "run": RUN,
        "evaluation": evaluation,
        "metrics": metrics,
        "recipes": {"published": findings(metrics, "published"), "matched": findings(harder(metrics), "matched")},
        "breakdown": matrix.breakdown(evaluation, GENDERS),
        "significance": matrix.significance(evaluation, POOLED, 0).assign(p_adjusted=[0.01, 0.9, 1, 1, 1] * 3),
        "heatmap": figures.heatmap(pd.DataFrame(EER.values(), list(EER), COLUMNS)),
        "utterances": utterances.merge(split_table(split_of), on="speaker_id"),
        "left_out": left_out_table(left_out),
        "speakers": speaker_table([Utterance("x", speaker, "", 1, 1) for speaker in split_of], left_out, known),
        "splits": split_table(split_of),
        "resynthesised": folder,
        "benchmarks": [folder / "benchmarks"],
        "training": {detector: HISTORY for detector in evaluation.scores if detector.seed is not None},
    }


def evaluation_of(trials: pd.DataFrame, seeds: list[int]) -> Evaluation:
    random, of_eval = np.random.default_rng(0), trials[trials["split"] == "eval"]
    columns = {codec: of_eval[of_eval["codec"].isin([IDENTITY, codec])] for codec in (CODEC, OTHER)}
    detectors = [DetectorId(row, seed) for row in EER if row != "random" for seed in seeds] + [DetectorId("random")]
    scores = {detector: pd.Series(random.normal(size=len(trials)), trial_names(trials)) for detector in detectors}
    return Evaluation(scores, columns | {POOLED: of_eval}, trials[trials["split"] == "dev"])


def metrics_of(evaluation: Evaluation, eers: dict[str, list[float]]) -> pd.DataFrame:
    """Return the metrics table with the given EERs, increased by 0.02 for seed 2."""
    table = matrix.metrics_table(evaluation, {})
    eer = [eers[row.trained_on][COLUMNS.index(row.evaluated_on)] for row in table.itertuples()]
    table["eer"] = np.array(eer) + np.where(table["seed"] == "2", 0.02, 0)
    low, high = table["eer"] - 0.01, table["eer"] + 0.02
    return table.assign(eer_low=low, eer_high=high, eer_low_by_trial=low, eer_high_by_trial=high)


def harder(metrics: pd.DataFrame) -> pd.DataFrame:
    """Return the metrics with EERs increased by 0.05."""
    return metrics.assign(**{name: metrics[name] + 0.05 for name in ("eer", "eer_low", "eer_high")})


@pytest.fixture(scope="module")
def html(made, folder) -> str:
    write_report(folder / "report.html", Results(**made))
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(html) -> Page:
    return Page(html)


@pytest.fixture(scope="module")
def seeds_page(made, folder) -> Page:
    """The report of the same run with two seeds and no EER above 0.5."""
    trials = pd.concat([*made["evaluation"].columns.values(), made["evaluation"].dev]).drop_duplicates()
    evaluation = evaluation_of(trials, [1, 2])
    eers = {row: np.minimum(values, 0.48).tolist() for row, values in EER.items()}
    changed = {"evaluation": evaluation, "metrics": metrics_of(evaluation, eers), "run": {**RUN, "seeds": [1, 2]}}
    changed["breakdown"] = matrix.breakdown(evaluation, GENDERS)
    write_report(folder / "seeds.html", Results(**{**made, **changed}))
    return Page((folder / "seeds.html").read_text(encoding="utf-8"))


def table(page: Page, name: str) -> list[list[str]]:
    """Return the table with an id."""
    return page.tables[[attributes.get("id") for tag, attributes in page.tags if tag == "table"].index(name)]


def png(source: str) -> bytes:
    return base64.b64decode(source.removeprefix("data:image/png;base64,"), validate=True)


def test_page_is_self_contained(page, html):
    for tag, attributes in page.tags:
        assert tag not in ("script", "link", "iframe", "base")
        for name in {"src", "href", "srcset", "data", "action", "poster"} & attributes.keys():
            assert attributes[name].startswith(("data:", "#")) or attributes[name] == "samples/index.html"
    assert "url(" not in html
    assert "@import" not in html
    assert "https://example.org/corpus" in page.text


def test_page_has_the_matrix_and_embedded_figures(page, made):
    assert page.table("train \\ eval") == table(page, "matrix") == MATRIX
    heatmap, *others, curves = map(png, page.sources("img"))
    assert heatmap == made["heatmap"]
    assert others[:4] == [f"the {what} of {recipe}".encode() for what in ("audit", "confusions") for recipe in PROBE]
    det_curves = others[4:]
    assert det_curves == [
        figures.det_curves(made["evaluation"].classes(detector), str(detector))
        for detector in made["evaluation"].scores
    ]
    assert curves == figures.training_curves({str(detector): history for detector, history in made["training"].items()})


def test_matrix_of_several_seeds_has_mean_and_standard_deviation(seeds_page):
    row = table(seeds_page, "matrix")[1]
    assert row == [CODEC, *(f"{value} ± 1.41" for value in ("2.23", "31.00", "21.00"))]
    assert "standard deviation over 2 seeds" in " ".join(seeds_page.text.split())
    assert len(seeds_page.sources("img")) == 1 + 4 + 2 * 5 + 1 + 1


def test_cells_are_marked_as_seen_or_inverted(page):
    marks = [set(attributes["class"].split()) for tag, attributes in page.tags if tag == "td" and "class" in attributes]
    own, seen, no = {"own", "seen"}, {"seen"}, set()
    assert [marks[first : first + 3] for first in range(0, len(marks), 3)] == [
        [own, no, no], [no, own, no], [seen, seen, {"own"}], [no, seen, no], [seen, no, no], [no, {"inverted"}, no],
    ]  # fmt: skip
    assert [attributes.get("class") for tag, attributes in page.tags if tag == "tr"][1:7] == [
        *[None] * 5, "first-baseline",
    ]  # fmt: skip


def test_warning_names_inverted_cells_if_there_are_any(page, seeds_page):
    warning = ("p", {"class": "warning", "id": "inverted"})
    assert warning in page.tags
    assert "Inverted ranking (bona fide scores below spoof): random on other (52.67 %)." in page.text
    assert warning not in seeds_page.tags
    assert "Inverted ranking (" not in seeds_page.text


def test_generalisation_is_reported_by_codec(page):
    head, *rows = table(page, "generalisation")
    assert head == ["eval codec", "trained on it", "pooled", "leave-one-family-out", "random"]
    assert [[row[0], *(cell.partition(" ")[0] for cell in row[1:])] for row in rows] == [
        [CODEC, "1.23", "11.00", "40.00", "48.00"],
        [OTHER, "10.00", "12.00", "50.00", "52.67"],
    ]
    assert rows[0][1] == MATRIX[1][1]


def test_recipes_are_reported_side_by_side(page):
    head, *rows = table(page, "side-by-side")
    told = ("probe", "trained on it", "pooled", "leave-one-family-out")
    assert head == ["eval codec", *(f"{name}{recipe}" for name in told for recipe in ("published", "matched"))]
    assert rows[0] == [
        CODEC, "1.00 0.50 to 2.00", "48.00 47.50 to 49.00", "1.23 0.23 to 3.23", "6.23 5.23 to 8.23",
        "11.00 10.00 to 13.00", "16.00 15.00 to 18.00", "40.00 39.00 to 42.00", "45.00 44.00 to 47.00",
    ]  # fmt: skip
    assert rows[1][:3] == [OTHER, "20.00 19.50 to 21.00", "–"]


def test_verdicts_quality_and_tracing_are_reported_by_recipe(page):
    for recipe in PROBE:
        assert table(page, f"verdicts-{recipe}")[1:] == [[CODEC, VERDICT], [OTHER, "no single cue stands out"]]
        assert table(page, f"quality-{recipe}") == [
            [recipe, "pesq_wb", "stoi"],
            [IDENTITY, "–", "0.90 -0.10 to 1.90"],
            [CODEC, "2.35 1.35 to 3.35", "0.90 -0.10 to 1.90"],
        ]
        assert f"by codec, {recipe}" in page.text
    assert page.text.count("Balanced accuracy 87.50 % (50.00 to 100.00)") == 2


def test_report_explains_missing_pesq_values(made, folder, page):
    quality = made["recipes"]["matched"].quality.assign(utterances=0, mean=np.nan, low=np.nan, high=np.nan)
    without = made["recipes"]["matched"]._replace(quality=quality)
    write_report(folder / "without.html", Results(**{**made, "recipes": {**made["recipes"], "matched": without}}))
    found = (folder / "without.html").read_text(encoding="utf-8")
    assert found.count("PESQ-WB is empty: the package pesq was not installed") == 1
    assert 'id="no-pesq-matched"' in found
    assert "PESQ-WB is empty" not in page.text


def test_differences_metrics_and_the_breakdown_are_reported(page, made):
    significance = table(page, "significance")
    assert significance == [["minus pooled", *COLUMNS], *tables.significance(made["significance"])]
    assert [[cell.endswith("*") for cell in row[1:]] for row in significance[1:]] == [[True] * 3, *[[False] * 3] * 4]
    head, lines = tables.all_metrics(made["metrics"], POOLED)
    assert table(page, "metrics") == [head, *lines]
    assert [len(row) for row in table(page, "metrics")] == [14] * 4
    groups = [["gender", "F"], ["gender", "M"], *(["speaker", f"eval{number}"] for number in range(3))]
    assert [row[:2] for row in table(page, "breakdown")[1:]] == groups
    assert table(page, "breakdown")[1:] == tables.breakdown(made["breakdown"], POOLED)[1]


def test_names_are_escaped(page, html):
    assert page.text.count(RUN["run"]) >= 2
    assert "<script" not in html
    assert "<i>" not in html


def test_codecs_training_and_run_times_are_reported(page):
    assert page.table("codec")[1:] == [
        [IDENTITY, "identity", "16000", "1", "", "", "none"],
        [CODEC, "filter", "16000", "64", "6", "1.5", "CC0"],
        [OTHER, "<b>", "16000", "64", "", "", "CC0"],
    ]
    rows = [["1", "0.001", "0.700", "25.00"], ["2", "5e-05", "0.346", "12.50"]]
    assert [row[1:] for row in page.table("trained on")[1:]] == rows * 5
    names = [name for row in EER if row != "random" for name in (f"{row}@1234", "")]
    assert [row[0] for row in page.table("trained on")[1:]] == names
    assert page.table("rule")[1:] == [["train", "1", "12.5", "12.5", "88", "321", "", ""]]


def test_skipped_utterances_are_reported_with_their_reason(page):
    assert page.table("reason")[1:] == [["cut short", "1", "dev0_9"], ["no <mic>", "2", "eval0"]]


def test_speakers_are_reported_with_their_attributes(page):
    head, *rows = page.table("speaker")
    assert head == ["speaker", "split", "utterances", "left out", "without text", "age", "gender", "comment"]
    assert rows[:2] == [
        ["dev0", "dev", "1", "1", "1", "44", "", ""],
        ["eval0", "eval", "1", "2", "1", "23", "F", "<b>"],
    ]


def test_config_and_versions_are_reported(page):
    assert "seed: 1234" in page.text
    assert not any(name in page.text for name in ("codec_entries", "detector_entry", "seeds:"))
    versions = dict(page.tables[-1])
    assert versions["torch"] == importlib.metadata.version("torch")
    assert {"codecfake", "python", "snakemake", "machine"} <= versions.keys()


def test_samples_equal_the_stored_eval_utterances(page, folder):
    sources = page.sources("audio")
    rows = page.table("utterance")[1:]
    chosen = [row[0].removesuffix(TEXT) for row in rows]
    assert len(set(chosen)) == 2
    assert all(name.startswith("eval") for name in chosen)
    members = [item["utterance_id"] for item in Shard(shard_path(folder, IDENTITY, 2)).describe()]
    places = [(codec, members.index(name)) for name in chosen for codec in RUN["codec_entries"]]
    for source, (codec, row) in zip(sources, places, strict=True):
        mime, content = source.split(";base64,")
        assert mime == "data:audio/flac"
        data = base64.b64decode(content, validate=True)
        assert data.startswith(b"fLaC")
        samples, sample_rate = audio.decode(data, "sample")
        assert sample_rate == 16000
        assert np.array_equal(samples, decode_row(Shard(shard_path(folder, codec, 2))[row])[0])


def test_counts_are_by_split_in_order():
    rows = [["e1", "e", "eval", 16000, 480000], ["t1", "t", "train", 16000, 960000], ["d1", "d", "dev", 16000, 96000]]
    rows += [["t2", "t", "train", 48000, 1440000], ["t3", "u", "train", 8000, 96000]]
    table = counts(pd.DataFrame(rows, columns=["utterance_id", "speaker_id", "split", "sample_rate", "num_samples"]))
    assert table.to_numpy().tolist() == [["train", 2, 3, 1.7], ["dev", 1, 1, 0.1], ["eval", 1, 1, 0.5]]


def test_contents_lists_every_section(page):
    anchors = [attributes["id"] for tag, attributes in page.tags if tag == "section"]
    links = [attributes["href"] for tag, attributes in page.tags if tag == "a" and attributes["href"].startswith("#")]
    # the first link is in the introduction
    assert links[1:] == [f"#{anchor}" for anchor in anchors]
    assert anchors[:3] == ["section-summary", "section-matrix", "section-generalisation"]


def test_summary_has_four_numbers_and_a_sentence_for_each_recipe(page):
    text = " ".join(page.text.split())
    assert "in-domain 5.6 % cross-codec 37.8 % pooled 11.5 % leave-one-family-out 45.0 %" in text
    assert "Mean EER on a codec: 5.6 % of detectors trained on it, 37.8 % of detectors trained on another codec" in text
    assert "in-domain 10.6 %" in text


def test_every_figure_has_a_caption(page):
    names = [tag for tag, _ in page.tags if tag in ("figure", "figcaption")]
    assert names == ["figure", "figcaption"] * 7


@pytest.mark.browser
def test_browser_shows_the_matrix(html, folder):
    page = Page(chromium(folder / "report.html", "--dump-dom"))
    assert ("table", {"id": "matrix"}) in page.tags
    assert page.table("train \\ eval") == MATRIX


@pytest.mark.browser
def test_browser_renders_the_page(html, folder):
    picture = folder / "page.png"
    chromium(folder / "report.html", f"--screenshot={picture}", "--window-size=1000,1400")
    pixels = plt.imread(picture)
    assert pixels.shape[:2] == (1400, 1000)
    # dark text on a light background, and the colours of the heatmap
    assert pixels[..., :3].std() > 0.05
    assert np.ptp(pixels[..., :3], axis=2).max() > 0.3


@pytest.fixture(scope="module")
def browser(folder):
    with browsing(folder / "profile") as browser:
        yield browser


@pytest.mark.browser
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1400, 400])
def test_wide_tables_scroll_inside_a_page_that_does_not_overflow(html, browser, folder, width, dark):
    browser.show(width, 800, dark)
    browser.open((folder / "report.html").as_uri())
    assert browser.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    colours = browser.evaluate("getComputedStyle(document.body).backgroundColor")
    assert colours == ("rgb(21, 23, 27)" if dark else "rgb(255, 255, 255)")
    # columns beyond the first stay in the frame of the table, whose first column and head do not move
    moved = browser.evaluate(
        "(() => { const frame = document.querySelector('#metrics').parentElement;"
        " const cell = frame.querySelector('tr:last-child > :first-child'), head = frame.querySelector('th');"
        " const before = [cell.getBoundingClientRect().left, head.getBoundingClientRect().left];"
        " frame.scrollLeft = 300;"
        " const after = [cell.getBoundingClientRect().left, head.getBoundingClientRect().left];"
        " return [frame.scrollLeft > 0, before[0] === after[0], before[1] === after[1]]; })()"
    )
    assert moved == [True, True, True]
    assert browser.complaints == []
