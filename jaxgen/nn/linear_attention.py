"""Linear attention as a mixer: projections around means by features."""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax.nn.initializers import Initializer, lecun_normal
from jax.typing import DTypeLike

from jaxgen.arrays import Array, Float
from jaxgen.attention.cost import Work, matrix_product
from jaxgen.attention.features import EluPlusOne, FeatureMap
from jaxgen.attention.linear import (
    State,
    attended_to_all,
    attended_to_past,
    cost_of_all,
    cost_of_past,
)
from jaxgen.attention.linear_memory import attended_behind, empty_state
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

    def __call__(
        self, x: Float[Array, "b t d"], context: Context
    ) -> Float[Array, "b t d"]:
        attended = attended_to_past if self.causal else attended_to_all

        def among_row(query, key, value):
            told = context.padding, context.segments
            return attended(query, key, value, *told, self.chunk), None

        return self._around(among_row, x, context)[0]

    def memory(
        self, batch: int, capacity: int, features: int, dtype: DTypeLike
    ) -> State:
        """Sums of no token, in float32 or more."""
        self._require_sizes(features)
        size = features // self.heads
        numbers = jnp.promote_types(dtype, jnp.float32)
        width = self.feature_map.width(size)
        return empty_state(batch, self.heads, width, size, numbers)

    def continued(
        self, x: Float[Array, "b t d"], context: Context, memory: State
    ) -> tuple[Float[Array, "b t d"], State]:
        """With the sums of the tokens before."""

        def among_read(query, key, value):
            return attended_behind(memory, query, key, value, self.chunk)

        return self._around(among_read, x, context)

    @nn.compact
    def _around(
        self, attended: Callable, x: Array, context: Context
    ) -> tuple[Array, Any]:
        self._require_sizes(x.shape[-1])
        positions = positions_of(context, x.shape[1])
        query, key, value = (
            to_heads(self, x, name) for name in ("query", "key", "value")
        )
        query, key = (self.feature_map(side, positions) for side in (query, key))
        found, kept = attended(query, key, value)
        return from_heads(self, found.astype(value.dtype)), kept

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
