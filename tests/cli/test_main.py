"""The command line: help, results, and clear errors for every kind of bad input."""

import argparse
import contextlib
import csv
import hashlib
import io
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
import yaml

from codecfake import detectors
from codecfake.audio import io as audio
from codecfake.cli.detector_scores import detector_file
from codecfake.cli.job import own_device
from codecfake.cli.main import main
from codecfake.fetch import download
from codecfake.fetch.download import downloads
from codecfake.pipeline import config
from codecfake.runtime import cuda
from codecfake.training.trainer import Trained, save
from codecfake.trials.detector_id import DetectorId
from codecfake.util.errors import ConfigError
from codecfake.util.files import REPOSITORY
from tiny_run import ENTRY


@pytest.fixture
def wav(tmp_path, speech):
    path = tmp_path / "speech.wav"
    audio.write(path, speech(1.0, 16000), 16000)
    return path


@pytest.fixture
def checkpoint(tmp_path):
    torch.manual_seed(0)
    trained = Trained(detectors.build(ENTRY).state_dict(), 0.1, pd.DataFrame())
    save(trained, "lfcc_lcnn", ENTRY, tmp_path / "detector.pt")
    return tmp_path / "detector.pt"


def run(*arguments) -> int:
    return main([str(argument) for argument in arguments])


def test_help_lists_verbs_and_an_example(capsys):
    with pytest.raises(SystemExit) as stopped:
        run("--help")
    text = capsys.readouterr().out
    assert stopped.value.code == 0
    for verb in (
        "resynthesise",
        "score",
        "train-codec",
        "codec-quality",
        "codecs",
        "detectors",
        "resynthesise-shard",
        "report",
    ):
        assert re.search(rf"^ +{verb}\b", text, re.MULTILINE), verb
    assert "codecfake score --detector" in text


@pytest.mark.parametrize(
    "verb",
    [
        "codecs",
        "detectors",
        "show",
        "fetch",
        "stage",
        "resynthesise",
        "score",
        "evaluate",
        "train-codec",
        "codec-quality",
    ],
)
def test_help_of_a_user_verb_has_an_example(verb, capsys):
    with pytest.raises(SystemExit):
        run(verb, "--help")
    assert f"example: codecfake {verb}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "detector"),
    [("pooled@1234", DetectorId("pooled", 1234)), ("x@0", DetectorId("x", 0)), ("x", DetectorId("x"))],
)
def test_score_file_argument_names_its_detector(text, detector):
    assert detector_file(f"{text}=a@1=b.tsv") == (detector, Path("a@1=b.tsv"))
    assert str(detector) == text


@pytest.mark.parametrize("text", ["", "@1", "x@", "x@one", "x@-1", "x@1.0", "x@007", "x@1@2", "x@ 1"])
def test_malformed_detector_name_is_refused_with_the_expected_form(text, capsys):
    with pytest.raises(SystemExit):
        run("matrix", "--scores", f"{text}=scores.tsv")
    assert f"argument --scores: {text!r}: ROW@SEED expected" in capsys.readouterr().err


def test_codecs_prints_a_line_per_codec(capsys, tmp_path):
    assert run("codecs", "--cache", tmp_path) == 0
    rows = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert rows.keys() == {"codec", *config.codecs()}
    assert re.search(r"audiodec +24000 +300 +8 +6\.4 .*non-commercial.* to be fetched$", rows["audiodec_24k_320d"])
    assert rows["encodec_mini"].endswith("here")


def test_detectors_prints_a_line_per_detector(capsys):
    assert run("detectors") == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["detector", *config.detectors()]


