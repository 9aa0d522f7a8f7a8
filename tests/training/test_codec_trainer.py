"""Training a miniature codec: data, schedule, loss, and resuming to identical weights."""

import os
import shutil
import sys

import numpy as np
import pytest
import torch

from codecfake import codecs
from codecfake.audio import io as audio
from codecfake.corpora.folder import FolderCorpus
from codecfake.data.checkpoints import half_state_dict
from codecfake.runtime.device import seed_all
from codecfake.training import codec_trainer
from codecfake.training.codec_data import pcm_of_split
from codecfake.training.codec_settings import Settings
from codecfake.training.codec_trainer import (
    CropSampler,
    LineLoss,
    ReconstructionLoss,
    Trainer,
    schedule,
)
from codecfake.training.held_out import Measures, measures
from codecfake.util.errors import CheckpointError, DataError

#: more bins than frames, so that unused bins are reinitialised at random
TINY = {"n_filters": 2, "dimension": 8, "ratios": [4, 4, 4], "lstm": 1, "bins": 64}
ENTRY = {"family": "encodec", "sample_rate": 16000, "hop": 64, "n_q": 2, "bandwidth_kbps": 3.0, "model": TINY}
ADAPTER = codecs.family_class("encodec")
SETTINGS = Settings(
    seed=5, reconstruction_steps=8, adversarial_steps=4, discriminators=["stft", "period"], batch_size=4,
    crop_samples=2048, learning_rate=0.02, matrix_learning_rate=0.05, warmup_steps=2, waveform_weight=1.0,
    line_weight=1.0, quantizer_weight=1.0, adversarial_weight=0.1, feature_weight=0.1,
    discriminator_learning_rate=0.001, evaluate_every=4,
)  # fmt: skip


def replace(settings: Settings, **changes) -> Settings:
    return Settings(**{**settings.model_dump(), **changes})


class Run:
    """A training run in a folder; call `go` again to resume it."""

    def __init__(self, folder, speech):
        self.folder, self.files = folder, {"checkpoint": folder / "tiny.th"}
        self.training = [audio.to_pcm16(speech(0.5, seed=seed)) for seed in range(4)]
        self.held_out = [audio.to_pcm16(speech(0.8, seed=9))]

    def go(self, seed: int = 5) -> Measures:
        seed_all(seed)
        self.adapter = ADAPTER(ENTRY, ADAPTER.build(ENTRY))
        found = codec_trainer.train(self.adapter, self.training, self.held_out, SETTINGS, self.folder, self.files)
        self.drawn_next = torch.rand(1).item()
        return found

    def history(self) -> list[list[float]]:
        return np.loadtxt(self.folder / "history.tsv").tolist()

    def kept(self) -> codecs.Codec:
        return codecs.load(ENTRY, self.files, "cpu")


@pytest.fixture
def run(tmp_path, speech) -> Run:
    return Run(tmp_path / "run", speech)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, speech) -> Run:
    run = Run(tmp_path_factory.mktemp("undisturbed"), speech)
    run.measured = run.go()
    return run


def equal_states(one: dict, other: dict) -> bool:
    return one.keys() == other.keys() and all(torch.equal(value, other[key]) for key, value in one.items())


def test_training_lowers_the_loss(undisturbed):
    crops = CropSampler(undisturbed.training, replace(SETTINGS, batch_size=32)).batch(100)
    seed_all(5)
    models = [ADAPTER.build(ENTRY).eval(), undisturbed.kept().model]
    with torch.inference_mode():
        before, after = (ReconstructionLoss(16000, 1.0)(model(crops[:, None])[:, 0], crops) for model in models)
    assert after < 0.8 * before


