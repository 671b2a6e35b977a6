"""Learners of adapters: what every learner must pass, and what low rank can reach."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax import lax

from jaxgen.data.batches import Resident, minibatch
from jaxgen.models.adaptation import learned_numbers
from jaxgen.models.low_rank import lora
from jaxgen.models.parameter_offsets import offset
from jaxgen.models.weight_decomposition import dora
from jaxgen.nn.perceptron import Perceptron
from jaxgen.sharding.mesh import mesh_of
from jaxgen.sharding.rules import study
from jaxgen.training.adamw import adamw
from jaxgen.training.adaptation import adapted, with_base
from jaxgen.training.compile import compile
from jaxgen.training.dispatch import feed, repeat
from jaxgen.training.learner import Learner
from jaxgen.training.loop import fit
from jaxgen.training.replicate import grid, replicate
from jaxgen.training.soups import interpolations
from jaxgen.training.transforms import guard
from learners import cosines
from studies import numbers, of_row

NET = Perceptron(3, width=4, kernel_init=cosines)
X = jnp.float32(np.random.default_rng(0).normal(size=(64, 4)))


def errors(params, x, key):
    return ((NET.apply({"params": params}, x) - x[:, :3] ** 2) ** 2).mean(), {}


START = NET.init(jax.random.key(3), X)["params"]
ADAPTATIONS = {"lora": lora(2, 4.0), "dora": dora(1, 2.0), "full": offset()}
BASES = jax.tree.map(lambda leaf: jnp.stack([leaf, -0.5 * leaf]), START)
"""Of which each row of a study takes one."""
DATA = BASES, X


def make(rate, base) -> Learner:
    def on(bases):
        chosen = jax.tree.map(lambda leaf: leaf[base.astype(int)], bases)
        optimizer = adamw(rate, decay=0.0, eps=1e-3)
        learner = adapted(chosen, ADAPTATIONS["dora"], errors, optimizer)
        return feed(guard(learner), minibatch(16))

    return with_base(on)


RATES = grid(seed=(5,), rate=(0.05, np.inf), base=(0, 1))


@pytest.fixture(scope="module")
def studied():
    mesh = mesh_of({"replica": 2, "data": 2}, jax.devices()[:4])
    return compile(repeat(replicate(make, RATES), 2), DATA, mesh, study())


def test_a_study_is_sharded_replicated_guarded_and_resumed(studied, tmp_path):
    """Each row on four devices is that row alone on one, and stopped it goes on."""
    key = jax.random.key(0)
    first = numbers(studied.init(key, jax.device_put(DATA, studied.data)))
    whole = fit(studied, key, Resident(DATA), 2, tmp_path / "whole")
    fit(studied, key, Resident(DATA), 1, tmp_path / "broken")
    resumed = fit(studied, key, Resident(DATA), 2, tmp_path / "broken")
    chex.assert_trees_all_equal(numbers(resumed), numbers(whole))

    @jax.jit
    def alone(data, base):
        one = repeat(make(jnp.float32(0.05), base), 4)
        state = one.init(jax.random.fold_in(key, 5), data)
        return one.update(state, data)[0]

    assert "all-reduce" in studied.update.as_text()
    after = numbers(whole)
    assert after.extra["died"].tolist() == [-1, -1, 0, 0]
    for base in (0, 1):
        row, expected = of_row(after, base), numbers(alone(DATA, jnp.float32(base)))
        chex.assert_trees_all_close(row.params, expected.params, atol=2e-5)
        chex.assert_trees_all_close(row.opt, expected.opt, atol=2e-5)
        moved = jax.tree.map(
            lambda a, b: np.abs(a - b).max(), row.params, of_row(first, base).params
        )
        assert max(jax.tree.leaves(moved)) > 1e-2
    chex.assert_trees_all_equal(of_row(after, 3).params, of_row(first, 3).params)


def test_rows_share_the_base(studied):
    """A study's state holds adapters and their moments, and no base."""
    rows = len(RATES["seed"])
    init = ADAPTATIONS["dora"].init
    size = learned_numbers(jax.eval_shape(init, jax.random.key(0), START))
    moments = [leaf for leaf in jax.tree.leaves(studied.shapes.opt) if leaf.ndim > 1]
    assert learned_numbers(studied.shapes.params) == rows * size
    assert sum(leaf.size for leaf in moments) == 2 * rows * size
    assert size < learned_numbers(START)


def test_low_rank_reaches_what_eckart_and_young_say():
    """Of a linear model with white inputs, the least excess is of the last values."""
    chance = np.random.default_rng(0)
    size, outputs, rank = 6, 5, 2
    x = np.linalg.qr(chance.normal(size=(24, size)))[0] * np.sqrt(24)
    base, needed = chance.normal(size=(2, size, outputs))
    y = x @ (base + needed)
    values = np.linalg.svd(needed, compute_uv=False)
    expected = (values[rank:] ** 2).sum()
    batch = tuple(map(jnp.float32, (x, y)))

    def loss(params, batch, key):
        x, y = batch
        return ((x @ params["kernel"] - y) ** 2).sum(1).mean(), {}

    def excess(adaptation):
        params = {"kernel": jnp.float32(base)}
        learner = adapted(params, adaptation, loss, optax.sgd(0.01, 0.9))
        state = learner.init(jax.random.key(0), batch)

        def then(state, _):
            return learner.update(state, batch)

        _, metrics = lax.scan(then, state, length=3000)
        return metrics["loss"]

    both = jax.jit(lambda: (excess(lora(rank, float(rank))), excess(offset())))
    low, full = both()
    assert abs(low[0] - (values**2).sum()) < 1e-3 * expected
    np.testing.assert_allclose(low[-1], expected, rtol=1e-4)
    assert expected > 0.3 and full[-1] < 1e-6


def test_nothing_learned_gains_nothing(key):
    """To the last bit, and so does a step of no length."""

    @jax.jit
    def gains(params):
        found = []
        for adaptation in ADAPTATIONS.values():
            still = adapted(params, adaptation, errors, optax.sgd(0.0))
            state, _ = still.update(still.init(key, X), X)
            tuned = adaptation.apply(params, state.params)
            found.append(errors(params, X, key)[0] - errors(tuned, X, key)[0])
        return found

    assert list(map(float, gains(START))) == [0.0] * 3


def test_the_way_from_a_base_to_what_it_was_tuned_to():
    base, tuned = START, jax.tree.map(jnp.cos, START)
    shares = np.array([0.0, 0.25, 1.0])
    found = jax.jit(interpolations)(base, tuned, shares)
    for before, after, way in zip(
        *map(jax.tree.leaves, (base, tuned, found)), strict=True
    ):
        np.testing.assert_array_equal(way[0], before)
        np.testing.assert_allclose(way[1], 0.75 * before + 0.25 * after, atol=1e-6)
        np.testing.assert_allclose(way[2], after, atol=1e-6)
