"""A diagonal linear recurrence as a mixer: a state that runs along the tokens."""

from collections.abc import Callable
from math import pi

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.nn.initializers import Initializer, lecun_normal, normal
from jax.typing import DTypeLike

from jaxgen.arrays import Array, Complex, Float
from jaxgen.attention.cost import Work, matrix_product
from jaxgen.attention.segments import starts
from jaxgen.attention.tiles import accumulator
from jaxgen.nn.mixer import Context


class DiagonalStateSpace(nn.Module):
    """LRU: complex numbers, each turned and shrunk from token to token.

    Computes, by a scan of logarithmic depth::

        h_t = l * h_(t-1) + exp(g) * B x_t,    l = exp(-exp(decay) + i exp(angle))
        y_t = Re C h_t + D * x_t

    which cannot explode: ``|l| < 1`` whatever the decay. At first l lies evenly over a
    ring, and ``exp(g) = sqrt(1 - |l|^2)``, which gives the state the inputs' variance.
    The state starts at zero in each segment, and waits where there is padding.

    Attributes:
      states: complex numbers of the state; as many as features unless told.
      smallest: of ``|l|`` at first.
      largest: likewise; the closer to one, the longer the state remembers.
      turn: largest angle at first, in radians.
      kernel_init: how the two parts of B and of C start.

    Raises:
      ValueError: no state, no ring within the circle of one, or no turn.

    References:
      Orvieto et al., 2023, *Resurrecting recurrent neural networks for long sequences*,
      section 3 and appendix A; by a scan: Smith et al., 2023, *Simplified state space
      layers for sequence modeling*.

    Example:
      >>> mixer = DiagonalStateSpace(states=64)
      >>> inputs = jnp.zeros((2, 16, 32)), Context()
      >>> jax.eval_shape(mixer.init_with_output, jax.random.key(0), *inputs)[0].shape
      (2, 16, 32)
    """

    states: int | None = None
    smallest: float = 0.0
    largest: float = 0.99
    turn: float = 2 * pi
    kernel_init: Initializer = lecun_normal()

    @property
    def exact(self) -> bool:
        """It is its own definition."""
        return True

    @property
    def causal(self) -> bool:
        """The state knows the past alone."""
        return True

    def __call__(
        self, x: Float[Array, "b t d"], context: Context
    ) -> Float[Array, "b t d"]:
        def states(step, entered):
            return states_of(step, entered, context)

        return self._read(states, x)[0]

    def memory(
        self, batch: int, capacity: int, features: int, dtype: DTypeLike
    ) -> Complex[Array, "b s"]:
        """The state before any token."""
        numbers = jnp.promote_types(dtype, jnp.complex64)
        return jnp.zeros((batch, self._states(features)), numbers)

    def continued(
        self, x: Float[Array, "b t d"], context: Context, memory: Complex[Array, "b s"]
    ) -> tuple[Float[Array, "b t d"], Complex[Array, "b s"]]:
        """From the state that the last token left."""

        def states(step, entered):
            entered = entered.at[:, 0].add(step[None] * memory)
            return states_of(step, entered, Context())

        read, state = self._read(states, x)
        return read, state[:, -1]

    @nn.compact
    def _read(self, states_by: Callable, x: Array) -> tuple[Array, Array]:
        features, states = x.shape[-1], self._states(x.shape[-1])
        decay = self.param("decay", self._first_decay, (states,))
        angle = self.param("angle", self._first_angle, (states,))
        gain = self.param(
            "gain", lambda _: jnp.log(1 - jnp.exp(-2 * jnp.exp(decay))) / 2
        )
        through = self.param("through", normal(1.0), (features,))
        of = {"use_bias": False, "kernel_init": self.kernel_init}
        parts = (nn.Dense(states, **of, name=f"in_{part}")(x) for part in ("re", "im"))
        entered = jax.lax.complex(*(part.astype(accumulator(x)) for part in parts))
        size, turn, gain = (
            jnp.exp(w.astype(accumulator(x))) for w in (decay, angle, gain)
        )
        step = jnp.exp(jax.lax.complex(-size, turn))
        state = states_by(step, entered * gain[None, None])
        # Re C h is two products of real matrices, where C h is four
        read = nn.Dense(features, **of, name="out_re")(state.real.astype(x.dtype))
        read -= nn.Dense(features, **of, name="out_im")(state.imag.astype(x.dtype))
        return read + through.astype(x.dtype)[None, None] * x, state

    def cost(self, batch: int, length: int, features: int) -> Work:
        """Both parts of B and of C; the scan, linear in ``b t states``, not counted."""
        sizes = batch * length, features, self._states(features)
        return matrix_product(*sizes) * 2 + matrix_product(sizes[0], *sizes[:0:-1]) * 2

    def _states(self, features: int) -> int:
        states = features if self.states is None else self.states
        if states < 1:
            raise ValueError(f"DiagonalStateSpace(states={states}): expected 1 or more")
        if not 0 <= self.smallest < self.largest < 1:
            raise ValueError(
                f"DiagonalStateSpace(smallest={self.smallest}, largest={self.largest}): "
                "expected a ring, 0 <= smallest < largest < 1"
            )
        if self.turn <= 0:
            raise ValueError(
                f"DiagonalStateSpace(turn={self.turn}): expected more than 0 radians"
            )
        return states

    def _first_decay(self, key: Array, shape: tuple[int, ...]) -> Array:
        """Evenly over the ring's area."""
        inner, outer = self.smallest**2, self.largest**2
        area = jax.random.uniform(key, shape, minval=inner, maxval=outer)
        area = jnp.maximum(area, 1e-12)
        return jnp.log(-jnp.log(area) / 2)

    def _first_angle(self, key: Array, shape: tuple[int, ...]) -> Array:
        return jnp.log(jax.random.uniform(key, shape, minval=1e-6) * self.turn)


def states_of(step: Array, entered: Array, context: Context) -> Array:
    """``h_t = step h_(t-1) + entered_t``: zero before each segment, at rest in padding.

    Args:
      step: (s,), complex.
      entered: (b, t, s), complex.
      context: of the tokens.

    Example:
      >>> step, entered = jnp.array([0.5]), jnp.ones((1, 4, 1))
      >>> context = Context(segments=jnp.array([[3, 3, 3, 8]]))
      >>> states_of(step, entered, context)[0, :, 0].tolist()
      [1.0, 1.5, 1.75, 1.0]
    """
    steps = jnp.broadcast_to(step[None, None], (1, *entered.shape[1:]))
    if context.padding is not None:
        padding = context.padding[..., None]
        steps, entered = jnp.where(padding, 1, steps), jnp.where(padding, 0, entered)
    if context.segments is not None:
        steps = jnp.where(starts(context.segments)[..., None], 0, steps)
    return jax.lax.associative_scan(after, (steps, entered), axis=1)[1]


def after(one: tuple[Array, Array], other: tuple[Array, Array]) -> tuple[Array, Array]:
    """The map ``h -> a h + b`` of one, and then of the other."""
    return one[0] * other[0], other[0] * one[1] + other[1]