@pytest.mark.parametrize(
    ("rate", "subtype", "channels"),
    [(16000, "PCM_U8", 1), (96000, "PCM_24", 1), (44100, "PCM_16", 2), (8000, "FLOAT", 1)],
)
def test_resynthesise_accepts_any_rate_sample_format_and_channels(rate, subtype, channels, tmp_path, speech):
    samples = np.stack([speech(0.5, rate)] * channels, axis=1)
    soundfile.write(tmp_path / "in.wav", samples, rate, subtype=subtype)
    assert run("resynthesise", "--codec", "encodec_mini", tmp_path / "in.wav", tmp_path / "out.wav") == 0
    info = soundfile.info(tmp_path / "out.wav")
    assert (info.samplerate, info.channels, info.subtype, info.frames) == (16000, 1, "PCM_16", 8000)


def test_suffix_of_the_output_selects_its_format(wav, tmp_path, capsys):
    assert run("resynthesise", "--codec", "identity", wav, tmp_path / "out.FLAC") == 0
    assert soundfile.info(tmp_path / "out.FLAC").format == "FLAC"
    assert run("resynthesise", "--codec", "identity", wav, tmp_path / "out.mp3") == 1
    assert "out.mp3: .mp3 is not written; allowed: .wav, .flac" in capsys.readouterr().err
    assert not (tmp_path / "out.mp3").exists()


