"""Pixels drawn from their greys: frequencies, and what stays the same."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.data.batches import minibatch
from jaxgen.data.binarization import binarized, binarized_once

GREY = np.linspace(0, 1, 8, dtype=np.float32).reshape(1, 2, 4, 1)
COUNT = 4000


def assert_frequencies_of_grey(drawn):
    assert sorted(np.unique(drawn)) == [0.0, 1.0] and drawn.dtype == np.float32
    error = np.sqrt(GREY * (1 - GREY) / COUNT)
    assert (np.abs(drawn.mean(0) - GREY[0]) <= 4.5 * error[0]).all()
    flat = np.asarray(drawn).reshape(COUNT, -1)[:, 1:-1]
    correlations = np.corrcoef(flat.T) - np.eye(6)
    assert np.abs(correlations).max() < 5 / COUNT**0.5


def test_batches_are_drawn_anew_and_keep_their_conditions(key):
    draw = jax.jit(binarized(minibatch(COUNT)))
    drawn, labels = draw((GREY, np.array([7])), key)
    assert_frequencies_of_grey(drawn)
    assert labels.tolist() == [7] * COUNT
    np.testing.assert_array_equal(draw(GREY, key), drawn)
    assert (np.asarray(draw(GREY, jax.random.key(1))) != drawn).any()


def test_the_same_images_are_drawn_as_without_binarization(key):
    white = jnp.arange(20.0).reshape(20, 1, 1, 1) % 2
    draw = minibatch(50)
    np.testing.assert_array_equal(binarized(draw)(white, key), draw(white, key))


def test_a_fixed_binarization_depends_on_its_seed_alone():
    images = np.repeat(GREY, COUNT, axis=0)
    drawn = binarized_once(images, seed=3)
    assert_frequencies_of_grey(drawn)
    np.testing.assert_array_equal(binarized_once(jnp.asarray(images), 3), drawn)
    assert (binarized_once(images, seed=4) != drawn).any()


@pytest.mark.parametrize("wrong", [-0.1, 1.5, np.nan])
def test_pixels_are_probabilities(wrong):
    with pytest.raises(ValueError, match="expected probabilities"):
        binarized_once(np.full((1, 1, 1, 1), wrong), 0)
