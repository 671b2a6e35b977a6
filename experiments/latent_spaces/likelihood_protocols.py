"""Nets, codes and schedules whose likelihoods are measured, ours and published ones."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import flax.linen as nn
import numpy as np
import optax

from experiments.latent_spaces.settings import LatentSpaces
from jaxgen.models.autoencoder import Autoencoder
from jaxgen.models.image_coders import PerceptronDecoder, PerceptronEncoder
from jaxgen.models.likelihoods import Bernoulli
from jaxgen.models.priors import StandardNormal
from jaxgen.nn.codes import GaussianCode, PointCode
from jaxgen.objectives.variational import Objective, elbo, importance_weighted


class Contender(NamedTuple):
    """A model whose likelihood is measured.

    Attributes:
      title: in tables.
      code: ``size -> module``.
      objective: that it was trained by.
      samples: codes for each image in training.
      published: its negative log-likelihood and active units, where they are.
    """

    title: str
    code: Callable[[int], nn.Module]
    objective: Objective
    samples: int = 1
    published: tuple[float, int] | None = None


class Protocol(NamedTuple):
    """How models are trained, before their likelihoods are measured.

    Attributes:
      contenders: the models, by name.
      size: dimensions of the code.
      width: of each hidden layer.
      depth: hidden layers.
      activation: of them.
      batch: images of an update.
      epochs: of training, for each learning rate.
      rates: learning rates, one after the other.
      adam: what else Adam is given.
      once: whether every image is black and white once and for all, or anew each time.
      source: where it is from.
    """

    contenders: Mapping[str, Contender]
    size: int
    width: int
    depth: int
    activation: Callable
    batch: int
    epochs: tuple[float, ...]
    rates: tuple[float, ...]
    adam: Mapping[str, Any]
    once: bool
    source: str

    def steps(self, images: int) -> list[int]:
        """Updates at each learning rate."""
        return [round(each * images / self.batch) for each in self.epochs]

    def optimizer(self, images: int) -> optax.GradientTransformation:
        """Adam with its learning rates one after the other."""
        ends = np.cumsum(self.steps(images))[:-1].tolist()
        constants = [optax.constant_schedule(rate) for rate in self.rates]
        return optax.adam(optax.join_schedules(constants, ends), **self.adam)

    def net(self, contender: Contender, side: int, bias_init: Callable) -> Autoencoder:
        """The network of a contender; its outputs start at what ``bias_init`` says."""
        trunk = {
            "width": self.width,
            "depth": self.depth,
            "activation": self.activation,
        }
        return Autoencoder(
            PerceptronEncoder(**trunk),
            contender.code(self.size),
            StandardNormal(self.size),
            PerceptronDecoder((side, side, 1), **trunk, bias_init=bias_init),
            Bernoulli(),
        )


def protocol_of(experiment: LatentSpaces) -> Protocol:
    """The protocol that an experiment asks for."""
    name = experiment.likelihood.protocol
    if name == "small":
        return small(experiment)
    return gate() if name == "gate" else iwae2016(experiment.likelihood.stages)


def small(experiment: LatentSpaces) -> Protocol:
    """The network of the other parts, on digits of which each pixel is drawn."""
    settings = experiment.models
    images = 1348  # as many updates as the other parts make, of scikit-learn's digits
    return Protocol(
        {
            "autoencoder": Contender("autoencoder", PointCode, elbo),
            "vae": Contender("VAE", GaussianCode, elbo),
            "iwae_5": Contender("IWAE, k 5", GaussianCode, importance_weighted, 5),
        },
        settings.code,
        settings.width,
        settings.depth,
        nn.tanh,
        settings.batch,
        (settings.steps * settings.batch / images,),
        (settings.learning_rate,),
        {},
        False,
        "Grey digits whose pixels are drawn black or white, anew in every batch.",
    )


def gate() -> Protocol:
    """The cheapest known number: a VAE of which a test loss of about 104 is published."""
    return Protocol(
        {"vae": Contender("VAE", GaussianCode, elbo)},
        20,
        500,
        1,
        nn.relu,
        128,
        (10,),
        (1e-3,),
        {},
        True,
        "784-500-20, ReLU, batches of 128, Adam at 0.001, 10 epochs, as flax's example "
        "of a VAE, which reports a loss of about 104; binarized once, from a seed of ours.",
    )


def iwae2016(stages: int) -> Protocol:
    """Table 1 of the IWAE paper for one stochastic layer, by the authors' code.

    Adam's epsilon is 1e-4 there, of the gradient of a sum over 20 images. Departures:
    the second moment starts at zero, with its bias corrected, and batches are drawn.
    """
    epochs = tuple(3.0**stage for stage in range(stages))
    rates = tuple(1e-4 * round(10 ** (1 - stage / 7), 1) for stage in range(stages))
    table = {"vae": (1, elbo, (86.76, 19)), "iwae_5": (5, None, (85.54, 22))}
    if stages == 8:
        table["iwae_50"] = (50, None, (84.78, 25))
    return Protocol(
        {
            model: Contender(
                "VAE" if k == 1 else f"IWAE, k {k}",
                GaussianCode,
                objective or importance_weighted,
                k,
                published,
            )
            for model, (k, objective, published) in table.items()
        },
        50,
        200,
        2,
        nn.tanh,
        20,
        epochs,
        rates,
        {"b1": 0.99, "eps": 1e-4 / 20},
        False,
        f"784-200-200-50, tanh, batches of 20, {sum(epochs):.0f} epochs in {stages} stages "
        "of falling learning rates, pixels drawn anew in every batch: Burda et al., 2016, "
        "by the authors' code. Published: 3,280 epochs, 5,000 codes, all 10,000 images.",
    )
