"""Projections of vectors to heads and back, as every attention has them."""

from typing import Protocol, runtime_checkable

import flax.linen as nn
from jax.nn.initializers import Initializer

from jaxgen.arrays import Array, Float


@runtime_checkable
class Projecting(Protocol):
    """A mixer with heads, and what its projections are like."""

    @property
    def heads(self) -> int: ...

    @property
    def use_bias(self) -> bool: ...

    @property
    def kernel_init(self) -> Initializer: ...


def to_heads(
    mixer: Projecting, x: Float[Array, "b t d"], name: str
) -> Float[Array, "b t n h"]:
    """Heads of ``d / heads`` features, by a projection of this name.

    Raises:
      ValueError: heads that do not divide the features.
    """
    require_heads(mixer, x.shape[-1])
    return nn.DenseGeneral(
        (mixer.heads, x.shape[-1] // mixer.heads),
        use_bias=mixer.use_bias,
        kernel_init=mixer.kernel_init,
        name=name,
    )(x)


def from_heads(
    mixer: Projecting, heads: Float[Array, "b t n h"]
) -> Float[Array, "b t d"]:
    """Vectors of all heads' features, by the projection "out"."""
    joined = heads.reshape(*heads.shape[:2], -1)
    how = {"use_bias": mixer.use_bias, "kernel_init": mixer.kernel_init}
    return nn.Dense(joined.shape[-1], **how, name="out")(joined)


def require_heads(mixer: Projecting, features: int) -> None:
    """Raises:
    ValueError: heads that do not divide the features.
    """
    if mixer.heads < 1 or features % mixer.heads:
        raise ValueError(
            f"{type(mixer).__name__}(heads={mixer.heads}): {features} features do not "
            f"divide into {mixer.heads} heads; change one of them"
        )