def test_line_loss_shows_lines_that_the_mel_loss_misses_and_ignores_the_spectrum_s_slope():
    torch.manual_seed(0)
    target, decoded = 0.01 * torch.randn(2, 16, 8192)
    lines = torch.zeros(8192)
    lines[::160] = 0.06
    sloping = decoded + 0.5 * torch.roll(decoded, 1, dims=1)
    mel, line = ReconstructionLoss(16000, 0.0), LineLoss()
    assert mel(decoded + lines, target) < 1.05 * mel(decoded, target)
    assert line(decoded + lines, target) > 2 * line(decoded, target)
    assert mel(sloping, target) > 1.2 * mel(decoded, target)
    assert line(sloping, target) < 1.05 * line(decoded, target)


def test_last_averaged_weights_are_saved_and_measured(undisturbed):
    assert [line[0] for line in undisturbed.history()] == [4, 8, 12]
    assert undisturbed.measured == pytest.approx(undisturbed.history()[-1][2:], abs=1e-4, nan_ok=True)
    found = measures(undisturbed.kept(), undisturbed.held_out)
    # weights are saved in half precision
    assert found.stoi == pytest.approx(undisturbed.measured.stoi, abs=0.02)
    assert found.line_db == pytest.approx(undisturbed.measured.line_db, abs=0.5)
    model = undisturbed.adapter.model
    kept = torch.load(undisturbed.files["checkpoint"], weights_only=True)
    same = {key for key, value in half_state_dict(model).items() if torch.equal(kept[key], value)}
    assert dict(model.named_buffers()).keys() <= same < kept.keys()


@pytest.mark.parametrize("stop_at", [2, 6, 8, 11])
def test_stopped_training_resumes_to_identical_weights(run, undisturbed, monkeypatch, stop_at):
    advance = Trainer.advance

    def stops(trainer: Trainer, waveforms: torch.Tensor) -> float:
        if trainer.step == stop_at:
            raise KeyboardInterrupt
        return advance(trainer, waveforms)

    monkeypatch.setattr(Trainer, "advance", stops)
    with pytest.raises(KeyboardInterrupt):
        run.go()
    monkeypatch.setattr(Trainer, "advance", advance)
    # a run stopped before its first saved state starts again; later it resumes from the state
    assert run.go(seed=5 if stop_at < 4 else 99) == pytest.approx(undisturbed.measured, abs=0, nan_ok=True)
    assert equal_states(run.adapter.model.state_dict(), undisturbed.adapter.model.state_dict())
    assert equal_states(run.kept().model.state_dict(), undisturbed.kept().model.state_dict())
    assert run.history() == undisturbed.history()
    assert run.drawn_next == undisturbed.drawn_next


def test_diverging_training_ends_with_the_step_and_keeps_the_weights():
    trainer = Trainer(ADAPTER(ENTRY, ADAPTER.build(ENTRY)), SETTINGS)
    before = {key: value.clone() for key, value in trainer.average.state_dict().items()}
    weights = [parameter.detach().clone() for parameter in trainer.adapter.model.parameters()]
    with pytest.raises(DataError, match="step 0: gradient norm nan, must be finite; lower the learning rates"):
        trainer.advance(torch.full((4, 2048), torch.nan))
    assert trainer.step == 0
    assert equal_states(trainer.average.state_dict(), before)
    assert all(map(torch.equal, trainer.adapter.model.parameters(), weights))


def test_failed_checkpoint_write_keeps_the_previous_checkpoint(run, monkeypatch):
    move, moved = os.replace, []

    def stops_the_second_time(source, target):
        if target == run.files["checkpoint"]:
            moved.append(target)
            if len(moved) == 2:
                raise OSError("disk full")
        move(source, target)

    monkeypatch.setattr(os, "replace", stops_the_second_time)
    with pytest.raises(OSError, match="disk full"):
        run.go()
    assert run.kept().hop == 64
    assert {path.name for path in run.folder.iterdir()} == {"tiny.th", "state.pt", "history.tsv"}


def test_state_of_other_settings_is_refused(run, undisturbed, monkeypatch):
    run.folder.mkdir()
    shutil.copy(undisturbed.folder / "state.pt", run.folder)
    monkeypatch.setattr(sys.modules[__name__], "SETTINGS", replace(SETTINGS, learning_rate=0.01))
    with pytest.raises(CheckpointError, match=r"state\.pt: state of other settings or of another model"):
        run.go()


