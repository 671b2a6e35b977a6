"""Tokens of text, and how many bytes each of them tells."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from jaxgen.arrays import Int, Shaped


class Tokens(NamedTuple):
    """The tokens of a text.

    Attributes:
      tokens: (t,) integers.
      sizes: (t,) bytes of the text that each stands for: they add up to all its bytes, so
        that bits per byte are right whatever the tokens; see ``bits_per_byte_of_tokens``.
    """

    tokens: Shaped[np.ndarray, " t"]
    sizes: Int[np.ndarray, " t"]


@runtime_checkable
class Tokenizer(Protocol):
    """What makes tokens of a text, and the text of tokens."""

    @property
    def vocabulary(self) -> int:
        """Tokens are smaller than that."""
        ...

    def encode(self, text: bytes) -> Tokens:
        """Tokens of one document; a `UnicodeDecodeError` where it must be UTF-8."""
        ...

    def decode(self, tokens: Sequence[int] | np.ndarray) -> bytes:
        """What they stand for."""
        ...


@dataclass(frozen=True)
class Bytes:
    """Each byte is a token: nothing to learn, nothing to lose, any file will do.

    Example:
      >>> told = Bytes().encode("é!".encode())
      >>> told.tokens.tolist(), told.sizes.tolist(), Bytes().decode(told.tokens)
      ([195, 169, 33], [1, 1, 1], b'\\xc3\\xa9!')
    """

    @property
    def vocabulary(self) -> int:
        """Bytes that there are."""
        return 256

    def encode(self, text: bytes) -> Tokens:
        """The bytes, as uint8."""
        tokens = np.frombuffer(text, np.uint8)
        return Tokens(tokens, np.ones(len(tokens), np.int64))

    def decode(self, tokens: Sequence[int] | np.ndarray) -> bytes:
        """The bytes."""
        return bytes(np.asarray(tokens, np.uint8))


def require_lossless(tokenizer: Tokenizer, text: bytes) -> None:
    """Asks that a text can be had back from its tokens.

    Otherwise bits per byte would leave out what the tokens do not tell.

    Raises:
      ValueError: it cannot; it says from which byte on.

    Example:
      >>> require_lossless(Bytes(), b"any")
    """
    back = tokenizer.decode(tokenizer.encode(text).tokens)
    if back != text:
        pairs = enumerate(zip(back, text, strict=False))
        short = min(len(back), len(text))
        first = next((place for place, (one, other) in pairs if one != other), short)
        raise ValueError(
            f"{tokenizer}: {text[first : first + 20]!r} of the text, from byte {first} on, "
            f"comes back as {back[first : first + 20]!r}; bits per byte need a tokenizer "
            "that loses nothing"
        )
