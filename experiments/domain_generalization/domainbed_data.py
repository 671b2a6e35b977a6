"""Environments of digits as DomainBed draws them: each image is in one of them."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.digits import digits_of
from experiments.domain_generalization.domainbed_table import (
    ANGLES,
    ENVIRONMENTS,
    FLIPS,
)
from experiments.domain_generalization.image_learning import PARTS, Images
from experiments.domain_generalization.image_settings import DomainBed, SetName
from jaxgen.arrays import Array, Int, Key, Shaped
from jaxgen.data.colored_digits import colours, painted
from jaxgen.data.printed_digits import printed_digits28
from jaxgen.data.rotations import rotated, rotation_matrix
from jaxgen.keys import named


class Digits(NamedTuple):
    """Gray images in 256 shades, and their digits.

    Attributes:
      images: (n, h, w) uint8.
      digits: of these.
    """

    images: Shaped[np.ndarray, "n h w"] | Shaped[Array, "n h w"]
    digits: Int[np.ndarray, " n"] | Int[Array, " n"]


class Places(NamedTuple):
    """Which images an environment has, by their place in the data.

    Attributes:
      learned: four fifths, to learn from; where it is left out, to test on.
      held: a fifth.
    """

    learned: Int[Array, "k n"]
    held: Int[Array, "k m"]


View = Callable[[Digits, Key, Int[Array, "n k"], Int[Array, " k"]], Images]
"""Of the data, the key of a run, places and the environment of each column: its images."""


def digits_there(settings: DomainBed) -> Digits:
    """All digits of a source, those held out there as well.

    Raises:
      ValueError: a file or a set that is not as it should be.
      ImportError: TFDS is asked for and not installed.
      OSError: the file cannot be read.
    """
    if settings.source == "printed":
        parts = [printed_digits28()]
    else:
        parts = list(digits_of("domainbed", settings.source, settings.file))
    every = settings.every
    images = np.concatenate([np.asarray(one.images)[..., 0] for one in parts])
    shades = np.round((images[:, ::every, ::every] + 1) * 127.5).astype(np.uint8)
    return Digits(shades, np.concatenate([np.asarray(one.labels) for one in parts]))


def places_of(count: int, environments: int, key: Key) -> Places:
    """Shuffled, and dealt out in turn; a few that are over are in none."""
    order = jax.random.permutation(named(key, "order"), count)
    rows = count // environments
    dealt = order[: rows * environments].reshape(rows, environments).T
    held = rows // PARTS
    return Places(dealt[:, held : PARTS * held], dealt[:, :held])


def in_colours(
    data: Digits, key: Key, places: Int[Array, "n k"], environment: Int[Array, " k"]
) -> Images:
    """Images of two channels with labels of two classes; both are as noisy as published."""
    digits = jnp.asarray(data.digits)[places].ravel()
    flips = jnp.broadcast_to(
        jnp.asarray(FLIPS)[environment][None], places.shape
    ).ravel()
    drawn = of_each(places.ravel(), digits, flips, named(key, "colours"))
    return Images(
        painted(pixels(data, places), drawn.channels.reshape(places.shape)),
        drawn.labels.reshape(places.shape).astype(jnp.int32),
    )


def of_each(places, digits, flips, key):
    """Labels and colours, the same of an image whenever it is drawn in a run."""

    def one(place, digit, flip):
        return colours(digit[None], flip[None], jax.random.fold_in(key, place))

    drawn = jax.vmap(one)(places, digits, flips)
    return jax.tree.map(lambda leaf: leaf[:, 0], drawn)


def at_angles(
    data: Digits, key: Key, places: Int[Array, "n k"], environment: Int[Array, " k"]
) -> Images:
    """Images of one channel, rotated; labels are digits."""
    del key
    side = data.images.shape[1]
    table = np.stack([rotation_matrix(side, angle) for angle in ANGLES])
    matrices = jnp.asarray(table, jnp.float32)[environment]
    turned = jax.vmap(rotated, (1, 0), 1)(pixels(data, places), matrices)
    return Images(turned[..., None], jnp.asarray(data.digits)[places])


def pixels(data: Digits, places: Int[Array, "n k"]) -> Array:
    """In [0, 1]."""
    return jnp.asarray(data.images)[places].astype(jnp.float32) / 255


VIEWS: Mapping[SetName, tuple[View, int]] = {
    "colored": (in_colours, 2),
    "rotated": (at_angles, 10),
}
"""What each set shows, and how many classes it has."""


def environments_but(
    name: SetName, left_out: Array, size: int
) -> Callable[[Digits, Key, Array], Images]:
    """Draws rows of images of all environments but one, with replacement."""
    view, _ = VIEWS[name]
    count = len(ENVIRONMENTS[name])

    def rows(data: Digits, key: Key, step: Array) -> Images:
        learned = places_of(len(data.digits), count, key).learned
        others = (left_out.astype(jnp.int32) + 1 + jnp.arange(count - 1)) % count
        step_key = jax.random.fold_in(named(key, "batch"), step)
        shape = size, count - 1
        example = jax.random.randint(step_key, shape, 0, learned.shape[1])
        return view(data, key, learned[others[None], example], others)

    return rows
