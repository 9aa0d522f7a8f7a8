"""The Debian voices as a corpus: which recordings, from fetched packages, errors if these are missing."""

import shutil

import pytest

from codecfake import corpora
from codecfake.corpora import voices
from codecfake.corpora.voices import VoicesCorpus
from codecfake.fetch.download import Places
from codecfake.util.errors import DownloadError
from codecfake.util.hashing import sha256
from recordings import rates, write

STAMPS = "usr/share/tuxpaint/stamps"
SOUNDS = "usr/share/asterisk/sounds"


@pytest.fixture
def unpacked(tmp_path, speech, write_g722):
    """The folder of the unpacked packages with a few recordings: two are too short, one is too long."""
    root = tmp_path / "unpacked"
    stamps, sounds = root / voices.TUXPAINT / STAMPS, root / "asterisk-core-sounds-fr-g722" / SOUNDS
    for name, seconds in (("animals/cat", 1.5), ("animals/short", 0.9), ("food/long", 6.1)):
        write(stamps / f"{name}_desc_fr.ogg", speech(seconds, 22050), 22050)
    write(stamps / "animals/cat_desc_el.ogg", speech(2.0, 44100), 44100)
    write(stamps / "animals/cat_desc_xx.ogg", speech(2.0))
    write(stamps / "animals/cat.ogg", speech(2.0))
    write_g722(sounds / "fr_CA_f_June/vm-hello.g722", speech(1.0))
    write_g722(sounds / "fr_CA_f_June/digits/day-1.g722", speech(2.5))
    write_g722(sounds / "fr_CA_f_June/digits/1.g722", speech(0.5))
    write_g722(sounds / "fr_CA_f_June/silence/2.g722", 0 * speech(2.0))
    return root


def test_voices_are_recordings_of_1_to_6_s_in_known_languages(unpacked):
    found = rates(VoicesCorpus(unpacked))
    assert found == {
        "asterisk-fr_digits-day-1": ("asterisk-fr", 16000),
        "asterisk-fr_vm-hello": ("asterisk-fr", 16000),
        "tuxpaint-el_animals-cat": ("tuxpaint-el", 44100),
        "tuxpaint-fr_animals-cat": ("tuxpaint-fr", 22050),
    }
    assert list(found) == sorted(found)


def test_voices_are_read_from_downloaded_packages(unpacked, build_deb, tmp_path):
    packages = [voices.TUXPAINT, *(f"asterisk-core-sounds-{language}-g722" for language in voices.ASTERISK_LANGUAGES)]
    downloads = {}
    for package in packages:
        files = [path for path in (unpacked / package).rglob("*") if path.is_file()]
        deb = tmp_path / "mirror" / "debian" / f"{package}.deb"
        build_deb(deb, {path.relative_to(unpacked / package).as_posix(): path.read_bytes() for path in files})
        described = {"bytes": deb.stat().st_size, "sha256": sha256(deb)}
        downloads[f"debian/{package}.deb"] = {**described, "debian": {"path": f"pool/{package}.deb", "sha1": "0" * 40}}
    assert corpora.files({"name": "voices"}, Places(tmp_path / "cache")) == list(downloads)
    opened = corpora.open_corpus({"name": "voices"}, downloads, Places(tmp_path / "cache", str(tmp_path / "mirror")))
    assert opened.recordings() == VoicesCorpus(unpacked).recordings() != []
    assert rates(opened) == rates(VoicesCorpus(unpacked))
    shutil.rmtree(tmp_path / "mirror")
    again = corpora.open_corpus({"name": "voices"}, downloads, Places(tmp_path / "cache", offline=True))
    assert again.recordings() == opened.recordings()


def test_all_missing_packages_are_named(tmp_path):
    downloads = {
        key: {"debian": {"path": f"pool/{key}", "sha1": "0" * 40}, "bytes": number, "sha256": f"{number:064x}"}
        for number, key in enumerate(corpora.files({"name": "voices"}, Places(tmp_path)))
    }
    assert len(downloads) == 5
    with pytest.raises(DownloadError) as error:
        corpora.open_corpus({"name": "voices"}, downloads, Places(tmp_path, offline=True))
    for key, entry in downloads.items():
        assert f"{tmp_path / key} ({entry['bytes']} bytes, sha256 {entry['sha256']})" in str(error.value)
    assert "corpus: {name: folder, path: …}" in str(error.value)
