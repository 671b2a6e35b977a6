"""A mixture of normal densities, and how it is fitted to points."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from jaxgen.arrays import Array, Float, Key, Scalar
from jaxgen.densities.full_normal import correlated, full_normal_log_prob


class NormalMixture(NamedTuple):
    """One density of points, ``sum_m w_m N(mean_m, L_m L_m')``.

    Attributes:
      log_weights: of the components; their exponentials sum to one.
      means: of the components.
      triangles: L, lower triangular with a positive diagonal.

    Example:
      >>> one = NormalMixture(jnp.zeros(1), jnp.zeros((1, 2)), jnp.eye(2)[None])
      >>> float(one.log_prob(jnp.zeros((1, 2)))[0])  # -log 2 pi
      -1.8378770351409912
    """

    log_weights: Float[Array, " m"]
    means: Float[Array, "m z"]
    triangles: Float[Array, "m z z"]

    space = "real"

    @property
    def size(self) -> int:
        """Dimensions of a point."""
        return self.means.shape[1]

    def log_prob(self, codes: Float[Array, "*n z"]) -> Float[Array, "*n"]:
        """The log-density of points, nats."""
        flat = codes.reshape(-1, codes.shape[-1])
        return jax.nn.logsumexp(self._joint(flat), axis=1).reshape(codes.shape[:-1])

    def sample(self, key: Key, count: int) -> Float[Array, "{count} z"]:
        """Points drawn from it."""
        choosing, scattering = jax.random.split(key)
        chosen = jax.random.categorical(choosing, self.log_weights, shape=(count,))
        noise = jax.random.normal(scattering, (count, 1, self.size))
        noise = jnp.broadcast_to(noise, (count, *self.means.shape))
        points = self.means[None] + correlated(noise, self.triangles)
        return jnp.take_along_axis(points, chosen[:, None, None], axis=1)[:, 0]

    def memberships(
        self, codes: Float[Array, "n z"]
    ) -> tuple[Float[Array, "n m"], Scalar]:
        """Probability of each component for each point, and their mean log-density."""
        joint = self._joint(codes)
        total = jax.nn.logsumexp(joint, axis=1, keepdims=True)
        return jnp.exp(joint - total), total.mean()

    def _joint(self, codes: Float[Array, "n z"]) -> Float[Array, "n m"]:
        each = jnp.broadcast_to(codes[:, None], (len(codes), *self.means.shape))
        of_each = full_normal_log_prob(each, self.means, self.triangles)
        return self.log_weights[None] + of_each


def maximized(
    codes: Float[Array, "n z"], memberships: Float[Array, "n m"], floor: float
) -> NormalMixture:
    """The likeliest mixture, given how much each point belongs to each component.

    Computes weighted means and covariances; ``floor`` times the mean variance of all
    points is added to each variance, so that none is zero.
    """
    total = jnp.maximum(memberships.sum(0), jnp.finfo(codes.dtype).eps)
    share = memberships / total[None]
    means = jnp.einsum("nm,nz->mz", share, codes, precision="highest")
    offsets = codes[:, None] - means[None]
    covariances = jnp.einsum(
        "nmi,nmj->mij", share[..., None] * offsets, offsets, precision="highest"
    )
    least = floor * codes.var(0).mean() * jnp.eye(codes.shape[1])
    triangles = jnp.linalg.cholesky(covariances + least[None])
    return NormalMixture(jnp.log(total / total.sum()), means, triangles)


def expectation_maximization(
    codes: Float[Array, "n z"],
    first: NormalMixture,
    steps: int,
    tolerance: float,
    floor: float,
) -> tuple[NormalMixture, Scalar]:
    """The mixture that climbing from another ends at, and its mean log-density.

    Ends after so many steps, or with one that gains less than the tolerance, in nats of
    a point.

    References:
      Dempster et al., 1977, *Maximum likelihood from incomplete data via the EM
      algorithm*, example 4.3.
    """

    def climb(carry):
        step, mixture, before, _ = carry
        memberships, now = mixture.memberships(codes)
        return step + 1, maximized(codes, memberships, floor), now, now - before

    def unfinished(carry):
        step, _, _, gain = carry
        return (step < steps) & (gain > tolerance)

    start = jnp.asarray(0), first, jnp.asarray(-jnp.inf), jnp.asarray(jnp.inf)
    mixture = lax.while_loop(unfinished, climb, start)[1]
    return mixture, mixture.log_prob(codes).mean()
