"""A new corpus, codec family or detector needs one module, and a config entry if a config names it; a new metric or
kind of condition, or a section of the report, needs an entry in a list."""

import dataclasses
import importlib
import subprocess
import sys
import textwrap
from typing import Literal

import numpy as np
import pytest
import torch

from codecfake import codecs, corpora, detectors
from codecfake.fetch.download import Places
from codecfake.pipeline import config
from codecfake.report import sections
from codecfake.report.page import write_report
from codecfake.report.results import Results
from codecfake.trials import conditions
from codecfake.util.errors import ConfigError

CORPUS = """
from typing import Literal
import numpy as np
from pydantic import Field
from codecfake.corpora.base import Corpus, Recording
from codecfake.corpora.options import CorpusOptions

class Options(CorpusOptions):
    name: Literal["tones"] = Field(description="the corpus")
    hertz: int = Field(440, ge=20, description="of every tone")

class Tones(Corpus):
    def __init__(self, hertz):
        self.hertz = hertz

    def recordings(self):
        return [Recording("a_0", "a", "0")]

    def read(self, recording):
        return np.sin(np.arange(16000) * self.hertz).astype(np.float32), 16000

def files(config, places):
    return []

def open_corpus(config, downloads, places):
    return Tones(config["hertz"])
"""
FAMILY = """
from codecfake.codecs.identity import Adapter as Identity

class Adapter(Identity):
    def decode(self, encoded):
        return encoded / 2
"""
DETECTOR = """
import torch
from pydantic import Field
from codecfake.detectors.base import OUTPUTS, Detector
from codecfake.detectors.options import DetectorOptions

class Options(DetectorOptions):
    gain: float = Field(gt=0, description="of the waveform")

def network():
    return Linear

class Linear(Detector):
    def __init__(self, sample_rate, crop_samples, gain, outputs=OUTPUTS):
        super().__init__(sample_rate, crop_samples)
        self.gain, self.layer = gain, torch.nn.Linear(crop_samples, outputs)

    def forward(self, waveforms):
        return self.layer(self.gain * waveforms)
"""


@pytest.fixture
def added(tmp_path, monkeypatch):
    """added(package, name, text): add a module to a subpackage without changing any other file."""

    def add(package, name: str, text: str) -> None:
        folder = tmp_path / package.__name__
        folder.mkdir()
        (folder / f"{name}.py").write_text(textwrap.dedent(text))
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
        monkeypatch.delitem(sys.modules, f"{package.__name__}.{name}", raising=False)

    return add


@pytest.fixture
def run():
    return {"run": "r", "codecs": ["dac_mini"], "corpus": {"name": "tones", "splits": {"dev": ["b"], "eval": ["c"]}}}


def test_corpus_is_added_by_one_module(added, run):
    with pytest.raises(ConfigError, match=r"corpus\.name: 'tones' is not allowed; allowed: codecfake, folder, vctk"):
        config.resolve(run)
    added(corpora, "tones", CORPUS)
    assert "tones" in corpora.names()
    resolved = config.resolve(run)
    assert resolved["corpus"]["hertz"] == 440
    corpus = corpora.open_corpus(resolved["corpus"], {}, Places("cache"))
    (recording,) = corpus.recordings()
    assert corpus.read(recording)[0].shape == (16000,)
    run["corpus"]["hertz"] = 5
    with pytest.raises(ConfigError, match=r"my\.yaml: corpus\.hertz: 5 is not allowed; allowed: at least 20"):
        config.resolve(run, "my.yaml")


def test_codec_family_is_added_by_one_module(added):
    entry = {**config.codec("identity"), "family": "halved"}
    with pytest.raises(ConfigError, match=r"unknown codec family 'halved'; allowed: academicodec, audiodec, dac, "):
        codecs.load(entry, {}, "cpu")
    added(codecs, "halved", FAMILY)
    assert "halved" in codecs.families()
    waveforms = torch.from_numpy(np.linspace(-1, 1, 100, dtype=np.float32)[None])
    assert torch.equal(codecs.load(entry, {}, "cpu").resynthesise(waveforms), waveforms / 2)


