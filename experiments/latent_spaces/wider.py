"""The wider family: other codes and priors, layers of codes, a model told the class."""

from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.latent_spaces.arms import Family, around
from experiments.latent_spaces.scores import Reference, agreement, each_scored
from experiments.latent_spaces.settings import LatentSpaces, WiderName
from experiments.latent_spaces.trained import of_family
from experiments.latent_spaces.wider_nets import (
    LEVELS,
    PLACES,
    conditional,
    flow_prior,
    ladder,
    quantized,
    rounded_code,
    two_layers,
    uniform_levels,
    with_classes,
)
from experiments.training import on_rows
from jaxgen.arrays import Array, Key, Metrics, PyTree
from jaxgen.data.images import Labelled
from jaxgen.keys import named
from jaxgen.models.autoencoder import Autoencoder
from jaxgen.nn.codes import GaussianCode
from jaxgen.objectives.quantization import vector_quantized
from jaxgen.objectives.variational import weighted_elbo
from jaxgen.training.players import parted

WIDER_TITLES: dict[WiderName, str] = {
    "rounded": f"FSQ, {LEVELS} levels; uniform prior",
    "vector_quantized": f"VQ, {PLACES} places; uniform prior",
    "flow_prior": "VAE; flow as prior, learned with it",
    "two_layers": "VAE of two layers",
    "ladder": "ladder VAE of two layers, warmed up",
    "conditional": "VAE that is told the class",
}

WIDER: dict[WiderName, Family] = {
    "rounded": Family(
        around(rounded_code, uniform_levels), weighted_elbo, {"rounded": 1.0}
    ),
    "vector_quantized": Family(quantized, vector_quantized, {"vector_quantized": 0.25}),
    "flow_prior": Family(
        around(GaussianCode, flow_prior), weighted_elbo, {"flow_prior": 1.0}
    ),
    "two_layers": Family(two_layers, weighted_elbo, {"two_layers": 1.0}),
    # without a warm-up its posterior falls onto the prior
    "ladder": Family(ladder, weighted_elbo, {"ladder": 1.0}, warmup=0.5),
    "conditional": Family(
        conditional, weighted_elbo, {"conditional": 1.0}, seen=with_classes
    ),
}
"""One program each, of one weight."""


def wider_family(
    experiment: LatentSpaces, folder: Path, reference: Reference
) -> dict[str, dict[str, np.ndarray]]:
    """Scores of each model's images by codes of its own prior, of every seed."""
    count = experiment.generation.samples
    agreed = jax.jit(agreement)
    real = float(agreed(*reference.held_out, reference))
    found = {}
    for name in experiment.generation.wider:
        family = WIDER[name]
        trained = of_family(experiment, family, [name], name, folder / name)
        drawn = partial(own_images, count, family)
        images, asked, costs = trained[name].each_seed(drawn, *reference[1:3])
        found[WIDER_TITLES[name]] = {
            **on_rows(each_scored, images, reference),
            **costs,
            "agrees": np.asarray(agreed(images, asked, reference)),
            "agrees_of_real": np.full(len(asked), real),
        }
    return found


def own_images(
    count: int,
    family: Family,
    net: Autoencoder,
    params: PyTree,
    key: Key,
    learned: Labelled,
    held_out: Labelled,
) -> tuple[Array, Array, Metrics]:
    """What is drawn from the prior, of which classes, and what held-out images cost.

    Asked for are the classes of learned images, drawn again; a model that is not told the
    class makes what it makes, and agrees by chance.
    """
    variables = {"params": params}
    codes: Any = net.apply(variables, named(key, "prior"), count, method="draw")
    labels = jnp.asarray(learned.labels)
    asked = jax.random.randint(named(key, "classes"), (count,), 0, len(labels))
    conditions = [jnp.asarray(one)[asked] for one in parted(family.seen(learned))[1]]
    images: Any = net.apply(variables, codes, *conditions, method="images")
    seen, conditions = parted(family.seen(held_out))
    terms: Any = net.apply(variables, seen, named(key, "codes"), 1, *conditions)
    costs = {"distortion": terms.distortion.mean(), "rate": terms.rate.mean()}
    return images, labels[asked], costs
