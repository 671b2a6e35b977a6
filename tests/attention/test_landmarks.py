"""Landmarks against means token by token, and the evenness of their slots."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.attention.landmarks import landmark_means, slots
from slots import slot_means

X = np.random.default_rng(0).normal(size=(5, 7, 2, 3)).astype("f4")
PADDING = np.array(
    [
        [False] * 7,
        [True, True, False, False, False, False, False],
        [False, False, False, True, True, True, True],
        [True, False, True, True, False, True, True],
        [True] * 7,
    ]
)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 10])
def test_landmarks_are_means_of_tokens_wherever_padding_is(count):
    means, empty = landmark_means(jnp.asarray(X), jnp.asarray(PADDING), count)
    for row in range(len(X)):
        expected = slot_means(X[row], PADDING[row], count)
        assert set(np.flatnonzero(~empty[row])) == set(expected)
        for slot in range(count):
            wanted = expected.get(slot, np.zeros(X.shape[2:]))
            np.testing.assert_allclose(means[row, slot], wanted, atol=1e-6)


@pytest.mark.parametrize("count", [1, 3, 7, 10])
def test_no_padding_is_padding_nowhere(count):
    plain = landmark_means(jnp.asarray(X), None, count)
    told = landmark_means(jnp.asarray(X), jnp.zeros(X.shape[:2], bool), count)
    np.testing.assert_array_equal(plain.means, told.means)
    if count <= 7:
        assert plain.empty is None and not told.empty.any()
    else:
        np.testing.assert_array_equal(plain.empty, told.empty)


@pytest.mark.parametrize("length", [1, 5, 12, 100])
@pytest.mark.parametrize("count", [1, 5, 8])
def test_slots_are_neighbours_and_as_many_in_each_but_for_one(length, count):
    slot, size = (np.asarray(array)[0] for array in slots(None, length, count))
    assert (np.diff(slot) >= 0).all()
    np.testing.assert_array_equal(size, np.bincount(slot, minlength=count))
    assert np.ptp(size) <= 1


def test_means_of_half_precision_are_sums_of_single():
    # 257 is no number of bfloat16: a sum of ones would stop at 256
    found = landmark_means(jnp.ones((1, 1000, 1), jnp.bfloat16), None, 1).means
    assert found.dtype == jnp.float32 and found.item() == 1


def test_what_whole_numbers_cannot_count_is_refused():
    x = jax.ShapeDtypeStruct((1, 2**20, 1), "float32")
    with pytest.raises(ValueError, match=r"1048576 tokens and 2048 landmarks"):
        jax.eval_shape(lambda x: landmark_means(x, None, 2048), x)
