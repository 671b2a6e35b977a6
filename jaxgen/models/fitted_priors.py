"""Priors that are fitted to the codes of a trained model, whatever it was trained with.

A fitted prior is a pytree with ``log_prob(codes (*n, z)) -> (*n)`` and
``sample(key, count) -> (count, z)``. Fitting a normal density or a mixture is a pure
function of the codes, and compiles; `jaxgen.training.prior_fitting` learns the others.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from jaxgen.arrays import Array, Float, Key, PyTree
from jaxgen.densities.clusters import gathered, spread_out
from jaxgen.densities.mixture import (
    NormalMixture,
    expectation_maximization,
    maximized,
)


def fitted_normal(codes: Float[Array, "n z"], floor: float = 1e-6) -> NormalMixture:
    """The normal density of the codes' mean and covariance: a mixture of one.

    Args:
      codes: of training examples.
      floor: share of their mean variance that is added to each variance.

    Raises:
      ValueError: there are no more codes than dimensions.

    References:
      Ghosh et al., 2020, *From variational to deterministic autoencoders*, section 4.

    Example:
      >>> codes = jnp.array([[0.0, 1.0], [2.0, 1.0], [1.0, 4.0]])
      >>> fitted_normal(codes).means.round(3).tolist()
      [[1.0, 2.0]]
    """
    require_codes("fitted_normal", codes, 1)
    return maximized(codes, jnp.ones((len(codes), 1), codes.dtype), floor)


def fitted_mixture(
    codes: Float[Array, "n z"],
    components: int,
    key: Key,
    *,
    restarts: int = 3,
    steps: int = 200,
    tolerance: float = 1e-4,
    floor: float = 1e-6,
) -> NormalMixture:
    """The likeliest of some mixtures of normal densities, each climbed to by EM.

    Each starts from the clusters of k-means.

    Args:
      codes: of training examples.
      components: of the mixture.
      key: of the codes from which it starts.
      restarts: how many starts are climbed from.
      steps: the most for each.
      tolerance: gain of a step, in nats of a code, below which it is the last.
      floor: share of the codes' mean variance that is added to each variance.

    Raises:
      ValueError: there are fewer codes than components, or no more than dimensions; no
        component, start or step.

    References:
      Ghosh et al., 2020, *From variational to deterministic autoencoders*, section 4.

    Example:
      >>> codes = jnp.array([[0.0], [0.1], [5.0], [5.1]])
      >>> mixture = fitted_mixture(codes, 2, jax.random.key(0))
      >>> [round(mean, 2) for mean in sorted(mixture.means[:, 0].tolist())]
      [0.05, 5.05]
    """
    require_codes("fitted_mixture", codes, components)
    for name, value in (("restarts", restarts), ("steps", steps)):
        if value < 1:
            raise ValueError(f"fitted_mixture({name}={value}): expected 1 or more")

    def climbed(key):
        centres = spread_out(key, codes, components)
        first = maximized(codes, gathered(codes, centres, 20), floor)
        return expectation_maximization(codes, first, steps, tolerance, floor)

    found, heights = lax.map(climbed, jax.random.split(key, restarts))
    best = jnp.nan_to_num(heights, nan=-jnp.inf).argmax()
    return jax.tree.map(lambda leaf: leaf[best], found)


def require_codes(what: str, codes: Float[Array, "n z"], components: int) -> None:
    """Raises:
    ValueError: too few codes for a covariance, or for so many components.
    """
    count, size = codes.shape
    if count <= size:
        raise ValueError(
            f"{what}: {count} codes of {size} dimensions; expected more than {size}, for "
            "a covariance"
        )
    if not 1 <= components <= count:
        raise ValueError(
            f"{what}(components={components}): expected 1 to {count}, as many as there "
            "are codes"
        )


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Learned:
    """A prior of `jaxgen.models.priors`, and what its parameters were learned to be.

    Attributes:
      params: of the prior.
      prior: a Linen module with ``log_prob`` and ``sample``.
    """

    params: PyTree
    prior: Any = field(metadata={"static": True})

    space = "real"

    @property
    def size(self) -> int:
        """Dimensions of a code."""
        return self.prior.size

    def log_prob(self, codes: Float[Array, "*n z"]) -> Float[Array, "*n"]:
        """The log-density of codes, nats."""
        return self.prior.apply({"params": self.params}, codes, method="log_prob")

    def sample(self, key: Key, count: int) -> Float[Array, "{count} z"]:
        """Codes drawn from it."""
        return self.prior.apply({"params": self.params}, key, count, method="sample")


class Rescaled(NamedTuple):
    """A prior of codes that were moved and scaled before it was fitted.

    Computes ``log p((z - shift) / scale) - sum log scale``.

    Attributes:
      prior: of the codes that were scaled.
      shift: of each dimension, subtracted first.
      scale: of each dimension, divided by; positive.
    """

    prior: Any
    shift: Float[Array, " z"]
    scale: Float[Array, " z"]

    space = "real"

    @property
    def size(self) -> int:
        """Dimensions of a code."""
        return len(self.shift)

    def log_prob(self, codes: Float[Array, "*n z"]) -> Float[Array, "*n"]:
        """The log-density of codes, nats."""
        return self.prior.log_prob(self.inward(codes)) - jnp.log(self.scale).sum()

    def sample(self, key: Key, count: int) -> Float[Array, "{count} z"]:
        """Codes drawn from it."""
        drawn = self.prior.sample(key, count)
        return drawn * self.scale[None] + self.shift[None]

    def inward(self, codes: Float[Array, "*n z"]) -> Float[Array, "*n z"]:
        """Codes as the prior within knows them."""
        flat = codes.reshape(-1, self.size)
        return ((flat - self.shift[None]) / self.scale[None]).reshape(codes.shape)


def moments(
    codes: Float[Array, "n z"],
) -> tuple[Float[Array, " z"], Float[Array, " z"]]:
    """Mean and standard deviation of each dimension, the latter one where it is zero."""
    scale = codes.std(0)
    return codes.mean(0), jnp.where(scale > 1e-6, scale, 1.0)
