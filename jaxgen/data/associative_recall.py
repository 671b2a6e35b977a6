"""Associative recall: what a row said of a key, asked many times in the row."""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgen.arrays import Array, Bool, Float, Int, Key
from jaxgen.keys import named

BLANK = 0
"""The token where nothing is said and nothing is asked."""


@dataclass(frozen=True)
class AssociativeRecall:
    """A row of pairs of a key and a value, and then each key once more.

    Such as ``1 9 5 8 5 0 1 0 0 0 0 0``, where 8 is to be said at 5, and 9 at 1.

    Half of the tokens are values, the last ones; the others are `BLANK` and the keys.
    After the pairs come slots of two tokens, a key and a blank or two blanks. Slots are
    drawn without replacement, the i-th one by the weight ``i ** (power - 1)``.

    Attributes:
      pairs: in a row, p, of different keys and different values.
      length: of a row, t.
      vocabulary: how many tokens there are.
      power: near 0, questions come soon after the pairs; at 1, anywhere.

    Raises:
      ValueError: a row without room for its questions, fewer tokens than a row needs.

    References:
      Arora et al., 2023, *Zoology: measuring and improving recall in efficient language
      models*, section 4, and the authors' code.
    """

    pairs: int = 8
    length: int = 64
    vocabulary: int = 8192
    power: float = 0.01

    def __post_init__(self):
        if self.pairs < 1 or self.slots < self.pairs:
            raise ValueError(
                f"{self}: expected 1 pair or more, and 4 tokens of length for each"
            )
        if self.keys < self.pairs:
            raise ValueError(
                f"{self}: expected a vocabulary of {2 * self.pairs + 2} or more, half of "
                "them keys, which a row has once each"
            )

    @property
    def keys(self) -> int:
        """How many keys there are: tokens from 1 on."""
        return self.vocabulary // 2 - 1

    @property
    def values(self) -> int:
        """How many values there are: the last tokens of the vocabulary."""
        return self.vocabulary - self.vocabulary // 2

    @property
    def slots(self) -> int:
        """Where a key may be asked for."""
        return self.length // 2 - self.pairs

    @property
    def chance(self) -> float:
        """The accuracy of a guess among all values."""
        return 1 / self.values

    @property
    def chance_in_row(self) -> float:
        """The accuracy of a guess among the values of the row."""
        return 1 / self.pairs


class Recall(NamedTuple):
    """Rows, and what is to be said where.

    Attributes:
      tokens: (rows, t) int32.
      labels: (rows, t) int32, at a question the token that is the value of its key, which
        does not follow it in the row; `BLANK` elsewhere.
      asked: (rows, t), true at questions, p in each row.
    """

    tokens: Int[Array, "n t"]
    labels: Int[Array, "n t"]
    asked: Bool[Array, "n t"]


def associations(task: AssociativeRecall, key: Key, rows: int) -> Recall:
    """Fresh rows, drawn inside a program.

    For `jaxgen.training.dispatch.feed`: ``lambda _, key: associations(task, key, 64)``.
    Which key is asked for in which slot is independent of the order of the pairs, so
    that without the keys no guess does better than `AssociativeRecall.chance_in_row`.
    (In the authors' code earlier pairs are asked for earlier.)

    Example:
      >>> task = AssociativeRecall(pairs=64, length=512)
      >>> draw = lambda key: associations(task, key, 32)
      >>> jax.eval_shape(draw, jax.random.key(0)).tokens.shape
      (32, 512)
    """
    return jax.vmap(lambda key: _row(task, key))(jax.random.split(key, rows))


def _row(task: AssociativeRecall, key: Key) -> Recall:
    keys = 1 + _different(named(key, "keys"), jnp.zeros(task.keys), task.pairs)
    values = _different(named(key, "values"), jnp.zeros(task.values), task.pairs)
    values = values + task.vocabulary // 2
    decay = (task.power - 1) * jnp.log(jnp.arange(1.0, task.slots + 1))
    slots = _different(named(key, "slots"), decay, task.pairs)
    order = _different(named(key, "order"), jnp.zeros(task.pairs), task.pairs)
    places = 2 * (task.pairs + slots)
    said = jnp.stack([keys, values], axis=1).ravel()
    blank = jnp.full(task.length, BLANK, jnp.int32)
    return Recall(
        blank.at[: 2 * task.pairs].set(said).at[places].set(keys[order]),
        blank.at[places].set(values[order]),
        jnp.zeros(task.length, bool).at[places].set(True),
    )


def _different(key: Key, logits: Float[Array, " n"], count: int) -> Int[Array, " c"]:
    """Indices drawn one after another, without replacement, by weights ``exp(logits)``.

    The largest sums of a logit and Gumbel noise: tens of times faster on a CPU than
    `jax.random.choice`, which sorts them all.
    """
    noise = jax.random.gumbel(key, logits.shape)
    return jax.lax.top_k(logits + noise, count)[1]
