"""Zip archives in the layouts of VCTK 0.80 and 0.92, with their known gaps."""

import io
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import soundfile

#: Keys of the archives in downloads.yaml by version.
KEYS = {"0.80": "vctk/VCTK-Corpus.zip", "0.92": "vctk/VCTK-Corpus-0.92.zip"}
#: Content of speaker-info.txt by version; p280 is missing in 0.80.
SPEAKER_INFO = {
    "0.80": "ID  AGE  GENDER  ACCENTS  REGION \n225  23  F    English    Southern  England\n"
    "226  22  M    English    Surrey\n315  18  M    American    New England\n376  22  M    Indian    \n",
    "0.92": "ID  AGE  GENDER  ACCENTS  REGION COMMENTS \np225  23  F    English    Southern  England\n"
    "p226  22  M    English    Surrey\np280  25  F    Unknown    France (mic2 files unavailable)\n"
    "p315  18  M    American    New England (Text and mic2 files unavailable)\np376  22  M    Indian\n"
    "s5  18  F  British\n",
}
MICROPHONES = ("mic1", "mic2")


def encode(samples: np.ndarray, suffix: str, sample_rate: int = 48000) -> bytes:
    """Encode samples (float32 [N]) as a 16-bit file."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, sample_rate, format=suffix.upper(), subtype="PCM_16")
    return buffer.getvalue()


def members(version: str, utterance_id: str) -> dict[str, str]:
    """Return the archive names of an utterance's recordings by microphone ("" if there is only one)."""
    speaker = utterance_id.rpartition("_")[0]
    if version == "0.80":
        return {"": f"VCTK-Corpus/wav48/{speaker}/{utterance_id}.wav"}
    microphones = MICROPHONES[:1] if speaker in ("p280", "p315") else MICROPHONES
    return {mic: f"wav48_silence_trimmed/{speaker}/{utterance_id}_{mic}.flac" for mic in microphones}


def write_archive(
    path: Path,
    version: str,
    utterance_ids: Iterable[str],
    samples: Callable[[str, str], np.ndarray],
) -> None:
    """Write an archive of a version with some utterances, their texts (except p315's) and the speaker table.

    The archive also has p376_295, with a text and a .raw file without audio, as in VCTK 0.80.

    Args:
        samples: utterance id, microphone -> float32 [N] at 48 kHz.
    """
    top = "VCTK-Corpus/" if version == "0.80" else ""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{top}speaker-info.txt", SPEAKER_INFO[version])
        archive.writestr(f"{top}wav48/p376/p376_295.raw", b"no recording")
        archive.writestr(f"{top}txt/p376/p376_295.txt", b"Text of p376_295.")
        for utterance_id in utterance_ids:
            speaker = utterance_id.rpartition("_")[0]
            for microphone, name in members(version, utterance_id).items():
                archive.writestr(name, encode(samples(utterance_id, microphone), name[-4:].lstrip(".")))
            if speaker != "p315":
                archive.writestr(f"{top}txt/{speaker}/{utterance_id}.txt", f"Text of {utterance_id}.\n")
