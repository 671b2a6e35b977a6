"""Projections of vectors to the heads of a mixer."""

from typing import Any

import flax.linen as nn

from jaxgen.arrays import Array, Float


def heads_of(
    x: Float[Array, "b t d"], heads: int, name: str, how: dict[str, Any]
) -> Float[Array, "b t n h"]:
    """Vectors to n heads of ``h = d / n`` features, by a dense layer of the caller.

    Args:
      x: vectors.
      heads: n.
      name: of the layer.
      how: options of the layer.
    """
    return nn.DenseGeneral((heads, x.shape[-1] // heads), **how, name=name)(x)


def require_heads(mixer: str, heads: int, features: int) -> None:
    """Raises:
    ValueError: heads that do not divide the features.
    """
    if heads < 1 or features % heads:
        raise ValueError(
            f"{mixer}(heads={heads}): {features} features do not divide into {heads} "
            "heads; change one of them"
        )
