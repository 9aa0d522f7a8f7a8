"""How far one signal is from another of the same length: SI-SDR, log-mel and multi-resolution STFT distance.

NaN where the reference is silent or shorter than a window: there is nothing to compare with.
"""

from functools import lru_cache

import numpy as np
import torch
import torchaudio

MEL_SAMPLE_RATE = 16000
#: Samples of a window and between windows, and bands, of `mel_distance`; its floor, as HiFi-GAN's (Kong et al. 2020).
MEL_WINDOW, MEL_HOP, MEL_BANDS, MEL_FLOOR = 1024, 256, 80, 1e-5
#: (FFT, hop, window) in samples of `stft_distance`, and its floor, as Parallel WaveGAN's.
STFT_SCALES, STFT_FLOOR = ((512, 50, 240), (1024, 120, 600), (2048, 240, 1200)), 1e-7
#: dB beyond which `si_sdr` does not tell: float32 rounds there, and 16-bit samples long before.
SI_SDR_LIMIT = 100.0


def si_sdr(reference: np.ndarray, degraded: np.ndarray) -> float:
    """Scale-invariant signal-to-distortion ratio of signals [N], dB, within ±`SI_SDR_LIMIT`.

    10 log10(|αs|² / |αs - ŝ|²) with α = ŝᵀs / |s|², s the reference, ŝ the degraded (Le Roux et al., ICASSP 2019, "SDR
    – half-baked or well done?"); no mean is taken off.
    """
    if not reference.any():
        return float("nan")
    if not degraded.any():
        return -SI_SDR_LIMIT
    reference, degraded = reference.astype(np.float64), degraded.astype(np.float64)
    target = degraded @ reference / (reference @ reference) * reference
    with np.errstate(divide="ignore"):
        ratio = 10 * np.log10(target @ target / np.sum((target - degraded) ** 2))
    return float(np.clip(ratio, -SI_SDR_LIMIT, SI_SDR_LIMIT))


def mel_distance(reference: np.ndarray, degraded: np.ndarray) -> float:
    """Mean absolute difference of the log10 mel spectra of signals [N] at 16 kHz, over bands and frames.

    Magnitude spectra of centred Hann windows of 64 ms every 16 ms, in 80 bands from 0 to 8 kHz (Slaney's scale,
    triangles of equal area), not below 1e-5 before the logarithm. 0.05 is a factor of 10^0.05, 1 dB.
    """
    if len(reference) < MEL_WINDOW or not reference.any():
        return float("nan")
    with torch.inference_mode():
        pair = torch.from_numpy(np.stack([reference, degraded], dtype=np.float32))
        mel = _mel()(pair).clamp(min=MEL_FLOOR).log10()
        return float((mel[0] - mel[1]).abs().mean())


def stft_distance(reference: np.ndarray, degraded: np.ndarray) -> float:
    """Multi-resolution STFT distance of signals [N] at any one rate (Yamamoto et al., ICASSP 2020, "Parallel WaveGAN").

    Mean over three scales of spectral convergence and log magnitude distance,
    ‖S - Ŝ‖_F / ‖S‖_F + mean |ln S - ln Ŝ|, where S and Ŝ are magnitudes, not below √1e-7, of centred Hann windows;
    FFTs of 512, 1024 and 2048 samples, windows of 240, 600 and 1200, every 50, 120 and 240.
    """
    if len(reference) < max(fft for fft, _, _ in STFT_SCALES) or not reference.any():
        return float("nan")
    with torch.inference_mode():
        pair = torch.from_numpy(np.stack([reference, degraded], dtype=np.float64))
        return float(np.mean([_at_scale(pair, *scale) for scale in STFT_SCALES]))


def _at_scale(pair: torch.Tensor, fft: int, hop: int, window: int) -> float:
    hann = torch.hann_window(window, dtype=pair.dtype)
    spectra = torch.stft(pair, fft, hop, window, hann, return_complex=True)
    reference, degraded = (spectra.real**2 + spectra.imag**2).clamp(min=STFT_FLOOR).sqrt()
    convergence = torch.linalg.norm(reference - degraded) / torch.linalg.norm(reference)
    return float(convergence + (reference.log() - degraded.log()).abs().mean())


@lru_cache(maxsize=1)
def _mel() -> torchaudio.transforms.MelSpectrogram:
    return torchaudio.transforms.MelSpectrogram(
        MEL_SAMPLE_RATE,
        n_fft=MEL_WINDOW,
        hop_length=MEL_HOP,
        n_mels=MEL_BANDS,
        power=1.0,
        norm="slaney",
        mel_scale="slaney",
    )
