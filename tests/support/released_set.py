"""Small released sets with the same content in every layout: those of CodecFake and ours."""

import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import datasets
import numpy as np
import pyarrow as pa
import soundfile

from codecfake.data.shards import shard_path, shard_row, write_shard

#: Sample rate (Hz) of each codec under its name in the set; genuine speech is float32, the others are 16 bit.
RATES = {"genuine": 16000, "encodec_24khz": 24000, "descript-audio-codec-44khz": 44100}
#: Order in the Parquet files: sorted neither by utterance nor by speaker.
UTTERANCES = ("p226_010", "p225_001", "s5_003", "p226_002", "p225_002")
#: Number of rows of a row group in the published layout.
GROUP = 2

#: The encoded file of each clip by (codec name in the set, utterance).
Content = dict[tuple[str, str], bytes]


def make_content(speech: Callable[..., np.ndarray]) -> Content:
    """Return the WAV files of the set."""
    content = {}
    for codec, rate in RATES.items():
        for number, utterance in enumerate(UTTERANCES):
            samples = speech(0.3 + 0.03 * number, rate, seed=len(content))
            content[codec, utterance] = encode(samples, rate, "FLOAT" if codec == "genuine" else "PCM_16")
    return content


def encode(samples: np.ndarray, sample_rate: int, subtype: str) -> bytes:
    """Encode samples (float32 [N]) as a WAV file."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, sample_rate, format="WAV", subtype=subtype)
    return buffer.getvalue()


def write_folder(path: Path, content: Content) -> None:
    """Write a folder of WAV files with one subfolder per codec."""
    for (codec, utterance), data in content.items():
        file = path / codec / f"{codec}+{utterance}.wav"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    (path / "datalist.csv").write_text("wavpath,label,spkID,CodecName\n")


def write_zips(path: Path, content: Content) -> None:
    """Write one zip archive per codec, as in CodecFake_wavs."""
    path.mkdir(parents=True, exist_ok=True)
    for codec in RATES:
        with zipfile.ZipFile(path / f"{codec}.zip", "w") as archive:
            for (of, utterance), data in content.items():
                if of == codec:
                    archive.writestr(f"{codec}+{utterance}.wav", data)


def write_published(path: Path, content: Content, labels: datasets.Value | datasets.ClassLabel | None = None) -> None:
    """Write two Parquet files as the Hugging Face library does; labels are text by default."""
    labels = labels or datasets.Value("string")
    text = datasets.Value("string")
    columns = {"audio": datasets.Audio(), "label": labels, "speaker_id": text, "codec_name": text}
    rows = [
        {
            "audio": {"bytes": data, "path": f"{codec}+{utterance}.wav"},
            "label": labels.encode_example("genuine" if codec == "genuine" else "spoofing"),
            "speaker_id": utterance.partition("_")[0],
            "codec_name": codec,
        }
        for (codec, utterance), data in content.items()
    ]
    (path / "data").mkdir(parents=True)
    for number, part in enumerate((rows[:7], rows[7:])):
        table = pa.Table.from_pylist(part, datasets.Features(columns).arrow_schema)
        datasets.Dataset(table).to_parquet(path / f"data/train-{number:05d}-of-00002.parquet", batch_size=GROUP)


def write_classes(path: Path, content: Content) -> None:
    """Write the published layout with the integers of a ClassLabel as labels."""
    write_published(path, content, datasets.ClassLabel(names=["genuine", "spoofing"]))


def write_shards(path: Path, content: Content) -> None:
    """Write the shards of a run, two per codec."""
    for codec in RATES:
        for shard in range(2):
            write_shard(shard_path(path, ours(codec), shard), _rows(content, codec, UTTERANCES[shard::2]))


def _rows(content: Content, codec: str, utterances: tuple[str, ...]) -> Iterator[dict]:
    for utterance in utterances:
        yield shard_row(
            *soundfile.read(io.BytesIO(content[codec, utterance]), dtype="float32"),
            label="bonafide" if codec == "genuine" else "spoof",
            speaker_id=utterance.partition("_")[0],
            utterance_id=utterance,
            codec_name=ours(codec),
        )


def ours(codec: str) -> str:
    """Return this project's name of a codec of the set."""
    return "identity" if codec == "genuine" else codec


LAYOUTS = {
    "folder": write_folder,
    "zips": write_zips,
    "published": write_published,
    "classes": write_classes,
    "shards": write_shards,
}
