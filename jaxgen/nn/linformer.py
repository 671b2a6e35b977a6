"""Linformer as a mixer: attention to a fixed number of keys."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.nn.initializers import Initializer, lecun_normal

from jaxgen.arrays import Array, Float
from jaxgen.attention.attend import Implementation, attend, attention_cost
from jaxgen.attention.cost import Work, matrix_product
from jaxgen.attention.features import require_count
from jaxgen.attention.landmarks import landmark_means
from jaxgen.nn.mixer import Context, require_one_sequence
from jaxgen.nn.projections import from_heads, require_heads, to_heads


class LinformerAttention(nn.Module):
    """Attention of each token to a few keys that are learned mixtures of all tokens.

    With heads of ``h = d / heads`` features, and m the means of the slots of a row::

        q, k, v = W_q x, W_k E m, W_v F m
        y = W_o softmax(q k^T / sqrt(h)) v

    which takes linear time and memory. Where Linformer projects positions, of a fixed
    length, its pooling makes the means here, see `landmark_means`, and E and F, each
    (rank, rank), mix them: so padding counts for nothing, and any length will do. E and F
    start as the identity and serve all heads, as rank^2 numbers for each could outweigh
    the other projections. Slots without a token are no keys; in a row of no more tokens
    than the rank each token has a slot, so that at first this is `SelfAttention`.

    Attributes:
      heads: n.
      rank: slots, and so keys, whatever the length.
      use_bias: whether the four projections W have a bias.
      kernel_init: how these start.
      implementation: how attention is computed; see `attend`.

    Raises:
      ValueError: heads that do not divide the features, a rank below 1; several sequences
        in a row, all of which it would mix; and as `attend`.

    References:
      Wang et al., 2020, *Linformer: self-attention with linear complexity*, equation 7,
      and section 4: headwise sharing, mean pooling.

    Example:
      >>> mixer = LinformerAttention(4, rank=8)
      >>> inputs = jnp.zeros((2, 16, 32)), Context()
      >>> jax.eval_shape(mixer.init_with_output, jax.random.key(0), *inputs)[0].shape
      (2, 16, 32)
    """

    heads: int
    rank: int = 256
    use_bias: bool = False
    kernel_init: Initializer = lecun_normal()
    implementation: Implementation | None = None

    @property
    def exact(self) -> bool:
        """It stands for attention to all tokens."""
        return False

    @property
    def causal(self) -> bool:
        """Each slot may hold later tokens."""
        return False

    @nn.compact
    def __call__(
        self, x: Float[Array, "b t d"], context: Context
    ) -> Float[Array, "b t d"]:
        require_one_sequence("LinformerAttention", context)
        self._require_sizes(x.shape[-1])
        slots = landmark_means(x, context.padding, self.rank)
        key, value = (
            to_heads(self, self._mixed(name, slots.means).astype(x.dtype), name)
            for name in ("key", "value")
        )
        found = attend(
            to_heads(self, x, "query"),
            key,
            value,
            padding=slots.empty,
            implementation=self.implementation,
        )
        return from_heads(self, found.output)

    def _mixed(self, name: str, means: Float[Array, "b m d"]) -> Array:
        """E of the means, or F."""
        matrix = self.param(f"{name}_slots", identity, (self.rank, self.rank))
        return jnp.einsum("rs,bsd->brd", matrix, means)

    def cost(self, batch: int, length: int, features: int) -> Work:
        """Projections and `attention_cost`; the means, linear in ``b t d``, not counted."""
        self._require_sizes(features)
        query, key = (
            jax.ShapeDtypeStruct(
                (batch, count, self.heads, features // self.heads), jnp.float32
            )
            for count in (length, self.rank)
        )
        return (
            attention_cost(query, key, key, implementation=self.implementation).forward
            + matrix_product(batch * length, features, features) * 2
            + matrix_product(batch * self.rank, features, features) * 2
            + matrix_product(self.rank, self.rank, batch * features) * 2
        )

    def _require_sizes(self, features: int) -> None:
        require_heads(self, features)
        require_count("LinformerAttention", "rank", self.rank)


def identity(key: Array, shape: tuple[int, int], dtype=jnp.float32) -> Array:
    """An initializer: ones on the diagonal."""
    del key
    return jnp.eye(*shape, dtype=dtype)
