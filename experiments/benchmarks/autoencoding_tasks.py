"""What is computed in the benchmark of autoencoders: sizes, images, FLOPs, agreement."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

SIDE = 28
"""Of an image."""
PIXELS = SIDE**2

Layers = list[tuple[np.ndarray, np.ndarray]]
"""Kernels (in, out) and biases: two of the encoder, mean, log-scale, three to pixels."""


class Sizes(NamedTuple):
    """A variational autoencoder of two hidden layers on each side, with tanh.

    Attributes:
      width: units of a hidden layer.
      code: dimensions of it.
      batch: images of an update.
      file: of MNIST; none for enlarged digits of scikit-learn.
    """

    width: int
    code: int
    batch: int
    file: Path | None = None


class Scored(NamedTuple):
    """What is to be bounded.

    Attributes:
      sizes: of the model.
      images: how many.
      codes: of each.
      steps: of training before, ours; both sides then have the same weights.
      folder: where weights and estimates are left for each other.
    """

    sizes: Sizes
    images: int
    codes: int
    steps: int
    folder: Path


def matmul_flops(sizes: Sizes) -> int:
    """FLOPs of the matrix products of an update, for each image.

    With N weights, of which ``784 w`` meet the pixels, they are ``2 (3 N - 784 w)``:
    forward, slopes of the weights, and back from layer to layer but not to the pixels.

    Example:
      >>> matmul_flops(Sizes(width=200, code=50, batch=100))
      2228000
    """
    width, code = sizes.width, sizes.code
    weights = 2 * (PIXELS * width + width**2) + 3 * width * code
    return 2 * (3 * weights - PIXELS * width)


def decoding_flops(sizes: Sizes) -> int:
    """FLOPs of the matrix products that decode one code."""
    width, code = sizes.width, sizes.code
    return 2 * (code * width + width**2 + width * PIXELS)


def black_and_white(file: Path | None) -> np.ndarray:
    """Images of zeros and ones, (n, 28, 28, 1), the same in every process."""
    from scipy.ndimage import zoom

    from jaxgen.data.binarization import binarized_once
    from jaxgen.data.images import digits8, labelled_from_file

    if file:
        images = np.asarray(labelled_from_file(file).images)
    else:
        small = np.asarray(digits8().images)
        larger = SIDE / small.shape[1]
        images = zoom(small, (1, larger, larger, 1), order=1)
    if images.shape[1:] != (SIDE, SIDE, 1):
        raise ValueError(
            f"--file {file}: images of {images.shape[1:]}; expected {SIDE} x {SIDE} "
            "and one channel"
        )
    return binarized_once(np.clip((np.asarray(images) + 1) / 2, 0, 1), seed=0)


def saved(file: Path, layers: Layers) -> None:
    """Leaves layers for another process."""
    flat = [array for layer in layers for array in layer]
    np.savez(file, *flat)


def loaded(file: Path) -> Layers:
    """Layers that another process left."""
    with np.load(file) as found:
        flat = [found[name] for name in found.files]
    return list(zip(flat[::2], flat[1::2], strict=True))


def agreement(ours: Sequence[float], theirs: Sequence[float]) -> Mapping[str, Any]:
    """The mean difference of bounds of the same images, and its standard error.

    Both sides draw codes of their own: the differences are noise, or one of them is
    wrong.

    Example:
      >>> agreement([1.0, 2.0, 3.0], [1.5, 2.0, 2.5])["agree"]
      True
    """
    differences = np.subtract(ours[: len(theirs)], theirs)
    error = differences.std(ddof=1) / len(differences) ** 0.5
    return {
        "images": len(differences),
        "difference": float(differences.mean()),
        "error": float(error),
        "agree": bool(abs(differences.mean()) <= 2 * error),
    }
