"""Train a miniature codec with the model class of a published package; training resumes after a stop."""

import json
import math
from pathlib import Path

import numpy as np
import torch
import torchaudio
from tqdm import tqdm

from codecfake.audio import intelligibility
from codecfake.audio import io as audio
from codecfake.codecs import TrainableCodec
from codecfake.data.checkpoints import read_checkpoint, write_checkpoint
from codecfake.resynthesis.resynthesis import through_codec
from codecfake.training.codec_settings import Settings
from codecfake.util.errors import CheckpointError, DataError
from codecfake.util.hashing import digest

#: Window lengths of the mel loss (samples), with the number of mel bands of each.
MEL_SCALES = {256: 24, 512: 40, 1024: 64, 2048: 80}
MEL_FLOOR = 1e-4
EMA_DECAY = 0.999
#: Range from which the RMS level of a crop is drawn (dBFS).
LEVEL_DB = (-32.0, -16.0)
SILENCE_RMS = 1e-4


class ReconstructionLoss(torch.nn.Module):
    """Multi-resolution log-mel L1 (as in DAC and EnCodec) plus waveform L1 divided by the target's mean magnitude."""

    def __init__(self, sample_rate: int, waveform_weight: float):
        super().__init__()
        self.waveform_weight = waveform_weight
        self.mels = torch.nn.ModuleList(
            torchaudio.transforms.MelSpectrogram(
                sample_rate, n_fft=n_fft, hop_length=n_fft // 4, n_mels=n_mels, power=1.0
            )
            for n_fft, n_mels in MEL_SCALES.items()
        )

    def forward(self, decoded: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the loss (scalar) of waveforms [B, T]."""
        loss = self.waveform_weight * (decoded - target).abs().mean() / target.abs().mean()
        for mel in self.mels:
            difference = _log(mel(decoded)) - _log(mel(target))
            loss = loss + difference.abs().mean() / len(self.mels)
        return loss


def _log(magnitudes: torch.Tensor) -> torch.Tensor:
    return magnitudes.clamp(min=MEL_FLOOR).log()


class CropSampler:
    """Random crops of utterances drawn in proportion to length; the batch of a step depends only on seed and step."""

    def __init__(self, utterances: list[np.ndarray], settings: Settings):
        self.settings = settings
        self.utterances = [x for x in utterances if len(x) > settings.crop_samples]
        if not self.utterances:
            raise DataError(f"no training utterance is longer than a crop of {settings.crop_samples} samples")
        lengths = np.array([len(x) for x in self.utterances], dtype=float)
        self.weights = lengths / lengths.sum()

    def batch(self, step: int) -> torch.Tensor:
        """Return the batch of a step, float32 [batch_size, crop_samples]."""
        rng = np.random.default_rng([self.settings.seed, step])
        chosen = rng.choice(len(self.utterances), self.settings.batch_size, p=self.weights)
        return torch.from_numpy(np.stack([self._crop(rng, self.utterances[i]) for i in chosen]))

    def _crop(self, rng: np.random.Generator, utterance: np.ndarray) -> np.ndarray:
        start = rng.integers(len(utterance) - self.settings.crop_samples)
        crop = audio.from_pcm16(utterance[start : start + self.settings.crop_samples])
        rms = max(float(np.sqrt(np.mean(crop**2))), SILENCE_RMS)
        gain = 10 ** (rng.uniform(*LEVEL_DB) / 20) / rms
        return np.clip(crop * gain, -1, 1).astype(np.float32)


def learning_rate(settings: Settings, step: int) -> float:
    """Return the learning rate of a step: linear warm-up, then cosine decay to 1 % of the peak at the last step."""
    warm = min(1.0, (step + 1) / settings.warmup_steps)
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, step / settings.steps)))
    return settings.learning_rate * warm * (0.01 + 0.99 * cosine)


class Trainer:
    """The training state: model, moving average of its weights, optimiser, step, best STOI on held-out speakers."""

    def __init__(self, adapter: TrainableCodec, settings: Settings):
        self.adapter, self.settings = adapter, settings
        self.fingerprint = digest(json.dumps(settings.model_dump()), json.dumps(adapter.entry["model"], sort_keys=True))
        self.average = adapter.build(adapter.entry)
        self.average.load_state_dict(adapter.model.state_dict())
        self.optimiser = torch.optim.AdamW(adapter.model.parameters(), betas=(0.8, 0.99))
        self.loss = ReconstructionLoss(adapter.sample_rate, settings.waveform_weight).to(adapter.device)
        self.step, self.best_stoi = 0, -1.0

    def advance(self, waveforms: torch.Tensor) -> float:
        """Run one optimiser step on waveforms [B, T]; return the loss."""
        model = self.adapter.model.train()
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.settings, self.step)
        decoded, quantizer_loss = self.adapter.training_forward(waveforms)
        delay = self.adapter.delays(waveforms.shape[1])[0]
        target = waveforms[:, : decoded.shape[1] - delay]
        loss = self.loss(decoded[:, delay:], target) + self.settings.quantizer_weight * quantizer_loss
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        self._update_average()
        return loss.item()

    @torch.no_grad()
    def _update_average(self) -> None:
        decay = min(EMA_DECAY, self.step / (self.step + 10))
        for mean, value in zip(self.average.parameters(), self.adapter.model.parameters(), strict=True):
            mean.lerp_(value, 1 - decay)
        for mean, value in zip(self.average.buffers(), self.adapter.model.buffers(), strict=True):
            mean.copy_(value)

    def averaged(self) -> TrainableCodec:
        """Return the codec with the averaged weights, which is evaluated and saved."""
        return type(self.adapter)(self.adapter.entry, self.average, str(self.adapter.device))

    def save(self, path: Path) -> None:
        """Write the complete training state."""
        state = {
            "fingerprint": self.fingerprint,
            "step": self.step,
            "best_stoi": self.best_stoi,
            "model": self.adapter.model.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "rng": torch.get_rng_state(),
        }
        write_checkpoint(path, state)

    def restore(self, path: Path) -> None:
        """Load a training state written by `save`.

        Raises:
            CheckpointError: the state belongs to other settings or to another model.
        """
        state = read_checkpoint(path)
        if state["fingerprint"] != self.fingerprint:
            raise CheckpointError(
                f"{path}: state of other settings or of another model; delete it or choose another --out"
            )
        self.step, self.best_stoi = state["step"], state["best_stoi"]
        self.adapter.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        torch.set_rng_state(state["rng"])


@torch.inference_mode()
def held_out_stoi(codec: TrainableCodec, utterances: list[np.ndarray]) -> float:
    """Return the mean STOI over held-out utterances (int16 [N] at the codec's rate)."""
    values = []
    for pcm in utterances:
        reference = audio.from_pcm16(pcm)
        (decoded,) = through_codec([reference], ["held-out utterance"], codec, "clean")
        values.append(intelligibility.stoi(reference, decoded, codec.sample_rate))
    return float(np.nanmean(values))


def train(
    adapter: TrainableCodec,
    training: list[np.ndarray],
    held_out: list[np.ndarray],
    settings: Settings,
    work_dir: Path,
    files: dict[str, Path],
) -> float:
    """Train for `settings.steps` steps and save the averaged weights with the best held-out STOI in `files`.

    Args:
        training, held_out: utterances, int16 [N] at the codec's rate; different speakers.
        work_dir: folder of the training state, from which a stopped run resumes.

    Returns:
        The best held-out STOI.
    """
    trainer, sampler = Trainer(adapter, settings), CropSampler(training, settings)
    state, history = work_dir / "state.pt", work_dir / "history.tsv"
    if state.is_file():
        trainer.restore(state)
    work_dir.mkdir(parents=True, exist_ok=True)
    bar = tqdm(initial=trainer.step, total=settings.steps, unit="step", mininterval=5)
    losses: list[float] = []
    while trainer.step < settings.steps:
        losses.append(trainer.advance(sampler.batch(trainer.step).to(adapter.device)))
        bar.update()
        if trainer.step % settings.evaluate_every and trainer.step < settings.steps:
            continue
        codec = trainer.averaged()
        stoi = held_out_stoi(codec, held_out)
        if stoi > trainer.best_stoi:
            trainer.best_stoi = stoi
            codec.save(files)
        trainer.save(state)
        bar.set_postfix(loss=f"{np.mean(losses):.3f}", stoi=f"{stoi:.3f}")
        with open(history, "a", encoding="utf-8") as handle:
            handle.write(f"{trainer.step}\t{np.mean(losses):.4f}\t{stoi:.4f}\n")
        losses.clear()
    bar.close()
    return trainer.best_stoi