def test_detector_is_added_by_one_module(added, run):
    added(detectors, "linear", DETECTOR)
    run["corpus"] |= {"name": "folder", "path": "x"}
    options = {"module": "linear", "crop_samples": 2000, "model": {"gain": 2.0}}
    run["detector"] = {"name": "lfcc_lcnn", "options": options}
    entry = config.resolve(run)["detector_entry"]
    assert detectors.build(entry)(torch.ones(3, 2000)).shape == (3, 2)
    options["model"]["gain"] = 0
    with pytest.raises(ConfigError, match=r"lfcc_lcnn\.model\.gain: 0 is not allowed; allowed: more than 0"):
        config.resolve(run)


METRIC = """
import sys
import pandas as pd
from codecfake.evaluation import metrics

metrics.METRICS += (
    metrics.Metric("spread", lambda bonafide, spoof, curve: bonafide.max() - spoof.min(), "Spread", "of all scores"),
)
from codecfake.data import tables
from codecfake.evaluation.assessment import assess, readable
from codecfake.evaluation.tables import Metrics
from codecfake.report.tables import all_metrics

key = pd.DataFrame(
    {"label": ["bonafide", "bonafide", "spoof"], "speaker": ["a", "b", "c"], "attack": [None, None, "x"]}, list("uvw")
)
table = assess(pd.Series([3.0, 2.0, 0.5], list("uvw")), key)
row = dict.fromkeys(tables.columns(Metrics), 0.5) | dict.fromkeys(("bonafide_trials", "spoof_trials", "speakers"), 1)
head, lines = all_metrics(pd.DataFrame([row | {"trained_on": "pooled", "seed": "1", "spread": 2.5}]), "pooled")
print(table["spread"].tolist(), "spread" in readable(table)[0], dict(zip(head, lines[0]))["Spread"])
"""


def test_metric_is_added_by_one_entry():
    done = subprocess.run([sys.executable, "-c", METRIC], capture_output=True, text=True, check=True)
    assert done.stdout == "[2.5] True 2.500\n"


class Silence(conditions.Condition):
    """A toy condition."""

    kind: Literal["silence"]

    def apply(self, samples, sample_rate, name):
        return np.zeros_like(samples)


def test_condition_kind_is_added_by_one_entry(monkeypatch):
    monkeypatch.setitem(conditions.KINDS, "silence", Silence)
    silence = conditions.checked({"kind": "silence"}, "conditions.yaml", "mute")
    assert not conditions.apply(silence, np.ones(10, np.float32), 16000, "a").any()


SECTION = """
TITLE = "Weather & wind"

def inputs(run):
    return [f"results/{run['run']}/weather.tsv"]

def variables(found):
    return {"weather": "rain & wind"} if found.run["codecs"] else None
"""


def test_report_section_is_added_by_one_module_and_entry(added, run, tmp_path, monkeypatch):
    added(sections, "weather", SECTION)
    (tmp_path / sections.__name__ / "weather.html").write_text("<p>{{ run.run }}: {{ weather }}</p>")
    weather = importlib.import_module(f"{sections.__name__}.weather")
    monkeypatch.setattr(sections, "SECTIONS", [weather])
    run = config.resolve({**run, "corpus": {**run["corpus"], "name": "folder", "path": "x"}})
    assert sections.inputs(run) == ["results/r/weather.tsv"]
    empty = dict.fromkeys(field.name for field in dataclasses.fields(Results))
    for codecs_of_run, shown in ((run["codecs"], True), ([], False)):
        write_report(tmp_path / "report.html", Results(**{**empty, "run": {**run, "codecs": codecs_of_run}}))
        page = (tmp_path / "report.html").read_text(encoding="utf-8")
        assert ("<h2>Weather &amp; wind</h2>\n<p>r: rain &amp; wind</p>" in page) is shown
