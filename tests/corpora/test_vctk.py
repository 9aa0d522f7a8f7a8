"""VCTK archives in both layouts: ids, speakers, texts, gaps; complete, mirrored or partial downloads."""

import json
import re
import zlib

import numpy as np
import pandas as pd
import pytest
import yaml

from codecfake import corpora
from codecfake.audio import io as audio
from codecfake.cli.main import main
from codecfake.corpora import LeftOut, Recording, Speaker
from codecfake.corpora.tables import LeftOutUtterances, Speakers, Utterances
from codecfake.corpora.vctk import VctkCorpus
from codecfake.data import tables
from codecfake.data.result_files import CorpusFiles, within
from codecfake.fetch import download
from codecfake.fetch.download import Places
from codecfake.fetch.remote_zip import LocalArchive, RemoteArchive
from codecfake.pipeline import config
from codecfake.util.errors import DataError, DownloadError
from codecfake.util.hashing import sha256
from damage import damaged
from vctk_archive import KEYS, members, write_archive

IDS = [f"{speaker}_{number:03}" for speaker in ("p225", "p226", "p280", "p315", "p376") for number in range(1, 5)]
S5 = ["s5_001", "s5_002"]
REAL_DOWNLOADS = download.downloads()
SPLITS = {"dev": ["p225"], "eval": ["p226"]}


@pytest.fixture(scope="module")
def samples(speech):
    def samples(utterance_id, microphone):
        return speech(0.3, 48000, zlib.crc32(f"{utterance_id}{microphone}".encode()))

    return samples


@pytest.fixture(scope="module", params=["0.80", "0.92"])
def release(request, tmp_path_factory, samples):
    """(version, path of its archive)"""
    path = tmp_path_factory.mktemp("vctk") / "mirror" / KEYS[request.param]
    write_archive(path, request.param, IDS + (S5 if request.param == "0.92" else []), samples)
    return request.param, path


def section(version, **options):
    microphone = {} if version == "0.80" else {"microphone": "mic2"}
    return {"name": "vctk", "version": version, "splits": SPLITS, "on_bad_audio": "fail", **microphone, **options}


@pytest.fixture
def corpus(release):
    version, path = release
    return VctkCorpus(LocalArchive(path), version, section(version).get("microphone"))


def test_ids_equal_the_published_ones(corpus, release):
    expected = IDS if release[0] == "0.80" else [name for name in IDS if name[:4] not in ("p280", "p315")] + S5
    assert [recording.utterance_id for recording in corpus.recordings()] == expected
    assert corpus.recordings()[0] == Recording("p225_001", "p225", [*members(release[0], "p225_001").values()][-1])


def test_samples_equal_the_recordings(corpus, release, samples):
    for recording in corpus.recordings()[:3]:
        read, rate = corpus.read(recording)
        expected = samples(recording.utterance_id, "" if release[0] == "0.80" else "mic2")
        assert (read.dtype, rate) == (np.float32, 48000)
        np.testing.assert_allclose(read, expected, atol=1 / 32768)


@pytest.mark.parametrize("release", ["0.92"], indirect=True)
def test_either_microphone_can_be_chosen(release, samples):
    version, path = release
    first = VctkCorpus(LocalArchive(path), version, "mic1")
    assert [recording.utterance_id for recording in first.recordings()] == IDS + S5
    assert [gap.utterance_id for gap in first.gaps()] == ["p376_295"]
    np.testing.assert_allclose(first.read(first.recordings()[0])[0], samples("p225_001", "mic1"), atol=1 / 32768)


def test_gaps_are_listed(corpus, release):
    missing = [] if release[0] == "0.80" else [name for name in IDS if name[:4] in ("p280", "p315")]
    gaps = [LeftOut(name, name[:4], "mic2 has no recording") for name in missing]
    assert corpus.gaps() == [*gaps, LeftOut("p376_295", "p376", "it has a text but no recording")]


def test_texts_are_read_and_missing_ones_empty(release):
    version, path = release
    corpus = VctkCorpus(LocalArchive(path), version, "mic1" if version == "0.92" else None)
    texts = {recording.utterance_id: corpus.text(recording).strip() for recording in corpus.recordings()}
    assert texts["p226_003"] == "Text of p226_003."
    assert {name for name, text in texts.items() if not text} == {name for name in IDS if name.startswith("p315")}


def test_speakers_are_described_by_the_speaker_table(corpus, release):
    found = corpus.speakers()
    assert found["p225"] == Speaker("23", "F", "English", "Southern England", "")
    assert found["p376"] == Speaker("22", "M", "Indian", "", "")
    if release[0] == "0.80":
        assert found["p280"] == Speaker()
        assert found["p315"] == Speaker("18", "M", "American", "New England", "")
    else:
        assert found["p280"] == Speaker("25", "F", "Unknown", "France", "mic2 files unavailable")
        assert found["p315"] == Speaker("18", "M", "American", "New England", "Text and mic2 files unavailable")
        assert found["s5"] == Speaker("18", "F", "British", "", "")


