"""Pairs told apart from all other pairs of a batch."""

import jax.numpy as jnp

from jaxgen.arrays import Array, Float
from jaxgen.objectives.language import cross_entropy


def contrastive(
    one: Float[Array, "n d"], other: Float[Array, "n d"], temperature: float = 0.05
) -> Float[Array, " n"]:
    """Nats to find each vector's partner among the batch's, either way.

    With ``s_ij = u_i . v_j / temperature``, computes
    ``(log sum_j exp(s_ij) + log sum_j exp(s_ji)) / 2 - s_ii``. The loss of an example
    depends on the others of the batch.

    Args:
      one: of length one, a vector for each pair.
      other: of length one, its partner in the same row.
      temperature: what products are divided by.

    Raises:
      ValueError: vectors that are not in pairs.

    References:
      Van den Oord et al., 2018, *Representation learning with contrastive predictive
      coding*, equation 4; both ways: Radford et al., 2021, *Learning transferable visual
      models from natural language supervision*, figure 3.

    Example:
      >>> same = jnp.ones((4, 1))
      >>> round(float(contrastive(same, same)[0]), 4)  # log 4
      1.3863
    """
    if one.shape != other.shape:
        raise ValueError(f"{one.shape} and {other.shape}: expected pairs, row by row")
    products, partner = one @ other.T / temperature, jnp.arange(len(one))
    ways = [cross_entropy(side, partner) for side in (products, products.T)]
    return (ways[0] + ways[1]) / 2
