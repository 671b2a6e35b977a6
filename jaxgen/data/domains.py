"""Batches of several domains, drawn from data in which each domain is one stretch.

The data are leaves whose examples are ordered by domain, as ``labelled_windows`` makes
them, and ``counts`` says how many each domain has.
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.arrays import Array, Data, Float, Int, Key
from jaxgen.data.batches import examples
from jaxgen.keys import named


def minibatch_by_domain(
    size: int, counts: Sequence[int]
) -> Callable[[Data, Key], Data]:
    """Draws rows of one example of each domain, with replacement.

    Args:
      size: rows in a batch.
      counts: examples of each domain.

    Returns:
      ``(data, key) -> batch`` with leaves (size, domains, ...), to be given to ``feed``:
      rows are spread over devices, and each device has all domains.

    Raises:
      ValueError: a domain without examples, or data of another size.

    Example:
      >>> draw = minibatch_by_domain(3, counts=(2, 4))
      >>> jax.eval_shape(draw, np.zeros((6, 8)), jax.random.key(0)).shape
      (3, 2, 8)
    """
    starts, most = _stretches(counts)

    def draw(data, key):
        _require_all(data, counts)
        shape = (size, len(counts))
        chosen = starts[None] + jax.random.randint(key, shape, 0, most[None])
        return jax.tree.map(lambda leaf: jnp.asarray(leaf)[chosen], data)

    return draw


def minibatch_of_mixture(
    size: int, counts: Sequence[int], weights: Float[Array | np.ndarray, " k"]
) -> Callable[[Data, Key], tuple[Data, Int[Array, " n"]]]:
    """Draws examples whose domains are drawn by the weights of a mixture.

    Args:
      size: examples in a batch.
      counts: examples of each domain.
      weights: of the mixture, adding up to one, may be traced.

    Returns:
      ``(data, key) -> (batch, domain)``: examples, and of which domain each is.

    Raises:
      ValueError: a domain without examples, or data of another size; weights of another
        number of domains.

    Example:
      >>> draw = minibatch_of_mixture(4, (2, 4), np.array([0.5, 0.5]))
      >>> batch, domain = jax.eval_shape(draw, np.zeros((6, 8)), jax.random.key(0))
      >>> batch.shape, domain.shape
      ((4, 8), (4,))
    """
    starts, most = _stretches(counts)
    if np.shape(weights) != (len(counts),):
        raise ValueError(
            f"weights of shape {np.shape(weights)} for {len(counts)} domains: expected "
            "one each"
        )

    def draw(data, key):
        _require_all(data, counts)
        domain = jax.random.categorical(
            named(key, "domain"), jnp.log(weights), shape=(size,)
        )
        place = jax.random.randint(named(key, "example"), (size,), 0, most[domain])
        chosen = starts[domain] + place
        return jax.tree.map(lambda leaf: jnp.asarray(leaf)[chosen], data), domain

    return draw


def _stretches(counts: Sequence[int]) -> tuple[Array, Array]:
    if not counts or min(counts) < 1:
        raise ValueError(f"counts={tuple(counts)}: expected 1 or more of each domain")
    starts = np.cumsum([0, *counts[:-1]])
    return jnp.asarray(starts, jnp.int32), jnp.asarray(counts, jnp.int32)


def _require_all(data: Data, counts: Sequence[int]) -> None:
    if examples(data) != sum(counts):
        raise ValueError(
            f"counts={tuple(counts)} of data with {examples(data)} examples: expected "
            f"{sum(counts)}, each domain's in one stretch"
        )
