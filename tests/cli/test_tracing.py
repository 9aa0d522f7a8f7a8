"""The source-tracing commands, from protocols to tables and a figure, and on a user's audio files."""

import io
import json

import numpy as np
import pandas as pd
import pytest

from codecfake import detectors
from codecfake.audio import io as audio
from codecfake.cli.main import parser
from codecfake.data import tables
from codecfake.data.shards import shard_path
from codecfake.detectors import loading
from codecfake.evaluation import source_tracing
from codecfake.training.trainer import Trained, save
from codecfake.trials import codec_waveforms
from codecfake.trials.protocol import Protocol
from codecfake.util.errors import AudioError, CheckpointError, ConfigError
from tiny_run import ENTRY, muffle
from tracing_run import CLASSES, NAMES, TRACER, coarsen, make_tracing_run


def run(*arguments) -> None:
    args = parser().parse_args([str(argument) for argument in arguments])
    args.run(args)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory, speech) -> list:
    """The options with the protocols and waveform descriptions of a tiny run."""
    folder = tmp_path_factory.mktemp("run")
    protocols = make_tracing_run(folder, speech, {"train": 5, "dev": 3, "eval": 3})
    for codec in CLASSES:
        tables.write(protocols[codec], Protocol, folder / f"protocols/{codec}.tsv")
        shards = [shard_path(folder, codec, number) for number in range(3)]
        codec_waveforms.describe(folder / f"waveforms/{codec}.json", shards, 1)
    paths = [
        [folder / f"{kind}/{codec}.{end}" for codec in CLASSES]
        for kind, end in (("protocols", "tsv"), ("waveforms", "json"))
    ]
    return ["--protocols", *paths[0], "--waveforms", *paths[1], "--workers", 1, "--device", "cpu"]


def train(inputs, folder) -> None:
    entry = {**{key: value for key, value in TRACER.items() if key != "classes"}, "files": {}}
    run(
        *("train-tracer", "--detector", "lfcc_lcnn", "--entry", json.dumps(entry), "--classes", json.dumps(CLASSES)),
        *("--seed", 1, *inputs, "--gpus", 1, "--gpu-use", folder / "gpu.json", "--curves", folder / "curves"),
        *("--history", folder / "history.tsv", "--out", folder / "tracer.pt"),
    )


