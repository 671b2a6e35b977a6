"""What a code says of its example, and where the rest of its rate goes.

On average over examples the rate splits into three parts, none of them negative::

    KL(q(z|x) ‖ p(z)) = I(x; z) + TC(z) + Σ_d KL(q(z_d) ‖ p(z_d))

with the aggregate q(z) = 1/n Σ q(z | x_i) over all examples. Each part is estimated from
codes that are drawn, one for each example; of each it is a mean, so that
`importance_bound.mean_estimate` gives it with its error.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp

from jaxgen.arrays import Array, Float
from jaxgen.densities.aggregate import aggregate_log_prob, aggregate_marginal_log_probs
from jaxgen.densities.normal import DiagonalNormal, normal_log_prob


class RateParts(NamedTuple):
    """Parts of the rate of each code, nats; formulas at `rate_parts`.

    Attributes:
        mutual_information: what the code says of the example.
        total_correlation: what dimensions of codes say of each other.
        dimension_wise: how far each dimension of the aggregate is from the prior's.
    """

    mutual_information: Float[Array, " n"]
    total_correlation: Float[Array, " n"]
    dimension_wise: Float[Array, "n z"]


def mutual_information(
    posterior: Any, codes: Float[Array, "n z"]
) -> Float[Array, " n"]:
    """log q(z | x) − log q(z) of each example's own code; the mean is I(x; z).

    The mean is at most log n, which it reaches when every code can only be its own
    example's: a value near log n is a lower bound of what more examples would show. It
    is zero to the last digits for a collapsed posterior, and may be below zero by chance.

    Args:
        posterior: of each example; a density, `DiagonalNormal` or `FullNormal`.
        codes: one of each example, as of ``posterior.sample(key, 1)[0]``.

    References:
        Hoffman and Johnson, "ELBO surgery", 2016.

    Example:
        >>> import jax.numpy as jnp
        >>> means = jnp.array([[-50.0], [0.0], [50.0]])
        >>> told = mutual_information(DiagonalNormal(means, jnp.ones((3, 1))), means)
        >>> [round(nats, 4) for nats in told.tolist()]  # log 3
        [1.0986, 1.0986, 1.0986]
    """
    return posterior.log_prob(codes[None])[0] - aggregate_log_prob(codes, posterior)


def rate_parts(posterior: DiagonalNormal, codes: Float[Array, "n z"]) -> RateParts:
    """Parts of the rate over N(0, I), of each example's own code.

    With q(z_d) the aggregate's density of dimension d::

        mutual_information = log q(z | x) − log q(z)
        total_correlation  = log q(z) − Σ_d log q(z_d)
        dimension_wise     = log q(z_d) − log p(z_d)

    They add up to log q(z | x) − log p(z) of the code, exactly. The aggregate is that of
    all the examples given, not of a batch of them, which would need a correction. Time is
    that of n² z densities.

    Args:
        posterior: of each example.
        codes: one of each example, as of ``posterior.sample(key, 1)[0]``.

    References:
        Chen et al., "Isolating sources of disentanglement in variational autoencoders",
        2018, equation 2.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> collapsed = DiagonalNormal(jnp.zeros((9, 2)), jnp.ones((9, 2)))
        >>> codes = collapsed.sample(jax.random.key(0), 1)[0]
        >>> parts = jax.jit(rate_parts)(collapsed, codes)
        >>> bool(jnp.allclose(parts.mutual_information, 0, atol=1e-5))
        True
    """
    told = posterior.log_prob(codes[None])[0]
    joint = aggregate_log_prob(codes, posterior)
    marginals = aggregate_marginal_log_probs(codes, posterior)
    prior = normal_log_prob(codes, jnp.zeros_like(codes), 1.0)
    return RateParts(told - joint, joint - marginals.sum(-1), marginals - prior)
