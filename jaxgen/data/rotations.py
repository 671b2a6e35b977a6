"""Rotated images, as a linear map of their pixels."""

import jax.numpy as jnp
import numpy as np

from jaxgen.arrays import Array, Float


def rotation_matrix(side: int, degrees: float) -> Float[np.ndarray, "p p"]:
    """The map from the pixels of a square image to those of the rotated one.

    With ``(x, y)`` from the middle of the image, y down, the pixel at ``(x, y)`` becomes
    what cubic convolution finds at ``(x cos t - y sin t, x sin t + y cos t)``: the sum over
    four by four pixels of ``k(dx) k(dy)`` times each, with

        k(d) = 1 - 2 d^2 + d^3  for d < 1,  4 - 8 d + 5 d^2 - d^3  for d < 2,  0 beyond.

    Pixels over the edge count as those at it; where the point itself is outside, it is
    zero. Rotations are counter-clockwise, and those by 0 and 90 degrees exact.

    Args:
      side: of the image, in pixels.
      degrees: of the rotation.

    References:
      Keys, 1981, *Cubic convolution interpolation for digital image processing*, equation
      8 with a = -1, as Pillow's ``Image.rotate`` has it.

    Example:
      >>> image = np.array([[1.0, 2.0], [3.0, 4.0]])
      >>> (rotation_matrix(2, 90.0) @ image.ravel()).round(6).reshape(2, 2)
      array([[2., 4.],
             [1., 3.]])
    """
    angle = np.deg2rad(degrees)
    places = np.arange(side) + 0.5 - side / 2
    x, y = np.meshgrid(places, places)
    across = np.cos(angle) * x - np.sin(angle) * y + side / 2
    down = np.sin(angle) * x + np.cos(angle) * y + side / 2
    across, down = (np.round(each, 9).ravel() for each in (across, down))
    inside = (across >= 0) & (across < side) & (down >= 0) & (down < side)
    matrix = np.zeros((side**2, side**2))
    rows = np.arange(side**2)
    for row, weight in _taps(down - 0.5):
        for column, other in _taps(across - 0.5):
            seen = row.clip(0, side - 1) * side + column.clip(0, side - 1)
            np.add.at(matrix, (rows, seen), weight * other * inside)
    return matrix


def rotated(
    images: Float[Array, "*n h w"], matrix: Float[Array | np.ndarray, "p p"]
) -> Float[Array, "*n h w"]:
    """Images in [0, 1] after a rotation; what overshoots is cut off.

    Args:
      images: gray and square.
      matrix: of ``rotation_matrix``, may be traced.

    Example:
      >>> turned = rotated(jnp.eye(2), jnp.asarray(rotation_matrix(2, 90.0)))
      >>> turned.round(4).tolist()
      [[0.0, 1.0], [1.0, 0.0]]
    """
    flat = images.reshape(*images.shape[:-2], -1)
    turned = jnp.einsum("...q,pq->...p", flat, jnp.asarray(matrix))
    return jnp.clip(turned, 0, 1).reshape(images.shape)


def _taps(places: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """The four pixels around each place, and their weights."""
    first = np.floor(places).astype(int)
    d = places - first
    return [
        (first - 1, -d + 2 * d**2 - d**3),
        (first, 1 - 2 * d**2 + d**3),
        (first + 1, d + d**2 - d**3),
        (first + 2, -(d**2) + d**3),
    ]
