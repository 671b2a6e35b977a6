"""Reformer's attention as a mixer: to tokens that a hash finds alike."""

import flax.linen as nn
import jax.numpy as jnp
from jax.nn.initializers import Initializer, lecun_normal

from jaxgen.arrays import Array, Float
from jaxgen.attention.cost import Work, matrix_product
from jaxgen.attention.features import require_count
from jaxgen.attention.hashing import (
    Reach,
    attended_by_hash,
    cost_by_hash,
    drawn_rotations,
)
from jaxgen.attention.tiles import accumulator
from jaxgen.nn.mixer import Context, sequences
from jaxgen.nn.projections import from_heads, require_heads, to_heads


class LSHAttention(nn.Module):
    """Attention within buckets of a locality-sensitive hash, where queries are keys.

    With heads of ``h = d / heads`` features, each round of hashing gives a token the
    bucket ``argmax [q R, -q R]`` by a matrix R of its own, (h, buckets / 2)::

        q, v = W_q x, W_v x
        y_i = W_o sum_j exp(q_i . q_j / |q_j|) v_j / sum_j exp(q_i . q_j / |q_j|)

    over all j that i sees in any round: those of its own bucket and segment, of which
    at most ``window - 1`` lie between the two, on either side or before it. A token sees
    itself only where it sees nobody else. The keys' unit length stands in for the root
    of h.

    Published code cuts the sorted row into a grid of chunks, where one token more moves
    all that follow: what a token sees there depends on later tokens, on padding and on
    the row's other sequences. A window around each token depends on none of them, and
    chunks of a window and those beside them hold it whole. Published code also counts a
    key once for each round that sees it, where here it counts once, as in the paper.

    With a window as long as the row, and rounds enough for each pair to meet in one, it
    is attention to all others. Memory and work are linear in the length, but for
    sorting: ``3 hashes window`` pairs a token, two thirds of them where causal.

    Attributes:
      heads: n.
      buckets: of each round, an even number: each vector of R and its opposite.
      hashes: rounds.
      window: tokens of its bucket that a token sees, on each side.
      causal: whether no token sees a later one.
      seed: of R, which is drawn once: it is no parameter.
      use_bias: whether the three projections have a bias.
      kernel_init: how the projections start.

    Raises:
      ValueError: heads that do not divide the features; an odd number of buckets or
        none; no round or no window; several rounds for heads of one feature, which is
        above or below zero whatever R is; a seed below zero.

    References:
      Kitaev et al., 2020, *Reformer: the efficient transformer*, section 2 and
      appendix A.

    Example:
      >>> import jax
      >>> mixer = LSHAttention(4, buckets=8, hashes=2, window=4, causal=True)
      >>> inputs = jnp.zeros((2, 16, 32)), Context()
      >>> jax.eval_shape(mixer.init_with_output, jax.random.key(0), *inputs)[0].shape
      (2, 16, 32)
      >>> mixer.cost(1, 8192, 32).flops / mixer.cost(1, 4096, 32).flops
      2.0
    """

    heads: int
    buckets: int = 32
    hashes: int = 4
    window: int = 64
    causal: bool = False
    seed: int = 0
    use_bias: bool = False
    kernel_init: Initializer = lecun_normal()

    @property
    def exact(self) -> bool:
        """An estimate of attention to all others."""
        return False

    @nn.compact
    def __call__(
        self, x: Float[Array, "b t d"], context: Context
    ) -> Float[Array, "b t d"]:
        sizes = self.heads, self._width(x.shape[-1]), self.hashes, self.buckets
        drawn = drawn_rotations(*sizes, self.seed)
        query, value = (to_heads(self, x, name) for name in ("query", "value"))
        found = attended_by_hash(
            query,
            value,
            sequences(context, *x.shape[:2]),
            jnp.asarray(drawn, accumulator(query)),
            Reach(self.window, self.causal),
        )
        return from_heads(self, found.astype(value.dtype))

    def cost(self, batch: int, length: int, features: int) -> Work:
        """Projections, hashes and pairs; sorting is not counted."""
        width, rows = self._width(features), batch * length
        sizes = batch, self.heads, length, width, self.hashes, self.buckets
        attending = cost_by_hash(*sizes, Reach(self.window, self.causal))
        return attending + matrix_product(rows, features, features) * 3

    def _width(self, features: int) -> int:
        """Features of a head."""
        require_heads(self, features)
        for field in ("hashes", "window"):
            require_count("LSHAttention", field, getattr(self, field))
        width = features // self.heads
        for field, expected, fits in (
            ("buckets", "an even number", self.buckets > 1 and self.buckets % 2 == 0),
            ("hashes", "1, for heads of one feature", self.hashes == 1 or width > 1),
            ("seed", "0 or more", self.seed >= 0),
        ):
            if not fits:
                raise ValueError(
                    f"LSHAttention({field}={getattr(self, field)}): expected {expected}"
                )
        return width
