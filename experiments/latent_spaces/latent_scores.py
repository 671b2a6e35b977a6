"""What the codes of one trained model say of themselves."""

from typing import Any

import jax.numpy as jnp

from experiments.digit_classifier import DIGITS
from experiments.latent_spaces.scores import NEIGHBOURS, Reference, told
from jaxgen.arrays import Array, Float, Key, Metrics, PyTree
from jaxgen.densities.aggregate import aggregate_moments
from jaxgen.densities.normal import DiagonalNormal
from jaxgen.keys import named
from jaxgen.metrics.active_units import active_units, unit_rates
from jaxgen.metrics.latent_information import rate_parts
from jaxgen.metrics.linear_probe import linear_probe_accuracy
from jaxgen.metrics.neighbours import neighbour_scores
from jaxgen.metrics.prior_mismatch import gaussian_mismatch, hole_ratio
from jaxgen.models.autoencoder import Autoencoder


def latent_scores(
    net: Autoencoder, params: PyTree, key: Key, reference: Reference
) -> Metrics:
    """Scores of the codes of learned and of held-out images."""
    variables = {"params": params}
    learned, held_out = reference.learned.images, reference.held_out.images
    own: Any = net.apply(variables, learned, method="encode")
    new: Any = net.apply(variables, held_out, method="encode")
    again: Any = net.apply(variables, new.mean, method="images")
    terms: Any = net.apply(variables, held_out, named(key, "codes"))
    drawn: Any = net.apply(variables, named(key, "prior"), len(held_out), method="draw")
    return {
        "distortion": terms.distortion.mean(),
        "rate": terms.rate.mean(),
        "error": ((again - held_out) ** 2).sum((1, 2, 3)).mean(),
        "width": width(new),
        "active": active_units(own.mean).sum(),
        "holes": hole_ratio(drawn, *drawn_codes((new, own), named(key, "holes"))),
        "probe": linear_probe_accuracy(
            own.mean,
            reference.learned.labels,
            new.mean,
            reference.held_out.labels,
            DIGITS,
        ),
        **mismatch(own),
        **parts_of_rate(own, named(key, "told")),
        **midpoints(net, params, new.mean, reference),
    }


def drawn_codes(posteriors: tuple[Any, Any], key: Key) -> list[Array]:
    """A code of each example, drawn from its posterior."""
    return [posterior.sample(key, 1)[0] for posterior in posteriors]


def width(posterior: Any) -> Array:
    """Share of the spread of all codes that is within one, mean over dimensions.

    Computes ``s / sqrt(s^2 + var m)`` of the mean scale s and of the means m: zero for
    points, one where nothing is told.
    """
    scale = getattr(posterior, "scale", jnp.zeros_like(posterior.mean)).mean(0)
    every = jnp.sqrt(scale**2 + posterior.mean.var(0))
    return (scale / jnp.maximum(every, 1e-6)).mean()


def mismatch(posterior: Any) -> Metrics:
    """Nats between the prior and all codes together, by their mean and covariance."""
    scale = getattr(posterior, "scale", jnp.zeros_like(posterior.mean))
    found = gaussian_mismatch(*aggregate_moments(DiagonalNormal(posterior.mean, scale)))
    return {"from_codes": found.from_codes, "from_prior": found.from_prior}


def parts_of_rate(posterior: Any, key: Key) -> Metrics:
    """What codes tell of images: their rate in parts; of points all there is to tell."""
    if not isinstance(posterior, DiagonalNormal):
        zeros = jnp.zeros(posterior.mean.shape[1])
        return {"information": jnp.inf, "correlation": jnp.nan, "rates": zeros}
    parts = rate_parts(posterior, posterior.sample(key, 1)[0])
    return {
        "information": parts.mutual_information.mean(),
        "correlation": parts.total_correlation.mean(),
        "rates": unit_rates(posterior),
    }


def midpoints(
    net: Autoencoder, params: PyTree, codes: Float[Array, "m z"], reference: Reference
) -> Metrics:
    """Whether what lies half-way between two held-out images is an image."""
    halves = codes[reference.pairs].mean(0)
    images: Any = net.apply({"params": params}, halves, method="images")
    real = told(reference, reference.held_out.images)
    near = neighbour_scores(real, told(reference, images), NEIGHBOURS)
    return {"between": near.precision}
