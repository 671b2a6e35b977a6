"""Digits in stages: which of them each stage shows, how, and which logits tell them."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.digit_sources import DigitSource
from experiments.digits import digits_of
from jaxgen.arrays import Array, Float, Int, Key
from jaxgen.data.images import Labelled
from jaxgen.keys import named

CLASSES = 10
PAIRS = 5


class Classes(NamedTuple):
    """Images by their class.

    Attributes:
      images: pixels in [0, 1]; behind the images of a class come zeros.
      counts: images of each class.
    """

    images: Float[Array | np.ndarray, "c n d"]
    counts: Int[Array | np.ndarray, " c"]


class Digits(NamedTuple):
    """What is learned, and what is judged."""

    train: Classes
    test: Classes


class Shown(NamedTuple):
    """Images as stages show them.

    Attributes:
      images: pixels.
      label: which of the digits of its stage each is.
      stage: of each.
    """

    images: Float[Array, "n d"]
    label: Int[Array, " n"]
    stage: Int[Array, " n"]


class Stages(NamedTuple):
    """A protocol.

    Attributes:
      count: of stages.
      digits: ``stage (n,) -> (n, c)``, those a stage shows, in the order of their labels.
      shown: ``(images (n, d), stage (n,)) -> images`` as they look there.
      told: ``(logits (n, 10), stage (n,)) -> (n, c)``, those that tell its labels.
    """

    count: int
    digits: Callable[[Int[Array, " n"]], Int[Array, "n c"]]
    shown: Callable[[Float[Array, "n d"], Int[Array, " n"]], Float[Array, "n d"]]
    told: Callable[[Float[Array, "n _all"], Int[Array, " n"]], Float[Array, "n c"]]


Draw = Callable[[Digits, Key, Array], Shown]
"""``(digits, key, step) -> images``."""


def pairs(order: Int[Array, " c"]) -> Stages:
    """Two digits a stage, as an order has them, with two logits of their own.

    Of which pair an image is, is known also at a test: task-incremental.
    """

    def own(logits: Array, stage: Array) -> Array:
        heads = logits.reshape(-1, PAIRS, 2)
        return jnp.take_along_axis(heads, stage[:, None, None], axis=1)[:, 0]

    return Stages(
        PAIRS,
        lambda stage: order.reshape(PAIRS, 2)[stage],
        lambda images, stage: images,
        own,
    )


def permuted(places: Int[Array, "k d"]) -> Stages:
    """All digits in every stage, their pixels in an order of its own: domain-incremental.

    Args:
      places: for each stage where each pixel is taken from.
    """

    def digits(stage: Array) -> Array:
        return jnp.broadcast_to(jnp.arange(CLASSES)[None], (len(stage), CLASSES))

    return Stages(
        len(places),
        digits,
        lambda images, stage: jnp.take_along_axis(images, places[stage], axis=1),
        lambda logits, stage: logits,
    )


def orders(seeds: int) -> Int[np.ndarray, "seeds c"]:
    """For each seed the order of the ten digits; each two are a pair.

    Example:
      >>> sorted(orders(2)[1].tolist()) == list(range(10))
      True
    """
    chance = np.random.default_rng(1)
    return np.stack([chance.permutation(CLASSES) for _ in range(seeds)])


def orders_of_pixels(seeds: int, stages: int, pixels: int) -> Int[np.ndarray, "s k d"]:
    """For each seed the order of the pixels in each stage; the first is as they are.

    Example:
      >>> found = orders_of_pixels(2, 3, 4)
      >>> found.shape, found[1, 0].tolist(), sorted(found[1, 2].tolist())
      ((2, 3, 4), [0, 1, 2, 3], [0, 1, 2, 3])
    """
    chance = np.random.default_rng(2)
    same = np.arange(pixels)
    drawn = [
        [same, *(chance.permutation(pixels) for _ in range(stages - 1))]
        for _ in range(seeds)
    ]
    return np.array(drawn, np.int32)


def digits_by_class(part: str, source: DigitSource, file: Path | None) -> Digits:
    """The digits of a source, by class.

    Raises:
      ValueError: a file or a data set that is not as it should be.
      ImportError: TFDS is asked for and not installed.
    """
    return Digits(*(by_class(each) for each in digits_of(part, source, file)))


def by_class(data: Labelled) -> Classes:
    """Images of each class, with zeros behind those of which there are fewer."""
    images = (np.asarray(data.images).reshape(len(data.images), -1) + 1) / 2
    labels = np.asarray(data.labels)
    counts = np.bincount(labels, minlength=CLASSES).astype(np.int32)
    found = np.zeros((CLASSES, counts.max(), images.shape[1]), np.float32)
    for label, count in enumerate(counts):
        found[label, :count] = images[labels == label]
    return Classes(found, counts)


def in_turn(stages: Stages, size: int, iterations: int) -> Draw:
    """Draws so many images of one stage after the other, each for as many updates."""

    def draw(data: Digits, key: Key, step: Array) -> Shown:
        stage = jnp.minimum(step // iterations, stages.count - 1)
        step_key = jax.random.fold_in(key, step)
        return drawn(stages, data.train, jnp.full(size, stage), step_key)

    return draw


def all_at_once(stages: Stages, size: int, iterations: int) -> Draw:
    """Draws so many images of any stage, each of a stage of its own."""
    del iterations

    def draw(data: Digits, key: Key, step: Array) -> Shown:
        step_key = jax.random.fold_in(key, step)
        stage = jax.random.randint(named(step_key, "stage"), (size,), 0, stages.count)
        return drawn(stages, data.train, stage, step_key)

    return draw


def drawn(stages: Stages, classes: Classes, stage: Int[Array, " n"], key: Key) -> Shown:
    """An image of each of these stages, with replacement, each equally likely."""
    images, counts = map(jnp.asarray, classes)
    digits, rows = stages.digits(stage), jnp.arange(len(stage))
    ends = jnp.cumsum(counts[digits], axis=1)
    place = jax.random.randint(key, stage.shape, 0, ends[:, -1])
    label = (place[:, None] >= ends).sum(1)
    digit = digits[rows, label]
    example = place - ends[rows, label] + counts[digit]
    return Shown(stages.shown(images[digit, example], stage), label, stage)


def of_stage(stages: Stages, count: int) -> Callable[[Digits, Array], Shown]:
    """So many images of a stage that has ended, one digit after the other in turn."""

    def examples(data: Digits, stage: Array) -> Shown:
        images, each = jnp.asarray(data.train.images), jnp.full(count, stage)
        digits, place = stages.digits(each), jnp.arange(count)
        label, example = place % digits.shape[1], place // digits.shape[1]
        chosen = images[digits[place, label], example]
        return Shown(stages.shown(chosen, each), label, each)

    return examples
