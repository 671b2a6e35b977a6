"""A row of a study is that row alone."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.data.batches import minibatch
from jaxgen.training.dispatch import feed, repeat
from jaxgen.training.replicate import each_row, grid, replicate, row_names
from jaxgen.training.transforms import ema, guard
from learners import POINTS, quadratic, ring_gan

AXIS = grid(seed=(3, 0, 7), rate=(0.003, 0.03))


def settings(rate):
    return feed(guard(ema(ring_gan(rate), 0.9)), minibatch(16))


def numbers(state):
    """The state on the host, its keys as numbers."""
    return jax.device_get(state._replace(key=jax.random.key_data(state.key)))


@pytest.fixture(scope="module")
def study():
    """Six GANs before and after twenty updates."""
    learner = repeat(replicate(settings, AXIS), 20)
    first = jax.jit(learner.init)(jax.random.key(0), POINTS)
    last, metrics = jax.jit(learner.update)(first, POINTS)
    return numbers(first), numbers(last), jax.device_get(metrics)


def of_row(state, row):
    """One replicate's state, without the settings that the study keeps."""
    one = jax.tree.map(lambda leaf: leaf[row], state._replace(step=None))
    extra = {name: one.extra[name] for name in one.extra if name != "hyper"}
    return one._replace(step=state.step, extra=extra)


def test_row_i_is_that_row_run_alone(study):
    first, last, metrics = study

    @jax.jit
    def alone(seed, rate, data):
        learner = repeat(settings(rate), 20)
        state = learner.init(jax.random.fold_in(jax.random.key(0), seed), data)
        return state, *learner.update(state, data)

    # 2.4e-7 was seen
    for row, (seed, rate) in enumerate(zip(AXIS["seed"], AXIS["rate"], strict=True)):
        start, end, told = alone(seed, rate, POINTS)
        seen = {name: metrics[name][row] for name in metrics}
        chex.assert_trees_all_close(of_row(first, row), numbers(start), atol=2e-6)
        chex.assert_trees_all_close(of_row(last, row), numbers(end), atol=2e-6)
        chex.assert_trees_all_close(seen, jax.device_get(told), atol=2e-6)


def test_rows_differ_by_seed_and_by_rate(study):
    first, last, _ = study
    start, end = (
        state.params["critic"]["Hidden_0"]["Dense_0"]["kernel"]
        for state in (first, last)
    )
    assert len({row.tobytes() for row in end}) == 6
    moved = np.abs(end - start).max(axis=(1, 2))
    assert (moved[3:] > 2 * moved[:3]).all()


def test_rows_start_from_the_keys_of_their_seeds(key):
    state = replicate(quadratic, grid(seed=(3, 0, 7))).init(key, POINTS)
    for row, seed in enumerate((3, 0, 7)):
        alone = quadratic().init(jax.random.fold_in(key, seed), POINTS)
        np.testing.assert_array_equal(state.params[row], alone.params)
    assert len(np.unique(state.params)) == 6


def test_one_step_for_all_rows_and_a_row_of_the_rest(study):
    _, last, _ = study
    assert last.step.shape == () and int(last.step) == 20
    leaves = jax.tree.leaves(last._replace(step=None))
    assert {leaf.shape[0] for leaf in leaves} == {6}
    np.testing.assert_array_equal(last.extra["hyper"]["rate"], AXIS["rate"])


def test_an_evaluation_is_lifted_to_all_rows(study):
    _, last, _ = study

    def reach(state, data):
        kernel = state.params["generator"]["Perceptron_0"]["Dense_0"]["kernel"]
        return jnp.abs(kernel).max() * data.max()

    each = [reach(of_row(last, row), POINTS) for row in range(6)]
    np.testing.assert_array_equal(each_row(reach)(last, POINTS), each)
    assert len(set(map(float, each))) == 6


def test_replicates_of_replicates_are_refused(key):
    inner = grid(seed=(0, 1))
    twice = replicate(lambda: replicate(quadratic, inner), inner)
    with pytest.raises(ValueError, match=r"extra\['hyper'\] is owned twice"):
        jax.eval_shape(twice.init, key, POINTS)


def test_a_grid_has_every_setting_with_every_seed_seeds_last():
    axis = grid(seed=(5, 1), a=(0.25, 0.5), b=2.0)
    assert {name: axis[name].tolist() for name in axis} == {
        "seed": [5, 1, 5, 1],
        "a": [0.25, 0.25, 0.5, 0.5],
        "b": [2.0, 2.0, 2.0, 2.0],
    }
    assert axis["seed"].dtype == np.int32 and axis["a"].dtype == np.float32


@pytest.mark.parametrize(
    "axis, complaint",
    [
        ({"seed": ()}, "one or more different seeds"),
        ({"seed": (1, 2, 1)}, r"seed=\[1, 2, 1\]"),
        ({"seed": (1,), "rate": ()}, r"rate=\(\)\): expected one or more values"),
    ],
)
def test_grids_without_rows_are_refused(axis, complaint):
    with pytest.raises(ValueError, match=complaint):
        grid(**axis)


def test_whole_numbers_are_numbers():
    axis = grid(seed=(0,), weight=(0, 1), decay=1)
    assert axis["weight"].tolist() == [0.0, 1.0] and axis["decay"].tolist() == [
        1.0,
        1.0,
    ]


def test_every_row_has_a_name_of_its_own():
    assert row_names(grid(seed=(3, 4), lr=0.1)) == ["seed=3 lr=0.1", "seed=4 lr=0.1"]
    axis = grid(seed=(20240001, 20240002), lr=(0.25, 0.2500001))
    names = row_names(axis)
    assert len(set(names)) == 4 and names[0] == "seed=20240001 lr=0.25"
