"""Human speech from Debian packages: 12 sources, each treated as one speaker.

`tuxpaint-stamps-default` contains spoken descriptions by one reader per language (French has two, treated as one);
each `asterisk-core-sounds-*-g722` contains studio prompts by one speaker. The sources differ in earlier lossy coding,
level and noise, so both classes of an experiment must come from the same utterances.
"""

from pathlib import Path
from typing import Literal

import soundfile
from pydantic import Field

from codecfake.corpora.base import FileCorpus, Recording
from codecfake.corpora.options import CorpusOptions
from codecfake.fetch import debian, download
from codecfake.fetch.download import Places
from codecfake.util.errors import DownloadError

TUXPAINT = "tuxpaint-stamps-default"
TUXPAINT_LANGUAGES = ("ro", "be", "ru", "bg", "da", "ca", "el", "fr")
ASTERISK_LANGUAGES = ("en", "fr", "it", "ru")
MIN_SECONDS, MAX_SECONDS = 1.0, 6.0
#: Name of the folder of prompts without speech.
SILENCE = "silence"
PACKAGES = (TUXPAINT, *(f"asterisk-core-sounds-{language}-g722" for language in ASTERISK_LANGUAGES))
G722_BYTES_PER_SECOND = 8000


class Options(CorpusOptions):
    """The config's `corpus` section."""

    name: Literal["voices"] = Field(description="name of the corpus")


class VoicesCorpus(FileCorpus):
    """The recordings of 1 to 6 s in the unpacked packages."""

    def recordings(self) -> list[Recording]:
        return sorted(self._tuxpaint() + self._asterisk(), key=lambda recording: recording.utterance_id)

    def _tuxpaint(self) -> list[Recording]:
        base = self.root / TUXPAINT / "usr/share/tuxpaint/stamps"
        found = []
        for language in TUXPAINT_LANGUAGES:
            for path in sorted(base.rglob(f"*_desc_{language}.ogg")):
                if MIN_SECONDS <= soundfile.info(path).duration <= MAX_SECONDS:
                    name = path.relative_to(base).as_posix().removesuffix(f"_desc_{language}.ogg")
                    found.append(self._recording(f"tuxpaint-{language}", name, path))
        return found

    def _asterisk(self) -> list[Recording]:
        found = []
        for language in ASTERISK_LANGUAGES:
            base = self.root / f"asterisk-core-sounds-{language}-g722" / "usr/share/asterisk/sounds"
            for path in sorted(base.rglob("*.g722")):
                if (
                    path.parent.name != SILENCE
                    and MIN_SECONDS <= path.stat().st_size / G722_BYTES_PER_SECOND <= MAX_SECONDS
                ):
                    # the first folder names the voice, e.g. it_IT_m_Carlo
                    name = Path(*path.relative_to(base).parts[1:]).with_suffix("").as_posix()
                    found.append(self._recording(f"asterisk-{language}", name, path))
        return found

    def _recording(self, speaker: str, name: str, path: Path) -> Recording:
        utterance_id = f"{speaker}_{name.replace('/', '-')}"
        return Recording(utterance_id, speaker, str(path.relative_to(self.root)))


def files(config: dict, places: Places) -> list[str]:
    """Return the keys of the packages that are not unpacked yet."""
    return [_key(package) for package in PACKAGES if not _unpacked(package, places).is_dir()]


def _key(package: str) -> str:
    return f"debian/{package}.deb"


def _unpacked(package: str, places: Places) -> Path:
    return places.kept(f"debian/{package}")


def open_corpus(config: dict, downloads: dict, places: Places) -> VoicesCorpus:
    """Fetch missing packages and unpack them into the cache.

    Raises:
        DownloadError: a package cannot be fetched; the message names every missing package.
    """
    for package in PACKAGES:
        if not _unpacked(package, places).is_dir():
            debian.unpack(_fetch(_key(package), downloads, places), _unpacked(package, places))
    return VoicesCorpus(places.kept("debian"))


def _fetch(key: str, downloads: dict, places: Places) -> Path:
    try:
        return download.fetch(key, downloads[key], places)
    except DownloadError as error:
        others = [other for other in files({}, places) if other != key and places.local(other) is None]
        lines = [download.placing(other, downloads[other], places) for other in others]
        also = "\n  ".join(["\nAlso place", *lines]) if lines else ""
        raise DownloadError(
            f"{error}{also}\nor use recordings of your own: `corpus: {{name: folder, path: …}}` in the config"
        ) from None
