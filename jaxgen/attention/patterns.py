"""Which query may attend to which key: small values that combine with ``&`` and ``|``.

    causal() & (window(128) | first_tokens(4))

A pattern speaks of indices, from 0 on both sides; what belongs to a batch (padding,
segments, positions) is an array argument of `jaxgen.attention.attend.attend`. It
answers two questions: may this query attend to that key, and, of a block of queries
and a block of keys, may some or every pair attend? The second is asked outside of any
trace, so that a block that is not alive costs nothing.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from operator import and_, or_
from typing import Any, ClassVar, NamedTuple

import numpy as np

from jaxgen.arrays import Array

Indices = Array | np.ndarray


class Span(NamedTuple):
    """Blocks of consecutive indices, first and last included."""

    first: np.ndarray
    last: np.ndarray


class Pattern(ABC):
    """A set of pairs (query index, key index).

    Attributes:
      causal: no query attends to a later key.
    """

    causal: bool = False

    @abstractmethod
    def allowed(self, query: Indices, key: Indices, keys: int) -> Indices:
        """Whether each query may attend to each key.

        Args:
          query: indices, of any shape.
          key: indices, of the same rank; the two broadcast.
          keys: how many keys there are.
        """

    @abstractmethod
    def some(self, query: Span, key: Span, keys: int) -> np.ndarray:
        """False only where no pair of a block may attend."""

    @abstractmethod
    def every(self, query: Span, key: Span, keys: int) -> np.ndarray:
        """True only where every pair of a block may attend."""

    def require_fit(self, queries: int, keys: int) -> None:
        """Raises:
        ValueError: the pattern names an index that is not there.
        """
        del queries, keys  # most patterns fit every length

    def __and__(self, other: "Pattern") -> "Pattern":
        return Both(self, other) if isinstance(other, Pattern) else NotImplemented

    def __or__(self, other: "Pattern") -> "Pattern":
        return Either(self, other) if isinstance(other, Pattern) else NotImplemented


@dataclass(frozen=True)
class Joined(Pattern):
    """Two patterns, each asked, and their answers joined.

    Attributes:
      one: of the two.
      other: of the two.
      join: of their answers: ``&`` or ``|``.
    """

    one: Pattern
    other: Pattern

    join: ClassVar[Callable[[Any, Any], Any]]

    def allowed(self, query, key, keys):
        return self.join(*(x.allowed(query, key, keys) for x in self._both()))

    def some(self, query, key, keys):
        return self.join(*(x.some(query, key, keys) for x in self._both()))

    def every(self, query, key, keys):
        return self.join(*(x.every(query, key, keys) for x in self._both()))

    def require_fit(self, queries, keys):
        for part in self._both():
            part.require_fit(queries, keys)

    def _both(self) -> tuple[Pattern, Pattern]:
        return self.one, self.other


class Both(Joined):
    """Pairs that are in both patterns: ``one & other``."""

    join = and_

    @property
    def causal(self) -> bool:
        return self.one.causal or self.other.causal


class Either(Joined):
    """Pairs that are in one pattern or the other: ``one | other``."""

    join = or_

    @property
    def causal(self) -> bool:
        return self.one.causal and self.other.causal


@dataclass(frozen=True)
class Distance(Pattern):
    """Pairs whose distance ``query - key`` is a multiple of a step within two ends.

    Every window and every stride is one: see `jaxgen.attention.expressions`.

    Attributes:
      least: of the distance; None where there is no end.
      most: of the distance; None where there is no end.
      step: which distances count.
    """

    least: int | None = None
    most: int | None = None
    step: int = 1

    def __post_init__(self):
        ends = [end for end in (self.least, self.most) if end is not None]
        for end in ends:
            require_whole(distance=end)
        require_whole(step=self.step)
        if self.step < 1:
            raise ValueError(f"a step of {self.step}: expected 1 or more")
        if ends != sorted(ends):
            raise ValueError(
                f"distances from {self.least} to {self.most}: expected the least first"
            )

    @property
    def causal(self) -> bool:
        return self.least is not None and self.least >= 0

    def allowed(self, query, key, keys):
        distance = query - key
        inside = distance % self.step == 0
        if self.least is not None:
            inside &= distance >= self.least
        if self.most is not None:
            inside &= distance <= self.most
        return inside

    def some(self, query, key, keys):
        low, high = self._inside(query.first - key.last, query.last - key.first)
        return (low <= high) & (high // self.step * self.step >= low)

    def every(self, query, key, keys):
        least, most = query.first - key.last, query.last - key.first
        low, high = self._inside(least, most)
        alone = (least == most) & (least % self.step == 0)
        return (low == least) & (high == most) & (alone | (self.step == 1))

    def _inside(self, least: np.ndarray, most: np.ndarray):
        low = least if self.least is None else np.maximum(least, self.least)
        high = most if self.most is None else np.minimum(most, self.most)
        return low, high


@dataclass(frozen=True)
class Tokens(Pattern):
    """Global tokens: they attend to every key, and every query attends to them.

    Attributes:
      indices: of the tokens.
    """

    indices: tuple[int, ...]

    def __post_init__(self):
        if not self.indices:
            raise ValueError("no global tokens: give one index or more")
        for index in self.indices:
            require_whole(index=index)
        object.__setattr__(self, "indices", tuple(sorted(set(self.indices))))

    def allowed(self, query, key, keys):
        chosen = np.array(self.indices)

        def told(index):
            return (index[..., None] == chosen.reshape(*(1,) * index.ndim, -1)).any(-1)

        return told(query) | told(key)

    def some(self, query, key, keys):
        return (self._count(query) > 0) | (self._count(key) > 0)

    def every(self, query, key, keys):
        return (self._count(query) == _size(query)) | (self._count(key) == _size(key))

    def require_fit(self, queries, keys):
        for index in self.indices:
            if not 0 <= index < max(queries, keys):
                raise ValueError(
                    f"global token {index} is not among {max(queries, keys)} positions; "
                    "leave it out, or give a longer sequence"
                )

    def _count(self, span: Span) -> np.ndarray:
        last = np.searchsorted(self.indices, span.last, side="right")
        return last - np.searchsorted(self.indices, span.first)


@dataclass(frozen=True)
class Columns(Pattern):
    """Every query attends to the last ``width`` keys of each stride.

    Attributes:
      stride: the period.
      width: of each group of keys.
    """

    stride: int
    width: int

    def __post_init__(self):
        require_whole(stride=self.stride, width=self.width)
        if not 0 < self.width <= self.stride:
            raise ValueError(
                f"the last {self.width} of every {self.stride} keys: expected a width of "
                f"1 to {self.stride}"
            )

    def allowed(self, query, key, keys):
        return (key % self.stride >= self.stride - self.width) & (query == query)

    def some(self, query, key, keys):
        return (self._count(key) > 0) & (query.first == query.first)

    def every(self, query, key, keys):
        return (self._count(key) == _size(key)) & (query.first == query.first)

    def _count(self, span: Span) -> np.ndarray:
        return self._before(span.last + 1) - self._before(span.first)

    def _before(self, index: np.ndarray) -> np.ndarray:
        rest = index % self.stride - (self.stride - self.width)
        return index // self.stride * self.width + np.maximum(rest, 0)


@dataclass(frozen=True)
class Prefix(Pattern):
    """Every query attends to the first ``length`` keys."""

    length: int

    def __post_init__(self):
        require_whole(length=self.length)
        if self.length < 0:
            raise ValueError(f"a prefix of {self.length} keys: expected 0 or more")

    def allowed(self, query, key, keys):
        return (key < self.length) & (query == query)

    def some(self, query, key, keys):
        return (key.first < self.length) & (query.first == query.first)

    def every(self, query, key, keys):
        return (key.last < self.length) & (query.first == query.first)


@dataclass(frozen=True)
class Chunks(Pattern):
    """Every query attends to the keys of its own chunk of ``size``."""

    size: int

    def __post_init__(self):
        require_whole(size=self.size)
        if self.size < 1:
            raise ValueError(f"chunks of {self.size}: expected 1 or more")

    def allowed(self, query, key, keys):
        return query // self.size == key // self.size

    def some(self, query, key, keys):
        first = np.maximum(query.first // self.size, key.first // self.size)
        return first <= np.minimum(query.last // self.size, key.last // self.size)

    def every(self, query, key, keys):
        first = np.minimum(query.first // self.size, key.first // self.size)
        return first == np.maximum(query.last // self.size, key.last // self.size)


@dataclass(frozen=True)
class Everything(Pattern):
    """Every query attends to every key."""

    def allowed(self, query, key, keys):
        return (query == query) & (key == key)

    def some(self, query, key, keys):
        return (query.first == query.first) & (key.first == key.first)

    every = some


def require_whole(**numbers: Any) -> None:
    """Raises:
    ValueError: a number of indices that is not whole.
    """
    for name, number in numbers.items():
        if not isinstance(number, int | np.integer):
            raise ValueError(f"a {name} of {number!r}: expected a whole number")


def _size(span: Span) -> np.ndarray:
    return span.last - span.first + 1