@pytest.mark.parametrize("name", ["a\tb.wav", "a\nb.wav", "a\rb.wav", 'a"b.wav', "plain.wav"])
def test_any_file_name_is_read_back_from_the_scores(name, wav, checkpoint, tmp_path):
    shutil.copy(wav, tmp_path / name)
    options = ("--detector", "lfcc_lcnn", "--checkpoint", checkpoint, "--out", tmp_path / "scores.tsv")
    assert run("score", *options, tmp_path / name) == 0
    with open(tmp_path / "scores.tsv", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t"))
    assert [row[0] for row in rows] == ["filename", str(tmp_path / name)]


def test_file_of_a_name_that_is_not_utf8_does_not_stop_the_others(wav, checkpoint, tmp_path, capsys):
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in (b"caf\xe9.wav", b"good.wav"):
        shutil.copy(wav, folder / os.fsdecode(name))
    options = ("--detector", "lfcc_lcnn", "--checkpoint", checkpoint, "--out", tmp_path / "scores.tsv")
    assert run("score", *options, folder) == 1
    assert r"caf\udce9.wav': the name is not UTF-8; rename the file" in capsys.readouterr().err
    assert pd.read_csv(tmp_path / "scores.tsv", sep="\t").filename.tolist() == [str(folder / "good.wav")]


def test_resynthesise_accepts_another_checkpoint(wav, tmp_path, capsys):
    own = REPOSITORY / "checkpoints"
    assert (
        run(
            "resynthesise", "--codec", "dac_mini", "--checkpoint", own / "dac_mini/weights.pth", wav, tmp_path / "a.wav"
        )
        == 0
    )
    err = capsys.readouterr().err
    assert "differs from the pinned" not in err
    torch.save(torch.load(own / "dac_mini/weights.pth", weights_only=True), tmp_path / "weights_own.pth")
    assert run("resynthesise", "--codec", "dac_mini", "--checkpoint", tmp_path, wav, tmp_path / "a.wav") == 0
    assert "weights_own.pth: differs from the pinned checkpoints/dac_mini/weights.pth; " in capsys.readouterr().err
    folder = own / "speechtokenizer_mini"
    assert run("resynthesise", "--codec", "speechtokenizer_mini", "--checkpoint", folder, wav, tmp_path / "b.wav") == 0


def test_score_prints_a_table_and_the_score_direction(wav, checkpoint, capsys):
    assert run("score", "--detector", "lfcc_lcnn", "--checkpoint", checkpoint, wav, wav) == 0
    out, err = capsys.readouterr()
    lines = [line.split("\t") for line in out.splitlines()]
    assert lines[0] == ["filename", "cm-score"]
    assert [line[0] for line in lines[1:]] == [str(wav)] * 2
    assert lines[1] == lines[2]
    assert np.isfinite(float(lines[1][1]))
    assert "higher = more bona fide" in err


def test_score_accepts_folders_skips_bad_files_and_writes_json(wav, checkpoint, tmp_path, capsys):
    folder = tmp_path / "recordings"
    (folder / "below").mkdir(parents=True)
    shutil.copy(wav, folder / "below/good.wav")
    (folder / "bad.wav").write_bytes(b"no sound")
    options = ("--detector", "lfcc_lcnn", "--checkpoint", checkpoint, "--format", "json", "--out", tmp_path / "s.json")
    assert run("score", *options, folder, wav) == 1
    err = capsys.readouterr().err
    assert "bad.wav: cannot be decoded as audio" in err
    assert "codecfake score: error: 1 of 3 files could not be scored" in err
    below, above = json.loads((tmp_path / "s.json").read_text())
    assert (below["filename"], above["filename"]) == (str(folder / "below/good.wav"), str(wav))
    assert below["cm-score"] == above["cm-score"]


def test_score_uses_published_weights_from_a_mirror(shared, tmp_path, capsys):
    sample = shared / "data/codecfake-samples/SpeechTokenizer+p225_273.wav"
    places = ("--mirror", shared / "mirror", "--cache", tmp_path)
    assert run("score", "--detector", "aasist_l_2019", *places, sample) == 0
    reference = pd.read_csv(shared / "data/aasist-reference-scores.tsv", sep="\t")
    logits = reference[(reference["model"] == "AASIST-L") & (reference["file"] == sample.name)]
    (score,) = pd.read_csv(io.StringIO(capsys.readouterr().out), sep="\t")["cm-score"]
    assert score == pytest.approx(logits["bonafide_logit"].item(), abs=1e-4)


def test_score_without_checkpoint_requires_published_weights(wav, capsys):
    assert run("score", "--detector", "aasist_l", wav) == 1
    assert "--checkpoint: 'aasist_l' has no published weights" in capsys.readouterr().err


@pytest.fixture
def score_files(tmp_path) -> list[Path]:
    """Files of scores, scores of a better detector, and the key."""
    files = {"scores": [1, 3, 0, 2], "better": [2, 3, 0, 1], "key": ["bonafide"] * 2 + ["spoof"] * 2}
    for name, column in files.items():
        lines = [f"u{number}\t{value}" for number, value in enumerate(column)]
        head = "filename\t" + ("cm-label" if name == "key" else "cm-score")
        (tmp_path / f"{name}.tsv").write_text("\n".join([head, *lines]) + "\n")
    return [tmp_path / f"{name}.tsv" for name in files]


def test_evaluate_prints_every_metric(score_files, capsys):
    scores, better, key = score_files
    assert run("evaluate", scores, key, "--against", better) == 0
    head, row, against = capsys.readouterr().out.splitlines()
    assert head.split()[:4] == ["attack", "bonafide_trials", "spoof_trials", "eer"]
    assert row.split()[:4] == ["pooled", "2", "2", "50.00"]
    assert against.startswith("EER minus the other detector's: +50.00 points (")
    assert run("evaluate", scores, key, "--against", better, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["metrics"]["pooled"]["eer"] == told["against"]["difference"] == 0.5


def test_evaluate_warns_of_inverted_scores(score_files, capsys):
    _, better, key = score_files
    better.write_text(better.read_text().replace("\t", "\t-").replace("-cm", "cm"))
    assert run("evaluate", better, key) == 0
    out, err = capsys.readouterr()
    assert "100.00" in out
    assert "warning: EER above 50 % on pooled: bona fide scores below spoof" in err


def bad_audio(kind: str, folder: Path) -> Path:
    path = folder / f"{kind}.wav"
    if kind == "corrupt":
        path.write_bytes(b"RIFF" + bytes(200))
    elif kind == "empty":
        soundfile.write(path, np.zeros(0, np.float32), 16000)
    elif kind == "short":
        soundfile.write(path, np.full(20, 0.1, np.float32), 16000)
    elif kind == "nan":
        soundfile.write(path, np.array([0.1, np.nan] * 4000, np.float32), 16000, subtype="FLOAT")
    return path


BAD_AUDIO = {
    "missing": "no such audio file",
    "corrupt": "cannot be decoded as audio",
    "empty": "the audio is empty",
    "short": "20 samples; at least",
    "nan": "sample 1 is nan; only finite samples are allowed",
}


@pytest.mark.parametrize(("kind", "message"), BAD_AUDIO.items())
def test_bad_audio_is_refused_by_resynthesise(kind, message, tmp_path, capsys):
    source, target = bad_audio(kind, tmp_path), tmp_path / "out.wav"
    assert run("resynthesise", "--codec", "encodec_mini", source, target) == 1
    err = capsys.readouterr().err
    assert str(source) in err
    assert message in err
    assert not target.exists()


@pytest.mark.parametrize(("kind", "message"), BAD_AUDIO.items())
def test_bad_audio_is_refused_by_score(kind, message, tmp_path, checkpoint, capsys):
    source = bad_audio(kind, tmp_path)
    assert run("score", "--detector", "lfcc_lcnn", "--checkpoint", checkpoint, source) == 1
    err = capsys.readouterr().err
    assert str(source) in err
    assert message in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["resynthesise", "--codec", "opus"], r"unknown codec 'opus'; allowed: .*encodec_mini"),
        (["resynthesise", "--codec", "dac_mini", "--checkpoint", "nowhere.pth"], "nowhere.pth: no such checkpoint"),
        (["resynthesise", "--codec", "speechtokenizer_mini", "--checkpoint", "x.pt"], "x.pt: no such checkpoint"),
        (["resynthesise", "--codec", "dac_mini", "--device", "cuda:9"], "no 'cuda:9'; allowed: auto, cpu"),
        (
            ["score", "--detector", "resnet", "--checkpoint", "x.pt"],
            "unknown detector 'resnet'; allowed: aasist, aasist_2019, aasist_l, ",
        ),
        (["score", "--detector", "lfcc_lcnn", "--checkpoint", "x.pt"], "x.pt: no such checkpoint"),
    ],
)
def test_unknown_name_is_refused_with_allowed_values(arguments, message, wav, tmp_path, capsys):
    if "cuda:9" in arguments and torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    inputs = [wav, tmp_path / "out.wav"] if arguments[0] == "resynthesise" else [wav]
    assert run(*arguments, *inputs) == 1
    assert re.search(message, capsys.readouterr().err)
    assert not (tmp_path / "out.wav").exists()