def test_corrupt_text_is_reported_and_left_empty(release, tmp_path, capsys):
    version, path = release
    name = next(name for name in LocalArchive(path).names if name.endswith("txt/p226/p226_002.txt"))
    (tmp_path / "b.zip").write_bytes(damaged(path.read_bytes(), name, 5))
    corpus = VctkCorpus(LocalArchive(tmp_path / "b.zip"), version, section(version).get("microphone"))
    texts = [corpus.text(recording) for recording in corpus.recordings() if recording.speaker_id == "p226"]
    assert [bool(text) for text in texts] == [True, False, True, True]
    assert re.search(rf"member {name} is corrupt \(.*\); p226_002 gets an empty text\n", capsys.readouterr().err)


def test_archive_of_another_version_is_refused(release):
    version, path = release
    other = {"0.80": "0.92", "0.92": "0.80"}[version]
    with pytest.raises(DataError, match=rf"{other}: the archive has no recording of VCTK {other}; found \["):
        VctkCorpus(LocalArchive(path), other, "mic2" if other == "0.92" else None)


def described(path, *urls):
    return {"urls": list(urls), "bytes": path.stat().st_size, "sha256": sha256(path), "licence": "CC-BY-4.0"}


@pytest.fixture
def served(http_server, release):
    """(version, downloads.yaml entries of an archive on a server)"""
    version, path = release
    http_server.files["vctk.zip"] = path.read_bytes()
    return version, {KEYS[version]: described(path, http_server.url("vctk.zip"))}


def test_complete_archive_is_downloaded_by_default(served, http_server, tmp_path, corpus):
    version, downloads = served
    opened = corpora.open_corpus(section(version), downloads, Places(tmp_path))
    assert isinstance(opened.archive, LocalArchive)
    assert opened.recordings() == corpus.recordings()
    assert http_server.requests == [("vctk.zip", None)]
    assert (tmp_path / KEYS[version]).is_file()


@pytest.mark.parametrize("subset", [{"utterances_per_speaker": 2}, {"speakers": ["p225", "p226", "p376"]}])
def test_only_the_subset_is_downloaded(served, http_server, tmp_path, corpus, release, subset):
    version, downloads = served
    places = Places(tmp_path)
    opened = corpora.open_corpus(section(version, **subset), downloads, places)
    assert isinstance(opened.archive, RemoteArchive)
    assert opened.recordings() == corpus.recordings()
    opened.fetch(opened.recordings()[:2])
    for recording in opened.recordings()[:2]:
        np.testing.assert_array_equal(opened.read(recording)[0], corpus.read(recording)[0])
        assert opened.text(recording) == corpus.text(recording) != ""
    assert all(asked for _, asked in http_server.requests)
    assert not (tmp_path / KEYS[version]).exists()
    without = corpora.open_corpus(section(version, **subset), downloads, Places(tmp_path, offline=True))
    assert without.text(opened.recordings()[0]) == opened.text(opened.recordings()[0])
    with pytest.raises(DownloadError, match=rf"Place {tmp_path / KEYS[version]} "):
        without.read(opened.recordings()[5])


@pytest.mark.parametrize("subset", [{}, {"utterances_per_speaker": 2}])
def test_archive_in_a_mirror_folder_is_read_in_place(served, release, http_server, tmp_path, subset):
    version, downloads = served
    places = Places(tmp_path / "cache", str(release[1].parents[1]), offline=True)
    opened = corpora.open_corpus(section(version, **subset), downloads, places)
    assert opened.archive.path == release[1]
    assert http_server.requests == []


def test_complete_archive_is_downloaded_if_the_server_lacks_range_requests(served, http_server, tmp_path, capsys):
    version, downloads = served
    http_server.ranges = False
    opened = corpora.open_corpus(section(version, utterances_per_speaker=2), downloads, Places(tmp_path))
    assert isinstance(opened.archive, LocalArchive)
    assert "does not support range requests; the complete file is fetched" in capsys.readouterr().err


@pytest.mark.parametrize("subset", [{}, {"utterances_per_speaker": 2}])
def test_offline_error_says_where_to_place_the_archive(served, http_server, tmp_path, subset):
    version, downloads = served
    with pytest.raises(DownloadError, match=rf"`offline` is set\nPlace {tmp_path / KEYS[version]} \([\d,]+ bytes, "):
        corpora.open_corpus(section(version, **subset), downloads, Places(tmp_path, offline=True))
    assert http_server.requests == []


def list_corpus(folder, version, downloads, monkeypatch, code=0, **options):
    """Make the tables of a run with the rule's command and check its exit code; return their paths."""
    monkeypatch.setattr(download, "downloads", lambda: downloads)
    paths = within(folder, CorpusFiles)._asdict()
    command = ["corpus", "--corpus", json.dumps(section(version, **options)), "--shards", "3", "--cache", str(folder)]
    assert main([*command, "--out", str(folder)]) == code
    return paths


