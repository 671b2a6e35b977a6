"""Autoencoders with several layers of codes, each of which explains the one below.

Codes of all layers are one vector, the lowest layer first. Only the lowest is decoded.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax.nn.initializers import Initializer, zeros

from jaxgen.arrays import Array, Float, Key
from jaxgen.densities.normal import DiagonalNormal
from jaxgen.keys import named
from jaxgen.models.autoencoder import Autoencoder, Terms
from jaxgen.models.hierarchical_prior import HierarchicalPrior, NormalLayer
from jaxgen.models.image_coders import PerceptronDecoder, PerceptronEncoder
from jaxgen.models.likelihoods import Bernoulli
from jaxgen.models.priors import StandardNormal
from jaxgen.nn.codes import GaussianCode


class Layers(NamedTuple):
    """What each layer says of the means below it: no density of them together.

    Attributes:
      mean: of each dimension, the lowest layer first.
      scale: standard deviation of each dimension.
    """

    mean: Float[Array, "n z"]
    scale: Float[Array, "n z"]


class HierarchicalAutoencoder(Autoencoder):
    """Codes of codes: ``q(z_1|x) q(z_2|z_1) ..`` beside ``p(z_L) .. p(z_1|z_2) p(x|z_1)``.

    Its terms have a column of rates for each layer, ``E log q(z_l|.) - log p(z_l|.)``,
    estimated from the codes.

    Attributes:
      encoder: ``(images, *conditions) -> features (n, f)``.
      code: of the lowest layer.
      prior: a `HierarchicalPrior` of all layers.
      decoder: ``(codes of the lowest layer, *conditions) -> outputs``.
      likelihood: of images under outputs.
      upward: from each layer to the next one, the lowest first.

    Raises:
      ValueError: layers of other sizes than the prior's; and as `Autoencoder`.

    References:
      Burda et al., 2016, *Importance weighted autoencoders*, section 2.

    Example:
      >>> import jax
      >>> model, images = two_layers((4, 4, 1)), jnp.zeros((3, 4, 4, 1))
      >>> run = lambda key: model.init_with_output(key, images, key, 5)[0]
      >>> terms = jax.eval_shape(run, jax.random.key(0))
      >>> terms.codes.shape, terms.rates.shape
      ((5, 3, 150), (3, 2))
    """

    upward: tuple[NormalLayer, ...]

    def __call__(
        self,
        images: Float[Array, "n h w c"],
        key: Key,
        samples: int = 1,
        *conditions: Array,
        seen: Float[Array, "n h w c"] | None = None,
    ) -> Terms:
        """All terms of a batch; arguments as of `Autoencoder`."""
        require_sizes(self.prior, (self.code, *self.upward))
        seen = images if seen is None else seen
        density = self.code(self.encoder(seen, *conditions))
        codes, costs = [density.sample(named(key, "layer_0"), samples)], []
        costs.append(density.log_prob(codes[0]))
        for number, layer in enumerate(self.upward, 1):
            drawn, cost = drawn_from(layer, codes[-1], named(key, f"layer_{number}"))
            codes, costs = [*codes, drawn], [*costs, cost]
        return explained(self, images, seen, conditions, codes, costs)

    def encode(self, images: Float[Array, "n h w c"], *conditions: Array) -> Any:
        """What each layer says of the means below it."""
        layers = [self.code(self.encoder(images, *conditions))]
        for layer in self.upward:
            layers.append(layer(layers[-1].mean))
        return joined(layers)

    def decode(self, codes: Float[Array, "*n z"], *conditions: Array) -> Array:
        """The outputs for codes, of which the lowest layer is looked at."""
        return super().decode(codes[..., : self.code.size], *conditions)


def two_layers(
    shape: tuple[int, int, int], bias_init: Initializer = zeros
) -> HierarchicalAutoencoder:
    """The model of Burda et al. with two stochastic layers, of 100 and 50 dimensions.

    Args:
      shape: of an image, black and white: (h, w, c).
      bias_init: how the bias of the outputs starts, ``(key, shape (h w c,), dtype)``: in
        the published runs as the logit of the mean image.

    References:
      Burda et al., 2016, *Importance weighted autoencoders*, section 5.
    """
    return HierarchicalAutoencoder(
        PerceptronEncoder(200),
        GaussianCode(100),
        HierarchicalPrior(StandardNormal(50), (NormalLayer(100, 100),)),
        PerceptronDecoder(shape, 200, bias_init=bias_init),
        Bernoulli(),
        (NormalLayer(50, 100),),
    )


def explained(
    model: Autoencoder,
    images: Float[Array, "n h w c"],
    seen: Float[Array, "n h w c"],
    conditions: tuple[Array, ...],
    codes: list[Array],
    costs: list[Array],
) -> Terms:
    """The terms of codes (k, n, z_l) and their log-densities (k, n), a pair each layer."""
    found = jnp.concatenate(codes, -1)
    log_likelihood = model.log_likelihood(found, images, *conditions)
    ratios = jnp.stack(costs, -1) - model.prior.log_probs(found)
    posterior = model.encode(seen, *conditions)
    return Terms(posterior, found, log_likelihood, ratios.sum(-1), ratios.mean(0))


def drawn_from(
    layer: Any, below: Float[Array, "k n y"], key: Key
) -> tuple[Float[Array, "k n z"], Float[Array, "k n"]]:
    """A code for each one below it, and its log-density."""
    density = layer(below.reshape(-1, below.shape[-1]))
    drawn = density.sample(key, 1)
    log_prob = density.log_prob(drawn)
    return drawn.reshape(*below.shape[:2], -1), log_prob.reshape(below.shape[:2])


def joined(layers: list[DiagonalNormal]) -> Layers:
    """All layers side by side."""
    return Layers(*(jnp.concatenate(parts, -1) for parts in zip(*layers, strict=True)))


def require_sizes(prior: HierarchicalPrior, layers: tuple[Any, ...]) -> None:
    """Raises:
    ValueError: layers of other sizes than those of the prior.
    """
    sizes = tuple(layer.size for layer in layers)
    if prior.sizes != sizes:
        raise ValueError(
            f"HierarchicalPrior of layers of {prior.sizes} dimensions, and a model whose "
            f"layers have {sizes}; make them the same"
        )
