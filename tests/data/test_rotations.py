"""Rotations by their symmetries, and against Pillow's."""

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxgen.data.printed_digits import printed_digits28
from jaxgen.data.rotations import rotated, rotation_matrix

DIGITS = (printed_digits28().images[:5, ..., 0] + 1) / 2


def turned(degrees, images=DIGITS):
    matrix = jnp.asarray(rotation_matrix(images.shape[-1], degrees), jnp.float32)
    return np.asarray(rotated(jnp.asarray(images), matrix))


@pytest.mark.parametrize("side", [4, 5])
def test_quarter_turns_move_pixels(side):
    image = np.random.default_rng(0).uniform(size=(side, side))
    for quarters in range(4):
        matrix = rotation_matrix(side, 90.0 * quarters)
        told = (matrix @ image.ravel()).reshape(side, side)
        np.testing.assert_allclose(told, np.rot90(image, quarters), atol=1e-12)


def test_a_turn_and_its_mirror_image_are_one():
    mirrored = turned(-30.0, DIGITS[..., ::-1])[..., ::-1]
    np.testing.assert_allclose(turned(30.0), mirrored, atol=1e-5)


def test_what_is_flat_stays_flat_and_outside_is_nothing():
    matrix = rotation_matrix(9, 45.0)
    sums = matrix.sum(1).reshape(9, 9)
    assert set(sums.round(9).ravel()) == {0.0, 1.0}
    assert sums[0, 0] == sums[0, -1] == 0 and sums[4, 4] == 1


@pytest.mark.parametrize("degrees", [15, 30, 45, 60, 75])
def test_it_is_pillows(degrees):
    told = turned(float(degrees))
    for image, own in zip(DIGITS, told, strict=True):
        shades = Image.fromarray(np.round(255 * image).astype(np.uint8))
        theirs = shades.rotate(degrees, Image.Resampling.BICUBIC, fillcolor=0)
        cut = 255 * own - np.asarray(theirs)  # its shades are whole, what is over lost
        assert cut.min() > -1e-3 and cut.max() < 1 + 1e-3
