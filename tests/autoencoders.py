"""Small autoencoders, and batches that went through them, that many tests share."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.densities.normal import DiagonalNormal
from jaxgen.models.autoencoder import Autoencoder, Terms
from jaxgen.models.image_coders import PerceptronDecoder, PerceptronEncoder
from jaxgen.models.likelihoods import Bernoulli, Gaussian
from jaxgen.models.priors import StandardNormal
from jaxgen.nn.codes import GaussianCode
from jaxgen.objectives.variational import Passed
from jaxgen.training.autoencoding import passed_through
from learners import cosines

IMAGES = np.random.default_rng(2).uniform(size=(64, 4, 4, 1)).astype(np.float32)
"""Data for all of them."""

LINEAR = Autoencoder(
    PerceptronEncoder(depth=0),
    GaussianCode(2),
    StandardNormal(2),
    PerceptronDecoder((2, 2, 1), depth=0),
    Gaussian(0.5),
)
"""Probabilistic principal components: its likelihood is known."""


def small(code: nn.Module = GaussianCode(3)) -> Autoencoder:
    """An autoencoder that compiles soon."""
    encoder = PerceptronEncoder(5, 1, kernel_init=cosines)
    decoder = PerceptronDecoder((4, 4, 1), 5, 1, kernel_init=cosines)
    return Autoencoder(encoder, code, StandardNormal(3), decoder, Bernoulli())


def drawn_terms(count=2, images=6, size=3, dtype=np.float32) -> Terms:
    """Terms of random codes of random posteriors, that belong together."""
    rng = np.random.default_rng(count + images)
    mean = rng.normal(size=(images, size))
    scale = np.exp(0.3 * rng.normal(size=(images, size)))
    codes = mean + scale * rng.normal(size=(count, images, size))
    posterior = DiagonalNormal(jnp.asarray(mean, dtype), jnp.asarray(scale, dtype))
    codes = jnp.asarray(codes, dtype)
    log_prior = (-0.5 * codes**2 - 0.5 * np.log(2 * np.pi)).sum(-1)
    log_ratio = posterior.log_prob(codes) - log_prior
    rates = 0.5 * (posterior.mean**2 + posterior.scale**2 - 1)
    rates = rates - jnp.log(posterior.scale)
    likelihood = jnp.asarray(rng.normal(size=(count, images)) - 3, dtype)
    return Terms(posterior, codes, likelihood, log_ratio, rates)


def passed_of(terms: Terms, **more) -> Passed:
    """A batch with these terms, and of the model what is told."""
    images = jnp.zeros((terms.codes.shape[1], 1, 1, 1))
    missing = dict.fromkeys(("params", "encode", "decode", "log_joint", "draw"))
    return Passed(images, terms, **(missing | more))


def valued(objective, passed: Passed, key) -> float:
    """The value of an objective, without its metrics."""

    @jax.jit
    def run(terms):
        return objective(passed._replace(terms=terms), key)[0]

    return float(run(passed.terms))


def linear_density(params, images) -> np.ndarray:
    """``log N(x; b, W W' + s^2 I)``, in float64."""
    kernel, bias = (
        np.asarray(params["decoder"]["Dense_0"][name], np.float64)
        for name in ("kernel", "bias")
    )
    covariance = kernel.T @ kernel + 0.25 * np.eye(4)
    offsets = np.asarray(images, np.float64).reshape(-1, 4) - bias
    squares = np.einsum("nd,nd->n", offsets, np.linalg.solve(covariance, offsets.T).T)
    return -0.5 * (squares + np.linalg.slogdet(2 * np.pi * covariance)[1])


def exact_posterior(params):
    """The linear model's parameters, with the encoder that inverts its decoder."""
    kernel, bias = (params["decoder"]["Dense_0"][name] for name in ("kernel", "bias"))
    precision = jnp.eye(2) + kernel @ kernel.T / 0.25
    mean = jnp.linalg.solve(precision, kernel / 0.25)
    log_scale = -0.5 * jnp.log(jnp.diag(precision))
    code = {
        "mean": {"kernel": mean.T, "bias": -mean @ bias},
        "log_scale": {"kernel": jnp.zeros((4, 2)), "bias": log_scale},
    }
    return {**params, "code": code}


def orthogonal_decoder():
    """Parameters of the linear model whose posterior is a diagonal normal."""
    kernel = jnp.array([[1.0, 0.5, 0.0, 0.0], [0.0, 0.0, -0.3, 0.8]])
    decoder = {"Dense_0": {"kernel": kernel, "bias": jnp.array([0.1, 0.2, 0.3, 0.4])}}
    return exact_posterior({"decoder": decoder})


def linear_passed(samples, params, images, key) -> Passed:
    """A batch that went through the linear model."""
    return passed_through(LINEAR, params, jnp.asarray(images), key, samples)
