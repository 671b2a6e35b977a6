"""The dense synthesizer: attention whose weights each token tells by itself."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.nn.initializers import Initializer, lecun_normal, normal

from jaxgen.arrays import Array, Float, Int
from jaxgen.attention.attend import Implementation, attend, attention_cost
from jaxgen.attention.cost import Work, matrix_product
from jaxgen.attention.expressions import FULL
from jaxgen.attention.patterns import Pattern
from jaxgen.nn.mixer import Context, positions_of
from jaxgen.nn.projections import from_heads, require_heads, to_heads


class DenseSynthesizer(nn.Module):
    """Attention to keys of places: a token's weights depend on itself alone.

    With heads of ``h = d / heads`` features, and p_j the position of token j::

        q, v = relu(W_q x), W_v x
        y_i = W_o sum_j w_ij v_j,    w_i = softmax_j(q_i . k_(p_j) / sqrt(h))

    over all j that i may attend to, where the keys k are learned, one for each place. It
    costs the square of the length, as attention does. Positions that are told cannot be
    looked at: where a token's is ``maximum`` or more, its row becomes NaN.

    Attributes:
      heads: n.
      maximum: how many places, and the longest row.
      pattern: which index may attend to which; see `jaxgen.attention.expressions`.
      use_bias: whether the three projections have a bias.
      kernel_init: how the projections start.
      table_init: how the keys start, (maximum, n, h).
      implementation: how attention is computed; see `attend`.

    Raises:
      ValueError: heads that do not divide the features, a row that is too long; and as
        `attend`.

    References:
      Tay et al., 2021, *Synthesizer: rethinking self-attention for transformer models*,
      section 3.1. The root is not theirs: it lets keys start as normal numbers.

    Example:
      >>> mixer = DenseSynthesizer(4, maximum=16)
      >>> inputs = jnp.zeros((2, 16, 32)), Context()
      >>> jax.eval_shape(mixer.init_with_output, jax.random.key(0), *inputs)[0].shape
      (2, 16, 32)
    """

    heads: int
    maximum: int
    pattern: Pattern = FULL
    use_bias: bool = False
    kernel_init: Initializer = lecun_normal()
    table_init: Initializer = normal(1.0)
    implementation: Implementation | None = None

    @property
    def exact(self) -> bool:
        """It is its own definition."""
        return True

    @property
    def causal(self) -> bool:
        """Whether no token attends to a later one."""
        return self.pattern.causal

    @nn.compact
    def __call__(
        self, x: Float[Array, "b t d"], context: Context
    ) -> Float[Array, "b t d"]:
        require_sizes(self, *x.shape[1:])
        query, value = (to_heads(self, x, name) for name in ("query", "value"))
        table = self.param("key", self.table_init, (self.maximum, *query.shape[2:]))
        key = jnp.take(table, places_of(x, context), axis=0)
        found = attend(
            jax.nn.relu(query),
            jnp.broadcast_to(key, query.shape),
            value,
            pattern=self.pattern,
            segments=context.segments,
            padding=context.padding,
            implementation=self.implementation,
        )
        return from_heads(self, found.output)

    def cost(self, batch: int, length: int, features: int) -> Work:
        """Three projections, and attention."""
        require_sizes(self, length, features)
        shape = batch, length, self.heads, features // self.heads
        each = jax.ShapeDtypeStruct(shape, jnp.float32)
        how = {"pattern": self.pattern, "implementation": self.implementation}
        attending = attention_cost(each, each, each, **how).forward
        return attending + matrix_product(batch * length, features, features) * 3


def places_of(x: Float[Array, "b t d"], context: Context) -> Int[Array, "_ t"]:
    """The positions of tokens; zero at padding, which may lie beyond the last place."""
    positions = positions_of(context, x.shape[1])
    return positions if context.padding is None else positions * ~context.padding


def require_sizes(mixer: Any, length: int, features: int) -> None:
    """Raises:
    ValueError: heads that do not divide the features, or a row that is too long.
    """
    require_heads(mixer, features)
    if length > mixer.maximum:
        raise ValueError(
            f"{type(mixer).__name__}(maximum={mixer.maximum}): a row of {length} tokens; "
            "make maximum larger or rows shorter"
        )
