"""Whether the prior draws what codes look like, in both directions, and its holes.

What the bound holds small is KL(q(z) ‖ p(z)): that codes lie where the prior is. Samples
fail by the other direction, KL(p(z) ‖ q(z)): that the prior lies where codes are.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from jaxgen.arrays import Array, Float, Key, Scalar
from jaxgen.densities.aggregate import aggregate_log_prob, aggregate_sample
from jaxgen.keys import named
from jaxgen.metrics.decompositions import eigenvectors
from jaxgen.metrics.importance_bound import Estimate, mean_estimate
from jaxgen.metrics.memorization import nearest_distances

Points = Array | np.ndarray


class GaussianMismatch(NamedTuple):
    """KL(q ‖ p) and KL(p ‖ q) of a Gaussian q and a standard normal p, nats."""

    from_codes: Scalar
    from_prior: Scalar


class SampledMismatch(NamedTuple):
    """KL(q ‖ p) and KL(p ‖ q) of aggregate and prior, nats, with their errors."""

    from_codes: Estimate
    from_prior: Estimate


def gaussian_mismatch(
    mean: Float[Points, " z"], covariance: Float[Points, "z z"]
) -> GaussianMismatch:
    """Divergences of N(m, S) from N(0, I), and back.

    ::

        from_codes = ½ (tr S + ‖m‖² − z − log |S|)
        from_prior = ½ (tr S⁻¹ + mᵀ S⁻¹ m − z + log |S|)

    Of any codes by their moments, points among them; a Gaussian fit sees no holes
    between clusters. Both are infinite for codes that do not fill the space, whose
    covariance has an eigenvalue of rounding.

    Args:
        mean: of codes; of a posterior's aggregate by `aggregate.aggregate_moments`, of
            points by `frechet.moments`.
        covariance: of codes.

    Example:
        >>> import jax.numpy as jnp
        >>> fit = gaussian_mismatch(jnp.array([1.0]), jnp.array([[1.0]]))
        >>> float(fit.from_codes), float(fit.from_prior)
        (0.5, 0.5)
    """
    mean = jnp.asarray(mean)
    values, vectors = eigenvectors(jnp.asarray(covariance))
    squares = jnp.matmul(mean, vectors, precision="highest") ** 2
    noise = 4 * len(values) ** 0.5 * jnp.finfo(values.dtype).eps * values[-1]
    flat = values <= noise
    safe = jnp.where(flat, 1.0, values)
    log = jnp.log(safe)
    parts = safe + squares - 1 - log, (1 + squares) / safe - 1 + log
    return GaussianMismatch(
        *(0.5 * jnp.sum(jnp.where(flat, jnp.inf, part)) for part in parts)
    )


def sampled_mismatch(
    posterior: Any,
    log_prior: Callable[[Float[Array, "m z"]], Float[Array, " m"]],
    sample_prior: Callable[[Key, int], Float[Array, "m z"]],
    key: Key,
    count: int,
) -> SampledMismatch:
    """Divergences of the aggregate from any prior, and back, by drawn codes.

    With q(z) = 1/n Σ q(z | x_i)::

        from_codes = mean of log q(z) − log p(z) over z ~ q
        from_prior = mean of log p(z) − log q(z) over z ~ p

    Both are larger the fewer the examples, and are to be compared at equal n: narrow
    posteriors of few examples leave most of a prior of many dimensions uncovered.

    Args:
        posterior: of all examples; a density, `DiagonalNormal` or `FullNormal`.
        log_prior: log p(z), codes (m, z) to (m,).
        sample_prior: key and count to codes of the prior.
        key: of all draws.
        count: codes of each side.

    Raises:
        ValueError: for fewer than two codes.

    References:
        Rosca, Lakshminarayanan and Mohamed, "Distribution matching in variational
        inference", 2018, for the mismatch.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxgen.densities.normal import DiagonalNormal, standard_normal_log_prob
        >>> score = jax.jit(lambda key: sampled_mismatch(
        ...     DiagonalNormal(jnp.zeros((4, 2)), jnp.ones((4, 2))),
        ...     standard_normal_log_prob,
        ...     lambda key, count: jax.random.normal(key, (count, 2)),
        ...     key, 50))
        >>> found = score(jax.random.key(0))
        >>> bool(abs(found.from_prior.value) < 1e-5)
        True
    """
    own = aggregate_sample(named(key, "aggregate"), posterior, count)
    drawn = sample_prior(named(key, "prior"), count)
    excess = [aggregate_log_prob(z, posterior) - log_prior(z) for z in (own, drawn)]
    return SampledMismatch(mean_estimate(excess[0]), mean_estimate(-excess[1]))


def hole_ratio(
    prior_codes: Float[Points, "m z"],
    test_codes: Float[Points, "t z"],
    train_codes: Float[Points, "n z"],
) -> Scalar:
    """How much farther from all codes a draw of the prior is than a new code.

    ::

        median distance of a prior's code to the nearest training code
        ──────────────────────────────────────────────────────────────
        median distance of a test code to the nearest training code

    One where the prior is the density of codes; above one where it draws from their
    holes or outskirts; below one where it draws from their densest part alone.

    Args:
        prior_codes: draws of the prior.
        test_codes: codes of examples that are not among those of training: means, or
            draws, but the same of both.
        train_codes: codes of training examples.

    Raises:
        ValueError: without training codes.

    Example:
        >>> import jax.numpy as jnp
        >>> train = jnp.array([[0.0], [10.0]])
        >>> float(hole_ratio(jnp.array([[5.0]]), jnp.array([[1.0], [9.0]]), train))
        5.0
    """
    drawn, new = (
        jnp.median(nearest_distances(codes, train_codes))
        for codes in (prior_codes, test_codes)
    )
    return drawn / new
