"""Averages against their closed form; deaths, frozen to the bit; stages on time."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.training.learner import Learner, fresh, own
from jaxgen.training.replicate import grid, replicate
from jaxgen.training.transforms import all_finite, ema, guard, staged
from learners import POINTS, adam, quadratic, trajectory


def weighted_sum(values, decay):
    """``d^T p_0 + (1 - d) sum_t d^(T-t) p_t`` in float64."""
    steps = len(values) - 1
    weights = (1 - decay) * decay ** np.arange(steps, -1, -1.0)
    weights[0] = decay**steps
    return weights @ np.asarray(values, np.float64)


def params_of(first, states):
    return np.concatenate([first.params[None], states.params])


def test_ema_is_the_weighted_sum_of_all_parameters(key):
    learner = ema(ema(quadratic(), 0.9), 0.5, of=lambda w: w[:1], name="half")
    first, states, _ = trajectory(learner, key, POINTS, 12)
    values = params_of(first, states)
    assert np.ptp(values, axis=0).min() > 0.1
    average, half = states.extra["ema"][-1], states.extra["half"][-1]
    np.testing.assert_allclose(average, weighted_sum(values, 0.9), atol=1e-6)
    np.testing.assert_allclose(half, weighted_sum(values[:, :1], 0.5), atol=1e-6)


def test_ema_leaves_the_training_alone(key):
    _, plain, _ = trajectory(quadratic(), key, POINTS, 5)
    _, averaged, _ = trajectory(ema(quadratic(), 0.9), key, POINTS, 5)
    chex.assert_trees_all_equal(plain.params, averaged.params)


@pytest.mark.parametrize("transform", [lambda x: ema(x, 0.9), guard])
def test_an_entry_is_owned_once(transform, key):
    learner = transform(transform(quadratic()))
    with pytest.raises(ValueError, match="is owned twice"):
        jax.eval_shape(learner.init, key, POINTS)


def mortal(fatal) -> Learner:
    """Its parameters are NaN after the one update that follows ``fatal`` updates."""
    inner = quadratic(optimizer=adam)

    def update(state, data):
        new, metrics = inner.update(state, data)
        poison = jnp.where(state.step.astype(jnp.float32) == fatal, jnp.nan, 1.0)
        return new._replace(params=new.params * poison), metrics

    return Learner(inner.init, update)


@pytest.fixture(scope="module")
def lives():
    """What three replicates go through, two of which die; and the same without."""
    axis = grid(seed=(0,), fatal=(3.0, -1.0, 5.0))
    study = replicate(lambda fatal: guard(ema(mortal(fatal), 0.9)), axis)

    @jax.jit
    def run(state):
        def then(state, _):
            new, metrics = study.update(state, POINTS)
            return new, (new, metrics["died"])

        states, died = jax.lax.scan(then, state, length=8)[1]
        return states._replace(key=None), died

    state = jax.jit(study.init)(jax.random.key(0), POINTS)
    spared = own(state, hyper={"fatal": -np.ones(3, np.float32)})
    return jax.device_get((run(state), run(spared)))


def carried(states, row, step):
    """All that a replicate had learned after so many updates."""
    learned = states.params, states.opt, states.extra["ema"]
    return jax.tree.map(lambda leaf: leaf[step - 1, row], learned)


@pytest.mark.parametrize("row, fatal", [(0, 3), (2, 5)])
def test_the_dead_are_frozen_to_the_bit(lives, row, fatal):
    (states, died), (spared, _) = lives
    for step in range(1, 9):
        expected = carried(spared, row, min(step, fatal))
        chex.assert_trees_all_equal(carried(states, row, step), expected)
        told = fatal if step > fatal else -1
        assert told == died[step - 1, row] == states.extra["died"][step - 1, row]


def test_the_living_do_not_notice(lives):
    (states, died), (spared, _) = lives
    for step in range(1, 9):
        expected = carried(spared, 1, step)
        chex.assert_trees_all_equal(carried(states, 1, step), expected)
    assert died[:, 1].tolist() == [-1] * 8
    assert len(np.unique(states.params[:, 1, 0])) == 8


def test_steps_go_on_after_a_death(lives):
    (states, _), _ = lives
    assert states.step.tolist() == list(range(1, 9))


def test_an_infinite_metric_is_no_death(key):
    inner = quadratic()

    def update(state, data):
        new, metrics = inner.update(state, data)
        return new, {**metrics, "loss": jnp.float32(jnp.inf)}

    _, states, metrics = trajectory(guard(Learner(inner.init, update)), key, POINTS, 2)
    assert np.isinf(metrics["loss"]).all()
    assert metrics["died"].tolist() == [-1, -1]
    assert (states.params[0] != states.params[1]).all()


def test_all_numbers_are_looked_at():
    w = np.zeros((2, 3), np.float32)
    bad = w.copy()
    bad[1, 2] = np.nan
    good = {"w": jnp.asarray(w), "n": jnp.arange(2), "on": jnp.array(True)}
    assert all_finite({}) and all_finite({"n": jnp.arange(2)}) and all_finite(good)
    for value in (bad, w + np.inf, w - np.inf):
        assert not all_finite(good | {"v": jnp.asarray(value)})


def stages(every: int) -> Learner:
    """Writes down the steps before which its boundary was crossed."""

    def init(key, data):
        return fresh(key, (), (), crossed=jnp.zeros(16, jnp.int32))

    def update(state, data):
        return state._replace(step=state.step + 1), {}

    def boundary(state, data):
        return own(state, crossed=state.extra["crossed"].at[state.step].add(1))

    return staged(Learner(init, update), every, boundary)


@pytest.mark.parametrize("every", [1, 3, 5])
def test_stages_end_at_multiples_and_never_at_the_start(every, key):
    _, states, _ = trajectory(stages(every), key, POINTS, 15)
    crossed = np.flatnonzero(states.extra["crossed"][-1])
    assert crossed.tolist() == list(range(every, 15, every))
    assert states.extra["crossed"].max() == 1


def test_a_stage_without_updates_is_refused():
    with pytest.raises(ValueError, match=r"every=0\): expected 1 or more"):
        stages(0)


def test_a_boundary_stays_a_branch_for_many_replicates(key):
    def learner():
        return staged(
            quadratic(), 3, lambda state, data: state._replace(params=0 * state.params)
        )

    def branches(update, state):
        program = str(jax.make_jaxpr(update)(state, POINTS))
        return "cond[" in program, "f32[4,2] = select_n" in program

    study = replicate(learner, grid(seed=range(4)))
    state = study.init(key, POINTS)
    assert branches(study.update, state) == (True, False)

    # with a step for each replicate both sides would run, and one be selected
    rows = state._replace(step=jnp.zeros(4, jnp.int32))
    update = jax.vmap(learner().update, (0, None))
    assert branches(update, rows) == (False, True)
