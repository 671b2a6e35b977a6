"""Hamiltonian Monte Carlo of many chains at once: leapfrog, Metropolis, step size.

A density is a function of the positions of all chains, ``(c, z) -> (c,)``, in nats up
to a constant; each chain's value depends on its own position alone.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgen.arrays import Array, Float, Key, Scalar
from jaxgen.keys import named

LogDensity = Callable[[Float[Array, "c z"]], Float[Array, " c"]]
"""Positions of chains to their log-densities, up to a constant."""


class Phase(NamedTuple):
    """Where the chains are, how they move, and the density there with its slope."""

    position: Float[Array, "c z"]
    momentum: Float[Array, "c z"]
    log_density: Float[Array, " c"]
    slope: Float[Array, "c z"]


class Moved(NamedTuple):
    """Positions after a step, and the probability with which each was accepted."""

    position: Float[Array, "c z"]
    acceptance: Float[Array, " c"]


def phase(
    log_density: LogDensity,
    position: Float[Array, "c z"],
    momentum: Float[Array, "c z"],
) -> Phase:
    """The phase of chains at a position with a momentum."""
    values, slope_of = jax.vjp(log_density, position)
    return Phase(position, momentum, values, slope_of(jnp.ones_like(values))[0])


def leapfrog(
    log_density: LogDensity, start: Phase, step_size: float | Scalar, steps: int
) -> Phase:
    """Motion under the potential −log p, with masses of one.

    Each of the steps, with ε the step size::

        v ← v + ε/2 ∇log p(z)
        z ← z + ε v
        v ← v + ε/2 ∇log p(z)

    It keeps volume, runs back along itself once the momentum is reversed, and keeps
    ½ ‖v‖² − log p(z) up to O(ε²).

    Args:
        log_density: log p.
        start: as `phase` makes it.
        step_size: ε, in units of the positions.
        steps: how many, a number and no traced array.

    References:
        Neal, "MCMC using Hamiltonian dynamics", 2011, section 2.

    Example:
        >>> import jax.numpy as jnp
        >>> density = lambda z: -0.5 * (z**2).sum(-1)
        >>> start = phase(density, jnp.ones((1, 1)), jnp.zeros((1, 1)))
        >>> end = leapfrog(density, start, jnp.pi / 1000, steps=1000)  # half a turn
        >>> round(float(end.position[0, 0]), 4)
        -1.0
    """

    def step(now: Phase, _: None) -> tuple[Phase, None]:
        halfway = now.momentum + step_size / 2 * now.slope
        moved = phase(log_density, now.position + step_size * halfway, halfway)
        momentum = moved.momentum + step_size / 2 * moved.slope
        return moved._replace(momentum=momentum), None

    return jax.lax.scan(step, start, length=steps)[0]


def hamiltonian_step(
    log_density: LogDensity,
    position: Float[Array, "c z"],
    key: Key,
    step_size: float | Scalar,
    steps: int,
) -> Moved:
    """One transition of every chain that leaves the density as it is.

    Draws a momentum v ~ N(0, I), moves by `leapfrog`, and keeps the new position with
    probability min(1, exp(H − H')), where H = ½ ‖v‖² − log p(z). A move to where the
    density is not a number is never kept.

    Args:
        log_density: log p.
        position: of each chain.
        key: of momentum and acceptance.
        step_size: of the leapfrog.
        steps: of the leapfrog, a number and no traced array.

    References:
        Duane et al., "Hybrid Monte Carlo", 1987; Neal, "MCMC using Hamiltonian
        dynamics", 2011, section 3.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> density = lambda z: -0.5 * (z**2).sum(-1)
        >>> start = jnp.zeros((4, 2))
        >>> step = jax.jit(hamiltonian_step, static_argnums=(0, 4))
        >>> moved = step(density, start, jax.random.key(0), 0.01, 5)
        >>> bool((moved.acceptance > 0.99).all())
        True
    """
    momentum = jax.random.normal(named(key, "momentum"), position.shape, position.dtype)
    start = phase(log_density, position, momentum)
    end = leapfrog(log_density, start, step_size, steps)
    log_ratio = _energy(start) - _energy(end)
    acceptance = jnp.where(
        jnp.isnan(log_ratio), 0.0, jnp.exp(jnp.minimum(log_ratio, 0.0))
    )
    chance = jax.random.uniform(named(key, "acceptance"), acceptance.shape)
    kept = jnp.where((chance < acceptance)[:, None], end.position, position)
    return Moved(kept, acceptance)


def adapted(
    step_size: float | Scalar,
    acceptance: Float[Array, " c"],
    target: float = 0.65,
    factor: float = 1.02,
) -> Scalar:
    """The next step size: larger by a factor if more moves than wanted were accepted.

    The factor divides it if fewer were; a factor of one leaves it. The mean is over all
    chains, which share the step size. Chains whose step size follows their own past
    are no longer exactly stationary, the less so the more of them share it.

    Args:
        step_size: used last.
        acceptance: probabilities of the moves it made.
        target: mean acceptance that is wanted; 0.65 is the best of many dimensions.
        factor: above one.

    References:
        Neal, "MCMC using Hamiltonian dynamics", 2011, section 4, for the target.

    Example:
        >>> import jax.numpy as jnp
        >>> [float(adapted(1.0, jnp.array([p]), factor=2.0)) for p in (0.9, 0.1)]
        [2.0, 0.5]
    """
    more = acceptance.mean() > target
    return step_size * jnp.where(more, factor, 1 / factor)


def _energy(at: Phase) -> Float[Array, " c"]:
    return 0.5 * (at.momentum**2).sum(-1) - at.log_density
