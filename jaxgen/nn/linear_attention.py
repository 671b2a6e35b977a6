"""Linear attention as a mixer: projections around means by features."""

import flax.linen as nn
from jax.nn.initializers import Initializer, lecun_normal

from jaxgen.arrays import Array, Float
from jaxgen.attention.cost import Work, matrix_product
from jaxgen.attention.features import EluPlusOne, FeatureMap
from jaxgen.attention.linear import (
    attended_to_all,
    attended_to_past,
    cost_of_all,
    cost_of_past,
)
from jaxgen.nn.mixer import Context, positions_of
from jaxgen.nn.projections import from_heads, require_heads, to_heads


class LinearAttention(nn.Module):
    """Attention whose weights are products of features, in linear time and memory.

    With heads of ``h = d / heads`` features::

        q, k, v = W_q x, W_k x, W_v x
        y_i = W_o sum_j phi(q_i) phi(k_j) v_j / sum_j phi(q_i) phi(k_j)

    over all j of the segment, or those up to i.

    Attributes:
      heads: n.
      feature_map: phi: `EluPlusOne()`; the Performer's `PositiveRandomFeatures(256)`,
        an estimate of `SelfAttention` of the same parameters; `CosFormer(furthest)`.
      causal: whether no token attends to a later one.
      chunk: tokens that are paired with one another, where causal or packed.
      use_bias: whether the four projections have a bias.
      kernel_init: how the projections start.

    Raises:
      ValueError: heads that do not divide the features, a chunk of no token; and as the
        feature map.

    References:
      Katharopoulos et al., 2020, *Transformers are RNNs: fast autoregressive
      transformers with linear attention*.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> mixer = LinearAttention(4, causal=True)
      >>> inputs = jnp.zeros((2, 16, 32)), Context()
      >>> jax.eval_shape(mixer.init_with_output, jax.random.key(0), *inputs)[0].shape
      (2, 16, 32)
      >>> mixer.cost(1, 8192, 32).flops / mixer.cost(1, 4096, 32).flops
      2.0
    """

    heads: int
    feature_map: FeatureMap = EluPlusOne()
    causal: bool = False
    chunk: int = 128
    use_bias: bool = False
    kernel_init: Initializer = lecun_normal()

    @property
    def exact(self) -> bool:
        """Whether the weights are their own definition."""
        return self.feature_map.exact

    @nn.compact
    def __call__(
        self, x: Float[Array, "b t d"], context: Context
    ) -> Float[Array, "b t d"]:
        self._require_sizes(x.shape[-1])
        positions = positions_of(context, x.shape[1])
        query, key, value = (
            to_heads(self, x, name) for name in ("query", "key", "value")
        )
        attended = attended_to_past if self.causal else attended_to_all
        found = attended(
            self.feature_map(query, positions),
            self.feature_map(key, positions),
            value,
            context.padding,
            context.segments,
            self.chunk,
        )
        return from_heads(self, found.astype(value.dtype))

    def cost(self, batch: int, length: int, features: int) -> Work:
        """Projections, features and sums; with segments, both ways of a causal one."""
        self._require_sizes(features)
        size, rows, heads = features // self.heads, batch * length, batch * self.heads
        sums = (heads, length, self.feature_map.width(size), size)
        return (
            matrix_product(rows, features, features) * 4
            + self.feature_map.cost(rows * self.heads, size) * 2
            + (cost_of_past(*sums, self.chunk) if self.causal else cost_of_all(*sums))
        )

    def _require_sizes(self, features: int) -> None:
        require_heads(self, features)
        if self.chunk < 1:
            raise ValueError(
                f"LinearAttention(chunk={self.chunk}): expected 1 token or more"
            )
