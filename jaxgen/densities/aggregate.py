"""The density of codes of all examples together: an even mixture of their posteriors.

``q(z) = 1/n sum_i q(z | x_i)``. Codes are taken block by block, so that not all pairs of
codes and examples are held at once.
"""

from typing import Any

import jax
import jax.numpy as jnp

from jaxgen.arrays import Array, Float, Key
from jaxgen.densities.normal import DiagonalNormal, normal_log_prob

ENTRIES = 2**22
"""Numbers of a block of pairs that are held at once."""


def aggregate_log_prob(
    codes: Float[Array, "m z"], posterior: Any
) -> Float[Array, " m"]:
    """``log 1/n sum_i q(z | x_i)`` of each code.

    Args:
      codes: any, drawn from the posteriors or not.
      posterior: of all n examples; a density, `DiagonalNormal` or `FullNormal`.

    Example:
      >>> two = DiagonalNormal(jnp.array([[-9.0], [9.0]]), jnp.ones((2, 1)))
      >>> value = aggregate_log_prob(jnp.array([[9.0]]), two)
      >>> round(float(value[0]), 4)  # -log 2 - log(2 pi) / 2
      -1.6121
    """
    size = posterior.mean.shape

    def of_one(code: Float[Array, " z"]) -> Float[Array, ""]:
        each = posterior.log_prob(jnp.broadcast_to(code[None, None], (1, *size)))
        return jax.nn.logsumexp(each[0]) - jnp.log(size[0])

    return jax.lax.map(of_one, codes, batch_size=_block(codes, size))


def aggregate_marginal_log_probs(
    codes: Float[Array, "m z"], posterior: DiagonalNormal
) -> Float[Array, "m z"]:
    """``log 1/n sum_i q(z_d | x_i)`` of each dimension d of each code.

    Example:
      >>> two = DiagonalNormal(jnp.array([[-9.0, 0.0], [9.0, 0.0]]), jnp.ones((2, 2)))
      >>> value = aggregate_marginal_log_probs(jnp.array([[9.0, 0.0]]), two)
      >>> [round(x, 4) for x in value[0].tolist()]
      [-1.6121, -0.9189]
    """
    size = posterior.mean.shape

    def of_one(code: Float[Array, " z"]) -> Float[Array, " z"]:
        each = normal_log_prob(code[None], posterior.mean, posterior.scale)
        return jax.nn.logsumexp(each, axis=0) - jnp.log(size[0])

    return jax.lax.map(of_one, codes, batch_size=_block(codes, size))


def aggregate_sample(key: Key, posterior: Any, count: int) -> Float[Array, "{count} z"]:
    """Codes of examples that are drawn evenly, with replacement.

    Example:
      >>> posterior = DiagonalNormal(jnp.zeros((5, 3)), jnp.ones((5, 3)))
      >>> aggregate_sample(jax.random.key(0), posterior, 7).shape
      (7, 3)
    """
    choosing, scattering = jax.random.split(key)
    chosen = jax.random.randint(choosing, (count,), 0, len(posterior.mean))
    return jax.tree.map(lambda x: x[chosen], posterior).sample(scattering, 1)[0]


def aggregate_moments(
    posterior: DiagonalNormal,
) -> tuple[Float[Array, " z"], Float[Array, "z z"]]:
    """Mean and covariance of the mixture, exactly.

    Computes ``m = mean_i m_i`` and ``mean_i (m_i - m)(m_i - m)' + diag(mean_i s_i^2)``.

    Example:
      >>> two = DiagonalNormal(jnp.array([[-1.0], [1.0]]), jnp.ones((2, 1)))
      >>> [x.tolist() for x in aggregate_moments(two)]
      [[0.0], [[2.0]]]
    """
    mean = posterior.mean.mean(0)
    offsets = posterior.mean - mean[None]
    between = jnp.matmul(offsets.T, offsets, precision="highest") / len(offsets)
    return mean, between + jnp.diag((posterior.scale**2).mean(0))


def _block(codes: Float[Array, "m z"], size: tuple[int, ...]) -> int:
    return min(max(ENTRIES // (size[0] * size[1]), 1), len(codes))
