"""A ladder: layers of codes that are found from the highest down, as they are drawn."""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from jaxgen.arrays import Array, Float, Key
from jaxgen.densities.normal import DiagonalNormal
from jaxgen.keys import named
from jaxgen.models.autoencoder import Autoencoder, Terms
from jaxgen.models.hierarchical import (
    drawn_from,
    explained,
    joined,
    require_sizes,
)


class LadderAutoencoder(Autoencoder):
    """The evidence of images goes up, and meets what is expected on the way down.

    With features ``d_1 = encoder(x)``, ``d_2 = upward_2(d_1)``, .., each layer is found as
    the product of the density its code makes of them, and that of the prior given the
    layer above: its precision is the sum of theirs, its mean weighs theirs by precision.

    Attributes:
      encoder: ``(images, *conditions) -> features (n, f)``.
      code: of the lowest layer.
      prior: a `HierarchicalPrior` of all layers.
      decoder: ``(codes of the lowest layer, *conditions) -> outputs``.
      likelihood: of images under outputs.
      upward: from features to those of the next layer, the lowest first.
      codes: of the layers above the lowest, from their features.

    Raises:
      ValueError: layers of other sizes than the prior's; and as `Autoencoder`.

    References:
      Sonderby et al., 2016, *Ladder variational autoencoders*, equations 16 to 19.
    """

    upward: tuple[nn.Module, ...]
    codes: tuple[Any, ...]

    def __call__(
        self,
        images: Float[Array, "n h w c"],
        key: Key,
        samples: int = 1,
        *conditions: Array,
        seen: Float[Array, "n h w c"] | None = None,
    ) -> Terms:
        """All terms of a batch; arguments as of `Autoencoder`."""
        require_sizes(self.prior, (self.code, *self.codes))
        seen = images if seen is None else seen
        *lower, highest = self._evidence(seen, *conditions)
        layers = [highest.sample(named(key, "highest"), samples)]
        costs = [highest.log_prob(layers[0])]
        for number, evidence in reversed(list(enumerate(lower))):
            many = repeated(evidence, samples)

            def layer(above, many=many, number=number):
                return product(many, self.prior.expected(number, above))

            drawn, cost = drawn_from(layer, layers[0], named(key, f"layer_{number}"))
            layers, costs = [drawn, *layers], [cost, *costs]
        return explained(self, images, seen, conditions, layers, costs)

    def encode(self, images: Float[Array, "n h w c"], *conditions: Array) -> Any:
        """What each layer says of the means above it."""
        *lower, highest = self._evidence(images, *conditions)
        layers = [highest]
        for number, evidence in reversed(list(enumerate(lower))):
            expected = self.prior.expected(number, layers[0].mean)
            layers = [product(evidence, expected), *layers]
        return joined(layers)

    def decode(self, codes: Float[Array, "*n z"], *conditions: Array) -> Array:
        """The outputs for codes, of which the lowest layer is looked at."""
        return super().decode(codes[..., : self.code.size], *conditions)

    def _evidence(self, images: Array, *conditions: Array) -> list[DiagonalNormal]:
        features = self.encoder(images, *conditions)
        found = [self.code(features)]
        for trunk, code in zip(self.upward, self.codes, strict=True):
            features = trunk(features)
            found.append(code(features))
        return found


def product(one: DiagonalNormal, other: DiagonalNormal) -> DiagonalNormal:
    """The density in proportion to the product of two.

    Example:
      >>> one = DiagonalNormal(jnp.zeros((1, 1)), jnp.ones((1, 1)))
      >>> found = product(one, DiagonalNormal(jnp.ones((1, 1)), jnp.ones((1, 1))))
      >>> found.mean.item(), round(found.scale.item() ** 2, 4)
      (0.5, 0.5)
    """
    precision, more = one.scale**-2, other.scale**-2
    mean = (one.mean * precision + other.mean * more) / (precision + more)
    return DiagonalNormal(mean, (precision + more) ** -0.5)


def repeated(density: DiagonalNormal, count: int) -> DiagonalNormal:
    """The densities of a batch, so many times over."""
    return DiagonalNormal(*(jnp.tile(part, (count, 1)) for part in density))
