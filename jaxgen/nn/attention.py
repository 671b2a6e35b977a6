"""Attention as a mixer: projections around one call of `jaxgen.attention`."""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.nn.initializers import Initializer, lecun_normal, normal
from jax.typing import DTypeLike

from jaxgen.arrays import Array, Float
from jaxgen.attention import scores
from jaxgen.attention.attend import Implementation, attend, attention_cost
from jaxgen.attention.cache import Cache, attend_cached, empty_cache, extended
from jaxgen.attention.cost import Work, matrix_product
from jaxgen.attention.expressions import FULL
from jaxgen.attention.patterns import Pattern
from jaxgen.attention.scores import Score
from jaxgen.nn.mixer import Context, positions_of

ScoreOf = Callable[[int], Score]
"""From a number of heads to their score; a Linen module where the score is learned."""


def unscored(heads: int) -> Score:
    """The score that adds nothing, to any number of heads."""
    del heads
    return scores.unchanged


class SelfAttention(nn.Module):
    """Softmax attention of each token to those of its row.

    With heads of ``h = d / heads`` features::

        q, k, v = R(W_q x), R(W_k x), W_v x
        y = W_o attend(q, k, v)

    where R turns vectors by their positions, or not at all.

    Attributes:
      heads: of queries, n.
      key_heads: of keys and values, each of which serves ``heads / key_heads`` in a
        row; as many as heads unless told.
      pattern: which index may attend to which; see `jaxgen.attention.expressions`.
      score: ``heads -> score``: `ALiBi`, ``lambda heads: SoftCap(30.0)``, or a module
        that owns what the score learns: `RelativeBias()`.
      rotation: ``(vectors, positions) -> vectors``, such as `rotary`; None for no
        positions but those of the score.
      use_bias: whether the four projections have a bias.
      kernel_init: how the projections start.
      implementation: how attention is computed; see `attend`.

    Raises:
      ValueError: heads that do not divide the features, key heads that do not divide
        the heads; and as `attend`.

    References:
      Vaswani et al., 2017, *Attention is all you need*, section 3.2.2; key heads:
      Ainslie et al., 2023, *GQA: training generalized multi-query transformer models*;
      R: Su et al., 2021, *RoFormer*.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> from jaxgen.attention.expressions import causal, window
      >>> mixer = SelfAttention(4, key_heads=2, pattern=causal() & window(8))
      >>> inputs = jnp.zeros((2, 16, 32)), Context()
      >>> jax.eval_shape(mixer.init_with_output, jax.random.key(0), *inputs)[0].shape
      (2, 16, 32)
      >>> mixer.causal
      True
    """

    heads: int
    key_heads: int | None = None
    pattern: Pattern = FULL
    score: ScoreOf = unscored
    rotation: Callable[[Array, Array], Array] | None = None
    use_bias: bool = False
    kernel_init: Initializer = lecun_normal()
    implementation: Implementation | None = None

    @property
    def exact(self) -> bool:
        """It is its own definition."""
        return True

    @property
    def causal(self) -> bool:
        """Whether no query attends to a later key."""
        return self.pattern.causal

    def __call__(
        self, x: Float[Array, "b t d"], context: Context
    ) -> Float[Array, "b t d"]:
        def among_row(query, key, value, positions, **how):
            told = {"segments": context.segments, "padding": context.padding}
            at = {"positions": positions, "key_positions": positions}
            return attend(query, key, value, **told, **at, **how), None

        return self._around(among_row, x, context)[0]

    def memory(
        self, batch: int, capacity: int, features: int, dtype: DTypeLike
    ) -> Cache:
        """Keys and values of no token."""
        heads = self._key_heads(features)
        return empty_cache(batch, capacity, heads, features // self.heads, dtype=dtype)

    def continued(
        self, x: Float[Array, "b t d"], context: Context, memory: Cache
    ) -> tuple[Float[Array, "b t d"], Cache]:
        """Attention to what was read, of tokens behind it at their indices."""

        def among_read(query, key, value, positions, **how):
            cache = extended(memory, key, value)
            return attend_cached(query, cache, **how), cache

        return self._around(among_read, x, context)

    @nn.compact
    def _around(
        self, attended: Callable, x: Array, context: Context
    ) -> tuple[Array, Any]:
        features = x.shape[-1]
        key_heads = self._key_heads(features)
        query = self._heads(self.heads, features, "query")(x)
        key = self._heads(key_heads, features, "key")(x)
        value = self._heads(key_heads, features, "value")(x)
        positions = positions_of(context, x.shape[1])
        if self.rotation is not None:
            query, key = (self.rotation(side, positions) for side in (query, key))
        how = {
            "pattern": self.pattern,
            "score": self.score(self.heads),
            "implementation": self.implementation,
        }
        found, kept = attended(query, key, value, positions, **how)
        joined = found.output.reshape(x.shape)
        how = {"use_bias": self.use_bias, "kernel_init": self.kernel_init}
        return nn.Dense(features, **how, name="out")(joined), kept

    def cost(self, batch: int, length: int, features: int) -> Work:
        """The four projections and `attention_cost`; learned scores are not counted."""
        key_heads = self._key_heads(features)
        width = features // self.heads
        query, key = (
            jax.ShapeDtypeStruct((batch, length, heads, width), jnp.float32)
            for heads in (self.heads, key_heads)
        )
        how = {"pattern": self.pattern, "implementation": self.implementation}
        attending = attention_cost(query, key, key, **how).forward
        rows = batch * length
        of_queries = matrix_product(rows, features, features) * 2
        return (
            attending
            + of_queries
            + matrix_product(rows, features, key_heads * width) * 2
        )

    def _key_heads(self, features: int) -> int:
        key_heads = self.heads if self.key_heads is None else self.key_heads
        require_heads(features, self.heads, key_heads)
        return key_heads

    def _heads(self, count: int, features: int, name: str) -> nn.Module:
        return nn.DenseGeneral(
            (count, features // self.heads),
            use_bias=self.use_bias,
            kernel_init=self.kernel_init,
            name=name,
        )


def require_heads(features: int, heads: int, key_heads: int) -> None:
    """Raises:
    ValueError: heads that do not divide the features, or key heads the heads.
    """
    if heads < 1 or features % heads:
        raise ValueError(
            f"SelfAttention(heads={heads}): {features} features do not divide into "
            f"{heads} heads; change one of them"
        )
    if key_heads < 1 or heads % key_heads:
        raise ValueError(
            f"SelfAttention(heads={heads}, key_heads={key_heads}): key heads must "
            "divide the heads"
        )


class RelativeBias(nn.Module):
    """Owns the table of `jaxgen.attention.scores.RelativeBias`: (heads, buckets).

    Each layer has a table of its own, where T5 has one for all.

    Attributes:
      buckets: of distances.
      bidirectional: half of the buckets are for later keys.
      furthest: distance from which on all share the last bucket.
      table_init: how the table starts.

    References:
      Raffel et al., 2020, *Exploring the limits of transfer learning with T5*,
      section 2.1.

    Example:
      >>> mixer = SelfAttention(4, score=RelativeBias(buckets=8))
    """

    buckets: int = 32
    bidirectional: bool = True
    furthest: int = 128
    table_init: Initializer = normal(1.0)

    @nn.compact
    def __call__(self, heads: int) -> Score:
        table = self.param("table", self.table_init, (heads, self.buckets))
        return scores.RelativeBias(table, self.bidirectional, self.furthest)
