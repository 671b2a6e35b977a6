"""Batches: uniform on the device; each example once an epoch, and resumable, here."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import chisquare

from jaxgen.data.batches import Batches, Resident, Shuffled, minibatch

PAIRS = {"x": np.arange(50.0).reshape(25, 2), "y": np.arange(25)}


def test_minibatches_are_uniform_with_replacement():
    keys = jax.random.split(jax.random.key(0), 500)
    data = jnp.arange(25)
    batches = jax.jit(jax.vmap(lambda key: minibatch(20)(data, key)))(keys)
    assert batches.shape == (500, 20)
    assert chisquare(np.bincount(batches.ravel(), minlength=25)).pvalue > 1e-4
    # of 20 draws from 25, 25 (1 - (24/25)^20) = 13.95 differ
    distinct = [len(np.unique(batch)) for batch in np.asarray(batches)]
    error = np.std(distinct) / np.sqrt(500)
    assert abs(np.mean(distinct) - 25 * (1 - (24 / 25) ** 20)) < 4.5 * error


def test_a_minibatch_can_be_larger_than_its_data(key):
    batch = jax.eval_shape(minibatch(7), jnp.arange(3), key)
    assert batch.shape == (7,)


def test_leaves_of_a_minibatch_belong_together(key):
    batch = jax.jit(minibatch(16))(PAIRS, key)
    assert batch["x"].shape == (16, 2)
    np.testing.assert_array_equal(batch["x"][:, 0], 2 * batch["y"])


def some(batches, count):
    return [next(batches)["y"].tolist() for _ in range(count)]


def epoch(batches):
    """The examples of an epoch in their order."""
    return [y for batch in some(batches, 25 // batches.size) for y in batch]


def test_an_epoch_has_each_example_once():
    batches = Shuffled(PAIRS, size=5, seed=0)
    epochs = [epoch(batches) for _ in range(4)]
    assert all(sorted(one) == list(range(25)) for one in epochs)
    assert len(set(map(tuple, epochs))) == 4


def test_every_example_comes_first_equally_often():
    batches = Shuffled(PAIRS, size=25, seed=3)
    first = [next(batches)["y"][0] for _ in range(2000)]
    assert chisquare(np.bincount(first, minlength=25)).pvalue > 1e-4


def test_the_rest_of_an_epoch_is_dropped():
    batches = Shuffled(PAIRS, size=10, seed=0)
    assert [len(set(epoch(batches))) for _ in range(3)] == [20] * 3


def test_leaves_of_a_batch_belong_together():
    batch = next(Shuffled(PAIRS, size=4, seed=0))
    np.testing.assert_array_equal(batch["x"][:, 0], 2 * batch["y"])


def test_a_resumed_run_reads_what_an_unbroken_one_does():
    unbroken = some(Shuffled(PAIRS, size=4, seed=7), 20)
    resumed = Shuffled(PAIRS, size=4, seed=7)
    for position in (13, 5, 6, 0, 19):
        resumed.position = position
        assert some(resumed, 1) == [unbroken[position]]
        assert resumed.position == position + 1
    resumed.position = 3
    assert some(resumed, 17) == unbroken[3:]


def test_seeds_tell_orders_apart():
    orders = {tuple(some(Shuffled(PAIRS, 25, seed), 1)[0]) for seed in range(5)}
    assert len(orders) == 5


@pytest.mark.parametrize("size", [0, -1, 26])
def test_batches_that_the_source_cannot_fill_are_refused(size):
    with pytest.raises(ValueError, match=rf"size={size}\): expected 1 to 25"):
        Shuffled(PAIRS, size, seed=0)


@pytest.mark.parametrize(
    "draw",
    [
        lambda data: Shuffled(data, 5, seed=0),
        lambda data: jax.eval_shape(minibatch(5), data, jax.random.key(0)),
    ],
)
def test_leaves_of_different_lengths_are_refused(draw):
    with pytest.raises(ValueError, match=r"25.*24|24.*25"):
        draw(PAIRS | {"y": np.arange(24)})


def test_resident_data_stay_and_are_counted():
    data = {"x": jnp.zeros(3)}
    batches = Resident(data)
    assert next(batches) is data and next(batches) is data
    assert batches.position == 2


@pytest.mark.parametrize("batches", [Resident(1), Shuffled(PAIRS, 5, 0)])
def test_both_are_batches(batches):
    assert isinstance(batches, Batches) and iter(batches) is batches
