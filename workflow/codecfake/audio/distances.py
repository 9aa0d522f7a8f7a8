"""Distances between two signals of equal length: SI-SDR, log-mel and multi-resolution STFT distance.

Each is NaN if the reference is silent; the two spectral distances also if it is shorter than the longest FFT.
"""

from functools import lru_cache

import numpy as np
import torch
import torchaudio

MEL_SAMPLE_RATE = 16000
#: `mel_distance`: window and hop in samples, number of bands, magnitude floor (as in HiFi-GAN, Kong et al. 2020).
MEL_WINDOW, MEL_HOP, MEL_BANDS, MEL_FLOOR = 1024, 256, 80, 1e-5
#: `stft_distance`: (FFT, hop, window) in samples of each scale, and the power floor, as in Parallel WaveGAN.
STFT_SCALES, STFT_FLOOR = ((512, 50, 240), (1024, 120, 600), (2048, 240, 1200)), 1e-7
#: `si_sdr` is limited to ± this (dB): float32 samples reach no higher, 16-bit samples far less.
SI_SDR_LIMIT = 100.0


def si_sdr(reference: np.ndarray, degraded: np.ndarray) -> float:
    """Return the scale-invariant signal-to-distortion ratio of signals [N] in dB, within ±`SI_SDR_LIMIT`.

    10 log10(|αs|² / |αs - ŝ|²) with α = ŝᵀs / |s|², reference s and degraded signal ŝ (Le Roux et al., ICASSP 2019,
    "SDR – half-baked or well done?"). The mean is not removed.
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
    """Return the mean absolute difference of the log10 mel spectra of signals [N] at 16 kHz, over bands and frames.

    Mel spectra are magnitudes of centred Hann windows of 64 ms every 16 ms, in 80 bands from 0 to 8 kHz (Slaney's
    scale, triangles of equal area), floored at 1e-5. A distance of 0.05 is a factor of 10^0.05, or 1 dB.
    """
    if len(reference) < MEL_WINDOW or not reference.any():
        return float("nan")
    with torch.inference_mode():
        pair = torch.from_numpy(np.stack([reference, degraded], dtype=np.float32))
        mel = _mel()(pair).clamp(min=MEL_FLOOR).log10()
        return float((mel[0] - mel[1]).abs().mean())


def stft_distance(reference: np.ndarray, degraded: np.ndarray) -> float:
    """Return the multi-resolution STFT distance of signals [N] (Yamamoto et al., ICASSP 2020, "Parallel WaveGAN").

    Both signals have the same sample rate. The distance is the mean over three scales of spectral convergence plus
    log magnitude distance, ‖S - Ŝ‖_F / ‖S‖_F + mean |ln S - ln Ŝ|, where S and Ŝ are magnitudes of centred Hann
    windows, floored at √1e-7. FFTs have 512, 1024 and 2048 samples, windows 240, 600 and 1200, hops 50, 120 and 240.
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
