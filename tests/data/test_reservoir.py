"""Every example of a stream is kept with the same chance; stages have each domain once."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import chisquare

from jaxgen.data.reservoir import empty_reservoir, grown, remembered
from jaxgen.data.stages import latin_square, one_after_the_other

CAPACITY, BATCH, BATCHES = 5, 4, 6


@pytest.fixture(scope="module")
def kept():
    """What 3000 reservoirs keep of a stream of 24, which comes in batches."""

    def one(key):
        reservoir = empty_reservoir(CAPACITY, jnp.zeros(1, int))
        for number, own in enumerate(jax.random.split(key, BATCHES)):
            batch = number * BATCH + jnp.arange(BATCH)
            reservoir = grown(reservoir, batch, own)
        return reservoir

    return jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(0), 3000))


def test_all_of_a_stream_are_kept_equally_often(kept):
    counts = np.bincount(np.ravel(kept.kept), minlength=24)
    assert chisquare(counts).pvalue > 0.01
    assert (kept.seen == 24).all()


def test_no_example_is_kept_twice(kept):
    assert all(len(set(row)) == CAPACITY for row in kept.kept.tolist())


def test_a_reservoir_that_has_room_keeps_all():
    reservoir = empty_reservoir(7, jnp.zeros((1, 2)))
    for number in range(2):
        batch = jnp.full((3, 2), number + 1.0)
        reservoir = grown(reservoir, batch, jax.random.key(number))
    assert reservoir.kept[:, 0].tolist() == [1, 1, 1, 2, 2, 2, 0]
    drawn = remembered(reservoir, 200, jax.random.key(2))
    assert set(np.ravel(drawn)) == {1, 2}


def test_a_stage_draws_each_of_its_examples_once():
    orders = latin_square(3)
    draw = jax.jit(lambda step, key: one_after_the_other(2, 3, orders[1])(step, key))
    parts = [draw(jnp.array(step), jax.random.key(0)) for step in range(9)]
    for stage, domain in enumerate(orders[1]):
        told = parts[3 * stage : 3 * stage + 3]
        assert {int(d) for ds, _ in told for d in ds} == {int(domain)}
        assert sorted(int(e) for _, es in told for e in es) == list(range(6))


@pytest.mark.parametrize("domains", [3, 4, 5])
def test_each_domain_is_once_at_each_place(domains):
    square = latin_square(domains)
    for line in (*square, *square.T):
        assert sorted(line) == list(range(domains))


def test_an_order_without_a_domain_is_refused():
    with pytest.raises(ValueError, match=r"order=\[0, 2, 2\]: .* missing: \[1\]"):
        one_after_the_other(2, 3, np.array([0, 2, 2]))


def test_a_reservoir_without_room_is_refused():
    with pytest.raises(ValueError, match="capacity=0"):
        empty_reservoir(0, jnp.zeros(1))
