"""Annealed importance sampling: log p(x) of any prior and decoder, without an encoder.

The likelihood of an autoencoder and of a variational one on equal terms: a code that is
a point has no weights, and no other bound can score it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgen.arrays import Array, Float, Key, PyTree
from jaxgen.keys import named
from jaxgen.metrics.hamiltonian import LogDensity, adapted, hamiltonian_step
from jaxgen.metrics.importance_bound import (
    bound_error,
    effective_sample_size,
    importance_bound,
    weight_moments,
)


@dataclass(frozen=True)
class Annealing:
    """How to go from the prior to the posterior.

    Attributes:
        temperatures: transitions; the bias of the estimate falls as one over them, and
            a thousand is usual.
        chains: how many run for each example.
        leapfrog_steps: gradients of each transition.
        step_size: of the leapfrog at first, in units of the codes.
        target: acceptance that the step size is steered to; see `hamiltonian.adapted`.
        factor: by which it changes at each temperature; 1 keeps it.
        width: of the `sigmoid_temperatures`.
    """

    temperatures: int = 1000
    chains: int = 16
    leapfrog_steps: int = 10
    step_size: float = 0.1
    target: float = 0.65
    factor: float = 1.02
    width: float = 4.0


class AnnealedLikelihood(NamedTuple):
    """What the chains say of an example, formulas at `annealed_likelihood`.

    Attributes:
        log_likelihood: estimate of log p(x), nats.
        error: standard error of it, over the chains.
        effective: of the chains, the number that is worth as much as equal weights.
        acceptance: mean over chains and temperatures.
        step_size: after the last temperature.
    """

    log_likelihood: Array
    error: Array
    effective: Array
    acceptance: Array
    step_size: Array


def sigmoid_temperatures(steps: int, width: float = 4.0) -> Float[Array, "{steps}+1"]:
    """Inverse temperatures from 0 to 1, dense at both ends.

    With σ the logistic function and j = 0 … steps::

        β_j = (σ(w (2j/steps − 1)) − σ(−w)) / (σ(w) − σ(−w))

    Args:
        steps: temperatures after the first.
        width: w; the larger, the denser at the ends.

    Raises:
        ValueError: for fewer than one step.

    References:
        Wu et al., "On the quantitative analysis of decoder-based generative models",
        2017, with the same width.

    Example:
        >>> [round(beta, 3) for beta in sigmoid_temperatures(4).tolist()]
        [0.0, 0.105, 0.5, 0.895, 1.0]
    """
    if steps < 1:
        raise ValueError(f"steps={steps}: expected at least 1.")
    curve = jax.nn.sigmoid(width * jnp.linspace(-1, 1, steps + 1))
    return (curve - curve[0]) / (curve[-1] - curve[0])


def annealed_likelihood(
    log_prior: LogDensity,
    log_likelihood: LogDensity,
    sample_prior: Callable[[Key, int], Float[Array, "c z"]],
    key: Key,
    annealing: Annealing,
) -> AnnealedLikelihood:
    """Log-likelihood of one example under any prior of codes and any decoder.

    Each chain starts at a code from the prior and passes through the densities
    p(z) p(x | z)^β, which at the end are the posterior. With z_j its code after a
    Hamiltonian transition at β_j::

        log w    = Σ_j (β_j − β_(j−1)) log p(x | z_(j−1))
        log p(x) ≈ log (1/c Σ w)

    w is unbiased for p(x) at any number of temperatures, but for the steering of the
    step size, so that the estimate is on average below log p(x), like a bound; more
    temperatures and more chains raise it. An error that is small says that the chains
    agree; an `effective` of about one says that the error cannot be trusted. A mode of
    the posterior that no chain found is seen by neither.

    Args:
        log_prior: log p(z), codes (c, z) to (c,); normalised.
        log_likelihood: log p(x | z) of the one example, codes (c, z) to (c,).
        sample_prior: key and count to codes of the prior.
        key: of all draws.
        annealing: temperatures, chains and steps.

    Returns:
        Scalars; under ``jax.vmap`` over examples, or by `annealed_likelihoods`, arrays.

    References:
        Neal, "Annealed importance sampling", 2001; Wu et al., "On the quantitative
        analysis of decoder-based generative models", 2017.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxgen.densities.normal import standard_normal_log_prob
        >>> x = 1.0  # x = z + e, of variance 2
        >>> score = jax.jit(lambda key: annealed_likelihood(
        ...     standard_normal_log_prob,
        ...     lambda z: standard_normal_log_prob(x - z),
        ...     lambda key, count: jax.random.normal(key, (count, 1)),
        ...     key,
        ...     Annealing(100, step_size=0.5)))
        >>> found = score(jax.random.key(0))
        >>> exact = -0.25 * x**2 - 0.5 * jnp.log(4 * jnp.pi)
        >>> bool(abs(found.log_likelihood - exact) < 0.1)
        True
    """
    betas = sigmoid_temperatures(annealing.temperatures, annealing.width)

    def step(state: tuple, now: tuple) -> tuple:
        codes, log_weights, step_size = state
        before, beta, key = now
        log_weights = log_weights + (beta - before) * log_likelihood(codes)
        moved = hamiltonian_step(
            lambda z: log_prior(z) + beta * log_likelihood(z),
            codes,
            key,
            step_size,
            annealing.leapfrog_steps,
        )
        step_size = adapted(
            step_size, moved.acceptance, annealing.target, annealing.factor
        )
        return (moved.position, log_weights, step_size), moved.acceptance.mean()

    codes = sample_prior(named(key, "prior"), annealing.chains)
    keys = jax.random.split(named(key, "transitions"), len(betas) - 1)
    start = codes, jnp.zeros(annealing.chains), jnp.asarray(annealing.step_size)
    end, acceptance = jax.lax.scan(step, start, (betas[:-1], betas[1:], keys))
    _, log_weights, step_size = end
    moments = weight_moments(log_weights[:, None])
    return AnnealedLikelihood(
        importance_bound(moments)[0],
        bound_error(moments)[0],
        effective_sample_size(moments)[0],
        acceptance.mean(),
        step_size,
    )


def annealed_likelihoods(
    log_prior: LogDensity,
    log_likelihood: Callable[[Float[Array, "c z"], PyTree], Float[Array, " c"]],
    sample_prior: Callable[[Key, int], Float[Array, "c z"]],
    examples: PyTree,
    key: Key,
    annealing: Annealing,
    batch: int = 16,
) -> AnnealedLikelihood:
    """`annealed_likelihood` of many examples, each with chains and a step size of its own.

    Args:
        log_prior: log p(z).
        log_likelihood: log p(x | z), of codes (c, z) and one example.
        sample_prior: key and count to codes of the prior.
        examples: arrays whose first axis counts them.
        key: example i draws with the i-th of its split.
        annealing: temperatures, chains and steps.
        batch: examples that run at once.

    Returns:
        Arrays (n,).
    """
    size = len(jax.tree.leaves(examples)[0])

    def one(given: tuple[PyTree, Key]) -> AnnealedLikelihood:
        example, key = given
        return annealed_likelihood(
            log_prior,
            lambda codes: log_likelihood(codes, example),
            sample_prior,
            key,
            annealing,
        )

    keys = jax.random.split(key, size)
    return jax.lax.map(one, (examples, keys), batch_size=min(batch, size))
