"""Where codes to decode are drawn: from the prior, or from a density of a model's codes."""

from collections.abc import Callable, Mapping
from typing import Any

import optax

from experiments.latent_spaces.settings import Generation, SamplerName
from jaxgen.arrays import Array, Float, Key, PyTree
from jaxgen.keys import named
from jaxgen.models.autoencoder import Autoencoder
from jaxgen.models.fitted_priors import fitted_mixture, fitted_normal
from jaxgen.models.learned_priors import FlowPrior
from jaxgen.models.second_stage import second_stage
from jaxgen.nn.flows import coupling_flow
from jaxgen.training.prior_fitting import fitted_flow, fitted_second_stage

RATE = 1e-3
"""Of Adam, for what is learned of codes."""
STAGE, LAYERS = 64, 6
"""Width of the layers of a flow and of a second stage, and couplings of a flow."""

Draw = Callable[[Autoencoder, PyTree, Array, Key], Float[Array, "m z"]]
"""``(net, params, images learned from, key) -> codes``."""
Fit = Callable[[Float[Array, "n z"], Key], Any]
"""``(codes, key) -> prior`` of `jaxgen.models.fitted_priors`."""


def from_prior(settings: Generation) -> Draw:
    """Codes from the prior of the model."""

    def draw(net, params, images, key):
        return net.apply({"params": params}, key, settings.samples, method="draw")

    return draw


def from_fitted(settings: Generation, fit: Fit) -> Draw:
    """Codes from a density fitted to those of the images, one drawn of each posterior."""

    def draw(net, params, images, key):
        posterior: Any = net.apply({"params": params}, images, method="encode")
        codes = posterior.sample(named(key, "codes"), 1)[0]
        prior = fit(codes, named(key, "fit"))
        return prior.sample(named(key, "sample"), settings.samples)

    return draw


def gaussian(settings: Generation) -> Draw:
    """From a normal density of their mean and covariance."""
    return from_fitted(settings, lambda codes, key: fitted_normal(codes))


def mixture(settings: Generation) -> Draw:
    """From a mixture of normal densities."""
    components = settings.components
    return from_fitted(
        settings, lambda codes, key: fitted_mixture(codes, components, key)
    )


def flow(settings: Generation) -> Draw:
    """From a flow of affine couplings."""

    def fit(codes: Float[Array, "n z"], key: Key) -> Any:
        prior = FlowPrior(codes.shape[1], coupling_flow(LAYERS, STAGE))
        return fitted_flow(codes, prior, adam(settings), key, steps=settings.steps)

    return from_fitted(settings, fit)


def second(settings: Generation) -> Draw:
    """From a variational autoencoder of the codes."""

    def fit(codes: Float[Array, "n z"], key: Key) -> Any:
        model = second_stage(codes.shape[1], STAGE)
        return fitted_second_stage(
            codes, model, adam(settings), key, steps=settings.steps
        )

    return from_fitted(settings, fit)


def adam(settings: Generation) -> optax.GradientTransformation:
    """Adam with a rate that falls to zero."""
    return optax.adam(optax.cosine_decay_schedule(RATE, settings.steps))


SAMPLERS: Mapping[SamplerName, Callable[[Generation], Draw]] = {
    "prior": from_prior,
    "gaussian": gaussian,
    "mixture": mixture,
    "flow": flow,
    "second_stage": second,
}
