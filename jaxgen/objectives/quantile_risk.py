"""A quantile of the losses that a new domain may have."""

import jax.numpy as jnp
from jax import lax
from jax.scipy.stats import norm

from jaxgen.arrays import Array, Float, Scalar
from jaxgen.objectives.aggregators import Aggregator, stateless
from jaxgen.objectives.checks import require_quantile


def eqrm(quantile: float | Scalar) -> Aggregator:
    """Empirical quantile risk minimization: a loss that few domains exceed.

    The losses of domains are taken for draws from a density, estimated with Gaussian
    kernels of deviation ``h = 1.06 s k^(-1/5)``, where s is the deviation of the losses;
    computed is its quantile, the q with ``mean_k Phi((q - l_k) / h) = quantile``. A half
    is about the mean; near one it is the worst case.

    Args:
      quantile: in (0, 1), may be traced.

    Raises:
      ValueError: a quantile that is none, or one domain alone.

    References:
      Eastwood et al., 2022, *Probable domain generalization via quantile risk
      minimization*, algorithm 1; the kernels' width: Silverman, 1986, *Density estimation
      for statistics and data analysis*, equation 3.28.

    Example:
      >>> import jax
      >>> float(jax.jit(eqrm(0.5).combine)(jnp.array([1.0, 3.0]), ())[0])
      2.0
    """
    require_quantile("eqrm(quantile)", quantile)

    def combine(losses):
        deviation = jnp.sqrt(losses.var(ddof=1) + 1e-12)
        standard = (losses - losses.mean()) / deviation
        return losses.mean() + deviation * kernel_quantile(standard, quantile)

    return stateless(combine, "eqrm", least=2)


def kernel_quantile(standard: Float[Array, " k"], quantile: float | Scalar) -> Scalar:
    """The quantile of a density of Gaussian kernels around standardized values.

    It is found by halving an interval. A last Newton step, whose start and slope are held
    constant, carries the derivatives of the implicit function.
    """
    width = 1.06 * len(standard) ** -0.2

    def share_below(point, values):
        return norm.cdf((point - values) / width).mean()

    def halved(_, ends):
        low, high = ends
        middle = (low + high) / 2
        below = share_below(middle, held) < quantile
        return jnp.where(below, middle, low), jnp.where(below, high, middle)

    held = lax.stop_gradient(standard)
    ends = held.min() - 6 * width, held.max() + 6 * width
    point = lax.stop_gradient(sum(lax.fori_loop(0, 30, halved, ends)) / 2)
    density = norm.pdf((point - held) / width).mean() / width
    return point - (share_below(point, standard) - quantile) / density
