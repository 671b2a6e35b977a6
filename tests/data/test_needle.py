"""One needle a row, where its distance says, and nothing else that tells."""

import jax
import numpy as np
import pytest
from scipy.stats import chisquare

from jaxgen.data.needle import Needle, needles

TASK = Needle(length=9, answers=4, noise=6)
ROWS = 6000


@pytest.fixture(scope="module")
def drawn():
    draw = jax.jit(lambda key: needles(TASK, key, ROWS))
    return jax.tree.map(np.asarray, draw(jax.random.key(1)))


def test_the_only_needle_is_where_it_is_said_to_be(drawn):
    tokens = drawn.tokens
    assert (tokens[:, -1] == 0).all() and tokens.max() == TASK.vocabulary - 1 == 10
    rows, places = np.nonzero((tokens > 0) & (tokens <= 4))
    assert rows.tolist() == list(range(ROWS))
    np.testing.assert_array_equal(tokens[rows, places] - 1, drawn.labels)
    np.testing.assert_array_equal(8 - places, drawn.distances)
    assert tokens.dtype == drawn.labels.dtype == drawn.distances.dtype == np.int32


def test_answers_and_distances_are_uniform_and_independent(drawn):
    both = drawn.labels * 8 + drawn.distances - 1
    seen = np.bincount(both)
    assert len(seen) == 32 and chisquare(seen).pvalue > 1e-4
    assert TASK.chance == 1 / 4


def test_noise_is_uniform_and_tells_nothing(drawn):
    noise = np.where(drawn.tokens > 4, drawn.tokens - 5, 6)
    for answer in range(4):
        seen = np.bincount(noise[drawn.labels == answer].ravel())[:6]
        assert len(seen) == 6 and chisquare(seen).pvalue > 1e-4


def test_rows_and_keys_of_a_vmap_are_fresh(key):
    draw = jax.jit(jax.vmap(lambda key: needles(TASK, key, 4)))
    many = draw(jax.random.split(key, 5))
    rows = np.asarray(many.tokens).reshape(20, 9)
    assert len({tuple(row) for row in rows.tolist()}) == 20


@pytest.mark.parametrize("sizes", [{"length": 1}, {"answers": 1}, {"noise": 0}])
def test_sizes_that_ask_nothing_are_refused(sizes):
    with pytest.raises(ValueError, match="expected a length of 2 or more"):
        Needle(**sizes)
