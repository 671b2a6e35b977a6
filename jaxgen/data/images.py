"""Labelled images in memory: from scikit-learn, from a file, and stacked into many modes.

Images are float32 in [-1, 1] of shape (n, h, w, c), labels int32 of shape (n,).
"""

import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.datasets import load_digits

from jaxgen.arrays import Array, Float, Int, Key

FILE_NAMES = (("x_train", "y_train"), ("x", "y"), ("images", "labels"))
"""What arrays of images and labels are called in files, most telling first."""
HELD_OUT_NAMES = (("x_test", "y_test"),)
"""What those of held-out images are called."""


class Labelled(NamedTuple):
    """Images and the class of each.

    Attributes:
      images: (n, h, w, c) float32 in [-1, 1].
      labels: (n,) int32.
    """

    images: Float[np.ndarray, "n h w c"] | Float[Array, "n h w c"]
    labels: Int[np.ndarray, " n"] | Int[Array, " n"]


def digits8() -> Labelled:
    """1,797 written digits of 8 x 8, the copy that scikit-learn carries.

    Example:
      >>> digits8().images.shape
      (1797, 8, 8, 1)
    """
    pixels, labels = load_digits(return_X_y=True)
    return labelled(np.reshape(pixels, (-1, 8, 8)), np.asarray(labels), largest=16)


def labelled_from_file(
    path: Path, called: Sequence[tuple[str, str]] = FILE_NAMES
) -> Labelled:
    """Images and labels of an ``.npz`` file.

    The arrays are called ``x_train`` and ``y_train``, ``x`` and ``y``, or ``images``
    and ``labels``: images (n, h, w) or (n, h, w, c), uint8 in [0, 255] or floats in
    [0, 1]; labels (n,) integers.

    Args:
      path: of the file.
      called: names of images and labels, of which the first there are taken.

    Raises:
      ValueError: it is no such file, or its arrays are not that.
      OSError: it cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as file:
            file.testzip()
    except zipfile.BadZipFile as error:
        raise ValueError(f"{path}: expected an .npz file, {error}") from error
    with np.load(path, allow_pickle=False) as file:
        names = _names_in(path, file.files, called)
        images, labels = (file[name] for name in names)
    if not np.issubdtype(labels.dtype, np.integer) or labels.min(initial=0) < 0:
        raise ValueError(
            f"{path}: {names[1]} is {labels.dtype}; expected whole numbers"
        )
    if images.ndim not in (3, 4) or labels.shape != images.shape[:1]:
        raise ValueError(
            f"{path}: {names[0]} is {images.shape} and {names[1]} is {labels.shape}; "
            "expected (n, h, w) or (n, h, w, channels), and (n,)"
        )
    return labelled(images, labels, _largest(path, images))


def labelled(images: np.ndarray, labels: np.ndarray, largest: int | float) -> Labelled:
    """Images of values in [0, largest], scaled to [-1, 1], with a channel axis.

    Example:
      >>> labelled(np.array([[[0, 255]]]), np.array([3]), 255).images.ravel().tolist()
      [-1.0, 1.0]
    """
    scaled = np.asarray(images, np.float32) * np.float32(2 / largest) - 1
    with_channels = scaled if scaled.ndim == 4 else scaled[..., None]
    return Labelled(with_channels, np.asarray(labels, np.int32))


def split(data: Labelled, share: float, seed: int) -> tuple[Labelled, Labelled]:
    """A random part of the data, and the rest.

    Args:
      data: what is split.
      share: of the first part, in (0, 1).
      seed: of the order in which examples are taken.

    Example:
      >>> train, test = split(digits8(), 0.75, seed=0)
      >>> len(train.labels), len(test.labels)
      (1348, 449)
    """
    if not 0 < share < 1:
        raise ValueError(f"split(share={share}): expected a share between 0 and 1")
    order = np.random.default_rng(seed).permutation(len(data.labels))
    first, second = np.split(order, [round(share * len(order))])
    return _taken(data, first), _taken(data, second)


def stacked_minibatch(size: int, channels: int = 3) -> Callable[[Labelled, Key], Array]:
    """Draws images each of whose channels is an image of its own, with replacement.

    Of gray images of ten classes, three channels make a thousand modes.

    Returns:
      ``(data, key) -> (size, h, w, channels)``, to be given to ``feed``.

    Example:
      >>> draw = stacked_minibatch(5)
      >>> draw(digits8(), jax.random.key(0)).shape
      (5, 8, 8, 3)
    """

    def draw(data, key):
        return stacked_images(data, key, size, channels)[0]

    return draw


def stacked_images(
    data: Labelled, key: Key, size: int, channels: int = 3
) -> tuple[Float[Array, "n h w c"], Int[Array, " n"]]:
    """Stacks of gray images, and their labels read as the digits of a number.

    Raises:
      ValueError: the images have more than one channel.

    References:
      Metz et al., 2017, *Unrolled generative adversarial networks*, section 3.3.1.
    """
    if data.images.shape[-1] != 1:
        raise ValueError(
            f"images of {data.images.shape[-1]} channels: expected gray ones to stack"
        )
    chosen = jax.random.randint(key, (size, channels), 0, len(data.labels))
    images = jnp.moveaxis(jnp.asarray(data.images)[chosen, ..., 0], 1, -1)
    places = 10 ** jnp.arange(channels - 1, -1, -1)
    labels = (jnp.asarray(data.labels)[chosen] * places[None]).sum(axis=1)
    return images, labels


def holds_held_out(path: Path) -> bool:
    """Whether a file that was read once has held-out images as well."""
    with np.load(path, allow_pickle=False) as file:
        return set(*HELD_OUT_NAMES) <= set(file.files)


def _names_in(
    path: Path, there: list[str], called: Sequence[tuple[str, str]]
) -> tuple[str, str]:
    for names in called:
        if set(names) <= set(there):
            return names
    expected = ", ".join(" and ".join(names) for names in called)
    raise ValueError(f"{path} holds {', '.join(there)}: expected {expected}")


def _largest(path: Path, images: np.ndarray) -> float:
    if images.dtype == np.uint8 and images.max(initial=0) > 1:
        return 255.0
    low, high = images.min(initial=0), images.max(initial=0)
    if np.issubdtype(images.dtype, np.floating) and low >= 0 and high <= 1:
        return 1.0
    raise ValueError(
        f"{path}: images are {images.dtype} from {low} to {high}; expected uint8 up "
        "to 255, or floats from 0 to 1"
    )


def _taken(data: Labelled, chosen: np.ndarray) -> Labelled:
    return Labelled(data.images[chosen], data.labels[chosen])
