"""Truncated files of every container are refused; complete files with odd headers are read."""

import io
import struct

import numpy as np
import pytest
import soundfile

from codecfake.audio import containers
from codecfake.audio import io as audio
from codecfake.util.errors import AudioError

#: libsndfile's names of containers and encodings
CONTAINERS = {
    "wav": ("WAV", "PCM_16"),
    "wavex": ("WAVEX", "PCM_24"),
    "mu-law": ("WAV", "ULAW"),
    "rf64": ("RF64", "PCM_16"),
    "aiff": ("AIFF", "PCM_16"),
    "w64": ("W64", "FLOAT"),
    "au": ("AU", "PCM_16"),
    "caf": ("CAF", "PCM_16"),
    "sphere": ("NIST", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "vorbis": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
}
SAMPLES = 80000


@pytest.fixture(scope="module")
def contents(speech) -> dict[str, bytes]:
    found = {}
    for name, (container, subtype) in CONTAINERS.items():
        buffer = io.BytesIO()
        soundfile.write(buffer, speech(SAMPLES / 16000), 16000, format=container, subtype=subtype)
        found[name] = buffer.getvalue()
    return found


@pytest.mark.parametrize("name", CONTAINERS)
def test_complete_file_is_read(contents, name):
    samples, sample_rate = audio.decode(contents[name], "u1")
    assert (len(samples), sample_rate) == (SAMPLES, 16000)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("name", CONTAINERS)
def test_truncated_file_is_refused(contents, name, share):
    with pytest.raises(AudioError, match=r"^u1: .*cut short"):
        audio.decode(contents[name][: int(share * len(contents[name]))], "u1")


@pytest.mark.parametrize("name", ["wav", "aiff", "au", "rf64", "vorbis"])
def test_bytes_after_the_audio_are_ignored(contents, name):
    samples, _ = audio.decode(contents[name] + b"LIST" + bytes(99), "u1")
    assert len(samples) == SAMPLES


def with_sizes(wav: bytes, riff: int, data: int) -> bytes:
    position = wav.index(b"data") + 4
    sized = wav[:4] + struct.pack("<I", riff) + wav[8:]
    return sized[:position] + struct.pack("<I", data) + sized[position + 4 :]


#: sizes that programs write into the header of a pipe's WAV
PIPES = {"SoX": (0x7FFFF024, 0x7FFFF000), "FFmpeg": (0xFFFFFFFF, 0xFFFFFFFF), "odd": (2 * SAMPLES + 35, 2 * SAMPLES)}


@pytest.mark.parametrize("program", PIPES)
def test_wav_written_to_a_pipe_is_read(contents, program):
    samples, _ = audio.decode(with_sizes(contents["wav"], *PIPES[program]), "u1")
    assert len(samples) == SAMPLES


def test_wav_of_an_interrupted_recorder_is_read_with_a_warning(contents, capsys):
    samples, _ = audio.decode(with_sizes(contents["wav"], 36, 0), "u1")
    assert np.array_equal(samples, audio.decode(contents["wav"], "u1")[0])
    assert capsys.readouterr().err == "u1: 0 bytes of audio by its header; the 160000 that follow are read\n"


def test_data_chunk_larger_than_the_file_is_refused(contents):
    with pytest.raises(AudioError, match=r"160044 bytes; its header says 640044: the file was cut short"):
        audio.decode(with_sizes(contents["wav"], 2 * SAMPLES + 36, 8 * SAMPLES), "u1")


def test_flac_without_a_total_is_read(contents):
    streamed = bytearray(contents["flac"])
    streamed[21] &= 0xF0  # the number of samples, 36 bits of STREAMINFO
    streamed[22:26] = bytes(4)
    samples, sample_rate = audio.decode(bytes(streamed), "u1")
    assert sample_rate == 16000
    assert np.array_equal(samples, audio.decode(contents["flac"], "u1")[0])


@pytest.mark.parametrize("content", [b"", b"RIFF", b"NIST_1A\n   9999\n", b"OggS", b"caff\0\1\0\0", b".snd", b"FORM"])
def test_header_without_sizes_promises_nothing(content):
    assert containers.promised_end(content) is None
    assert containers.unfinished(content) is None
    assert not containers.ends_with_last_page(content)


#: beginnings of the names of files that are damaged or no audio
REFUSED = (
    *("all_zero", "bitflip", "channels0", "cut", "data_larger", "empty", "header_only", "hz1.", "inf.", "nan."),
    *("int_range", "lfs", "html", "rate0", "rate_max", "silence", "aac", "amr", "opus.webm"),
)


def test_files_of_public_reports_are_read_or_refused_as_they_should_be(shared):
    for path in sorted((shared / "cases/audio").iterdir()):
        if path.name.startswith(REFUSED):
            with pytest.raises(AudioError):
                audio.resample(*audio.read(path), 16000)
        else:
            assert len(audio.resample(*audio.read(path), 16000)), path.name