def test_utterances_shorter_than_a_crop_are_refused():
    with pytest.raises(DataError, match="no training utterance is longer than a crop of 2048 samples"):
        CropSampler([np.zeros(2000, np.int16)], SETTINGS)


@pytest.mark.parametrize(
    ("step", "expected"),
    # four steps of warm-up, half-way, the end, beyond the end
    [(0, 0.25), (1, 0.5 * (0.505 + 0.495 * np.cos(np.pi / 100))), (50, 0.505), (100, 0.01), (150, 0.01)],
)
def test_learning_rates_warm_up_and_follow_a_cosine(step, expected):
    settings = replace(SETTINGS, reconstruction_steps=60, adversarial_steps=40, warmup_steps=4)
    assert schedule(settings, step) == pytest.approx(expected)


class Lagging(ADAPTER):
    """A codec that delays its input by 100 samples, independently of its weights."""

    def training_forward(self, waveforms):
        unused = sum(parameter.sum() for parameter in self.model.parameters())
        return torch.nn.functional.pad(waveforms, (100, 0))[:, : waveforms.shape[1]] + 0 * unused, torch.zeros(())


@pytest.mark.parametrize(("delay", "is_perfect"), [(100, True), (0, False)])
def test_loss_accounts_for_the_delay_of_the_entry(delay, is_perfect, speech):
    trainer = Trainer(Lagging({**ENTRY, "delay": [delay, delay]}, ADAPTER.build(ENTRY)), SETTINGS)
    loss = trainer.advance(sampler(speech).batch(0))
    assert (loss < 1e-6) == is_perfect


def sampler(speech, **changes) -> CropSampler:
    return CropSampler([audio.to_pcm16(speech(1.0))], replace(SETTINGS, **changes))


def test_crops_depend_only_on_seed_and_step(speech):
    first = sampler(speech)
    expected = first.batch(3)
    assert (expected.shape, expected.dtype) == ((4, 2048), torch.float32)
    assert torch.equal(first.batch(3), expected)
    assert not torch.equal(first.batch(4), expected)
    assert torch.equal(sampler(speech).batch(3), expected)
    assert not torch.equal(sampler(speech, seed=6).batch(3), expected)


def test_crops_have_levels_in_the_range(speech):
    crops = sampler(speech, batch_size=200).batch(0)
    level = 10 * crops.square().mean(1).log10()
    assert (level.min().item(), level.max().item()) == pytest.approx(codec_trainer.LEVEL_DB, abs=1)


def test_utterances_are_drawn_in_proportion_to_length_and_short_ones_excluded():
    utterances = [np.full(length, value, np.int16) for length, value in ((3000, 99), (9000, -99), (2000, 99))]
    crops = CropSampler(utterances, replace(SETTINGS, batch_size=1000)).batch(0)
    assert (crops[:, 0] < 0).float().mean().item() == pytest.approx(0.75, abs=0.05)


@pytest.mark.parametrize(
    ("split", "per_speaker", "number"), [("train", None, 6), ("train", 2, 4), ("dev", 5, 3), ("eval", 1, 1)]
)
def test_pcm_of_split_is_speech_of_the_split_at_the_codec_rate(tmp_path, speech, split, per_speaker, number):
    for speaker in "abcd":
        for seed in range(3):
            audio.write(tmp_path / speaker / f"{seed}.wav", speech(0.2, 24000, seed=seed), 24000)
    found = pcm_of_split(FolderCorpus(tmp_path), {"splits": {"dev": ["c"], "eval": ["d"]}}, split, 16000, per_speaker)
    assert [len(pcm) for pcm in found] == [3200] * number
    stored = [audio.read(tmp_path / "a" / f"{seed}.wav")[0] for seed in range(3)]
    expected = {audio.to_pcm16(audio.resample(samples, 24000, 16000)).tobytes() for samples in stored}
    assert {pcm.tobytes() for pcm in found} <= expected