@pytest.fixture(scope="module")
def trained(inputs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    train(inputs, folder)
    return folder


def trace_protocol(inputs, trained, folder) -> None:
    run(
        *("trace-protocol", "--detector", "lfcc_lcnn", "--checkpoint", trained / "tracer.pt", "--batch-size", 8),
        *(*inputs, "--gpu-use", folder / "gpu.json", "--seed", 5, "--tracing", folder / "tracing.tsv"),
        *("--confusion", folder / "confusion.tsv", "--png", folder / "c.png", "--traces", folder / "traces.tsv"),
    )


def test_train_tracer_writes_checkpoint_and_history(trained, inputs, tmp_path):
    _, classes = loading.load_tracer(trained / "tracer.pt", "lfcc_lcnn", "cpu")
    assert classes == CLASSES
    history = pd.read_csv(trained / "history.tsv", sep="\t")
    assert history["epoch"].tolist() == [1, 2, 3, 4]
    assert history["dev_balanced_error"].min() < 0.1
    assert not (trained / "tracer.state").exists()
    assert list((trained / "curves").iterdir()) != []
    train(inputs, tmp_path)
    for name in ("tracer.pt", "history.tsv"):
        assert (tmp_path / name).read_bytes() == (trained / name).read_bytes()


def test_eval_trials_are_traced_and_measured(trained, inputs, tmp_path):
    trace_protocol(inputs, trained, tmp_path / "a")
    traces = tables.read(tmp_path / "a/traces.tsv", source_tracing.Traces)
    assert traces.columns.tolist() == ["filename", *(f"log_p({name})" for name in NAMES)]
    assert len(traces) == 36
    assert traces["filename"].str.contains("eval").all()
    confusion = tables.read(tmp_path / "a/confusion.tsv", source_tracing.Confusion)
    assert confusion.groupby("true_class")["trials"].sum().to_dict() == dict.fromkeys(NAMES, 12)
    right = confusion.loc[confusion["true_class"] == confusion["predicted_class"], "trials"].sum()
    table = tables.read(tmp_path / "a/tracing.tsv", source_tracing.TracingMeasures).set_index(["measure", "class"])
    assert table.loc["accuracy", "value"].item() == pytest.approx(right / 36, abs=1e-6)
    assert table.loc["accuracy", "value"].item() > 0.9
    assert table["speakers"].unique().tolist() == [3]
    trace_protocol(inputs, trained, tmp_path / "b")
    for path in sorted((tmp_path / "a").glob("*.[tp]*")):
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name


@pytest.fixture
def recordings(tmp_path, speech):
    """A folder with one recording of each class."""
    samples = speech(0.5, seed=77)
    for name, one in {"original": samples, "dull": muffle(samples, 16000), "rough": coarsen(samples)}.items():
        audio.write(tmp_path / f"recordings/{name}.wav", one, 16000)
    return tmp_path / "recordings"


def test_trace_prints_classes_and_warns_of_unknown_codecs(trained, recordings, capsys):
    run("trace", "--detector", "lfcc_lcnn", "--checkpoint", trained / "tracer.pt", recordings)
    out, err = capsys.readouterr()
    table = pd.read_csv(io.StringIO(out), sep="\t")
    assert table.columns.tolist() == ["filename", "class", "probability", *(f"p({name})" for name in NAMES)]
    assert table["filename"].tolist() == [str(recordings / f"{name}.wav") for name in sorted(NAMES)]
    assert table["class"].tolist() == sorted(NAMES)
    probabilities = table[[f"p({name})" for name in NAMES]]
    assert table["probability"].tolist() == probabilities.max(axis=1).tolist()
    assert probabilities.sum(axis=1).to_numpy() == pytest.approx(np.ones(3), abs=1e-5)
    assert "a file of any other codec is also assigned to one of these classes" in err


def test_trace_skips_bad_files_and_writes_json(trained, recordings, tmp_path, capsys):
    (recordings / "bad.wav").write_bytes(b"no sound")
    options = ("--detector", "lfcc_lcnn", "--checkpoint", trained / "tracer.pt", "--format", "json")
    with pytest.raises(AudioError, match="1 of 4 files could not be traced"):
        run("trace", *options, "--out", tmp_path / "told.json", recordings)
    assert "codecfake trace: " in (err := capsys.readouterr().err)
    assert "bad.wav: cannot be decoded as audio" in err
    told = json.loads((tmp_path / "told.json").read_text())
    assert [row["class"] for row in told] == sorted(NAMES)
    assert told[0]["p(dull)"] == told[0]["probability"]


def test_trace_refuses_a_detector_checkpoint_and_an_unknown_name(trained, recordings, tmp_path):
    detector = Trained(detectors.build(ENTRY).state_dict(), 0.1, pd.DataFrame())
    save(detector, "lfcc_lcnn", ENTRY, tmp_path / "detector.pt")
    with pytest.raises(CheckpointError, match=r"detector\.pt: holds a detector; expected a tracer"):
        run("trace", "--detector", "lfcc_lcnn", "--checkpoint", tmp_path / "detector.pt", recordings)
    with pytest.raises(ConfigError, match="unknown detector 'resnet'; allowed: aasist, "):
        run("trace", "--detector", "resnet", "--checkpoint", trained / "tracer.pt", recordings)


def test_trace_has_an_example(capsys):
    with pytest.raises(SystemExit):
        run("trace", "--help")
    assert "example: codecfake trace " in capsys.readouterr().out
