"""Tokens in files are those of the documents, and what is no text is told by its place."""

import json

import numpy as np
import pytest

from jaxgen.data.text_domains import domains_from_folder
from jaxgen.data.text_files import parted_documents, placed_documents, utf8_bytes
from jaxgen.data.token_files import (
    encodable_documents,
    mapped_bytes,
    mapped_tokens,
    split_text,
    write_tokens,
)
from jaxgen.data.tokens import Bytes, Tokenizer, Tokens, require_lossless

TEXT = b"one\n\x0c\ntwo\r\n\x0c\r\n \n\x0c\n\x0cthree\n"


class Pairs:
    """Every two bytes are a token, and an odd one at the end, in UTF-8 alone."""

    vocabulary = 256**2 + 256

    def encode(self, text):
        text.decode()
        whole = np.frombuffer(text[: len(text) // 2 * 2], ">u2").astype(np.int32)
        odd = [256**2 + each for each in text[len(whole) * 2 :]]
        sizes = [2] * len(whole) + [1] * len(odd)
        return Tokens(np.append(whole, odd).astype(np.int32), np.array(sizes, np.int64))

    def decode(self, tokens):
        return b"".join(
            bytes(divmod(int(each), 256)) if each < 256**2 else bytes([each - 256**2])
            for each in tokens
        )


def test_documents_one_at_a_time_are_those_of_the_whole(tmp_path):
    path = tmp_path / "a.txt"
    for text in (TEXT, b"", b"alone", b"\x0c", b"\x0cx\x0c\n\x0c"):
        path.write_bytes(text)
        placed = list(placed_documents(path))
        assert [each.text for each in placed] == parted_documents(text)
        for each in placed:
            assert text[each.offset :].startswith(each.text)


def test_what_is_not_utf8_is_told_by_file_and_byte(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("é\n\x0c\nab".encode() + b"\xff!")
    place = rf"a.txt: byte {len('é'.encode()) + 3 + 2} is 0xff"
    with pytest.raises(ValueError, match=place):
        list(encodable_documents(path))
    with pytest.raises(ValueError, match=place):
        utf8_bytes(path)
    with pytest.raises(ValueError, match=place):
        domains_from_folder(tmp_path, read=utf8_bytes)
    assert domains_from_folder(tmp_path)["a"][1] == b"ab\xff!"  # bytes are fine
    path.write_bytes("é\n\x0c\nab".encode())
    assert list(encodable_documents(path)) == ["é".encode(), b"ab"]


@pytest.mark.parametrize(
    "tokenizer, dtype", [(Bytes(), np.uint8), (Pairs(), np.uint32)]
)
def test_tokens_in_files_are_those_of_the_documents(tokenizer, dtype, tmp_path):
    assert isinstance(tokenizer, Tokenizer)
    documents = parted_documents(TEXT)
    write_tokens(tmp_path, documents, tokenizer, separator=12)
    told = mapped_tokens(tmp_path)
    assert told.tokens.dtype == dtype and isinstance(told.tokens, np.memmap)
    assert told.sizes.sum() == sum(map(len, documents))
    ends = np.flatnonzero(told.sizes == 0)
    assert (told.tokens[ends] == 12).all() and len(ends) == len(documents)
    parts = np.split(told.tokens, ends + 1)[:-1]
    assert [tokenizer.decode(part[:-1]) for part in parts] == documents
    # what is whole is not written again
    write_tokens(tmp_path, [b"other"], tokenizer, separator=12)
    assert mapped_tokens(tmp_path).sizes.sum() == sum(map(len, documents))


def test_a_folder_that_was_cut_short_is_not_read_but_written_anew(tmp_path):
    def cut_short():
        yield b"one"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_tokens(tmp_path, cut_short(), Bytes(), 12)
    with pytest.raises(FileNotFoundError, match=r"about.json: expected a folder that"):
        mapped_tokens(tmp_path)
    write_tokens(tmp_path, [b"two"], Bytes(), 12)
    assert mapped_tokens(tmp_path).tokens.tobytes() == b"two\x0c"
    assert json.loads((tmp_path / "about.json").read_text())["documents"] == 1


def test_what_makes_no_sense_is_refused(tmp_path):
    with pytest.raises(
        ValueError, match=r"separator=256\): expected a token, 0 to 255"
    ):
        write_tokens(tmp_path, [b"a"], Bytes(), 256)
    with pytest.raises(ValueError, match="of no document"):
        write_tokens(tmp_path, [], Bytes(), 0)
    (tmp_path / "empty.txt").touch()
    with pytest.raises(ValueError, match=r"empty.txt: no text in it"):
        mapped_bytes(tmp_path / "empty.txt")


def test_a_text_is_parted_between_documents(tmp_path):
    path, separator = tmp_path / "a.txt", np.frombuffer(b"\n\x0c\n", np.uint8)
    documents = [bytes([65 + i]) * (3 + i) for i in range(20)]
    path.write_bytes(b"\n\x0c\n".join(documents))
    text = mapped_bytes(path)
    for share in (0.1, 0.5, 0.9):
        first, rest = split_text(text, separator, share)
        assert np.shares_memory(first, text)
        before = len(parted_documents(first.tobytes()))
        assert parted_documents(first.tobytes()) == documents[:before]
        assert parted_documents(rest.tobytes()) == documents[before:]
        shortest = sum(len(each) + 3 for each in documents[: before - 1])
        assert shortest < share * len(text) <= len(first)
    with pytest.raises(ValueError, match=r"share=0.99\).*no document ends there"):
        split_text(text, separator, 0.99)


def test_a_tokenizer_that_loses_something_is_refused():
    class Lower(Bytes):
        def encode(self, text):
            return super().encode(text.lower())

    require_lossless(Pairs(), "naïve".encode())
    require_lossless(Lower(), b"small")
    with pytest.raises(ValueError, match="b'BIG' of the text, from byte 4 on"):
        require_lossless(Lower(), b"the BIG")
