"""What is computed in the benchmark of attention, and from which numbers."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np

Pattern = Literal["full", "causal", "window", "longformer", "bigbird"]
PATTERNS: tuple[Pattern, ...] = ("full", "causal", "window", "longformer", "bigbird")


class Task(NamedTuple):
    """What is computed, of one sequence of float32 vectors.

    Attributes:
      pattern: which query may attend to which key.
      layer: with the projections of queries, keys and values before, and one after.
      backward: its gradient too.
      length: tokens.
      heads: of queries, and as many of keys.
      features: of each head.
      window: keys on each side; the size of BigBird's blocks.
    """

    pattern: Pattern
    layer: bool
    backward: bool
    length: int
    heads: int
    features: int
    window: int

    @property
    def title(self) -> str:
        """What the table calls it, but for its length."""
        name = f"{self.pattern} layer" if self.layer else self.pattern
        return f"{name}, with gradient" if self.backward else name


class Work(NamedTuple):
    """A function, and what it is called with.

    Attributes:
      call: from the inputs to the output: (1, length, heads, features), or of a layer
        (1, length, heads * features).
      inputs: arrays, or trees of them, by all of which its gradient is taken.
    """

    call: Callable[..., Any]
    inputs: tuple[Any, ...]


def vectors(task: Task) -> tuple[np.ndarray, ...]:
    """Queries, keys and values: normal, (1, length, heads, features)."""
    random = np.random.default_rng(0)
    size = (3, 1, task.length, task.heads, task.features)
    return tuple(random.normal(size=size).astype(np.float32))


PROJECTIONS = ("query", "key", "value", "out")


def weights(task: Task) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Tokens, (1, length, width), and the matrices that a layer multiplies them with."""
    random, width = np.random.default_rng(0), task.heads * task.features
    tokens = random.normal(size=(1, task.length, width)).astype(np.float32)
    size = (len(PROJECTIONS), width, width)
    matrices = random.normal(size=size, scale=width**-0.5).astype(np.float32)
    return tokens, dict(zip(PROJECTIONS, matrices, strict=True))
