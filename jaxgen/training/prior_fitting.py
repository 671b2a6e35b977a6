"""Priors that are learned from the codes of a trained model, by descent.

The codes are given mean zero and variance one in each dimension first. What comes back is
a fitted prior as in `jaxgen.models.fitted_priors`.
"""

import optax

from jaxgen.arrays import Array, Float, Key
from jaxgen.data.batches import minibatch
from jaxgen.keys import named
from jaxgen.models.autoencoder import Autoencoder
from jaxgen.models.fitted_priors import Learned, Rescaled, moments, require_codes
from jaxgen.models.learned_priors import FlowPrior
from jaxgen.models.second_stage import SecondStage, as_images
from jaxgen.objectives.variational import elbo
from jaxgen.training.autoencoding import autoencoding
from jaxgen.training.descent import descent
from jaxgen.training.dispatch import feed, repeat
from jaxgen.training.learner import Learner


def density_fitting(
    prior: FlowPrior, optimizer: optax.GradientTransformation
) -> Learner:
    """Makes codes likelier under a prior: descends ``-mean log p(z)``.

    Args:
      prior: with ``log_prob(codes)``.
      optimizer: turns gradients into updates.

    Returns:
      A learner of batches of codes, (n, z), with the metric ``loss``, nats of a code.
    """

    def start(key, codes):
        return prior.init(key, codes, method="log_prob")["params"]

    def loss(params, codes, key):
        log_density = prior.apply({"params": params}, codes, method="log_prob")
        return -log_density.mean(), {}  # type: ignore

    return descent(start, loss, optimizer)


def fitted_flow(
    codes: Float[Array, "n z"],
    prior: FlowPrior,
    optimizer: optax.GradientTransformation,
    key: Key,
    *,
    steps: int,
    batch: int = 256,
) -> Rescaled:
    """A flow prior of the codes, by maximum likelihood.

    Args:
      codes: of training examples.
      prior: of as many dimensions.
      optimizer: turns gradients into updates.
      key: of its initial values and batches.
      steps: updates.
      batch: codes of an update.

    Raises:
      ValueError: there are no more codes than dimensions, or the prior has others.

    References:
      Papamakarios et al., 2017, *Masked autoregressive flow for density estimation*.
    """
    require_size("fitted_flow", codes, prior.size)
    shift, scale = moments(codes)
    learner = density_fitting(prior, optimizer)
    params = learned(learner, (codes - shift[None]) / scale[None], key, steps, batch)
    return Rescaled(Learned(params, prior), shift, scale)


def fitted_second_stage(
    codes: Float[Array, "n z"],
    model: Autoencoder,
    optimizer: optax.GradientTransformation,
    key: Key,
    *,
    steps: int,
    batch: int = 256,
    samples: int = 100,
) -> Rescaled:
    """A variational autoencoder of the codes, trained by its evidence lower bound.

    Args:
      codes: of training examples.
      model: of codes as images; see `jaxgen.models.second_stage`.
      optimizer: turns gradients into updates.
      key: of its initial values, batches and codes.
      steps: updates.
      batch: codes of an update.
      samples: by which the density of a code is estimated.

    Raises:
      ValueError: there are no more codes than dimensions.

    References:
      Dai and Wipf, 2019, *Diagnosing and enhancing VAE models*, section 4.
    """
    require_size("fitted_second_stage", codes, model.prior.size)
    shift, scale = moments(codes)
    images = as_images((codes - shift[None]) / scale[None])
    params = learned(autoencoding(model, elbo, optimizer), images, key, steps, batch)
    stage = SecondStage(params, named(key, "density"), model, samples)
    return Rescaled(stage, shift, scale)


def learned(learner: Learner, data: Array, key: Key, steps: int, batch: int):
    """Parameters after so many updates on batches that are drawn from the data."""
    training = repeat(feed(learner, minibatch(batch)), steps)
    state, _ = training.update(training.init(key, data), data)
    return state.params


def require_size(what: str, codes: Float[Array, "n z"], size: int) -> None:
    """Raises:
    ValueError: codes of other dimensions, or no more of them than dimensions.
    """
    require_codes(what, codes, 1)
    if codes.shape[1] != size:
        raise ValueError(
            f"{what}: codes of {codes.shape[1]} dimensions, and a prior of {size}; give "
            "the prior the size of the codes"
        )
