"""Scores that no network gives: chance, and what can be told from how a recording was made, not from the speech in it.

A detector that these come near to may have learnt the length, the level or the bandwidth of its classes.
"""

from collections.abc import Sequence

import numpy as np

from codecfake import audio
from codecfake.errors import DataError
from codecfake.selection import stable_number

#: What `features` gives, in its order.
FEATURES = (
    "length_s",
    "level_dbfs",
    "peak_dbfs",
    "leading_silence_s",
    "trailing_silence_s",
    "bandwidth_hz",
    "above_7khz_db",
)
#: Stands for no power at all; about that of the rounding to 16 bits.
FLOOR_DB = -100.0
FRAME_SECONDS = 0.01
#: A frame further below the loudest one is silence.
ACTIVE_DB = -30.0
SPECTRUM_SECONDS = 0.032
#: The band ends where the mean spectrum stays further below its peak.
BAND_DB = -60.0
HIGH_HZ = 7000


def random_scores(names: Sequence[str], seed: int) -> np.ndarray:
    """Scores that know nothing of the audio: float64 [N], uniform in [0, 1], each from `seed` and its name alone."""
    return np.array([stable_number(f"{seed} {name}") / 2**64 for name in names], dtype=np.float64)


def features(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """What a detector should not live on, of one utterance.

    Levels are of the frames that are not silence; silence is what comes before the first of them and after the last.
    Of digital silence, all is leading and all is trailing, the bandwidth is 0 and each level `FLOOR_DB`.

    Args:
        samples: float32 [N] at `sample_rate` Hz.

    Returns:
        float64 [K], as `FEATURES` names them; all finite.

    Raises:
        AudioError: the samples are empty or not finite.
    """
    audio.check(samples, "features")
    samples = samples.astype(np.float64)
    length = len(samples) / sample_rate
    level, leading, trailing = _activity(samples, sample_rate)
    bandwidth, high = _band(samples, sample_rate)
    return np.array([length, level, _decibels(np.max(samples**2)), leading, trailing, bandwidth, high])


def _decibels(power: np.ndarray, reference: float = 1.0) -> np.ndarray:
    """Power over `reference` in dB, at least `FLOOR_DB`; that, too, where there is no reference."""
    ratio = np.divide(power, reference, out=np.zeros_like(power), where=reference > 0)
    return 10 * np.log10(np.maximum(ratio, 10 ** (FLOOR_DB / 10)))


def _activity(samples: np.ndarray, sample_rate: int) -> tuple[float, float, float]:
    """Level (dBFS) of the active frames of samples [N]; seconds before the first and after the last."""
    starts = np.arange(0, len(samples), max(1, round(FRAME_SECONDS * sample_rate)))
    ends = np.append(starts[1:], len(samples))
    energy = np.add.reduceat(samples**2, starts)
    levels = _decibels(energy / (ends - starts))
    active = np.flatnonzero(levels > max(levels.max() + ACTIVE_DB, FLOOR_DB))
    if not len(active):
        return FLOOR_DB, len(samples) / sample_rate, len(samples) / sample_rate
    level = _decibels(energy[active].sum() / (ends - starts)[active].sum())
    return float(level), starts[active[0]] / sample_rate, (len(samples) - ends[active[-1]]) / sample_rate


def _band(samples: np.ndarray, sample_rate: int) -> tuple[float, float]:
    """Highest frequency (Hz) in the band of samples [N], and what share of the power is above `HIGH_HZ`, in dB."""
    from scipy.signal import welch

    frame = min(len(samples), round(SPECTRUM_SECONDS * sample_rate))
    frequencies, spectrum = welch(samples, sample_rate, nperseg=frame)
    in_band = frequencies[_decibels(spectrum, spectrum.max()) >= BAND_DB]
    high = _decibels(spectrum[frequencies > HIGH_HZ].sum(), spectrum.sum())
    return float(in_band.max(initial=0)), float(high)


def fit_and_score(train: np.ndarray, labels: np.ndarray, evaluated: np.ndarray) -> np.ndarray:
    """Logistic regression of standardised features, both classes weighing the same whatever their sizes.

    Args:
        train: features [N, K].
        labels: int [N], 1 = bona fide, 0 = spoof.
        evaluated: features [M, K].

    Returns:
        Log-odds of bona fide, float64 [M].

    Raises:
        DataError: there is only one class to learn from.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    for label, name in ((1, "bona fide"), (0, "spoof")):
        if not np.any(labels == label):
            raise DataError(f"no {name} among {len(labels)} utterances to learn from; both classes are needed")
    model = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", solver="lbfgs", max_iter=1000))
    return model.fit(train, labels).decision_function(evaluated)