def test_codec_checkpoint_is_refused_as_detector(wav, capsys):
    weights = REPOSITORY / "checkpoints/dac_mini/weights.pth"
    assert run("score", "--detector", "lfcc_lcnn", "--checkpoint", weights, wav) == 1
    assert "dac_mini/weights.pth: does not fit Model: missing keys: 57 (" in capsys.readouterr().err


def test_full_disk_leaves_no_output_file(wav, tmp_path):
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    target = tmp_path / "out" / "full.wav"
    command = [sys.executable, "-m", "codecfake.cli", "resynthesise", "--codec", "identity", str(wav), str(target)]
    result = subprocess.run(command, preexec_fn=limit, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "File too large" in result.stderr
    assert "Traceback" not in result.stderr
    assert list(target.parent.iterdir()) == []


@pytest.fixture
def run_config(tmp_path, speech):
    """The config of a run with a folder of recordings and two codecs, one of which must be downloaded."""
    for speaker in "abc":
        audio.write(tmp_path / "corpus" / speaker / "1.wav", speech(0.2), 16000)
    content = config.load_yaml(config.CONFIG / "demo.yaml")
    corpus = {"name": "folder", "path": str(tmp_path / "corpus"), "splits": {"dev": ["a"], "eval": ["b"]}}
    content |= {"corpus": corpus, "codecs": ["dac_mini", "encodec_24khz"], "cache": str(tmp_path / "cache")}
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def test_fetch_downloads_all_files_of_a_run(run_config, http_server, tmp_path, monkeypatch, capsys):
    key = "encodec/encodec_24khz-d7cc33bc.th"
    entries = downloads()
    entries[key] |= {"urls": [http_server.url("a.th")], "bytes": 9, "sha256": hashlib.sha256(b"a model..").hexdigest()}
    monkeypatch.setattr(download, "downloads", lambda: entries)
    assert run("fetch", run_config, "--offline") == 1
    said = capsys.readouterr().err
    assert f"offline: missing files: 1. Place\n  {tmp_path / 'cache' / key} (9 bytes, sha256 " in said
    assert f"from {http_server.url('a.th')}\nor run `codecfake fetch` with this config on a machine" in said
    assert http_server.requests == []
    http_server.files["a.th"] = b"a model.."
    assert run("fetch", run_config) == 0
    assert (tmp_path / "cache" / key).read_bytes() == b"a model.."
    assert run("fetch", run_config, "--offline") == 0
    assert capsys.readouterr().out.endswith("all files of run 'demo' are here\n")
    assert len(http_server.requests) == 1


def test_show_prints_the_matrices_of_a_fold(run_config, tmp_path, monkeypatch, capsys):
    content = yaml.safe_load(run_config.read_text())
    del content["corpus"]["splits"]
    content["corpus"]["folds"] = {"count": 5, "eval": 2}
    run_config.write_text(yaml.safe_dump(content))
    content["recipe"] = ["published", "matched"]
    run_config.write_text(yaml.safe_dump(content))
    for recipe, eer in (("published", 12.5), ("matched", 37.5)):
        matrix = tmp_path / f"results/demo/{recipe}/fold2of5/eer_matrix.tsv"
        matrix.parent.mkdir(parents=True)
        columns = ["dac_mini", "encodec_24khz", "pooled", "noise_20db", *(f"set{number}" for number in range(14))]
        rows = [[name, *(eer + number for number in range(18))] for name in ("dac_mini", "encodec_24khz", "pooled")]
        lines = ["\t".join(map(str, line)) for line in [["trained_on", *columns], *rows]]
        matrix.write_text("\n".join(lines) + "\n")
    monkeypatch.chdir(tmp_path)
    assert run("show", run_config) == 0
    said = capsys.readouterr().out
    assert f"report: {tmp_path / 'results/demo/report/fold2of5/report.html'}" in said
    lines = said.splitlines()
    assert max(map(len, lines[:-2])) <= 100
    # 18 columns need two blocks
    assert [line.split()[:4] for line in lines if line.startswith("dac")] == [
        ["dac_mini", "12.5*", "13.5", "14.5"],
        ["dac_mini", "21.5", "22.5", "23.5"],
        ["dac_mini", "37.5*", "38.5", "39.5"],
        ["dac_mini", "46.5", "47.5", "48.5"],
    ]
    assert lines[2].split()[:4] == ["DAC", "EnCod", "pooled", "noise…"]
    assert "Mean EER on a codec: 13.0 % of detectors trained on it, 13.0 % of detectors trained on another" in said


@pytest.mark.parametrize(("seen", "fits"), [(1, True), (4, False)])
def test_job_that_sees_several_gpus_after_its_claim_stops(seen, fits, monkeypatch, tmp_path):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3")
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(cuda, "without_code", lambda number: "")
    # a driver that was initialised earlier ignores CUDA_VISIBLE_DEVICES
    monkeypatch.setattr(torch.cuda, "device_count", lambda: seen)
    job = own_device(argparse.Namespace(device="auto", gpu_use=None))
    expected = contextlib.nullcontext() if fits else pytest.raises(ConfigError, match="name those to be used in CUDA_V")
    with expected, job as device:
        assert device == "cuda"
