"""The gated delta rule as a mixer: gates and short convolutions around a memory."""

from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.nn.initializers import Initializer, lecun_normal
from jax.typing import DTypeLike

from jaxgen.arrays import Array, Float
from jaxgen.attention.cost import Work, matrix_product
from jaxgen.attention.delta_rule import Memory, cost_of_delta_rule, gated_delta_rule
from jaxgen.attention.linear_memory import answered_behind
from jaxgen.attention.tiles import accumulator
from jaxgen.nn.gated_convolution import convolved_behind, convolved_within
from jaxgen.nn.mixer import Context, sequences
from jaxgen.nn.projections import from_heads, require_heads, to_heads

VECTORS = "query", "key", "value"
"""What is convolved."""


class Kept(NamedTuple):
    """What a layer keeps of the tokens it has read.

    Attributes:
      held: keys and values, in a matrix of each head.
      last: vectors of the last tokens, for the convolutions, by name.
    """

    held: Memory
    last: dict[str, Float[Array, "b w d"]]


class GatedDeltaRule(nn.Module):
    """Gated DeltaNet: each head a matrix that maps keys to values, in linear time.

    With heads of ``h = d / heads`` features, and K a causal convolution of each feature::

        q, k, v = silu(K(W_q x)), silu(K(W_k x)), silu(K(W_v x))
        a, b = exp(-exp(s) softplus(W_a x + c)), sigmoid(W_b x)
        S_t = a_t S_(t-1) (I - b_t k_t k_t^T) + b_t v_t k_t^T
        y_t = W_o (norm(S_t q_t) * silu(W_g x_t))

    where q and k are divided by their length, and norm by the root of the mean square, of
    each head. Padding is passed over, and each segment starts with an empty memory.

    Attributes:
      heads: n.
      width: tokens under the convolutions.
      chunk: tokens that are paired with one another.
      use_bias: whether the projections of vectors, and the last, have a bias.
      kernel_init: how projections start, and the convolutions, (width, d).

    Raises:
      ValueError: heads that do not divide the features; no width, or a chunk of no token.

    References:
      Yang et al., 2025, *Gated delta networks: improving Mamba2 with delta rule*, section
      3; a and its start: Dao and Gu, 2024, *Transformers are SSMs*.

    Example:
      >>> mixer = GatedDeltaRule(4)
      >>> inputs = jnp.zeros((2, 16, 32)), Context()
      >>> jax.eval_shape(mixer.init_with_output, jax.random.key(0), *inputs)[0].shape
      (2, 16, 32)
      >>> mixer.cost(1, 8192, 32).flops / mixer.cost(1, 4096, 32).flops
      2.0
    """

    heads: int
    width: int = 4
    chunk: int = 64
    use_bias: bool = False
    kernel_init: Initializer = lecun_normal()

    @property
    def exact(self) -> bool:
        """It is its own definition."""
        return True

    @property
    def causal(self) -> bool:
        """The memory knows the past alone."""
        return True

    def __call__(
        self, x: Float[Array, "b t d"], context: Context
    ) -> Float[Array, "b t d"]:
        sequence = sequences(context, *x.shape[:2])

        def convolved(name, joined, kernel):
            return convolved_within(joined, kernel, 1 - self.width, sequence), None

        def answered(**given):
            told: Any = {"padding": context.padding, "segments": context.segments}
            return gated_delta_rule(**given, **told, chunk=self.chunk), None

        return self._around(convolved, answered, x)[0]

    def memory(
        self, batch: int, capacity: int, features: int, dtype: DTypeLike
    ) -> Kept:
        """Nothing, in float32 or more."""
        self._require_sizes(features)
        size, numbers = features // self.heads, jnp.promote_types(dtype, jnp.float32)
        last = jnp.zeros((batch, self.width - 1, features), numbers)
        return Kept(
            Memory(
                jnp.zeros((batch, self.heads, size, size), numbers),
                jnp.ones(batch, jnp.int32),
            ),
            dict.fromkeys(VECTORS, last),
        )

    def continued(
        self, x: Float[Array, "b t d"], context: Context, memory: Kept
    ) -> tuple[Float[Array, "b t d"], Kept]:
        """With what is held of the tokens before, and the last of them."""

        def convolved(name, joined, kernel):
            return convolved_behind(memory.last[name], joined, kernel)

        def answered(**given):
            return answered_behind(memory.held, **given, chunk=self.chunk)

        y, held, last = self._around(convolved, answered, x)
        return y, Kept(held, last)

    @nn.compact
    def _around(
        self, convolved: Callable, answered: Callable, x: Array
    ) -> tuple[Array, Any, dict[str, Any]]:
        self._require_sizes(x.shape[-1])
        found = {name: self._convolved(x, convolved, name) for name in VECTORS}
        query, key, value = (found[name][0] for name in VECTORS)
        step = self._gate(x, "step", use_bias=True, bias_init=first_step)
        speed = self.param("speed", first_speed, (self.heads,)).astype(accumulator(x))
        answers, held = answered(
            query=unit(query),
            key=unit(key),
            value=value,
            log_decay=-jnp.exp(speed)[None, None] * jax.nn.softplus(step),
            rate=jax.nn.sigmoid(self._gate(x, "rate", use_bias=False)),
        )
        normed = nn.RMSNorm(name="norm")(answers).astype(x.dtype)
        y = from_heads(self, normed * jax.nn.silu(to_heads(self, x, "gate")))
        return y, held, {name: found[name][1] for name in VECTORS}

    def cost(self, batch: int, length: int, features: int) -> Work:
        """Projections, gates and memory; ``6 b t d width`` operations not counted."""
        self._require_sizes(features)
        size, rows = features // self.heads, batch * length
        return (
            matrix_product(rows, features, features) * 5
            + matrix_product(rows, features, self.heads) * 2
            + cost_of_delta_rule(batch * self.heads, length, size, size, self.chunk)
        )

    def _convolved(self, x: Array, convolved: Callable, name: str) -> tuple[Array, Any]:
        """Vectors (b, t, n, h) of heads, in the dtype of sums; and what is kept."""
        heads = to_heads(self, x, name).astype(accumulator(x))
        shape = self.width, x.shape[-1]
        kernel = self.param(f"{name}_convolution", self.kernel_init, shape)
        found, kept = convolved(name, heads.reshape(x.shape), kernel)
        return jax.nn.silu(found).reshape(heads.shape), kept

    def _gate(self, x: Array, name: str, **how) -> Array:
        """A number for each head, before its bend, in the dtype of sums."""
        gate = nn.Dense(self.heads, kernel_init=self.kernel_init, name=name, **how)
        return gate(x).astype(accumulator(x))

    def _require_sizes(self, features: int) -> None:
        require_heads(self, features)
        for field in ("width", "chunk"):
            if getattr(self, field) < 1:
                raise ValueError(
                    f"GatedDeltaRule({field}={getattr(self, field)}): expected 1 token "
                    "or more"
                )


def unit(vectors: Float[Array, "... h"]) -> Float[Array, "... h"]:
    """Vectors divided by their length, a little shorter than one.

    Example:
      >>> [round(x, 3) for x in unit(jnp.array([3.0, 4.0])).tolist()]
      [0.6, 0.8]
    """
    return vectors * jax.lax.rsqrt((vectors**2).sum(-1, keepdims=True) + 1e-6)


def first_speed(key: Array, shape: tuple[int, ...], dtype=jnp.float32) -> Array:
    """Logarithms of numbers spread evenly from 1 to 16."""
    return jnp.log(jax.random.uniform(key, shape, dtype, 1, 16))


def first_step(key: Array, shape: tuple[int, ...], dtype=jnp.float32) -> Array:
    """Numbers whose softplus is from 0.001 to 0.1, its logarithm spread evenly."""
    ends = jnp.log(0.001), jnp.log(0.1)
    step = jnp.exp(jax.random.uniform(key, shape, dtype, *ends))
    return jnp.log(jnp.expm1(step))
