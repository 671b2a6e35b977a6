"""The wider family: codes of finitely many places, and a prior that is learned."""

from functools import partial
from math import gcd
from pathlib import Path
from typing import Any

import flax.linen as nn
import numpy as np

from experiments.latent_spaces.arms import Family
from experiments.latent_spaces.scores import Reference, image_scores
from experiments.latent_spaces.settings import LatentSpaces, WiderName
from experiments.latent_spaces.trained import of_family
from jaxgen.arrays import Key, Metrics, PyTree
from jaxgen.keys import named
from jaxgen.models.autoencoder import Autoencoder
from jaxgen.models.learned_priors import FlowPrior
from jaxgen.models.priors import UniformLevels, UniformPlaces
from jaxgen.nn.codes import GaussianCode
from jaxgen.nn.flows import coupling_flow
from jaxgen.nn.quantization import Codebook, RoundedCode, VectorQuantizedCode
from jaxgen.objectives.quantization import vector_quantized
from jaxgen.objectives.variational import weighted_elbo

LEVELS = 5
"""Of each dimension of a rounded code."""
PLACES = 16
"""Of a codebook, from which each two dimensions take one."""
LAYERS, WIDTH = 4, 32
"""Couplings of a flow, and the width of their layers."""

WIDER_TITLES: dict[WiderName, str] = {
    "rounded": f"FSQ, {LEVELS} levels; uniform prior",
    "vector_quantized": f"VQ, {PLACES} places; uniform prior",
    "flow_prior": "VAE; flow as prior, learned with it",
}


def rounded_code(size: int) -> nn.Module:
    """A few levels in each dimension."""
    return RoundedCode((LEVELS,) * size)


def uniform_levels(size: int) -> nn.Module:
    """All of them alike."""
    return UniformLevels((LEVELS,) * size)


def quantized_parts(size: int) -> tuple[nn.Module, nn.Module]:
    """A code and a prior that share their codebook."""
    width = gcd(2, size)
    book = Codebook(PLACES, width)
    groups = size // width
    return VectorQuantizedCode(book, groups), UniformPlaces(book, groups)


def flow_prior(size: int) -> nn.Module:
    """Noise through a flow of affine couplings."""
    return FlowPrior(size, coupling_flow(LAYERS, WIDTH))


def family_of(name: WiderName, size: int) -> Family:
    """One program's model, of one weight."""
    if name == "rounded":
        one = Family(rounded_code, weighted_elbo, {name: 1.0}, prior=uniform_levels)
    elif name == "flow_prior":
        one = Family(GaussianCode, weighted_elbo, {name: 1.0}, prior=flow_prior)
    else:
        code, prior = quantized_parts(size)
        one = Family(
            lambda _: code, vector_quantized, {name: 0.25}, prior=lambda _: prior
        )
    return one


def wider_family(
    experiment: LatentSpaces, folder: Path, reference: Reference
) -> dict[str, dict[str, np.ndarray]]:
    """Scores of each model's images by codes of its own prior, of every seed."""
    count = experiment.generation.samples
    found = {}
    for name in experiment.generation.wider:
        family = family_of(name, experiment.models.code)
        trained = of_family(experiment, family, [name], name, folder / name)
        scores = partial(own_scores, count)
        found[WIDER_TITLES[name]] = trained[name].each_seed(scores, reference)
    return found


def own_scores(
    count: int, net: Autoencoder, params: PyTree, key: Key, reference: Reference
) -> Metrics:
    """What is drawn from the prior, and what the codes of held-out images cost."""
    variables, held_out = {"params": params}, reference.held_out.images
    codes: Any = net.apply(variables, named(key, "prior"), count, method="draw")
    images: Any = net.apply(variables, codes, method="images")
    terms: Any = net.apply(variables, held_out, named(key, "codes"))
    return {
        **image_scores(images, reference),
        "distortion": terms.distortion.mean(),
        "rate": terms.rate.mean(),
    }
