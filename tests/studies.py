"""What every part of a learner must pass: sharded, replicated, guarded, with the rest."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.data.batches import minibatch
from jaxgen.sharding.mesh import mesh_of
from jaxgen.sharding.rules import study
from jaxgen.training.compile import compile
from jaxgen.training.dispatch import feed, repeat
from jaxgen.training.learner import Learner
from jaxgen.training.replicate import grid, replicate
from jaxgen.training.transforms import ema, guard

RATES = grid(seed=(5,), rate=(0.01, np.inf))
"""The second row dies at once."""


class Trained(NamedTuple):
    """A study on a mesh, before and after three updates, and its live row run alone."""

    program: Any
    before: Any
    after: Any
    alone: Any


def numbers(state):
    """The state on the host, its key as numbers, without what the study keeps."""
    extra = {name: part for name, part in state.extra.items() if name != "hyper"}
    key = jax.random.key_data(state.key)
    return jax.device_get(state._replace(key=key, extra=extra))


def trained_study(make: Callable[..., Learner], data) -> Trained:
    """Trains ``make(rate)`` for the rates, on two devices a row."""

    def fed(rate):
        return feed(guard(ema(make(rate), 0.9)), minibatch(16))

    data = jax.tree.map(jnp.asarray, data)
    mesh = mesh_of({"replica": 2, "data": 2}, jax.devices()[:4])
    program = compile(repeat(replicate(fed, RATES), 3), data, mesh, study())
    placed = jax.device_put(data, program.data)
    first = program.init(jax.random.key(0), placed)
    before = numbers(first)
    last, _ = program.update(first, placed)

    @jax.jit
    def alone(data):
        one = repeat(fed(jnp.float32(0.01)), 3)
        state = one.init(jax.random.fold_in(jax.random.key(0), 5), data)
        return one.update(state, data)[0]

    return Trained(program, before, numbers(last), numbers(alone(data)))


def of_row(state, row):
    return jax.tree.map(lambda leaf: leaf[row], state._replace(step=None))


def assert_lives_and_dies_as_alone(trained: Trained, players: Sequence[str]) -> None:
    """The live row is that row alone, and has moved; the other stays where it was."""
    program, before, after, alone = trained
    # examples are shared out: gradients are sums over devices
    assert "all-reduce" in program.update.as_text()
    # the row of a study on four devices is that row alone on one
    chex.assert_trees_all_close(of_row(after, 0), alone._replace(step=None), atol=5e-6)
    for player in players:
        start, end = (of_row(state, 0).params[player] for state in (before, after))
        moved = jax.tree.map(lambda a, b: np.abs(a - b).max(), start, end)
        assert max(jax.tree.leaves(moved)) > 1e-3
    # the row that died stays where it was
    assert after.extra["died"].tolist() == [-1, 0] and after.step == 3
    held, start = (of_row(state, 1) for state in (after, before))
    chex.assert_trees_all_equal(held.params, start.params)
    chex.assert_trees_all_equal(held.opt, start.opt)
