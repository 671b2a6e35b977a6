"""The random synthesizer: attention whose weights are learned, whatever tokens say."""

from typing import Protocol, runtime_checkable

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.nn.initializers import Initializer, lecun_normal, normal

from jaxgen.arrays import Array, Float, Int
from jaxgen.attention.case import case_of
from jaxgen.attention.cost import Work, matrix_product
from jaxgen.attention.expressions import FULL
from jaxgen.attention.patterns import Pattern
from jaxgen.attention.tiles import accumulator, attended_tile, heads_first, may_attend
from jaxgen.nn.dense_synthesizer import places_of, require_sizes
from jaxgen.nn.mixer import Context
from jaxgen.nn.projections import from_heads, to_heads


@runtime_checkable
class Table(Protocol):
    """A Linen module that owns the logits of all pairs of places: (n, places, places)."""

    def __call__(self, heads: int, places: int) -> Array:
        """The logits, in float32 or more."""
        ...

    def cost(self, heads: int, places: int) -> Work:
        """Work of its products of matrices."""
        ...


class WholeTable(nn.Module):
    """A number for each pair of places, each learned alone.

    Attributes:
      table_init: how they start.
    """

    table_init: Initializer = normal(1.0)

    @nn.compact
    def __call__(self, heads: int, places: int) -> Float[Array, "n p p"]:
        table = self.param("table", self.table_init, (heads, places, places))
        return table.astype(accumulator(table))

    def cost(self, heads: int, places: int) -> Work:
        """No product."""
        return Work()


class FactorizedTable(nn.Module):
    """Numbers of pairs of places by fewer parameters: ``Q K^T / sqrt(rank)``.

    Attributes:
      rank: columns of Q and of K.
      table_init: how they start, (n, places, rank).

    References:
      Tay et al., 2021, *Synthesizer: rethinking self-attention for transformer models*,
      section 3, "factorized random synthesizer", and its rank of 8. The root is not theirs:
      it lets both start as normal numbers.
    """

    rank: int = 8
    table_init: Initializer = normal(1.0)

    @nn.compact
    def __call__(self, heads: int, places: int) -> Float[Array, "n p p"]:
        self._require_rank()
        shape = heads, places, self.rank
        query, key = (
            self.param(name, self.table_init, shape) for name in ("query", "key")
        )
        wide = accumulator(query)
        products = jnp.einsum("nqr,nkr->nqk", query, key, preferred_element_type=wide)
        return products / self.rank**0.5

    def cost(self, heads: int, places: int) -> Work:
        """The product."""
        self._require_rank()
        return matrix_product(places, self.rank, places, batch=heads)

    def _require_rank(self) -> None:
        if self.rank < 1:
            raise ValueError(
                f"FactorizedTable(rank={self.rank}): expected 1 column or more"
            )


class RandomSynthesizer(nn.Module):
    """Learned weights of pairs of places, whatever stands there.

    With a matrix R of all pairs of places for each head, random before it is trained, and
    p_j the position of token j::

        v = W_v x
        y_i = W_o sum_j w_ij v_j,    w_i = softmax_j(R_(p_i, p_j))

    over all j that i may attend to. It costs the square of the length, in memory too.
    Positions that are told cannot be looked at: where a token's is ``maximum`` or more,
    its row becomes NaN.

    Attributes:
      heads: n.
      maximum: how many places, and the longest row.
      table: what owns R: `WholeTable()` or `FactorizedTable(rank)`.
      pattern: which index may attend to which; see `jaxgen.attention.expressions`.
      use_bias: whether the two projections have a bias.
      kernel_init: how the projections start.

    Raises:
      ValueError: heads that do not divide the features, or a row that is too long; and as
        the table.

    References:
      Tay et al., 2021, *Synthesizer: rethinking self-attention for transformer models*,
      section 3.2.

    Example:
      >>> mixer = RandomSynthesizer(4, maximum=16, table=FactorizedTable(rank=2))
      >>> inputs = jnp.zeros((2, 16, 32)), Context()
      >>> jax.eval_shape(mixer.init_with_output, jax.random.key(0), *inputs)[0].shape
      (2, 16, 32)
    """

    heads: int
    maximum: int
    table: Table = WholeTable()
    pattern: Pattern = FULL
    use_bias: bool = False
    kernel_init: Initializer = lecun_normal()

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
        value = to_heads(self, x, "value")
        case = case_of(
            value,
            value,
            self.pattern,
            segments=context.segments,
            padding=context.padding,
        )
        allowed = may_attend(case.of_query, case.of_key, case.rules)[:, None]
        table = self.table(self.heads, self.maximum)
        logits = jnp.where(allowed, logits_of(table, x, context), -jnp.inf)
        logits = jnp.broadcast_to(logits, (len(x), *logits.shape[1:]))
        found = heads_first(attended_tile(logits, value).output)
        return from_heads(self, found.astype(value.dtype))

    def cost(self, batch: int, length: int, features: int) -> Work:
        """Two projections, the table and the sums of values."""
        require_sizes(self, length, features)
        size, rows = features // self.heads, batch * length
        return (
            matrix_product(rows, features, features) * 2
            + self.table.cost(self.heads, self.maximum)
            + matrix_product(length, length, size, batch=batch * self.heads)
        )


def logits_of(
    table: Float[Array, "n p p"], x: Float[Array, "b t d"], context: Context
) -> Float[Array, "_ n t t"]:
    """The numbers of all pairs of tokens of a row, by their places."""
    length = x.shape[1]
    if context.positions is None and context.segments is None:
        return table[None, :, :length, :length]
    return of_pairs(table, places_of(x, context))


def of_pairs(
    table: Float[Array, "n p p"], places: Int[Array, "b t"]
) -> Float[Array, "b n t t"]:
    """The numbers of all pairs of places of each row; NaN where there is no such place.

    Example:
      >>> table = jnp.arange(9.0).reshape(1, 3, 3)
      >>> of_pairs(table, jnp.array([[2, 0]])).tolist()
      [[[[8.0, 6.0], [2.0, 0.0]]]]
    """

    # pairs at once would take a TPU's memory as if there were 128 heads
    def of_row(places):
        return jnp.take(jnp.take(table, places, axis=1), places, axis=2)

    return jax.vmap(of_row)(places)
