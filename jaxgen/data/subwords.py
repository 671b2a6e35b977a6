"""Subwords: tokens by the ``tokenizers`` library, which this file alone knows."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxgen.data.tokens import Tokens

MISSING = "subwords need the package tokenizers: pip install 'jaxgen[tokenizers]'"


class Subwords:
    """A tokenizer of that library.

    No special tokens are added. A token stands for the bytes from where the one before it
    ends to where it ends; text that no token holds goes to the next one, or to the last.

    Args:
      tokenizer: of the library.
      name: what it calls itself in errors.
    """

    def __init__(self, tokenizer: Any, name: str = "Subwords"):
        self.tokenizer, self.name = tokenizer, name

    def __repr__(self) -> str:
        return self.name

    @property
    def vocabulary(self) -> int:
        """Tokens that there are, those that were added included."""
        return self.tokenizer.get_vocab_size()

    def encode(self, text: bytes) -> Tokens:
        """Tokens of a text.

        Raises:
          UnicodeDecodeError: it is not UTF-8.
          ValueError: it has no tokens, but some bytes.
        """
        characters = text.decode()
        found = self.tokenizer.encode(characters, add_special_tokens=False)
        if text and not found.ids:
            raise ValueError(f"{self}: no token for {text[:20]!r}, {len(text)} bytes")
        bytes_of = np.array([len(one.encode()) for one in characters], np.int64)
        bytes_before = np.concatenate([[0], np.cumsum(bytes_of)])
        ends = np.array([end for _, end in found.offsets], np.int64)
        ends = np.maximum.accumulate(bytes_before[ends])
        ends[-1:] = len(text)
        return Tokens(np.array(found.ids, np.int32), np.diff(ends, prepend=0))

    def decode(self, tokens: Sequence[int] | np.ndarray) -> bytes:
        """What they stand for, special tokens as they are written."""
        ids = np.asarray(tokens).tolist()
        return self.tokenizer.decode(ids, skip_special_tokens=False).encode()


def subwords_from_file(path: Path) -> Subwords:
    """The tokenizer of a ``tokenizer.json``.

    Raises:
      ImportError: the library is not installed.
      ValueError: it is no such file.
      OSError: it cannot be read.
    """
    library = _library()
    text = path.read_text()
    try:
        return Subwords(library.Tokenizer.from_str(text), str(path))
    except Exception as error:  # the library raises no narrower one
        raise ValueError(f"{path}: expected a tokenizer.json, {error}") from error


def trained_subwords(documents: Iterable[bytes], vocabulary: int) -> Subwords:
    """Byte pairs that are frequent in documents, of which none is lost.

    All bytes are tokens; then the most frequent pair of tokens within a word becomes one,
    until there are as many as asked for, or no pair is left that occurs twice.

    Args:
      documents: in UTF-8.
      vocabulary: how many tokens, 256 bytes among them.

    Raises:
      ImportError: the library is not installed.
      ValueError: fewer tokens than bytes.

    References:
      Sennrich et al., 2016, *Neural machine translation of rare words with subword units*;
      of bytes: Radford et al., 2019, *Language models are unsupervised multitask learners*,
      section 2.2.
    """
    if vocabulary < 256:
        raise ValueError(
            f"trained_subwords(vocabulary={vocabulary}): expected 256 or more, the bytes"
        )
    library = _library()
    tokenizer = library.Tokenizer(library.models.BPE())
    pieces = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.pre_tokenizer = pieces
    tokenizer.decoder = library.decoders.ByteLevel()
    trainer = library.trainers.BpeTrainer(
        vocab_size=vocabulary,
        min_frequency=2,
        initial_alphabet=library.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator((text.decode() for text in documents), trainer)
    return Subwords(tokenizer, f"trained_subwords(vocabulary={vocabulary})")


def _library() -> Any:
    try:
        import tokenizers  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise ImportError(MISSING) from error
    return tokenizers
