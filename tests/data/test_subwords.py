"""Subwords lose nothing, and their bytes add up to those of the text."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from jaxgen.data.subwords import Subwords, subwords_from_file, trained_subwords
from jaxgen.data.text_domains import documents
from jaxgen.data.tokens import Tokenizer, require_lossless
from jaxgen.metrics.bits_per_byte import bits_per_byte, bits_per_byte_of_tokens

ROOT = Path(__file__).parents[2]
TEXT = "Ça, «déjà vu»: 東京 🦊\n\ttwice  twice".encode()

ABSENT = """
import sys
sys.modules["tokenizers"] = None
from jaxgen.data.subwords import trained_subwords
try:
    trained_subwords([b"any"], 300)
except ImportError as error:
    print(error)
"""


class Cut:
    """As the library is: tokens with offsets in characters, here as they are given."""

    def __init__(self, *offsets):
        self.offsets = list(offsets)

    def encode(self, text, add_special_tokens):
        assert isinstance(text, str) and not add_special_tokens
        return SimpleNamespace(ids=[*range(len(self.offsets))], offsets=self.offsets)


@pytest.mark.parametrize(
    "offsets, sizes",
    [
        ([(0, 2), (2, 4)], [3, 4]),  # é! and 東.
        ([(0, 1), (0, 1), (1, 4)], [2, 0, 5]),  # two tokens of one character
        ([(1, 2), (3, 4)], [3, 4]),  # what no token holds goes to the next
        ([(0, 1), (1, 3)], [2, 5]),  # or to the last
    ],
)
def test_bytes_of_tokens_add_up_whatever_the_library_leaves_out(offsets, sizes):
    told = Subwords(Cut(*offsets)).encode("é!東.".encode())
    assert told.sizes.tolist() == sizes
    assert told.tokens.tolist() == list(range(len(sizes)))


def test_no_token_for_a_text_is_an_error_and_for_none_is_none():
    assert len(Subwords(Cut()).encode(b"").tokens) == 0
    with pytest.raises(ValueError, match="no token for b'text', 4 bytes"):
        Subwords(Cut()).encode(b"text")


def test_what_is_not_utf8_is_an_error():
    with pytest.raises(UnicodeDecodeError, match="position 2"):
        Subwords(Cut()).encode(b"ab\xff")


def test_without_the_package_its_extra_is_named():
    command = [sys.executable, "-c", ABSENT]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert "pip install 'jaxgen[tokenizers]'" in done.stdout, done.stderr


def test_fewer_tokens_than_bytes_are_refused():
    with pytest.raises(ValueError, match="vocabulary=255"):
        trained_subwords([b"any"], 255)


@pytest.fixture(scope="module")
def subwords():
    pytest.importorskip("tokenizers", reason="pip install 'jaxgen[tokenizers]'")
    return trained_subwords(documents("fiction")[:4], 400)


def test_frequent_pairs_are_tokens_and_nothing_is_lost(subwords):
    assert isinstance(subwords, Tokenizer) and subwords.vocabulary == 400
    for text in (TEXT, bytes(range(128)), documents("drama")[0], b""):
        told = subwords.encode(text)
        assert told.sizes.sum() == len(text) and (told.sizes >= 0).all()
        assert (told.tokens < 400).all() and len(told.tokens) <= len(text)
        require_lossless(subwords, text)
    # frequent words are told in fewer tokens; letters that were never seen are not
    assert subwords.encode(b" and the").sizes.max() >= 3
    assert len(subwords.encode("東".encode()).tokens) == 3


def test_bits_per_byte_are_those_of_the_text(subwords):
    told = subwords.encode(TEXT)
    nats = np.random.default_rng(0).uniform(0, 5, len(told.tokens))
    everything = np.ones(len(nats), bool)
    whole = bits_per_byte_of_tokens(nats, told.sizes, everything)
    np.testing.assert_allclose(whole, bits_per_byte(nats, TEXT))
    # of a part: those of the text that the part stands for
    behind = np.arange(len(nats)) >= 9
    part = bits_per_byte_of_tokens(nats, told.sizes, behind)
    text = TEXT[told.sizes[:9].sum() :]
    np.testing.assert_allclose(part, bits_per_byte(nats[9:], text))
    with pytest.raises(ValueError, match="of no byte"):
        bits_per_byte_of_tokens(nats, told.sizes, ~everything)


def test_a_tokenizer_comes_from_its_file(subwords, tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_text(subwords.tokenizer.to_str())
    again = subwords_from_file(path)
    np.testing.assert_array_equal(
        again.encode(TEXT).tokens, subwords.encode(TEXT).tokens
    )
    path.write_text("{}")
    with pytest.raises(ValueError, match=r"tokenizer.json: expected a tokenizer.json"):
        subwords_from_file(path)
