"""The learner of a language model: what every learner must pass, and that it learns."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.data.batches import Resident, minibatch
from jaxgen.nn.mixer import Context
from jaxgen.sharding.mesh import mesh_of
from jaxgen.sharding.rules import study
from jaxgen.sharding.tensor_parallel import TENSOR
from jaxgen.training.adamw import adamw
from jaxgen.training.compile import compile
from jaxgen.training.dispatch import feed, repeat
from jaxgen.training.language_modelling import language_modelling
from jaxgen.training.learner import Learner
from jaxgen.training.loop import fit
from jaxgen.training.rate_shapes import cosine
from jaxgen.training.replicate import grid, replicate
from jaxgen.training.transforms import ema, guard
from language_models import MODELS, attention, model_of

ROWS = jnp.asarray(np.arange(64)[:, None] + np.arange(6)[None]) % 11
"""Each token is one more than that before it."""
MODEL = model_of(attention(), dropout=0.1)


def learner(rate=0.05, model=MODEL, **how) -> Learner:
    optimizer = adamw(rate, cosine(40, 2), eps=1e-3)
    return language_modelling(model, optimizer, 1e-3, chunk=4, **how)


def test_a_model_learns_what_comes_next(key):
    """In half precision, of documents that are packed: at the end it is sure."""
    segments = jnp.broadcast_to(jnp.array([[1, 1, 1, 2, 2, 2]]), ROWS.shape)
    batch = ROWS, Context(segments=segments)
    half = repeat(learner(dtype=jnp.bfloat16), 10)
    state, update = jax.jit(half.init)(key, batch), jax.jit(half.update)
    for _ in range(5):
        state, metrics = update(state, batch)
    assert metrics["nats"] < np.log(11) / 4 and metrics["nats"] < metrics["loss"]
    assert {leaf.dtype for leaf in jax.tree.leaves(state.params)} == {np.dtype("f4")}


GROUPED = MODELS["rotary, groups"]
GROUPED = GROUPED.clone(encoder=GROUPED.encoder.clone(vocabulary=12))


def make(rate) -> Learner:
    return feed(guard(ema(learner(rate, GROUPED), 0.9)), minibatch(16))


@pytest.fixture(scope="module")
def studied():
    """Rows, batches and tensors over the devices, each in two."""
    rates = grid(seed=(5,), rate=(0.05, np.inf))
    mesh = mesh_of({"replica": 2, "fsdp": 2, "tensor": 2})
    return compile(repeat(replicate(make, rates), 2), ROWS, mesh, study(TENSOR))


def numbers(state):
    key = jax.random.key_data(state.key)
    return jax.device_get(state._replace(key=key))


def test_a_study_is_sharded_replicated_and_guarded(studied):
    """The row of a study on eight devices is that row alone on one."""
    placed = jax.device_put(ROWS, studied.data)
    first = studied.init(jax.random.key(0), placed)
    before = numbers(first)
    after = numbers(studied.update(first, placed)[0])

    @jax.jit
    def alone(data):
        one = repeat(make(jnp.float32(0.05)), 2)
        state = one.init(jax.random.fold_in(jax.random.key(0), 5), data)
        return one.update(state, data)[0]

    assert "all-reduce" in studied.update.as_text()
    row = jax.tree.map(lambda leaf: leaf[0], (after.params, after.opt))
    expected = alone(ROWS)
    chex.assert_trees_all_close(row, (expected.params, expected.opt), atol=1e-5)
    assert after.extra["died"].tolist() == [-1, 0] and after.step == 2
    held, start = (
        jax.tree.map(lambda leaf: leaf[1], state.params) for state in (after, before)
    )
    chex.assert_trees_all_equal(held, start)


def test_heads_hidden_units_and_the_vocabulary_are_split(studied):
    def shards(params):
        layer = params["encoder"]["stack"]["layer_0"]
        leaves = {
            "query": layer["mixer"]["query"]["kernel"],
            "out": layer["mixer"]["out"]["kernel"],
            "gate": layer["mlp"]["gate"]["kernel"],
            "back": layer["mlp"]["out"]["kernel"],
            "output": params["output"],
        }
        return {
            name: leaf.sharding.shard_shape(leaf.shape) for name, leaf in leaves.items()
        }

    assert shards(studied.shapes.params) == {
        "query": (1, 4, 2, 2),
        "out": (1, 4, 4),
        "gate": (1, 4, 6),
        "back": (1, 6, 4),
        "output": (1, 3, 8),
    }
    moments = studied.shapes.opt[1].mu
    assert shards(moments) == shards(studied.shapes.params)


def test_a_resumed_run_is_an_unbroken_one(studied, tmp_path):
    key, data = jax.random.key(0), Resident(np.asarray(ROWS))
    whole = fit(studied, key, data, 4, tmp_path / "whole")
    fit(studied, key, Resident(np.asarray(ROWS)), 2, tmp_path / "broken")
    resumed = fit(studied, key, Resident(np.asarray(ROWS)), 4, tmp_path / "broken")
    chex.assert_trees_all_equal(numbers(resumed), numbers(whole))
