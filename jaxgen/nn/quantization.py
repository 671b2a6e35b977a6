"""Codes of which there are finitely many: rounded ones, and those of a codebook."""

from math import prod

import flax.linen as nn
import jax.numpy as jnp
from jax.nn.initializers import Initializer, normal

from jaxgen.arrays import Array, Float, Int
from jaxgen.densities.quantized import Quantized, straight_through
from jaxgen.nn.codes import mean_and_log_scale


class RoundedCode(nn.Module):
    """Finite scalar quantization: each dimension rounded to one of its levels.

    Computes ``round(b(m))`` with ``b(m) = h tanh(m + tan(o / h)) - o``, which keeps to the
    levels: h is half of their number less one, a thousandth smaller, and o a half where
    the number is even, else zero. Levels are then scaled to lie within [-1, 1]. Nothing is
    learned but the encoder, to which the slope goes straight through.

    Attributes:
      levels: of each dimension, two or more.

    Raises:
      ValueError: no dimension, or one of fewer levels.

    References:
      Mentzer et al., 2023, *Finite scalar quantization: VQ-VAE made simple*,
      section 3.1.

    Example:
      >>> import jax
      >>> features = jnp.zeros((3, 5))
      >>> code, _ = RoundedCode((5, 4)).init_with_output(jax.random.key(0), features)
      >>> code.mean[0].tolist(), code.index[0].tolist()
      ([0.0, 0.0], [2, 2])
    """

    levels: tuple[int, ...]

    space = "grid"

    @property
    def size(self) -> int:
        """Dimensions of the latent space."""
        return len(self.levels)

    @property
    def places(self) -> int:
        """How many codes there are."""
        return prod(self.levels)

    @nn.compact
    def __call__(self, features: Float[Array, "n f"]) -> Quantized:
        if not self.levels or min(self.levels) < 2:
            raise ValueError(
                f"RoundedCode(levels={self.levels}): expected 2 or more each"
            )
        mean, _ = mean_and_log_scale(features, self.size)
        levels = jnp.array(self.levels)[None]
        half, offset = (levels - 1) * 0.999 / 2, jnp.where(levels % 2 == 0, 0.5, 0.0)
        bounded = half * jnp.tanh(mean + jnp.tan(offset / half)) - offset
        scale = levels // 2
        index = jnp.round(bounded).astype(jnp.int32) + scale
        encoded, chosen = bounded / scale, (index - scale) / scale
        return Quantized(straight_through(encoded, chosen), encoded, chosen, index)


class Codebook(nn.Module):
    """Places that codes may take, as rows of a learned table.

    Attributes:
      count: of places.
      width: dimensions of each.
      table_init: how they start.
    """

    count: int
    width: int
    table_init: Initializer = normal(1.0)

    def setup(self):
        self.table = self.param("table", self.table_init, (self.count, self.width))

    def __call__(self) -> Float[Array, "{self.count} {self.width}"]:
        """All of them."""
        return self.table

    def require_examples(self, examples: int) -> None:
        """Raises:
        ValueError: more places than examples: each could have one of its own.
        """
        if self.count > examples:
            raise ValueError(
                f"Codebook(count={self.count}): larger than the data, {examples} "
                "examples; make it smaller"
            )


class VectorQuantizedCode(nn.Module):
    """Each group of dimensions moved to the nearest place of one codebook.

    Computes ``e_j`` with ``j = argmin_i |m - e_i|``, for each group of m.

    Attributes:
      codebook: of all groups; a prior may be given the same one.
      groups: how often a place is chosen for each example.

    References:
      van den Oord et al., 2017, *Neural discrete representation learning*, equations 1
      and 2.

    Example:
      >>> import jax
      >>> features = jnp.zeros((3, 5))
      >>> code = VectorQuantizedCode(Codebook(8, 2), groups=4)
      >>> code.size, code.places
      (8, 4096)
      >>> code.init_with_output(jax.random.key(0), features)[0].index.shape
      (3, 4)
    """

    codebook: Codebook
    groups: int = 1

    space = "grid"

    @property
    def size(self) -> int:
        """Dimensions of the latent space."""
        return self.codebook.width * self.groups

    @property
    def places(self) -> int:
        """How many codes there are."""
        return self.codebook.count**self.groups

    @nn.compact
    def __call__(self, features: Float[Array, "n f"]) -> Quantized:
        encoded, _ = mean_and_log_scale(features, self.size)
        table = self.codebook()
        index = nearest(encoded.reshape(-1, table.shape[1]), table)
        chosen = table[index].reshape(encoded.shape)
        index = index.reshape(len(encoded), self.groups)
        return Quantized(straight_through(encoded, chosen), encoded, chosen, index)


def nearest(
    points: Float[Array, "n d"], table: Float[Array, "m d"]
) -> Int[Array, " n"]:
    """Which row of the table is nearest to each point.

    Example:
      >>> nearest(jnp.array([[0.9], [-3.0]]), jnp.array([[0.0], [1.0]])).tolist()
      [1, 0]
    """
    products = jnp.matmul(points, table.T, precision="highest")
    return ((table**2).sum(1)[None] - 2 * products).argmin(1)
