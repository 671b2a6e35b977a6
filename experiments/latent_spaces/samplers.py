"""Where codes to decode are drawn: from the prior, or from a density of a model's codes."""

from collections.abc import Callable, Mapping

import jax
import optax

from experiments.latent_spaces.settings import Generation, SamplerName
from jaxgen.arrays import Array, Float, Key
from jaxgen.keys import named
from jaxgen.models.fitted_priors import fitted_mixture, fitted_normal
from jaxgen.models.learned_priors import FlowPrior
from jaxgen.models.second_stage import second_stage
from jaxgen.nn.flows import coupling_flow
from jaxgen.training.prior_fitting import fitted_flow, fitted_second_stage

RATE = 1e-3
"""Of Adam, for what is learned of codes."""
STAGE, LAYERS = 32, 4
"""Width of the layers of a flow and of a second stage, and couplings of a flow."""

Draw = Callable[[Float[Array, "n z"], Key], Float[Array, "m z"]]
"""``(codes of the images learned from, key) -> codes to decode``."""


def standard(settings: Generation) -> Draw:
    """From N(0, I), the prior of all models."""
    return lambda codes, key: jax.random.normal(key, (settings.samples, codes.shape[1]))


def gaussian(settings: Generation) -> Draw:
    """From a normal density of their mean and covariance."""
    return lambda codes, key: fitted_normal(codes).sample(key, settings.samples)


def mixture(settings: Generation) -> Draw:
    """From a mixture of normal densities."""

    def draw(codes, key):
        count, fit = settings.components, named(key, "fit")
        prior = fitted_mixture(codes, count, fit, restarts=1, steps=100)
        return prior.sample(named(key, "sample"), settings.samples)

    return draw


def flow(settings: Generation) -> Draw:
    """From a flow of affine couplings."""

    def draw(codes, key):
        prior = FlowPrior(codes.shape[1], coupling_flow(LAYERS, STAGE))
        how = {"steps": settings.steps, "key": named(key, "fit")}
        fitted = fitted_flow(codes, prior, adam(settings), **how)
        return fitted.sample(named(key, "sample"), settings.samples)

    return draw


def second(settings: Generation) -> Draw:
    """From a variational autoencoder of the codes."""

    def draw(codes, key):
        model = second_stage(codes.shape[1], STAGE)
        how = {"steps": settings.steps, "key": named(key, "fit")}
        fitted = fitted_second_stage(codes, model, adam(settings), **how)
        return fitted.sample(named(key, "sample"), settings.samples)

    return draw


def adam(settings: Generation) -> optax.GradientTransformation:
    """Adam with a rate that falls to zero."""
    return optax.adam(optax.cosine_decay_schedule(RATE, settings.steps))


SAMPLERS: Mapping[SamplerName, Callable[[Generation], Draw]] = {
    "prior": standard,
    "gaussian": gaussian,
    "mixture": mixture,
    "flow": flow,
    "second_stage": second,
}

DECOMPOSING: tuple[SamplerName, ...] = ("gaussian", "mixture")
"""Those that take covariances apart."""
