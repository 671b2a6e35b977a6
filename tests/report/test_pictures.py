"""Images arrive in the page as they were, pixel for pixel."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from jaxgen.report.pictures import image_grids, image_rows
from tests.markup import Reader

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_come_back_from_the_drawing(channels):
    images = RNG.integers(0, 256, (5, 8, 6, channels))
    svg = image_rows({"a & b": images, "others": 255 - images})
    Reader(f"<!doctype html><html><body>{svg}</body></html>")
    found = re.findall(r"base64,([^\"]+)", svg)
    assert len(found) == 2 and svg.count("<use") == 10
    for text, row in zip(found, (images, 255 - images), strict=True):
        pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))
        strip = np.concatenate(row, axis=1)
        np.testing.assert_array_equal(pixels.reshape(strip.shape), strip)


def test_values_beyond_the_range_are_drawn_at_its_ends():
    svg = image_rows({"far": np.array([-7.0, 300.0, 99.6]).reshape(1, 1, 3, 1)})
    text = re.search(r"base64,([^\"]+)", svg)[1]
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))
    assert pixels.tolist() == [[0, 255, 100]]


@pytest.mark.parametrize("shapes", [[(2, 8, 8, 1), (3, 8, 8, 1)], [(2, 8, 8, 2)], []])
def test_rows_that_cannot_be_drawn_are_refused(shapes):
    with pytest.raises(ValueError, match="rows of images of shapes"):
        image_rows({str(i): np.zeros(shape) for i, shape in enumerate(shapes)})


def test_grids_are_laid_out_as_they_are_indexed():
    grid = RNG.integers(0, 256, (2, 3, 4, 5, 1))
    svg = image_grids({"plane": grid})
    Reader(f"<!doctype html><html><body>{svg}</body></html>")
    text = re.search(r"base64,([^\"]+)", svg)[1]
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))
    assert pixels.shape == (2 * 5, 3 * 6)  # each has an edge of one pixel
    np.testing.assert_array_equal(pixels[5:9, 12:17], grid[1, 2, ..., 0])
    assert set(pixels[4]) == {128}
    with pytest.raises(ValueError, match="0 grids"):
        image_grids({})