def test_partial_download_gives_the_same_tables_as_the_complete_archive(served, release, tmp_path, monkeypatch):
    version, downloads = served
    parts = list_corpus(tmp_path / "parts", version, downloads, monkeypatch, utterances_per_speaker=2)
    whole = tmp_path / "whole" / KEYS[version]
    whole.parent.mkdir(parents=True)
    whole.write_bytes(release[1].read_bytes())
    whole = list_corpus(tmp_path / "whole", version, downloads, monkeypatch, utterances_per_speaker=2)
    for name in parts:
        assert parts[name].read_bytes() == whole[name].read_bytes()
    table = tables.read(parts["utterances"], Utterances)
    assert set(table.groupby("speaker_id").size()) == {2}
    assert table["text"].str.startswith("Text of p").sum() >= 4


@pytest.mark.parametrize("subset", [{}, {"utterances_per_speaker": 4}], ids=["complete", "partial"])
@pytest.mark.parametrize("on_bad_audio", ["fail", "skip"])
def test_corrupt_member_is_named_and_skipped_on_request(
    release, http_server, tmp_path, monkeypatch, capsys, on_bad_audio, subset
):
    version, path = release
    name = [*members(version, "p225_002").values()][-1]
    broken = tmp_path / "damaged.zip"
    broken.write_bytes(damaged(path.read_bytes(), name, 2000))
    http_server.files["vctk.zip"] = broken.read_bytes()
    downloads = {KEYS[version]: described(broken, http_server.url("vctk.zip"))}
    options = {"on_bad_audio": on_bad_audio, "code": int(on_bad_audio == "fail"), **subset}
    paths = list_corpus(tmp_path, version, downloads, monkeypatch, **options)
    archive = KEYS[version].removeprefix("vctk/")
    assert f"  {archive}: member {name} is corrupt (" in capsys.readouterr().err
    if on_bad_audio == "fail":
        assert not any(table.exists() for table in paths.values())
    else:
        left_out = tables.read(paths["left_out"], LeftOutUtterances).set_index("utterance_id")
        assert left_out.loc["p225_002", "reason"].startswith(f"{archive}: member {name} is corrupt (")
        assert "p225_002" not in set(tables.read(paths["utterances"], Utterances)["utterance_id"])


def test_tables_of_a_run_list_gaps_and_speakers(served, tmp_path, monkeypatch):
    version, downloads = served
    paths = list_corpus(tmp_path, version, downloads, monkeypatch)
    speakers = tables.read(paths["speakers"], Speakers).set_index("speaker_id")
    left_out = tables.read(paths["left_out"], LeftOutUtterances)
    assert speakers.loc["p226", ["utterances", "left_out", "without_text", "region"]].tolist() == [4, 0, 0, "Surrey"]
    if version == "0.80":
        assert speakers.loc["p315", ["utterances", "left_out", "without_text"]].tolist() == [4, 0, 4]
        assert left_out["utterance_id"].tolist() == ["p376_295"]
    else:
        assert speakers.loc["p315", ["utterances", "left_out", "without_text"]].tolist() == [0, 4, 0]
        assert left_out["speaker_id"].value_counts().to_dict() == {"p280": 4, "p315": 4, "p376": 1}


def test_both_layouts_keep_real_speech_unchanged(shared, tmp_path):
    table = pd.read_csv(shared / "data/speechocean762/utterances.tsv", sep="\t", dtype=str)
    real = {
        f"p{number}_001": audio.read(shared / f"data/speechocean762/{row.speaker_id}/{row.utterance_id}.flac")[0]
        for number, row in enumerate(table.groupby("speaker_id").first().reset_index().head(5).itertuples(), 301)
    }
    for version, key in KEYS.items():
        path = tmp_path / key
        write_archive(path, version, real, lambda utterance_id, _: real[utterance_id])
        opened = VctkCorpus(LocalArchive(path), version, section(version).get("microphone"))
        assert [recording.utterance_id for recording in opened.recordings()] == list(real)
        for recording in opened.recordings():
            np.testing.assert_array_equal(opened.read(recording)[0], real[recording.utterance_id])


def test_downloads_yaml_lists_the_published_archives(tmp_path):
    entries = download.downloads()
    assert entries[KEYS["0.92"]]["bytes"] == 11_747_302_977
    assert [corpora.files(section(version), Places(tmp_path)) for version in KEYS] == [[key] for key in KEYS.values()]
    assert all(entries[key]["licence"] == "CC-BY-4.0" and len(entries[key]["urls"]) == 2 for key in KEYS.values())


def test_fetch_downloads_only_the_subset_of_the_config(served, http_server, tmp_path, monkeypatch):
    version, downloads = served
    monkeypatch.setattr(download, "downloads", lambda: {**REAL_DOWNLOADS, **downloads})
    run = config.load_yaml(config.CONFIG / "demo.yaml")
    run |= {"corpus": section(version, utterances_per_speaker=1), "codecs": ["dac_mini"], "cache": str(tmp_path)}
    run["train_sets"] = ["each"]
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(run))
    assert main(["fetch", str(tmp_path / "run.yaml")]) == 0
    assert not (tmp_path / KEYS[version]).exists()
    assert all(asked for _, asked in http_server.requests)
    asked = len(http_server.requests)
    assert main(["fetch", str(tmp_path / "run.yaml"), "--offline"]) == 0
    assert len(http_server.requests) == asked
