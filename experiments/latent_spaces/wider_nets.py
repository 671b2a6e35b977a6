"""Nets of the wider family: other codes, other priors, layers of codes, and classes."""

from math import gcd
from typing import Any

import flax.linen as nn

from experiments.digit_classifier import DIGITS
from experiments.latent_spaces.arms import autoencoder_of
from experiments.latent_spaces.settings import Models
from jaxgen.arrays import Data
from jaxgen.data.images import Labelled
from jaxgen.models.autoencoder import Autoencoder
from jaxgen.models.conditional_coders import ConditionedDecoder, ConditionedEncoder
from jaxgen.models.hierarchical import HierarchicalAutoencoder
from jaxgen.models.hierarchical_prior import HierarchicalPrior, NormalLayer
from jaxgen.models.ladder import LadderAutoencoder
from jaxgen.models.learned_priors import FlowPrior
from jaxgen.models.priors import StandardNormal, UniformLevels, UniformPlaces
from jaxgen.nn.codes import GaussianCode
from jaxgen.nn.flows import coupling_flow
from jaxgen.nn.perceptron import Hidden
from jaxgen.nn.quantization import Codebook, RoundedCode, VectorQuantizedCode

LEVELS = 5
"""Of each dimension of a rounded code."""
PLACES = 16
"""Of a codebook, from which each two dimensions take one."""
LAYERS, WIDTH = 4, 32
"""Couplings of a flow, and the width of their layers."""


def rounded_code(size: int) -> nn.Module:
    """A few levels in each dimension."""
    return RoundedCode((LEVELS,) * size)


def uniform_levels(size: int) -> nn.Module:
    """All of them alike."""
    return UniformLevels((LEVELS,) * size)


def quantized(settings: Models, side: int) -> Autoencoder:
    """A code and a prior that share their codebook."""
    width = gcd(2, settings.code)
    book, groups = Codebook(PLACES, width), settings.code // width
    code, prior = VectorQuantizedCode(book, groups), UniformPlaces(book, groups)
    return autoencoder_of(settings, code, prior, side)


def flow_prior(size: int) -> nn.Module:
    """Noise through a flow of affine couplings."""
    return FlowPrior(size, coupling_flow(LAYERS, WIDTH))


def two_layers(settings: Models, side: int) -> Autoencoder:
    """A code of the code, found and expected by perceptrons of half the width."""
    net = of_layers(settings, side)
    upward = NormalLayer(higher(settings), *half(settings))
    return HierarchicalAutoencoder(**net, upward=(upward,))


def ladder(settings: Models, side: int) -> Autoencoder:
    """The same layers, found from the highest down."""
    net = of_layers(settings, side)
    upward, code = Hidden(*half(settings)), GaussianCode(higher(settings))
    return LadderAutoencoder(**net, upward=(upward,), codes=(code,))


def of_layers(settings: Models, side: int) -> dict[str, Any]:
    """What models of two layers share: the network of all arms, and a prior of both."""
    highest = StandardNormal(higher(settings))
    prior = HierarchicalPrior(highest, (NormalLayer(settings.code, *half(settings)),))
    net = autoencoder_of(settings, GaussianCode(settings.code), prior, side)
    names = "encoder", "code", "prior", "decoder", "likelihood"
    return {name: getattr(net, name) for name in names}


def higher(settings: Models) -> int:
    """Dimensions of the higher layer, half of the lower one's as in IWAE."""
    return max(settings.code // 2, 1)


def half(settings: Models) -> tuple[int, int]:
    """Width, half of the network's as in IWAE, and depth of what joins two layers."""
    return max(settings.width // 2, 1), settings.depth


def conditional(settings: Models, side: int) -> Autoencoder:
    """Encoder and decoder are told the class."""
    size = settings.code
    net = autoencoder_of(settings, GaussianCode(size), StandardNormal(size), side)
    return net.clone(
        encoder=ConditionedEncoder(net.encoder, DIGITS),
        decoder=ConditionedDecoder(net.decoder, DIGITS),
    )


def with_classes(data: Labelled) -> Data:
    """The images, and of which class each is."""
    return data.images, data.labels
