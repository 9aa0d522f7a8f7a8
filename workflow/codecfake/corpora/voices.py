"""Real human recordings out of Debian packages: 12 sources, each taken as one speaker.

`tuxpaint-stamps-default` has spoken descriptions, one reader a language (French has two, taken as
one); `asterisk-core-sounds-*-g722` has studio prompts, one speaker each. The sources differ in lossy
history, level and noise, so both classes of an experiment must come from the same utterances.
"""

from pathlib import Path

import soundfile

from codecfake import apt, download
from codecfake.corpora.base import FileCorpus, Utterance

TUXPAINT = "tuxpaint-stamps-default"
TUXPAINT_LANGUAGES = ("ro", "be", "ru", "bg", "da", "ca", "el", "fr")
ASTERISK_LANGUAGES = ("en", "fr", "it", "ru")
MIN_SECONDS, MAX_SECONDS = 1.0, 6.0
G722_SAMPLE_RATE, G722_SAMPLES_PER_BYTE = 16000, 2


class VoicesCorpus(FileCorpus):
    """The recordings of 1 to 6 s below the unpacked packages."""

    def utterances(self) -> list[Utterance]:
        everything = self._tuxpaint() + self._asterisk()
        kept = [u for u in everything if MIN_SECONDS <= u.seconds <= MAX_SECONDS]
        return sorted(kept, key=lambda utterance: utterance.utterance_id)

    def _tuxpaint(self) -> list[Utterance]:
        base = self.root / TUXPAINT / "usr/share/tuxpaint/stamps"
        found = []
        for language in TUXPAINT_LANGUAGES:
            for path in sorted(base.rglob(f"*_desc_{language}.ogg")):
                info = soundfile.info(path)
                name = path.relative_to(base).as_posix().removesuffix(f"_desc_{language}.ogg")
                speaker = f"tuxpaint-{language}"
                found.append(self._utterance(speaker, name, path, info.samplerate, info.frames))
        return found

    def _asterisk(self) -> list[Utterance]:
        found = []
        for language in ASTERISK_LANGUAGES:
            base = self.root / f"asterisk-core-sounds-{language}-g722" / "usr/share/asterisk/sounds"
            for path in sorted(base.rglob("*.g722")):
                # the first folder is the voice's name, e.g. it_IT_m_Carlo
                name = Path(*path.relative_to(base).parts[1:]).with_suffix("").as_posix()
                num_samples = path.stat().st_size * G722_SAMPLES_PER_BYTE
                speaker = f"asterisk-{language}"
                found.append(self._utterance(speaker, name, path, G722_SAMPLE_RATE, num_samples))
        return found

    def _utterance(self, speaker: str, name: str, path: Path, sample_rate: int, num_samples: int) -> Utterance:
        return Utterance(
            utterance_id=f"{speaker}_{name.replace('/', '-')}",
            speaker_id=speaker,
            sample_rate=sample_rate,
            num_samples=num_samples,
            source=str(path.relative_to(self.root)),
        )


def open_corpus(config: dict, downloads: dict, cache: Path, mirror: str | None) -> VoicesCorpus:
    """Fetch and unpack the packages into the cache unless they are there."""
    root = Path(cache).expanduser() / "debian"
    for package in (TUXPAINT, *(f"asterisk-core-sounds-{language}-g722" for language in ASTERISK_LANGUAGES)):
        key = f"debian/{package}.deb"
        apt.unpack(download.fetch(key, downloads[key], cache, mirror), root / package)
    return VoicesCorpus(root)
