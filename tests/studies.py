"""What every part of a learner must pass: sharded, replicated, guarded, with the rest."""

from collections.abc import Callable, Mapping, Sequence
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
"""The last row dies at once."""


class Trained(NamedTuple):
    """A study on a mesh, before and after three updates, and its live rows run alone."""

    program: Any
    before: Any
    after: Any
    alone: list[Any]


def numbers(state):
    """The state on the host, its key as numbers, without what the study keeps."""
    extra = {name: part for name, part in state.extra.items() if name != "hyper"}
    key = jax.random.key_data(state.key)
    return jax.device_get(state._replace(key=key, extra=extra))


def trained_study(
    make: Callable[..., Learner], data, axis: Mapping[str, np.ndarray] = RATES
) -> Trained:
    """Trains ``make(**hyper)`` for all rows, of which the last dies, on 2 x 2 devices."""

    def fed(**hyper):
        return feed(guard(ema(make(**hyper), 0.9)), minibatch(16))

    data = jax.tree.map(jnp.asarray, data)
    mesh = mesh_of({"replica": 2, "data": 2}, jax.devices()[:4])
    program = compile(repeat(replicate(fed, axis), 3), data, mesh, study())
    placed = jax.device_put(data, program.data)
    first = program.init(jax.random.key(0), placed)
    before = numbers(first)
    last, _ = program.update(first, placed)

    @jax.jit
    def alone(data, seed, **hyper):
        one = repeat(fed(**hyper), 3)
        state = one.init(jax.random.fold_in(jax.random.key(0), seed), data)
        return one.update(state, data)[0]

    rows = [
        {name: axis[name][row] for name in axis} for row in range(len(axis["seed"]))
    ]
    live = [numbers(alone(data, **row)) for row in rows[:-1]]
    return Trained(program, before, numbers(last), live)


def of_row(state, row):
    return jax.tree.map(lambda leaf: leaf[row], state._replace(step=None))


def assert_lives_as_alone(trained: Trained, players: Sequence[str], row: int = 0):
    """The row is that row run alone on one device, and its players have moved."""
    after, alone = of_row(trained.after, row), trained.alone[row]
    chex.assert_trees_all_close(after, alone._replace(step=None), atol=5e-6)
    for player in players:
        start = of_row(trained.before, row).params[player]
        moved = jax.tree.map(
            lambda a, b: np.abs(a - b).max(), start, after.params[player]
        )
        assert max(jax.tree.leaves(moved)) > 1e-3


def assert_shared_out_and_held(trained: Trained):
    """Gradients are sums over devices, and the row that died stays where it was."""
    assert "all-reduce" in trained.program.update.as_text()
    live = len(trained.alone)
    assert trained.after.extra["died"].tolist() == [-1] * live + [0]
    assert trained.after.step == 3
    held, start = (of_row(state, live) for state in (trained.after, trained.before))
    chex.assert_trees_all_equal(held.params, start.params)
    chex.assert_trees_all_equal(held.opt, start.opt)


def one_of(functions, index):
    """The function that answers as the one of that index does, which may be traced."""

    def answer(*args):
        answers = [function(*args) for function in functions]
        return jax.tree.map(lambda *leaves: jnp.stack(leaves)[index], *answers)

    return answer


def rows_of(names):
    """A row for each, and one that dies; of an even number."""
    live = [*range(len(names)), 0] if len(names) % 2 == 0 else [*range(len(names))]
    chosen = np.array([*live, 0], np.int32)
    rate = np.array([0.01] * len(live) + [np.inf], np.float32)
    return {"seed": np.full(len(chosen), 5), "rate": rate, "chosen": chosen}
