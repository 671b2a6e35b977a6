"""Sparse Sinkhorn attention as a mixer: blocks, and others that are sorted to them."""

import flax.linen as nn
import jax.numpy as jnp
from jax.nn.initializers import Initializer, lecun_normal

from jaxgen.arrays import Array, Bool, Float
from jaxgen.attention.blocked import cut, reordered, uncut
from jaxgen.attention.cost import Work, matrix_product
from jaxgen.attention.features import require_count
from jaxgen.attention.sinkhorn import (
    attended_beside,
    block_means,
    cost_beside,
    cost_of_permutation,
    soft_permutation,
)
from jaxgen.nn.mixer import Context, require_one_sequence
from jaxgen.nn.projections import from_heads, require_heads, to_heads


class SinkhornAttention(nn.Module):
    """Attention of each block to itself and to a block that is learned to be beside it.

    With heads of ``h = d / heads`` features, blocks of tokens, and the mean m of each::

        q, k, v = W_q x, W_k x, W_v x
        P = sinkhorn((A m) (B m)^T / (temperature sqrt(h)))
        y = W_o attend(q, [k, P k], [v, P v])    block by block

    where P is nearly doubly stochastic: blocks, softly permuted. Padding is moved to
    the end before blocks are cut, and back in the end: it counts in no block.

    Two blocks or fewer of keys for each query, and P of (length / block)^2 numbers a
    head, which takes ``4 length^2 d / block`` operations to apply: the square of the
    length, divided. Blocks of about its root make it ``length^1.5``. A row of one block
    is attended to exactly.

    The paper's network of the sort has an output for each block, so that it fits one
    length alone, and sums where means are here; its noise (Gumbel's) is left out.

    Attributes:
      heads: n.
      block: tokens.
      iterations: of dividing columns, then rows, by their sums.
      temperature: the lower it is, the harder the permutation.
      use_bias: whether the six projections have a bias.
      kernel_init: how the projections start.

    Raises:
      ValueError: several sequences in a row, whose blocks it would mix; heads that do
        not divide the features; no token, no iteration, or no temperature above zero.

    References:
      Tay et al., 2020, *Sparse Sinkhorn attention*, section 3.

    Example:
      >>> import jax
      >>> mixer = SinkhornAttention(4, block=8)
      >>> inputs = jnp.zeros((2, 16, 32)), Context()
      >>> jax.eval_shape(mixer.init_with_output, jax.random.key(0), *inputs)[0].shape
      (2, 16, 32)
    """

    heads: int
    block: int = 64
    iterations: int = 8
    temperature: float = 0.75
    use_bias: bool = False
    kernel_init: Initializer = lecun_normal()

    @property
    def exact(self) -> bool:
        """It is its own definition."""
        return True

    @property
    def causal(self) -> bool:
        """The mean of a block holds its last token."""
        return False

    @nn.compact
    def __call__(
        self, x: Float[Array, "b t d"], context: Context
    ) -> Float[Array, "b t d"]:
        self._require_sizes(x.shape[-1])
        require_one_sequence("SinkhornAttention", context)
        if context.padding is None:
            return self._mixed(x, jnp.ones(x.shape[:2], bool))
        order = jnp.argsort(context.padding, axis=1)
        kept = jnp.where(context.padding[..., None], 0, x)
        found = self._mixed(reordered(kept, order), ~reordered(context.padding, order))
        return reordered(found, jnp.argsort(order, axis=1))

    def _mixed(
        self, x: Float[Array, "b t d"], present: Bool[Array, "b t"]
    ) -> Float[Array, "b t d"]:
        """Of rows that end with what is not present."""
        length = x.shape[1]
        size = min(self.block, length)
        present = cut(present, size)
        means = block_means(cut(x, size), present)
        permutation = soft_permutation(
            to_heads(self, means, "sort_query"),
            to_heads(self, means, "sort_key"),
            present,
            self.temperature,
            self.iterations,
        )
        query, key, value = (
            cut(to_heads(self, x, name), size) for name in ("query", "key", "value")
        )
        found = attended_beside(query, key, value, present, permutation)
        return from_heads(self, uncut(found, length).astype(value.dtype))

    def cost(self, batch: int, length: int, features: int) -> Work:
        """Projections, the permutation and what it moves, and pairs."""
        self._require_sizes(features)
        size, width = min(self.block, length), features // self.heads
        blocks = -(-length // size)
        return (
            matrix_product(batch * length, features, features) * 4
            + matrix_product(batch * blocks, features, features) * 2
            + cost_of_permutation(batch, self.heads, blocks, width)
            + cost_beside(batch, self.heads, blocks, size, width)
        )

    def _require_sizes(self, features: int) -> None:
        require_heads(self, features)
        for field in ("block", "iterations"):
            require_count("SinkhornAttention", field, getattr(self, field))
        if self.temperature <= 0:
            raise ValueError(
                f"SinkhornAttention(temperature={self.temperature}): expected more than 0"
            )
