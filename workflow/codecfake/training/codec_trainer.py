"""Train a miniature codec with the model class of a published package; training resumes after a stop.

A reconstruction phase is followed by an adversarial one, as in the codecs' papers: reconstruction alone leaves noise,
which discriminators remove, and lines at multiples of the frame rate, which a loss of their own removes.
"""

import json
import math
from pathlib import Path

import numpy as np
import torch
import torchaudio
from torch.nn.functional import avg_pool1d
from tqdm import tqdm

from codecfake.audio import io as audio
from codecfake.codecs import TrainableCodec
from codecfake.data.checkpoints import read_checkpoint, write_checkpoint
from codecfake.training import muon
from codecfake.training.codec_settings import Settings
from codecfake.training.discriminators import Discriminators
from codecfake.training.held_out import Measures, measures
from codecfake.util.errors import CheckpointError, DataError
from codecfake.util.hashing import digest

#: Window lengths of the mel loss (samples), with the number of mel bands of each.
MEL_SCALES = {256: 24, 512: 40, 1024: 64, 2048: 80}
MEL_FLOOR = 1e-4
#: Window length (samples) of the long-term spectrum, and length (bins) of its moving average.
LINE_N_FFT, LINE_SMOOTHING = 2048, 33
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


class LineLoss(torch.nn.Module):
    """L1 of the fine structure of the long-term log spectrum, where lines at multiples of the frame rate stand out.

    The long-term spectrum is the mean over all frames of a batch: noise masks a faint line in a single frame. The fine
    structure is the difference of two spectra without its moving average over frequency.
    """

    def __init__(self):
        super().__init__()
        self.spectrum = torchaudio.transforms.Spectrogram(LINE_N_FFT, hop_length=LINE_N_FFT // 4, power=1.0)

    def forward(self, decoded: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the loss (scalar) of waveforms [B, T]."""
        decoded, target = (_log(self.spectrum(waveform)).mean(dim=(0, 2)) for waveform in (decoded, target))
        difference = (decoded - target)[None]
        smooth = avg_pool1d(difference, LINE_SMOOTHING, 1, LINE_SMOOTHING // 2, count_include_pad=False)
        return (difference - smooth).abs().mean()


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


def schedule(settings: Settings, step: int) -> float:
    """Return a step's share of the peak learning rates: linear warm-up, then cosine decay to 1 % at the last step."""
    warm = min(1.0, (step + 1) / settings.warmup_steps)
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, step / settings.steps)))
    return warm * (0.01 + 0.99 * cosine)


class Trainer:
    """The training state: model, moving average of its weights, discriminators, optimisers and step.

    Muon trains the weight matrices, Adam all other parameters.
    """

    def __init__(self, adapter: TrainableCodec, settings: Settings):
        self.adapter, self.settings = adapter, settings
        self.fingerprint = digest(json.dumps(settings.model_dump()), json.dumps(adapter.entry["model"], sort_keys=True))
        self.average = adapter.build(adapter.entry)
        self.average.load_state_dict(adapter.model.state_dict())
        self.discriminators = Discriminators(settings.discriminators).to(adapter.device)
        weights = muon.matrices(adapter.model)
        chosen = set(weights)
        self.muon = muon.Muon(weights, settings.matrix_learning_rate)
        self.adam = torch.optim.AdamW(
            [parameter for parameter in adapter.model.parameters() if parameter not in chosen], betas=(0.8, 0.99)
        )
        self.discriminator_optimiser = torch.optim.AdamW(
            self.discriminators.parameters(), lr=settings.discriminator_learning_rate, betas=(0.8, 0.99)
        )
        self.loss = ReconstructionLoss(adapter.sample_rate, settings.waveform_weight).to(adapter.device)
        self.line_loss = LineLoss().to(adapter.device)
        self.step = 0

    def advance(self, waveforms: torch.Tensor) -> float:
        """Run one optimiser step on waveforms [B, T]; return the reconstruction loss.

        Raises:
            DataError: the training diverged; weights and step stay.
        """
        model = self.adapter.model.train()
        share = schedule(self.settings, self.step)
        self.muon.param_groups[0]["lr"] = share * self.settings.matrix_learning_rate
        self.adam.param_groups[0]["lr"] = share * self.settings.learning_rate
        decoded, quantizer_loss = self.adapter.training_forward(waveforms)
        delay = self.adapter.delays(waveforms.shape[1])[0]
        target, decoded = waveforms[:, : decoded.shape[1] - delay], decoded[:, delay:]
        reconstruction = self.loss(decoded, target)
        loss = reconstruction + self.settings.quantizer_weight * quantizer_loss
        if self.step >= self.settings.reconstruction_steps:
            loss = loss + self._adversarial_loss(target, decoded)
            loss = loss + self.settings.line_weight * self.line_loss(decoded, target)
        model.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        if not norm.isfinite():
            raise DataError(f"step {self.step}: gradient norm {norm.item()}, must be finite; lower the learning rates")
        self.muon.step()
        self.adam.step()
        self.step += 1
        self._update_average()
        return reconstruction.item()

    def _adversarial_loss(self, target: torch.Tensor, decoded: torch.Tensor) -> torch.Tensor:
        """Train the discriminators on target and decoded audio [B, T]; return the codec's loss (scalar)."""
        self.discriminators.requires_grad_(True)
        self.discriminator_optimiser.zero_grad()
        self.discriminators.loss(target, decoded).backward()
        self.discriminator_optimiser.step()
        self.discriminators.requires_grad_(False)
        adversarial, feature = self.discriminators.codec_losses(target, decoded)
        return self.settings.adversarial_weight * adversarial + self.settings.feature_weight * feature

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

    @property
    def _modules(self) -> dict[str, torch.nn.Module | torch.optim.Optimizer]:
        """The parts of the state that have a state_dict, by their name in the file."""
        return {
            "model": self.adapter.model,
            "average": self.average,
            "discriminators": self.discriminators,
            "muon": self.muon,
            "adam": self.adam,
            "discriminator_optimiser": self.discriminator_optimiser,
        }

    def save(self, path: Path) -> None:
        """Write the complete training state."""
        parts = {name: part.state_dict() for name, part in self._modules.items()}
        state = {"fingerprint": self.fingerprint, "step": self.step, "rng": torch.get_rng_state(), **parts}
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
        self.step = state["step"]
        for name, part in self._modules.items():
            part.load_state_dict(state[name])
        torch.set_rng_state(state["rng"])


def train(
    adapter: TrainableCodec,
    training: list[np.ndarray],
    held_out: list[np.ndarray],
    settings: Settings,
    work_dir: Path,
    files: dict[str, Path],
) -> Measures:
    """Train for `settings.steps` steps; at every evaluation save the averaged weights in `files`.

    Args:
        training, held_out: utterances, int16 [N] at the codec's rate; different speakers.
        work_dir: folder of the training state, from which a stopped run resumes.

    Returns:
        The measures of the final weights.
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
        found = measures(codec, held_out)
        codec.save(files)
        trainer.save(state)
        bar.set_postfix(loss=f"{np.mean(losses):.3f}", **{name: f"{x:.3f}" for name, x in found._asdict().items()})
        with open(history, "a", encoding="utf-8") as handle:
            print(trainer.step, *(f"{value:.4f}" for value in (np.mean(losses), *found)), sep="\t", file=handle)
        losses.clear()
    bar.close()
    return measures(trainer.averaged(), held_out)
