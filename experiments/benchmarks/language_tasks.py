"""What is timed of language models: the sizes of one, told to both sides."""

from typing import NamedTuple


class LanguageTask(NamedTuple):
    """A model and its batches, in numbers that any process can be told.

    Attributes:
      layers: blocks of attention and a perceptron.
      heads: of queries and of keys.
      width: of the vectors, d; perceptrons are four times as wide.
      length: tokens of a row.
      batch: rows.
      vocabulary: tokens to tell apart.
    """

    layers: int
    heads: int
    width: int
    length: int
    batch: int
    vocabulary: int = 65

    @property
    def tokens(self) -> int:
        """Of a batch."""
        return self.batch * self.length

    @property
    def drawn(self) -> int:
        """Tokens drawn behind a first one, until a row is full."""
        return self.length - 1
