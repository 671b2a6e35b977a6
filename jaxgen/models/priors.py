"""Priors: which codes are likely before any example was seen.

A prior has ``log_prob(codes, encode)`` and ``sample(key, count, encode)``, where
``encode`` maps examples to posteriors, for those that are made of some. Like a code it has
a ``size`` and a ``space``; see `jaxgen.nn.codes`.
"""

from collections.abc import Callable
from math import log
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgen.arrays import Array, Float, Key
from jaxgen.densities.normal import standard_normal_log_prob
from jaxgen.densities.sphere import log_area
from jaxgen.nn.quantization import Codebook

Encode = Callable[..., Any]
"""``examples -> posterior``, the encoder of the model that the prior is part of."""


class StandardNormal(nn.Module):
    """``N(0, I)``.

    Attributes:
      size: dimensions of the latent space.

    Example:
      >>> prior = StandardNormal(2)
      >>> prior.apply({}, jax.random.key(0), 3, None, method="sample").shape
      (3, 2)
    """

    size: int

    space = "real"

    def log_prob(
        self, codes: Float[Array, "*n z"], encode: Encode | None = None
    ) -> Float[Array, "*n"]:
        """The log-density of codes, nats."""
        return standard_normal_log_prob(codes)

    def sample(
        self, key: Key, count: int, encode: Encode | None = None
    ) -> Float[Array, "{count} z"]:
        """Codes drawn from it."""
        return jax.random.normal(key, (count, self.size))


class UniformSphere(nn.Module):
    """Every direction alike.

    Attributes:
      size: dimensions of the space that the sphere lies in.

    References:
      Davidson et al., 2018, *Hyperspherical variational auto-encoders*, section 3.2.

    Example:
      >>> prior = UniformSphere(3)
      >>> codes = prior.apply({}, jax.random.key(0), 4, method="sample")
      >>> (codes**2).sum(1).round(3).tolist()
      [1.0, 1.0, 1.0, 1.0]
    """

    size: int

    space = "sphere"

    def log_prob(
        self, codes: Float[Array, "*n z"], encode: Encode | None = None
    ) -> Float[Array, "*n"]:
        """The log-density of codes, nats, per area of the sphere."""
        return jnp.full(codes.shape[:-1], -log_area(self.size))

    def sample(
        self, key: Key, count: int, encode: Encode | None = None
    ) -> Float[Array, "{count} z"]:
        """Codes drawn from it."""
        noise = jax.random.normal(key, (count, self.size))
        return noise / jnp.linalg.norm(noise, axis=1, keepdims=True)


class UniformLevels(nn.Module):
    """Every code of a `RoundedCode` alike.

    Attributes:
      levels: of each dimension.
    """

    levels: tuple[int, ...]

    space = "grid"

    @property
    def size(self) -> int:
        """Dimensions of the latent space."""
        return len(self.levels)

    def log_prob(
        self, codes: Float[Array, "*n z"], encode: Encode | None = None
    ) -> Float[Array, "*n"]:
        """The log-probability of codes, nats."""
        return jnp.full(codes.shape[:-1], -sum(map(log, self.levels)))

    def sample(
        self, key: Key, count: int, encode: Encode | None = None
    ) -> Float[Array, "{count} z"]:
        """Codes drawn from it."""
        levels = jnp.array(self.levels)[None]
        index = jax.random.randint(key, (count, self.size), 0, levels)
        return (index - levels // 2) / (levels // 2)


class UniformPlaces(nn.Module):
    """Every code of a `VectorQuantizedCode` alike.

    Attributes:
      codebook: the one of the code: it is shared.
      groups: of the code.
    """

    codebook: Codebook
    groups: int = 1

    space = "grid"

    @property
    def size(self) -> int:
        """Dimensions of the latent space."""
        return self.codebook.width * self.groups

    def log_prob(
        self, codes: Float[Array, "*n z"], encode: Encode | None = None
    ) -> Float[Array, "*n"]:
        """The log-probability of codes, nats."""
        return jnp.full(codes.shape[:-1], -self.groups * log(self.codebook.count))

    def sample(
        self, key: Key, count: int, encode: Encode | None = None
    ) -> Float[Array, "{count} z"]:
        """Codes drawn from it."""
        shape = count, self.groups
        index = jax.random.randint(key, shape, 0, self.codebook.count)
        return self.codebook()[index].reshape(count, self.size)


def require_fit(prior: Any, code: Any) -> None:
    """Refuses a prior of other codes; of fitted ones too.

    Raises:
      ValueError: a prior of other dimensions, or of another space.
    """
    names = type(prior).__name__, type(code).__name__
    if prior.space != code.space:
        raise ValueError(
            f"{names[0]} is a prior of {prior.space} codes, and {names[1]} makes codes of "
            f"a {code.space} space; choose a prior of that space"
        )
    if prior.size != code.size:
        raise ValueError(
            f"{names[0]} has {prior.size} dimensions, and {names[1]} {code.size}; make "
            "them the same"
        )
