"""From logits of the next token to those that it is drawn by.

A choice is ``(logits) -> logits`` of rows (b, v): the token is drawn by their softmax.
"""

from collections.abc import Callable
from functools import reduce

import jax
import jax.numpy as jnp

from jaxgen.arrays import Array, Float

Choice = Callable[[Array], Array]


def as_told(logits: Float[Array, "b v"]) -> Float[Array, "b v"]:
    """As the model tells them."""
    return logits


def greedy(logits: Float[Array, "b v"]) -> Float[Array, "b v"]:
    """The most likely token alone, the first of several.

    Example:
      >>> greedy(jnp.array([[1.0, 3.0, 3.0]])).tolist()
      [[-inf, 0.0, -inf]]
    """
    best = logits.argmax(-1, keepdims=True)
    own = jnp.arange(logits.shape[-1])[None] == best
    return jnp.where(own, 0.0, -jnp.inf).astype(logits.dtype)


def tempered(temperature: float | Array) -> Choice:
    """Logits over a temperature: below 1 what is likely becomes likelier.

    Raises:
      ValueError: a temperature that is not positive, where it is not traced; `greedy`
        is the limit at zero.
    """
    if not isinstance(temperature, jax.Array) and not temperature > 0:
        raise ValueError(
            f"tempered({temperature}): expected more than 0; greedy is the limit at 0"
        )
    return lambda logits: logits / temperature


def top_k(count: int) -> Choice:
    """The most likely tokens, so many; of equally likely ones the first.

    Raises:
      ValueError: no token.

    References:
      Fan et al., 2018, *Hierarchical neural story generation*, section 5.4.

    Example:
      >>> top_k(2)(jnp.array([[1.0, 3.0, 2.0]])).tolist()
      [[-inf, 3.0, 2.0]]
    """
    if count < 1:
        raise ValueError(f"top_k({count}): expected 1 token or more")
    return lambda logits: jnp.where(ranks(logits) < count, logits, -jnp.inf)


def top_p(share: float | Array) -> Choice:
    """The fewest of the most likely tokens whose probabilities sum to a share or more.

    Raises:
      ValueError: a share that is none, where it is not traced.

    References:
      Holtzman et al., 2020, *The curious case of neural text degeneration*, section 3.1.

    Example:
      >>> top_p(0.7)(jnp.log(jnp.array([[0.25, 0.5, 0.125, 0.125]])))[0, 2:].tolist()
      [-inf, -inf]
    """
    if not isinstance(share, jax.Array) and not 0 < share <= 1:
        raise ValueError(f"top_p({share}): expected a share, more than 0 and at most 1")

    def choice(logits: Array) -> Array:
        falling = -jnp.sort(-jax.nn.softmax(logits, axis=-1), axis=-1)
        before = jnp.cumsum(falling, axis=-1) - falling
        kept = (before < share).sum(-1, keepdims=True)
        return jnp.where(ranks(logits) < kept, logits, -jnp.inf)

    return choice


def chained(*choices: Choice) -> Choice:
    """One after the other, the first first: ``chained(tempered(0.8), top_p(0.9))``."""
    return lambda logits: reduce(lambda found, choice: choice(found), choices, logits)


def ranks(logits: Float[Array, "b v"]) -> Array:
    """How many tokens are likelier, or as likely and before it.

    Example:
      >>> ranks(jnp.array([[1.0, 3.0, 3.0]])).tolist()
      [[2, 0, 1]]
    """
    return jnp.argsort(jnp.argsort(-logits, axis=-1, stable=True), axis=-1)
