"""How near directions of a von Mises-Fisher density are to its mean: their cosine w.

Its density is ``exp(k w) (1 - w^2)^((z - 3) / 2)``, up to a constant.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.arrays import Array, Float, Key
from jaxgen.densities.bessel import log_bessel

PROPOSALS = 32
"""Of which one is taken; each is with a probability of two thirds or more."""

NODES, WEIGHTS = np.polynomial.legendre.leggauss(32)


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def cosine(
    key: Key, concentration: Float[Array, "*n"], size: int
) -> Float[Array, "*n"]:
    """One cosine for each concentration, by rejection, with a slope in the latter.

    The slope is that of moving a draw so that the same mass stays below it,
    ``dw/dk = -(dF/dk) / (dF/dw)``. Its mean is the slope of the mean, exactly.

    Args:
      key: of the draws.
      concentration: k, zero or more.
      size: dimensions of a direction, two or more.

    References:
      Draws: Wood, 1994, *Simulation of the von Mises Fisher distribution*. Slopes:
      Figurnov et al., 2018, *Implicit reparameterization gradients*, equation 6.
    """
    k, shape = concentration, (PROPOSALS, *concentration.shape)
    proposing, accepting = jax.random.split(key)
    b = (size - 1) / (2 * k + jnp.sqrt(4 * k**2 + (size - 1) ** 2))
    x = (1 - b) / (1 + b)
    level = k * x + (size - 1) * (jnp.log(4 * b) - 2 * jnp.log1p(b))
    e = symmetric_beta(proposing, (size - 1) / 2, shape)
    w = (1 - (1 + b)[None] * e) / (1 - (1 - b)[None] * e)
    height = k[None] * w + (size - 1) * jnp.log(1 - x[None] * w) - level[None]
    uniform = jax.random.uniform(accepting, shape, k.dtype)
    first = (height >= jnp.log(uniform)).argmax(0)
    return jnp.take_along_axis(w, first[None], axis=0)[0]


def symmetric_beta(
    key: Key, shape: float, where: tuple[int, ...]
) -> Float[Array, "*n"]:
    """Draws of a beta distribution of two equal parameters, a half or more.

    Computes ``(1 + sqrt(1 - u^(2 / (2 a - 1))) cos(2 pi v)) / 2`` with uniform u and v.

    References:
      Ulrich, 1984, *Computer generation of distributions on the m-sphere*.
    """
    one, other = jax.random.uniform(key, (2, *where))
    radius = jnp.ones(where)
    if shape > 0.5:
        radius = jnp.sqrt(-jnp.expm1(jnp.log1p(-one) * 2 / (2 * shape - 1)))
    return (1 + radius * jnp.cos(2 * jnp.pi * other)) / 2


@cosine.defjvp
def _sloped(size: int, primals, tangents):
    (key, k), (_, dk) = primals, tangents
    w = cosine(key, k, size)
    return w, cosine_slope(w, k, size) * dk


def cosine_slope(
    w: Float[Array, "*n"], k: Float[Array, "*n"], size: int
) -> Float[Array, "*n"]:
    """``dw/dk`` with the mass below w held fixed.

    Computes ``-int (t - A) f(t) dt / f(w)`` from -1 to w, or the same with the other sign
    from w to 1, whichever tail is smaller, over the angle ``acos t``; A is the mean of the
    cosine. Further than ten standard deviations away there is nothing to add.
    """
    mean = log_bessel(size / 2 - 1, k)[1]
    angle = jnp.arccos(jnp.clip(w, -1 + 1e-6, 1 - 1e-6))
    reach = 10 / jnp.sqrt(k + size)
    upper = w > mean
    end = jnp.where(
        upper, jnp.maximum(angle - reach, 0.0), jnp.minimum(angle + reach, jnp.pi)
    )
    nodes = jnp.asarray(NODES, w.dtype).reshape(-1, *[1] * w.ndim)
    there = angle[None] + (end - angle)[None] * (nodes + 1) / 2
    rise = k[None] * (jnp.cos(there) - jnp.cos(angle)[None])
    rise += (size - 2) * jnp.log(jnp.sin(there) / jnp.sin(angle)[None])
    heights = (jnp.cos(there) - mean[None]) * jnp.exp(rise)
    total = jnp.tensordot(jnp.asarray(WEIGHTS / 2, w.dtype), heights, 1)
    sign = jnp.where(upper, 1.0, -1.0)
    return sign * total * jnp.abs(end - angle) * jnp.sin(angle)
