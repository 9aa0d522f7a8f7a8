"""The samples page of a small synthetic run: utterances, pictures, verdicts, playback in a browser."""

import functools
import io
import itertools
import json
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from PIL import Image

from browser import browsing
from codecfake.cli.main import parser
from codecfake.corpora.tables import Splits, Utterances
from codecfake.data import tables
from codecfake.data.shards import Shard, shard_path
from codecfake.evaluation.cells import read_scores
from codecfake.evaluation.tables import Metrics, Scores
from codecfake.report import samples_page, thumbnails
from codecfake.report.thumbnails import BANDS, WAVEFORM_ROWS, WIDTH, Sample, pictures, safe_name
from codecfake.trials.detector_id import DetectorId
from codecfake.util.constants import IDENTITY
from codecfake.util.errors import DataError
from html_page import Page
from tiny_run import make_run

CODEC, OTHER = 'muffled <i>"1 kHz" & co', "other"
TEXT = "Please <i> & thank you"
RUN = {
    "run": "tiny <script>alert(1)</script>",
    "seeds": [1],
    "recipes": ["clean"],
    "shards": 3,
    "corpus": {"name": "vctk", "version": "0.80"},
    "codecs": [CODEC, OTHER],
    "train_sets": ["each", "pooled"],
    "baselines": [],
    "conditions": [],
    "evaluation_sets": {},
    "tracing": [],
    "detector": {"name": "lfcc_lcnn"},
    "codec_entries": {
        CODEC: {"family": "<b>filter", "sample_rate": 16000, "bandwidth_kbps": 1.5},
        IDENTITY: {"family": "identity", "sample_rate": 16000},
        OTHER: {"family": "filter", "sample_rate": 24000},
    },
}
#: CM scores in the order of `UTTERANCES`; those of CODEC are nearer the threshold.
UTTERANCES = ["eval0_0", "eval1_0", "eval1_1"]
POOLED = {IDENTITY: [3.0, 2.5, -1.0], CODEC: [-2.0, 0.25, 0.125], OTHER: [-3.0, -4.0, np.nan]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("samples")


@pytest.fixture(scope="module")
def made(folder, speech) -> dict:
    """Arguments of `write_samples` for a run with utterances of 3.2 to 3.6 s."""
    utterances, _ = make_run(
        folder,
        lambda seconds, sample_rate, seed: speech(8 * seconds, sample_rate, seed),
        {"train": 1, "dev": 1, "eval": 2},
        per_speaker=2,
        codecs=(IDENTITY, CODEC, OTHER),
    )
    utterances["text"] = TEXT
    pooled = {
        f"{codec}+{name}": score for codec in POOLED for name, score in zip(UTTERANCES, POOLED[codec], strict=True)
    }
    return {
        "run": RUN,
        "utterances": utterances.assign(split=utterances["speaker_id"].str.rstrip("0123456789")),
        "resynthesised": folder,
        "codecs": list(RUN["codec_entries"]),
        "scores": {
            DetectorId("random"): pd.Series(dict.fromkeys(pooled, 0.5)),
            DetectorId("pooled", 1): pd.Series(pooled).dropna(),
        },
        "thresholds": {DetectorId("pooled", 1): 0.25},
        "most": 3,
    }


@pytest.fixture(scope="module")
def site(made, folder):
    samples_page.write_samples(folder / "site/samples", **made)
    return folder / "site/samples"


@pytest.fixture(scope="module")
def page(site) -> Page:
    return Page((site / "index.html").read_text(encoding="utf-8"))


def attributes_of(page: Page, tag: str) -> list[dict]:
    return [attributes for name, attributes in page.tags if name == tag]


def table_of(*rows: tuple[str, str, str, float]) -> pd.DataFrame:
    """Make a table of utterances with id, speaker, split and duration in seconds."""
    table = pd.DataFrame(rows, columns=["utterance_id", "speaker_id", "split", "seconds"])
    return table.assign(sample_rate=100, num_samples=(100 * table.pop("seconds")).astype(int))


def test_choice_alternates_speakers_and_prefers_some_durations():
    table = table_of(
        *((f"a{number}", "a", "eval", 7 if number else 3) for number in range(4)),
        *((f"b{number}", "b", "eval", 1.9) for number in range(3)),
        *((f"c{number}", "c", "eval", 6) for number in range(3)),
        *((f"d{number}", "d", "dev", 4) for number in range(9)),
    )
    chosen = [samples_page.choose(table, most)["utterance_id"].tolist() for most in range(11)]
    assert [[name[0] for name in names] for names in (chosen[2], chosen[3], chosen[4], chosen[6])] == [
        ["a", "c"], ["a", "b", "c"], ["a", "b", "c", "c"], ["a", "a", "b", "b", "c", "c"],
    ]  # fmt: skip
    assert chosen[3][0] == "a0"
    assert all(set(fewer) < set(more) for fewer, more in itertools.pairwise(chosen))
    assert samples_page.choose(table, 99)["utterance_id"].tolist() == chosen[10]
    shuffled = table.sample(frac=1, random_state=1)
    assert samples_page.choose(shuffled, 5)["utterance_id"].tolist() == chosen[5] == sorted(chosen[5])


def test_clip_rows_equal_the_stored_rows_and_a_missing_one_is_named(made, folder):
    chosen = samples_page.choose(made["utterances"], 4)
    rows = samples_page.clip_rows(folder, [OTHER], chosen)
    assert list(rows) == [(name, OTHER) for name in ("eval0_0", "eval0_1", "eval1_0", "eval1_1")]
    assert rows["eval1_0", OTHER] == Shard(shard_path(folder, OTHER, 2))[2]
    with pytest.raises(DataError, match=r"other/002.parquet: no utterance 'nobody' among its 4"):
        samples_page.clip_rows(folder, [OTHER], chosen.assign(utterance_id="nobody"))


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("p225_273", "p225_273"), ("../../etc/passwd", "_.._etc_passwd-"), ("a b", "a_b-"), ("a_b", "a_b"),
        ("..", "-"), ("é?#%", "_-"), ("x" * 300, "x" * 80 + "-"),
    ],
)  # fmt: skip
def test_file_names_are_safe_and_distinct(name, plain):
    assert safe_name(name).startswith(plain)
    assert (safe_name(name) == name) == (not plain.endswith("-"))
    assert len(safe_name(name)) < 100
    assert safe_name(name) != safe_name(name + "!")


