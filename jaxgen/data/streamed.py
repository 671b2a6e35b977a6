"""Batches of texts that need not fit in memory, read by one process or by many."""

from collections.abc import Iterator, Sequence

import numpy as np

from jaxgen.arrays import Float, Int, Shaped
from jaxgen.data.shuffled_places import shuffled_places

Texts = Sequence[Shaped[np.ndarray, " _t"]]
"""Tokens, mostly maps of files: by ``mapped_bytes`` or ``mapped_tokens``."""


class Streamed:
    """Windows of the texts of domains, none twice an epoch, each batch of one mixture.

    Windows do not overlap, and the end of a text that fills none is left out. Each domain
    has epochs of its own, each in a new seeded order. What the batch at a position holds
    depends on the position and the seed alone: a resumed run reads what an unbroken one
    would have, and with many processes, each of which reads its own rows alone, all of
    them together are the batch of one.

    Attributes:
      position: of the next batch.
      domain: (n,) of which domain each row that this process reads is.

    Args:
      domains: texts of each.
      counts: windows of each domain in a batch of all processes; see `shares_of_batch`.
      length: tokens of a window.
      seed: of the orders.
      process: which one reads, from 0; on a pod ``jax.process_index()``.
      processes: how many read; on a pod ``jax.process_count()``.

    Raises:
      ValueError: a domain without a window, or with fewer than a batch asks for; rows that
        processes cannot share evenly.

    Example:
      >>> texts = [np.arange(9), np.arange(100, 104)]
      >>> batches = Streamed([texts[:1], texts[1:]], counts=(2, 1), length=2, seed=0)
      >>> next(batches).shape, batches.domain.tolist(), batches.position
      ((3, 2), [0, 0, 1], 1)
    """

    def __init__(
        self,
        domains: Sequence[Texts],
        counts: Sequence[int],
        length: int,
        seed: int,
        process: int = 0,
        processes: int = 1,
    ):
        _require_shared(counts, process, processes)
        self.domains, self.counts, self.length = domains, np.array(counts), length
        self.seed, self.position = seed, 0
        self.ends = [_window_ends(texts, length) for texts in domains]
        _require_windows(self.ends, counts, length)
        own = slice(*(np.array([0, 1]) + process) * (sum(counts) // processes))
        self.domain = np.repeat(np.arange(len(counts)), counts)[own]
        self.turn = np.concatenate([np.arange(count) for count in counts])[own]

    def __iter__(self) -> Iterator[Int[np.ndarray, "n t"]]:
        return self

    def __next__(self) -> Int[np.ndarray, "n t"]:
        drawn = self.position * self.counts[self.domain] + self.turn
        self.position += 1
        rows = [
            self._window(domain, int(number))
            for domain in np.unique(self.domain).tolist()
            for number in self._numbers(domain, drawn[self.domain == domain])
        ]
        return np.stack(rows).astype(np.int32)

    def _numbers(self, domain: int, drawn: np.ndarray) -> np.ndarray:
        """Which windows of a domain are drawn, by how many were before each."""
        windows = int(self.ends[domain][-1])
        epochs, places = np.divmod(drawn, windows)
        found = np.empty_like(places)
        for epoch in np.unique(epochs):
            seed, now = (self.seed, domain, int(epoch)), epochs == epoch
            found[now] = shuffled_places(places[now], windows, seed)
        return found

    def _window(self, domain: int, number: int) -> np.ndarray:
        ends = self.ends[domain]
        text = int(np.searchsorted(ends, number, side="right"))
        place = number - (int(ends[text - 1]) if text else 0)
        return self.domains[domain][text][place * self.length :][: self.length]


def shares_of_batch(size: int, weights: Float[np.ndarray, " k"]) -> tuple[int, ...]:
    """How many rows of a batch each domain has, as near to the weights as can be.

    Each has its share rounded down, and those with the largest rests one more.

    Args:
      size: rows of a batch.
      weights: of a mixture.

    Raises:
      ValueError: weights that are negative or do not add up to one; a domain of some weight
        that would have no row.

    Example:
      >>> shares_of_batch(8, np.array([0.5, 0.3, 0.2]))
      (4, 2, 2)
    """
    if min(weights, default=-1) < 0 or not abs(sum(weights) - 1) < 1e-4:
        raise ValueError(
            f"weights {weights}: their sum is {sum(weights):.6g}; expected none below 0, "
            "and 1 together"
        )
    shares = size * np.asarray(weights)
    counts = np.floor(shares + 1e-9).astype(int)
    for domain in np.argsort(counts - shares, kind="stable")[: size - counts.sum()]:
        counts[domain] += 1
    if ((counts == 0) & (shares > 0)).any():
        raise ValueError(
            f"shares_of_batch(size={size}) of weights {weights}: a domain would have no "
            "row; make batches larger"
        )
    return tuple(counts.tolist())


def _window_ends(texts: Texts, length: int) -> Int[np.ndarray, " n"]:
    """Windows up to the end of each text; (1,) of zero where there is no text."""
    return np.cumsum([len(text) // max(length, 1) for text in texts] or [0])


def _require_windows(
    ends: Sequence[np.ndarray], counts: Sequence[int], length: int
) -> None:
    if len(ends) != len(counts) or length < 1:
        raise ValueError(
            f"Streamed(length={length}) of {len(ends)} domains and {len(counts)} counts: "
            "expected 1 token or more, and one count each"
        )
    for domain, (end, count) in enumerate(zip(ends, counts, strict=True)):
        if end[-1] < max(count, 1):
            raise ValueError(
                f"domain {domain}: {end[-1]} windows of {length} tokens; expected "
                f"{max(count, 1)} or more, as many as are in a batch: give it more text, "
                "or make windows shorter"
            )


def _require_shared(counts: Sequence[int], process: int, processes: int) -> None:
    if min(counts, default=0) < 0 or sum(counts) < 1:
        raise ValueError(
            f"Streamed(counts={tuple(counts)}): expected some, none below 0"
        )
    if not 0 <= process < processes or sum(counts) % processes:
        raise ValueError(
            f"Streamed(process={process}, processes={processes}) of {sum(counts)} rows: "
            "expected 0 <= process < processes, which divide the rows"
        )
