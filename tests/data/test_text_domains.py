"""Ten domains from the package's own files, and domains from a folder."""

import lzma
from importlib.resources import files
from pathlib import Path

import pytest

from jaxgen.data.text_domains import (
    DOMAINS,
    documents,
    domains_from_folder,
    joined,
    split_documents,
)

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "jaxgen" / "data" / "text"


@pytest.fixture(scope="module")
def texts():
    return {name: documents(name) for name in DOMAINS}


def test_every_domain_is_half_a_megabyte_of_documents(texts):
    assert len(texts) == 10
    for name, found in texts.items():
        assert 480_000 < len(joined(found)) <= 500_000, name
        assert len(found) > 30 and len(set(found)) == len(found)
        assert all(len(document) <= 16_000 for document in found)
        joined(found).tobytes().decode()


def test_documents_are_those_of_the_file(texts):
    for name, found in texts.items():
        whole = lzma.decompress((FOLDER / f"{name}.txt.xz").read_bytes())
        assert joined(found).tobytes() == whole
        assert b"\x0c" not in b"".join(found)


def test_domains_are_told_apart_by_their_words(texts):
    words = {
        "fiction": b"Elinor",
        "drama": b"[Exeunt",
        "scripture": b"Yahweh",
        "speeches": b"Fellow-Citizens",
        "factbook": b"Population:",
        "dictionary": b" (noun): ",
        "legal": b"WARRANTY",
        "manual": b"SQLite",
        "code": b"def __init__(self",
        "math": b"|- (",
    }
    counts = {
        name: {word: joined(found).tobytes().count(word) for word in words.values()}
        for name, found in texts.items()
    }
    for name, word in words.items():
        assert max(counts, key=lambda other: counts[other][word]) == name


def test_the_files_are_small_and_on_known_terms():
    packed = [*FOLDER.glob("*.xz")]
    assert sorted(path.name for path in packed) == sorted(
        f"{name}.txt.xz" for name in DOMAINS
    )
    assert sum(path.stat().st_size for path in packed) < 1_450_000
    notice = (files("jaxgen.data") / "text" / "NOTICE").read_text()
    for name in DOMAINS:
        assert f"{name}.txt.xz\n" in notice
    for words in (
        "WordNet 3.1 Copyright 2011 by Princeton University.",
        "PYTHON SOFTWARE FOUNDATION LICENSE VERSION 2",
        "Open Knowledge Foundation",
        "verbatim",
    ):
        assert words in notice


def test_reading_them_needs_no_network_and_no_folder_of_ours(
    texts, monkeypatch, tmp_path
):
    def refused(*_):
        raise AssertionError("no network")

    monkeypatch.setattr("socket.socket.connect", refused)
    monkeypatch.chdir(tmp_path)
    assert documents("legal") == texts["legal"]


def test_an_unknown_domain_is_refused():
    with pytest.raises(ValueError, match="'news': expected one of fiction, drama"):
        documents("news")


def test_a_split_is_by_documents(texts):
    for found in texts.values():
        train, test = split_documents(found)
        assert train + test == found
        assert abs(len(test) - len(found) / 10) <= 0.5
        assert len(joined(test)) > 25_000


@pytest.mark.parametrize("count, share", [(1, 0.9), (5, 0.95), (5, 0.0), (0, 0.5)])
def test_a_split_without_one_of_its_parts_is_refused(count, share):
    with pytest.raises(ValueError, match=rf"share={share}\): of {count} documents"):
        split_documents([b"some"] * count, share)


def test_domains_come_from_a_folder(tmp_path):
    (tmp_path / "late.txt").write_bytes(b"one\n\x0c\ntwo\n\x0c\n \n\x0c\nthree\n")
    (tmp_path / "early.txt").write_bytes("à la\r\n\x0c\r\nmode".encode())
    (tmp_path / "README.md").write_text("no domain")
    domains = domains_from_folder(tmp_path)
    assert list(domains.items()) == [
        ("early", ["à la".encode(), b"mode"]),
        ("late", [b"one", b"two", b"three\n"]),
    ]


def test_a_sub_folder_is_a_domain_of_all_its_files(tmp_path):
    (tmp_path / "news" / "old").mkdir(parents=True)
    (tmp_path / "empty").mkdir()
    (tmp_path / "news" / "b.txt").write_bytes(b"two\n\x0c\nthree")
    (tmp_path / "news" / "a.txt").write_bytes(b"one")
    (tmp_path / "news" / "old" / "c.txt").write_bytes(b"four")
    (tmp_path / "news" / "d.md").write_bytes(b"no")
    (tmp_path / "poems.txt").write_bytes(b"five")
    assert domains_from_folder(tmp_path) == {
        "news": [b"one", b"two", b"three", b"four"],
        "poems": [b"five"],
    }
    (tmp_path / "news.txt").write_bytes(b"six")
    with pytest.raises(ValueError, match="two domains named news"):
        domains_from_folder(tmp_path)


def test_folders_without_text_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent: expected a folder"):
        domains_from_folder(tmp_path / "absent")
    with pytest.raises(ValueError, match=r"no .txt or .jsonl file in it"):
        domains_from_folder(tmp_path)
    (tmp_path / "full.txt").write_text("text")
    (tmp_path / "empty.txt").write_text("\n\x0c\n\n")
    with pytest.raises(ValueError, match=r"empty.txt: no text in it"):
        domains_from_folder(tmp_path)