def sine(hertz: float, sample_rate: int, seconds: float = 1.0, utterance_id: str = "u") -> Sample:
    wave = np.sin(2 * np.pi * hertz * np.arange(round(seconds * sample_rate)) / sample_rate).astype(np.float32)
    return Sample(utterance_id, f"{sample_rate}", b"", wave, sample_rate)


@pytest.mark.parametrize("sample_rate", [16000, 24000, 44100])
@pytest.mark.parametrize("hertz", [200, 1000, 6000])
def test_spectrogram_of_a_sine_has_level_and_mel_position_at_any_rate(hertz, sample_rate):
    levels = thumbnails.spectrogram(sine(hertz, sample_rate), span=1.0, highest=22050)
    assert levels.shape == (BANDS, WIDTH)
    column = levels[:, WIDTH // 2]
    mel = [np.log(1 + one / 700) for one in (hertz, 22050)]
    assert abs(column.argmax() - BANDS * (1 - mel[0] / mel[1])) < 1.5
    # bands contain different numbers of bins of the Hann window's main lobe (1.5 bins, times 5.12 by zero padding)
    assert -3 < column.max() < 10 * np.log10(1.5 * 5.12) + 1
    assert np.median(column) < -60


def test_pictures_are_empty_after_the_end_and_above_nyquist():
    samples_ = np.zeros(16000, np.float32)
    samples_[4000] = 1
    clip = Sample("u", "c", b"", samples_, 16000)
    levels = thumbnails.spectrogram(clip, span=2.0, highest=16000)
    assert abs(levels[BANDS // 2].argmax() - 0.25 / 2 * WIDTH) <= 2
    above = BANDS * (1 - np.log(1 + 8300 / 700) / np.log(1 + 16000 / 700))
    assert levels[: int(above)].max() == levels[:, WIDTH // 2 + 4 :].max() == -120
    ink = thumbnails.waveform(clip, span=2.0, peak=1.0)
    assert ink[0].nonzero()[0].tolist() == [50]
    assert ink[WAVEFORM_ROWS // 2, : WIDTH // 2].all()
    assert not ink[:, WIDTH // 2 :].any()


def test_waveform_is_scaled_by_the_peak_of_the_page():
    ink = thumbnails.waveform(sine(100, 16000), span=1.0, peak=2.0)
    rows = ink.any(axis=1).nonzero()[0]
    assert (rows[0], rows[-1]) == (WAVEFORM_ROWS // 4 - 1, 3 * WAVEFORM_ROWS // 4)


def test_pictures_share_one_scale_and_are_reproducible():
    noise = np.random.default_rng(0).normal(scale=0.2, size=16000).astype(np.float32)
    three = [Sample("u", "noise", b"", noise, 16000), sine(1000, 16000), sine(1000, 48000, 0.5)]
    for one, level in zip(three[1:], (0.03, 0.003), strict=True):
        one.samples[:] *= level
    images, scale = pictures(three)
    assert pictures(three)[0] == images
    assert (scale.peak, scale.highest, scale.limit) == (np.abs(noise).max(), 24000, 8000)
    assert scale.loud - scale.quiet == pytest.approx(70)
    read = [Image.open(io.BytesIO(image)) for image in images]
    assert [(one.format, one.size, one.info.keys() & {"exif", "xmp", "icc_profile"}) for one in read] == [
        ("WEBP", (WIDTH, WAVEFORM_ROWS + BANDS), set())
    ] * 3
    full, dark, light = (np.asarray(one.convert("L")).astype(int) for one in read)
    row = dark[WAVEFORM_ROWS:, WIDTH // 4].argmin() + WAVEFORM_ROWS
    assert light[row, WIDTH // 4] - dark[row, WIDTH // 4] == pytest.approx(20 / 70 * 255, abs=10)  # 1/10 is -20 dB
    assert light[:, WIDTH // 2 + 8 :].min() > 240
    first = WAVEFORM_ROWS + np.argmax(full[WAVEFORM_ROWS:].mean(axis=1) < 128)  # the noise ends at 8 kHz
    assert abs(first - (WAVEFORM_ROWS + BANDS) * scale.limit_at / 100) < 2


def test_silent_clip_has_a_picture():
    images, scale = pictures([Sample("u", "c", b"", np.zeros(1600, np.float32), 16000)])
    assert scale.peak == 1
    assert scale.limit_at == pytest.approx(100 * WAVEFORM_ROWS / (WAVEFORM_ROWS + BANDS), abs=0.1)
    assert len(images) == 1


def test_verdict_follows_from_the_threshold_and_is_marked_if_wrong():
    two = [Sample("u", codec, b"", np.zeros(1), 1) for codec in (IDENTITY, "a", "b", "c")]
    scores = pd.Series({"identity+u": -1.0, "a+u": 3.0, "b+u": 2.0, "elsewhere": 99})
    said, place = samples_page.judge(two, scores, 3.0)
    assert [(one["verdict"], one["wrong"], one["at"]) for one in list(said.values())[:3]] == [
        ("spoof", True, 0), ("bona fide", True, 100), ("spoof", False, 75),
    ]  # fmt: skip
    assert place == 100
    assert np.isnan(said["c+u"]["score"])
    assert said["c+u"]["verdict"] == ""
    said, place = samples_page.judge(two, scores, None)
    assert np.isnan(place)
    assert {one["verdict"] for one in said.values()} == {""}
    assert [one["at"] for one in samples_page.judge(two, scores * 0 + 1, None)[0].values()][:3] == [0, 0, 0]
    assert samples_page.judge(two, pd.Series(dtype=float), None)[0].keys() == said.keys()


def test_scores_may_be_in_two_files_but_duplicate_trials_are_refused(tmp_path):
    halves = [pd.DataFrame({"filename": names, "cm-score": [1.0, 2.0]}) for names in (["a", "b"], ["c", "d"])]
    paths = [tmp_path / "main.tsv", tmp_path / "other.tsv"]
    for table, path in zip(halves, paths, strict=True):
        tables.write(table, Scores, path)
    x, y = DetectorId("x", 1), DetectorId("y")
    assert read_scores([(x, paths[0]), (y, paths[0]), (x, paths[1])])[x].tolist() == [1, 2, 1, 2]
    with pytest.raises(DataError, match="x@1: trial 'a' has two scores"):
        read_scores([(x, paths[0]), (x, paths[0])])


def test_page_refers_to_exactly_the_stored_files(page, site, folder):
    assert page.sources("audio") == [
        f"audio/{name}/{safe_name(codec)}.flac" for codec in (IDENTITY, CODEC, OTHER) for name in UTTERANCES
    ]
    stored = Shard(shard_path(folder, CODEC, 2))
    contents = [(site / source).read_bytes() for source in page.sources("audio")[3:6]]
    assert contents == [stored[row]["audio"]["bytes"] for row in (0, 2, 3)]
    assert [Image.open(site / source).size for source in page.sources("img")] == [(WIDTH, WAVEFORM_ROWS + BANDS)] * 9
    files = {str(path.relative_to(site)) for path in site.rglob("*") if path.is_file()}
    assert files == {"index.html", *page.sources("audio"), *page.sources("img")}
    for tag, attributes in page.tags:
        assert tag != "iframe"
        for name in {"src", "href"} & attributes.keys():
            assert attributes[name] in files or attributes[name] == "data:,"
    assert all(
        attributes["preload"] == "none" and "controls" in attributes for attributes in attributes_of(page, "audio")
    )
    assert all(attributes["loading"] == "lazy" and attributes["alt"] for attributes in attributes_of(page, "img"))


def test_page_shows_text_speaker_rate_codec_and_scores(page):
    head, *rows = [[" ".join(cell.split()) for cell in row] for row in page.tables[0]]
    assert head[1] == f"eval0_0 speaker eval0, 3.2 s {TEXT}"
    assert [row[0] for row in rows] == [
        "bona fide ground truth 16 kHz", f"{CODEC} <b>filter 16 kHz 1.5 kbps", f"{OTHER} filter 16 kHz",
    ]  # fmt: skip
    # the reference row comes first, then the row without a threshold
    assert [cell.removesuffix(" A/B") for row in rows for cell in row[1:]] == [
        "3.00 bona fide 0.50", "2.50 bona fide 0.50", "−1.00 spoof ✗ 0.50",
        "−2.00 spoof 0.50", "0.25 bona fide ✗ 0.50", "0.12 spoof 0.50",
        "−3.00 spoof 0.50", "−4.00 spoof 0.50", "– not scored 0.50",
    ]  # fmt: skip
    places = [attributes["style"] for attributes in attributes_of(page, "span")]
    assert places[0] == "--at: 100.0%; --threshold: 60.7%"
    assert places[1] == "--at: 0.0%"


def test_names_are_escaped_and_the_page_makes_no_requests(page, site):
    html = (site / "index.html").read_text(encoding="utf-8")
    assert page.text.count(RUN["run"]) == 2
    assert len(attributes_of(page, "script")) == 2
    for word in ("<i>&", "<b>filter", "http", "fetch(", "url(", "@import", "XMLHttpRequest"):
        assert word not in html


def test_folder_is_replaced_completely_with_the_same_bytes(made, site, tmp_path):
    again = tmp_path / "samples"
    (again / "audio").mkdir(parents=True)
    (again / "audio/stale.flac").write_bytes(b"")
    (tmp_path / ".samples.killed-1.part").mkdir()
    samples_page.write_samples(again, **made)
    contents = [
        {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}
        for root in (site, again)
    ]
    assert contents[0] == contents[1]
    assert list(tmp_path.iterdir()) == [again]


def test_failure_keeps_the_old_page(made, site, monkeypatch):
    before = sorted(site.parent.rglob("*"))

    def full(path, content):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(samples_page, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        samples_page.write_samples(site, **made)
    assert sorted(site.parent.rglob("*")) == before


def test_page_without_eval_utterances_is_refused(made, tmp_path):
    with pytest.raises(DataError, match="none of 8 utterances is in the eval split"):
        samples_page.write_samples(tmp_path, **{**made, "utterances": made["utterances"].assign(split="train")})


def test_page_without_detectors_has_no_scores(made, tmp_path):
    samples_page.write_samples(tmp_path / "samples", **{**made, "scores": {}})
    page = Page((tmp_path / "samples/index.html").read_text(encoding="utf-8"))
    assert not attributes_of(page, "select")
    assert "CM score" not in page.text
    assert len(page.sources("audio")) == 9


def test_samples_verb_writes_the_page(made, tmp_path):
    utterances = made["utterances"]
    tables.write(utterances.drop(columns="split"), Utterances, tmp_path / "utterances.tsv")
    splits = utterances[["speaker_id", "split"]].drop_duplicates()
    tables.write(splits, Splits, tmp_path / "splits.tsv")
    metrics = dict.fromkeys(tables.columns(Metrics), 0.25) | {"trained_on": "pooled", "evaluated_on": CODEC}
    counts = dict.fromkeys(("seed", "bonafide_trials", "spoof_trials", "speakers"), 1)
    tables.write(pd.DataFrame([metrics | counts]), Metrics, tmp_path / "metrics.tsv")
    for detector, table in made["scores"].items():
        scores = table.rename_axis("filename").rename("cm-score").reset_index()
        tables.write(scores, Scores, tmp_path / f"{detector}.tsv")
    (tmp_path / "config.json").write_text(json.dumps(RUN))
    options = [f"--{name}={tmp_path / name}.tsv" for name in ("utterances", "splits", "metrics")]
    scores = ["--scores", *(f"{detector}={tmp_path}/{detector}.tsv" for detector in made["scores"])]
    rest = [
        f"--run={tmp_path / 'config.json'}",
        f"--resynthesised={made['resynthesised']}",
        f"--out={tmp_path / 'page/index.html'}",
    ]
    args = parser().parse_args(["samples", *options, *scores, *rest])
    args.run(args)
    page = Page((tmp_path / "page/index.html").read_text(encoding="utf-8"))
    assert len(page.sources("audio")) == 3 * 4
    assert "0.25 bona fide ✗" in " ".join(page.text.split())


@pytest.fixture(scope="module")
def browser(folder):
    with browsing(folder / "profile") as browser:
        yield browser


@pytest.fixture(scope="module")
def static_host(site) -> str:
    """The URL of the page on a static file server."""

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=site.parent)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/samples/index.html"
        server.shutdown()
        thread.join()


@pytest.fixture
def opened(browser, site):
    """The page, opened from disk in a laptop-sized window; the console must stay free of complaints."""
    browser.show(1400, 900)
    browser.open((site / "index.html").as_uri())
    yield browser
    assert browser.complaints == []


def clip(number: int) -> str:
    """Return a JavaScript expression for a clip, by its number in reading order."""
    return f"document.querySelectorAll('.clip')[{number}]"


def audio(number: int) -> str:
    return clip(number) + ".querySelector('audio')"


def focused(browser) -> str:
    return browser.evaluate("document.activeElement.getAttribute('aria-label')")


@pytest.mark.browser
@pytest.mark.parametrize("host", ["disk", "static host"])
def test_every_clip_loads_and_plays(opened, host, static_host):
    if host == "static host":
        opened.open(static_host)
    for number in range(9):
        opened.evaluate(f"{clip(number)}.querySelector('.play').click()")
        opened.wait_for(f"{audio(number)}.currentTime > 0.1")
        assert opened.evaluate(f"{audio(number)}.duration") == pytest.approx([3.2, 3.2, 3.6][number % 3])
        playing = "[...document.querySelectorAll('audio')].map((audio) => !audio.paused)"
        assert opened.evaluate(playing) == [one == number for one in range(9)]
        assert opened.evaluate("document.querySelectorAll('.playing').length") == 1


@pytest.mark.browser
def test_pictures_load_and_are_rendered_in_both_themes(opened, folder):
    opened.wait_for("[...document.images].every((image) => image.complete && image.naturalWidth === 400)")
    opened.screenshot(folder / "light.png")
    opened.show(1400, 900, dark=True)
    opened.screenshot(folder / "dark.png")
    light, dark = (plt.imread(folder / f"{name}.png")[..., :3].mean(axis=2) for name in ("light", "dark"))
    assert light.shape == dark.shape == (900, 1400)
    assert np.median(light) > 0.9
    assert np.median(dark) < 0.2
    top, bottom, left, right = opened.evaluate(
        "(({top, bottom, left, right}) => [top, bottom, left, right])(document.images[0].getBoundingClientRect())"
    )
    place = np.s_[round(top) : round(bottom), round(left) : round(right)]
    assert light[place].std() > 0.1
    assert np.corrcoef(light[place].ravel(), dark[place].ravel())[0, 1] < -0.9


@pytest.mark.browser
def test_keys_move_between_clips_and_play(opened):
    for _ in range(3):
        opened.press("Tab")
    assert focused(opened) == "Play eval0_0, bona fide"
    assert opened.evaluate("getComputedStyle(document.querySelector('.picture')).outlineStyle") == "solid"
    for key, number in (
        ("ArrowUp", 0),
        ("ArrowDown", 3),
        ("ArrowRight", 4),
        ("ArrowRight", 5),
        ("ArrowRight", 5),
        ("ArrowLeft", 4),
    ):
        opened.press(key)
        assert opened.evaluate(f"document.activeElement.closest('.clip') === {clip(number)}"), key
    opened.press(" ")
    opened.wait_for(f"{audio(4)}.currentTime > 0")
    assert focused(opened) == f"Pause eval1_0, {CODEC}"
    opened.press(" ")
    opened.wait_for("document.querySelector('.playing') === null")
    assert opened.evaluate(f"{audio(4)}.paused")
    assert focused(opened) == f"Play eval1_0, {CODEC}"
    opened.press("Tab")
    assert opened.evaluate("document.activeElement === document.body")


@pytest.mark.browser
def test_key_b_switches_to_bona_fide_and_back_at_the_same_position(opened):
    opened.click(".clip .picture", across=0.5)
    opened.wait_for(f"{audio(0)}.currentTime > 1.7")
    opened.evaluate(f"{clip(6)}.querySelector('.play').focus()")
    for there, back in ((0, 6), (6, 0), (0, 6)):
        before = opened.evaluate(f"Math.max({audio(there)}.currentTime, {audio(back)}.currentTime)")
        opened.press("b")
        opened.wait_for(f"!{audio(there)}.paused && {audio(there)}.readyState > 2")
        assert opened.evaluate(f"{audio(back)}.paused")
        assert before - 0.05 <= opened.evaluate(f"{audio(there)}.currentTime") < 3
        assert opened.evaluate(f"document.activeElement.closest('.clip') === {clip(there)}")
    opened.press(" ")
    assert opened.evaluate(f"{audio(0)}.paused")
    assert float(opened.evaluate(f"{clip(0)}.style.getPropertyValue('--played')")) > 0.5


@pytest.mark.browser
def test_another_detector_can_be_chosen(opened):
    scores = "[...document.querySelectorAll('.score')].filter((one) => one.offsetParent)"
    shown = scores + r".map((one) => one.innerText.replace(/\s+/g, ' ').trim())"
    assert opened.evaluate(shown)[2:4] == ["−1.00 spoof ✗", "−2.00 spoof"]
    opened.evaluate("document.querySelector('#detector').focus()")
    opened.press("ArrowDown")
    assert opened.evaluate(shown) == ["0.50"] * 9


@pytest.mark.browser
def test_theme_follows_the_system_until_chosen_and_is_stored(opened):
    paper = "getComputedStyle(document.documentElement).backgroundColor"
    pressed = "document.querySelector('#theme').ariaPressed"
    light = opened.evaluate(paper)
    opened.show(1400, 900, dark=True)
    opened.wait_for(f"{pressed} === 'true' && {paper} !== '{light}'")
    opened.click("#theme")
    assert (opened.evaluate(paper), opened.evaluate(pressed)) == (light, "false")
    opened.call("Page.reload")
    opened.wait_for("document.readyState === 'complete'")
    assert (opened.evaluate(paper), opened.evaluate(pressed)) == (light, "false")
    opened.evaluate("localStorage.clear()")


@pytest.mark.browser
@pytest.mark.parametrize("scripts", [True, False])
def test_narrow_screen_shows_one_utterance_at_a_time(opened, site, scripts):
    opened.show(390, 844, scripts=scripts)
    opened.open((site / "index.html").as_uri())
    shown = "[...document.querySelectorAll('.clip')].map((one) => one.offsetParent !== null)"
    assert opened.evaluate(shown) == [True, False, False] * 3
    opened.click("label[for=u2]")
    assert opened.evaluate(shown) == [False, False, True] * 3
    opened.show(240, 844, scripts=scripts)  # the utterance buttons scroll, the page does not
    assert opened.evaluate("document.documentElement.scrollWidth") == 240
    opened.press("Tab")
    if scripts:
        assert focused(opened) == "Play eval1_1, bona fide"
        opened.press("ArrowLeft")
        assert opened.evaluate(shown) == [False, True, False] * 3


@pytest.mark.browser
def test_native_players_are_shown_without_scripts(opened, site):
    opened.show(1400, 900, scripts=False)
    opened.open((site / "index.html").as_uri())
    assert opened.evaluate(
        "[...document.querySelectorAll('audio')].every((one) => one.controls && one.offsetHeight > 20)"
    )
    assert opened.evaluate("[...document.querySelectorAll('button')].every((one) => one.offsetParent === null)")
    opened.click("audio", across=0.1)
    opened.wait_for(f"{audio(0)}.currentTime > 0.1")
