"""A stream in stages: one domain after the other, each for as many updates."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from jaxgen.arrays import Array, Int, Key
from jaxgen.data.passes import in_passes


def one_after_the_other(
    size: int, every: int, order: Int[Array | np.ndarray, " k"]
) -> Callable[[Int[Array, ""], Key], tuple[Int[Array, " n"], Int[Array, " n"]]]:
    """Draws examples of the domain of a stage, none of them twice.

    A stage of so many updates draws the first ``size every`` examples of its domain once
    each, in an order of its own.

    Args:
      size: examples of a batch.
      every: updates of a stage.
      order: which domain each stage is of; may be traced.

    Returns:
      ``(step, key) -> (domain, example)``, both (n,), for `feed_by_step`.

    Raises:
      ValueError: an order in which a domain is missing.

    Example:
      >>> draw = one_after_the_other(2, 1, np.array([1, 0]))
      >>> [int(draw(jnp.array(s), jax.random.key(0))[0][0]) for s in range(2)]
      [1, 0]
    """
    require_every_domain(order)
    stages = len(order)

    def draw(step, key):
        stage = jnp.minimum(step // every, stages - 1)
        mixture = jax.nn.one_hot(jnp.asarray(order)[stage], stages)
        return in_passes(size, size * every, mixture)(step, key)

    return draw


def latin_square(domains: int) -> Int[np.ndarray, "k k"]:
    """Orders of domains in which each is once at each place: one a row.

    Neighbours differ from row to row where that can be: rows go up and down in turn
    (Williams), so that of an even number of domains each is followed by each other once.

    References:
      Williams, 1949, *Experimental designs balanced for the estimation of residual effects
      of treatments*.

    Example:
      >>> latin_square(4).tolist()
      [[0, 1, 3, 2], [1, 2, 0, 3], [2, 3, 1, 0], [3, 0, 2, 1]]
    """
    first = [(i + 1) // 2 if i % 2 else -(i // 2) for i in range(domains)]
    return (np.array(first)[None] + np.arange(domains)[:, None]) % domains


def require_every_domain(order: Int[Array | np.ndarray, " k"] | Sequence[int]) -> None:
    """Raises:
    ValueError: an order of stages that is not one of all domains, once each; of a traced
      one nothing is known.
    """
    if isinstance(order, Tracer):
        return
    found = [int(domain) for domain in np.asarray(order)]
    if sorted(found) != list(range(len(found))):
        missing = sorted(set(range(len(found))) - set(found))
        raise ValueError(
            f"order={found}: expected each of the domains 0 to {len(found) - 1} once; "
            f"missing: {missing}"
        )
