"""A program is traced once, owns its state, and needs no data to be compiled."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec as P

from jaxgen.sharding.mesh import batch_spec, mesh_of
from jaxgen.training.compile import compile
from jaxgen.training.dispatch import repeat
from jaxgen.training.learner import Learner
from learners import POINTS, regression

SHAPES = jax.ShapeDtypeStruct((64, 2), jnp.float32)
ROWS = batch_spec(("data",))


@pytest.fixture(scope="module")
def run():
    """A program on two devices, how often its update was traced, and six dispatches."""
    learner = repeat(regression(), 7)
    traces = []

    def update(state, data):
        traces.append(1)
        return learner.update(state, data)

    def evaluate(state, data):
        return {"reach": jnp.abs(data).max(), "at": state.step}

    program = compile(
        Learner(learner.init, update),
        SHAPES,
        mesh_of({"data": 2}, jax.devices()[:2]),
        layout=ROWS,
        evaluate=evaluate,
    )
    data = jax.device_put(POINTS, program.data)
    states = [program.init(jax.random.key(0), data)]
    told = []
    for _ in range(6):
        told.append(program.evaluate(states[-1], data) | {"alive": alive(states[-1])})
        state, metrics = program.update(states[-1], data)
        states.append(state)
        told[-1] |= metrics
    return program, traces, states, told


def alive(state):
    return not any(leaf.is_deleted() for leaf in jax.tree.leaves(state.params))


def test_an_update_is_traced_once(run):
    _, traces, states, _ = run
    assert len(traces) == 1 and len(states) == 7


def test_steps_are_counted_exactly(run):
    _, _, states, told = run
    assert int(states[-1].step) == 42
    assert [int(metrics["step"]) for metrics in told] == [7, 14, 21, 28, 35, 42]
    assert [int(metrics["at"]) for metrics in told] == [0, 7, 14, 21, 28, 35]


def test_states_are_given_away_by_updates_alone(run):
    program, _, states, told = run
    size = sum(leaf.size * 4 for leaf in jax.tree.leaves(program.shapes.params))
    assert program.update.memory_analysis().alias_size_in_bytes >= 3 * size
    assert program.evaluate.memory_analysis().alias_size_in_bytes == 0
    assert all(metrics["alive"] for metrics in told)
    assert [alive(state) for state in states] == [False] * 6 + [True]


def test_updates_learn_and_evaluations_see_the_data(run):
    *_, told = run
    assert float(told[-1]["loss"]) < float(told[0]["loss"])
    assert float(told[0]["reach"]) == np.abs(POINTS).max()


def test_states_lie_as_was_promised(run):
    program, _, states, _ = run
    state, shapes = states[-1], program.shapes
    chex.assert_trees_all_equal_shapes_and_dtypes(state, shapes)
    for leaf, shape in zip(*map(jax.tree.leaves, (state, shapes)), strict=True):
        assert leaf.sharding.is_equivalent_to(shape.sharding, leaf.ndim)
    assert program.data.spec == P(("data",))


def test_a_program_without_evaluation_has_none():
    mesh = mesh_of({"data": 1}, jax.devices()[:1])
    learner = Learner(regression().init, lambda state, data: (state, {}))
    program = compile(learner, SHAPES, mesh)
    assert program.evaluate is None


def test_data_that_do_not_divide_are_refused():
    data = {"x": jax.ShapeDtypeStruct((63, 2), jnp.float32)}
    with pytest.raises(ValueError, match=r"x: 63 does not divide over the 2 devices"):
        compile(
            regression(), data, mesh_of({"data": 2}, jax.devices()[:2]), layout=ROWS
        )
