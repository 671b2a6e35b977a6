"""Colours and labels depend on digits by the chances that were asked for."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.data.colored_digits import colored_digits

COUNT = 8000


def near(share, chance):
    return abs(share - chance) < 4.5 * np.sqrt(chance * (1 - chance) / COUNT) + 1e-9


def test_labels_and_colours_have_their_chances():
    rng = np.random.default_rng(0)
    gray = jnp.asarray(rng.uniform(0.1, 1, (COUNT, 2, 3)), jnp.float32)
    digits = jnp.asarray(rng.integers(0, 10, COUNT))
    flips = jnp.where(jnp.arange(COUNT) % 2 == 0, 0.2, 0.9)
    drawn = jax.jit(colored_digits)(gray, digits, flips, jax.random.key(1))
    images, labels = map(np.asarray, drawn)
    assert images.shape == (COUNT, 2, 3, 2)
    np.testing.assert_array_equal(images.sum(-1), gray)
    lit = images.max((1, 2)) > 0
    assert (lit.sum(axis=1) == 1).all()  # the other channel is empty
    assert near((labels == (np.asarray(digits) < 5)).mean(), 0.75)
    agrees = lit[:, 1] == labels
    assert near(agrees[::2].mean(), 0.8) and near(agrees[1::2].mean(), 0.1)
    # whether a colour is flipped says nothing of whether the label is
    wrong = labels != (np.asarray(digits) < 5)
    both = (wrong[::2] & ~agrees[::2]).mean()
    assert abs(both - 0.25 * 0.2) < 4.5 * np.sqrt(0.05 / (COUNT / 2))
