"""A needle in noise: one token that tells, at a known distance from where it is asked."""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgen.arrays import Array, Int, Key
from jaxgen.keys import named

QUESTION = 0
"""The last token of each row, where the answer is to be given."""


@dataclass(frozen=True)
class Needle:
    """A row of noise, one needle in it, and a question at its end.

    Tokens are `QUESTION`, then the needles, one for each answer, then the noise: such as
    ``14 11 3 12 11 13 0`` of 9 answers. A needle is one token, so that its distance is
    the distance of all there is to know.

    Attributes:
      length: of a row, t, the question included.
      answers: how many there are, equally likely.
      noise: how many tokens say nothing.

    Raises:
      ValueError: a row without room for a needle, one answer only, no noise.
    """

    length: int = 1024
    answers: int = 10
    noise: int = 100

    def __post_init__(self):
        if self.length < 2 or self.answers < 2 or self.noise < 1:
            raise ValueError(
                f"{self}: expected a length of 2 or more, 2 or more answers, and 1 or "
                "more tokens of noise"
            )

    @property
    def vocabulary(self) -> int:
        """How many tokens there are."""
        return 1 + self.answers + self.noise

    @property
    def chance(self) -> float:
        """The accuracy of who has not found the needle."""
        return 1 / self.answers


class Needles(NamedTuple):
    """Rows, their answers, and how far one must look for them.

    Attributes:
      tokens: (rows, t) int32.
      labels: (rows,) int32, from 0: the needle is the token ``1 + label``.
      distances: (rows,) int32, places from the needle to the question, 1 to t - 1: what
        accuracy is told by.
    """

    tokens: Int[Array, "n t"]
    labels: Int[Array, " n"]
    distances: Int[Array, " n"]


def needles(task: Needle, key: Key, rows: int) -> Needles:
    """Fresh rows, drawn inside a program; all distances are equally likely.

    For `jaxgen.training.dispatch.feed`: ``lambda _, key: needles(task, key, 64)``.

    Example:
      >>> draw = lambda key: needles(Needle(length=512), key, 32)
      >>> drawn = jax.eval_shape(draw, jax.random.key(0))
      >>> drawn.tokens.shape, drawn.distances.shape
      ((32, 512), (32,))
    """
    first = 1 + task.answers
    labels = jax.random.randint(named(key, "answer"), (rows,), 0, task.answers)
    distances = jax.random.randint(named(key, "distance"), (rows,), 1, task.length)
    noise = jax.random.randint(
        named(key, "noise"), (rows, task.length), first, task.vocabulary
    )
    to_end = jnp.arange(task.length - 1, -1, -1)[None]
    tokens = jnp.where(to_end == distances[:, None], 1 + labels[:, None], noise)
    return Needles(jnp.where(to_end == 0, QUESTION, tokens), labels, distances)
