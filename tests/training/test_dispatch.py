"""Many updates in one dispatch are the updates one by one; each draws its batch."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.data.batches import minibatch
from jaxgen.training.dispatch import feed, feed_by_step, repeat, scan
from jaxgen.training.learner import Learner, fresh, key_for
from jaxgen.training.replicate import grid, replicate
from learners import POINTS, adam, quadratic

BATCHES = POINTS.reshape(4, 16, 2)


def learner() -> Learner:
    return quadratic(optimizer=adam)


@pytest.fixture(scope="module")
def one_by_one():
    """The first state, and where updates with some batches lead from there."""
    update = jax.jit(learner().update)
    first = learner().init(jax.random.key(0), BATCHES[0])

    def calls(batches):
        state, told = first, []
        for batch in batches:
            state, metrics = update(state, batch)
            told.append(float(metrics["loss"]))
        return state, told

    return first, calls


def test_repeating_is_updating_again_and_again(one_by_one):
    first, calls = one_by_one
    state, losses = calls([BATCHES[0]] * 5)
    repeated, metrics = jax.jit(repeat(learner(), 5).update)(first, BATCHES[0])
    chex.assert_trees_all_equal(repeated, state)
    assert float(metrics["loss"]) == pytest.approx(np.mean(losses), rel=1e-6)
    assert losses[-1] < losses[0]


def test_scanning_is_updating_with_each_batch(one_by_one):
    first, calls = one_by_one
    state, losses = calls(BATCHES)
    scanned, metrics = jax.jit(scan(learner()).update)(first, BATCHES)
    chex.assert_trees_all_equal(scanned, state)
    assert float(metrics["loss"]) == pytest.approx(np.mean(losses), rel=1e-6)


def test_a_feed_by_step_gives_the_batch_of_the_step_and_one_key(one_by_one, key):
    first, calls = one_by_one
    keys = []

    def draw(data, key, step):
        jax.debug.callback(
            lambda own: keys.append(own.tolist()), jax.random.key_data(key)
        )
        return data[step % 4]

    fed = feed_by_step(learner(), draw)
    start = fed.init(key, BATCHES)
    chex.assert_trees_all_equal(start, first)
    state, _ = jax.jit(repeat(fed, 6).update)(start, BATCHES)
    chex.assert_trees_all_equal(state, calls([*BATCHES, *BATCHES[:2]])[0])
    jax.effects_barrier()
    assert len(keys) == 7 and keys == keys[:1] * 7


def test_scanning_starts_from_the_first_batch(one_by_one, key):
    first, _ = one_by_one
    chex.assert_trees_all_equal(scan(learner()).init(key, BATCHES), first)


def witness() -> Learner:
    """Learns nothing and tells what it saw."""

    def update(state, batch):
        seen = {"count": state.step, "mean": state.step.astype(float), "batch": batch}
        return state._replace(step=state.step + 1), seen

    return Learner(lambda key, batch: fresh(key, {"seen": batch}, ()), update)


def test_counts_tell_their_last_value_and_numbers_their_mean(key):
    learner = repeat(witness(), 4)
    state, metrics = learner.update(learner.init(key, POINTS), POINTS)
    assert (int(state.step), int(metrics["count"]), float(metrics["mean"])) == (
        4,
        3,
        1.5,
    )
    assert metrics["count"].dtype == jnp.int32


def test_no_updates_are_refused():
    with pytest.raises(ValueError, match=r"steps=0\): expected 1 or more"):
        repeat(witness(), 0)


def rows_seen(batch):
    """Which of the points are in a batch."""
    distances = np.abs(np.asarray(batch)[:, None] - POINTS).sum(-1)
    assert (distances.min(1) == 0).all()
    return tuple(distances.argmin(1).tolist())


def test_each_replicate_and_each_step_draws_its_own_batch(key):
    axis = grid(seed=(0, 1, 2), lr=(0.1, 0.2))
    study = replicate(lambda lr: feed(witness(), minibatch(8)), axis)
    update = jax.jit(study.update)
    data = jnp.asarray(POINTS)
    seen, state = {}, jax.jit(study.init)(key, data)
    assert state.params["seen"].shape == (6, 8, 2)
    for step in range(3):
        again = update(state, data)[1]["batch"]
        state, metrics = update(state, data)
        for row, (seed, lr) in enumerate(zip(axis["seed"], axis["lr"], strict=True)):
            seen[step, seed, lr] = rows_seen(metrics["batch"][row])
        np.testing.assert_array_equal(again, metrics["batch"])
    # the same seed draws the same batches whatever the other settings are
    assert len(seen) == 18 and len(set(seen.values())) == 9
    assert all(seen[t, s, lr] == seen[t, s, axis["lr"][0]] for t, s, lr in seen)


def test_a_batch_is_drawn_with_the_key_of_its_step(key):
    data, draw = jnp.asarray(POINTS), minibatch(8)
    learner = feed(witness(), draw)

    @jax.jit
    def seen_and_expected(key, step):
        state = learner.init(key, data)._replace(step=step)
        seen = learner.update(state, data)[1]["batch"]
        return seen, draw(data, key_for(state, "data"))

    chex.assert_trees_all_equal(*seen_and_expected(key, 5))
