"""What generated images are scored by, in the space of a classifier's logits."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.digit_classifier import DIGITS, logits_of
from experiments.latent_spaces.trained import Pixels
from jaxgen.arrays import Array, Float, Int, Key, Metrics, PyTree
from jaxgen.data.images import Labelled
from jaxgen.metrics.frechet import frechet_distance, moments
from jaxgen.metrics.memorization import nearest_distances
from jaxgen.metrics.neighbours import neighbour_scores

NEIGHBOURS = 5
"""Of precision, density and coverage."""
CONFIDENT = 0.5
"""Probability of its likeliest class from which an image is counted as of it."""
SPACE = "logits of a digit classifier"
"""The feature space, which every distance names."""


class Reference(NamedTuple):
    """Real images that generated ones are compared with.

    Attributes:
      judge: parameters of the classifier that judges them.
      learned: images that the models learned from.
      held_out: images that they did not.
      pairs: of held-out images of different classes, (2, pairs).
    """

    judge: PyTree
    learned: Labelled
    held_out: Labelled
    pairs: Int[np.ndarray, "2 p"] | Int[Array, "2 p"]


def told(reference: Reference, images: Float[Pixels, "n h w 1"]) -> Float[Array, "n c"]:
    """What the classifier says of images in [0, 1]."""
    return logits_of(reference.judge, jnp.asarray(2 * images - 1))


def image_scores(images: Float[Array, "n h w c"], reference: Reference) -> Metrics:
    """Quality, diversity and copying of images, against held-out ones."""
    made, real = (told(reference, some) for some in (images, reference.held_out.images))
    near = neighbour_scores(real, made, NEIGHBOURS)
    return {
        "frechet": frechet_distance(moments(made), moments(real)),
        "precision": near.precision,
        "density": near.density,
        "coverage": near.coverage,
        "classes": classes_reached(made),
        "nearest": nearest_ratio(images, reference),
    }


def each_scored(images: Float[Array, "s n h w c"], reference: Reference) -> Metrics:
    """Scores of the images of each seed."""
    return jax.vmap(image_scores, (0, None))(images, reference)


def classes_reached(logits: Float[Array, "n c"]) -> Array:
    """Classes with at least a tenth of their even share of the images, surely told."""
    shares = jax.nn.softmax(logits)
    sure = shares.max(1) >= CONFIDENT
    counts = (jax.nn.one_hot(shares.argmax(1), DIGITS) * sure[:, None]).sum(0)
    return (counts >= len(logits) / DIGITS / 10).sum()


def nearest_ratio(images: Float[Array, "n h w c"], reference: Reference) -> Array:
    """How far the nearest learned image is, by how far it is from a held-out one.

    Medians of distances of pixels: one for a perfect sampler, near zero for copies.
    """
    learned, held_out, made = (
        part.reshape(len(part), -1)
        for part in (reference.learned.images, reference.held_out.images, images)
    )
    own, usual = (nearest_distances(part, learned) for part in (made, held_out))
    return jnp.median(own) / jnp.median(usual)


def agreement(
    images: Float[Pixels, "*s n h w 1"],
    labels: Int[Pixels, "*s n"],
    reference: Reference,
) -> Float[Array, "*s"]:
    """Share of images that the classifier says to be of these classes."""
    said = told(reference, images.reshape(-1, *images.shape[-3:])).argmax(-1)
    return (said.reshape(labels.shape) == labels).mean(-1)


def perfect_images(
    reference: Reference, key: Key, count: int
) -> Float[Array, "{count} h w c"]:
    """Learned images, drawn again: what a perfect sampler would make."""
    images = reference.learned.images
    return images[jax.random.randint(key, (count,), 0, len(images))]


def trivial_images(
    reference: Reference, key: Key, count: int
) -> Float[Array, "{count} h w c"]:
    """Every pixel of some learned image, chosen for itself: right but for all shapes."""
    images = reference.learned.images
    pixels = images.reshape(len(images), -1)
    chosen = jax.random.randint(key, (count, pixels.shape[1]), 0, len(images))
    return jnp.take_along_axis(pixels, chosen, axis=0).reshape(-1, *images.shape[1:])
