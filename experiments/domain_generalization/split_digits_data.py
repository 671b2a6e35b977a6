"""Digits in pairs, one pair after the other: what is drawn, and what is judged."""

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

CLASSES = 10
STAGES = 5


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


class Pairs(NamedTuple):
    """Images of stages.

    Attributes:
      images: pixels.
      label: which of the pair each is, 0 or 1.
      stage: of which pair.
    """

    images: Float[Array, "n d"]
    label: Int[Array, " n"]
    stage: Int[Array, " n"]


def split_digits_of(part: str, source: DigitSource, file: Path | None) -> Digits:
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


def require_examples(count: int, classes: Classes) -> None:
    """Raises:
    ValueError: fewer images of a pair of digits than are asked for.
    """
    most = 2 * int(classes.counts.min())
    if count > most:
        raise ValueError(
            f"--split-digits.fisher-examples {count}: expected {most} or fewer, as there "
            "are images of each pair"
        )


def orders(seeds: int) -> Int[np.ndarray, "seeds c"]:
    """For each seed the order of the ten digits; each two are a pair.

    Example:
      >>> sorted(orders(2)[1].tolist()) == list(range(10))
      True
    """
    chance = np.random.default_rng(1)
    return np.stack([chance.permutation(CLASSES) for _ in range(seeds)])


def pairs_drawn(
    size: int, iterations: int, order: Int[Array, " c"]
) -> Callable[[Digits, Key, Array], Pairs]:
    """Draws images of the pair of a stage with replacement, each equally likely.

    Args:
      size: images of a batch.
      iterations: of a stage.
      order: of the digits.
    """

    def draw(data: Digits, key: Key, step: Array) -> Pairs:
        images, counts = map(jnp.asarray, data.train)
        stage = jnp.minimum(step // iterations, STAGES - 1)
        pair = jax.lax.dynamic_slice(order, (2 * stage,), (2,))
        step_key = jax.random.fold_in(key, step)
        place = jax.random.randint(step_key, (size,), 0, counts[pair].sum())
        second = (place >= counts[pair[0]]).astype(jnp.int32)
        example = place - second * counts[pair[0]]
        chosen = images[pair[second], example]
        return Pairs(chosen, second, jnp.full(size, stage))

    return draw


def pairs_of_stage(
    count: int, order: Int[Array, " c"]
) -> Callable[[Digits, Array], Pairs]:
    """So many images of the pair of a stage, one digit and the other in turn."""

    def examples(data: Digits, stage: Array) -> Pairs:
        images = jnp.asarray(data.train.images)
        pair = jax.lax.dynamic_slice(order, (2 * stage,), (2,))
        place = jnp.arange(count)
        chosen = images[pair[place % 2], place // 2]
        return Pairs(chosen, place % 2, jnp.full(count, stage))

    return examples
