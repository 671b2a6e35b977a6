"""Stacks: however they are computed, the same layers."""

from functools import lru_cache
from itertools import product

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.attention.dense import Dense
from jaxgen.attention.expressions import window
from jaxgen.nn.attention import RelativeBias, SelfAttention
from jaxgen.nn.dropout import Dropout
from jaxgen.nn.mixer import PLAIN, Context
from jaxgen.nn.stack import Stack
from jaxgen.nn.transformer_block import FeedForward, TransformerBlock
from learners import cosines

DEPTH = 3
X = jnp.asarray(np.random.default_rng(0).normal(size=(2, 5, 8)), "f4")
CONTEXT = Context(padding=jnp.arange(5)[None] >= jnp.array([[5], [3]]))
BLOCK = TransformerBlock(
    SelfAttention(2, score=RelativeBias(4), implementation=Dense()), FeedForward(4)
)


class Layer(nn.Module):
    """A block that is quick to compile, and uses all that a block is given."""

    @nn.compact
    def __call__(self, x, context):
        seen = jnp.where(context.padding[..., None], 0.0, x).sum(1, keepdims=True)
        return x + Dropout(0.5)(nn.Dense(8, kernel_init=cosines)(jnp.tanh(x + seen)))


WAYS = {
    way: Stack((Layer(),) * DEPTH, *way) for way in product((False, True), repeat=2)
}
PLAINEST = (False, False)


@lru_cache
def plain_params():
    return jax.jit(WAYS[PLAINEST].init)(jax.random.key(0), X, CONTEXT)["params"]


def restacked(params):
    """The parameters of a scanned stack, from those of layers in turn."""
    layers = [params[f"layer_{i}"] for i in range(DEPTH)]
    return {"layers": jax.tree.map(lambda *leaves: jnp.stack(leaves), *layers)}


@lru_cache
def results(way):
    """Output and gradient, without dropout and with it, twice by the same key."""
    params = restacked(plain_params()) if way[1] else plain_params()

    def loss(params, rngs):
        y = WAYS[way].apply({"params": params}, X, CONTEXT, rngs=rngs)
        return (y**2).sum(), y

    step = jax.jit(jax.value_and_grad(loss, has_aux=True))
    keys = [{"dropout": jax.random.key(i)} for i in (0, 0, 1)]
    return [step(params, rngs) for rngs in ({}, *keys)]


@pytest.mark.parametrize("way", list(WAYS)[1:])
def test_remat_and_scan_change_nothing(way):
    (_, expected), slope = results(PLAINEST)[0]
    (_, found), its_slope = results(way)[0]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    slope = restacked(slope) if way[1] else slope
    chex.assert_trees_all_close(its_slope, slope, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("way", WAYS)
def test_a_key_decides_what_is_dropped(way):
    without, one, again, other = results(way)
    chex.assert_trees_all_equal(one, again)
    outputs = [np.asarray(found[0][1]) for found in (without, one, other)]
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert np.abs(outputs[i] - outputs[j]).max() > 0.1


@pytest.mark.parametrize("scan", [False, True])
def test_layers_start_apart(scan, key):
    class Layer(nn.Module):
        @nn.compact
        def __call__(self, x, context):
            return nn.Dense(8, use_bias=False)(x)

    params = Stack((Layer(),) * DEPTH, scan=scan).init(key, X, PLAIN)["params"]
    kernel = (params if scan else restacked(params))["layers"]["Dense_0"]["kernel"]
    assert kernel.shape == (DEPTH, 8, 8)
    assert np.abs(np.diff(kernel, axis=0)).max((1, 2)).min() > 1e-2


def test_a_scanned_stack_drops_other_units_in_each_layer():
    class Noise(nn.Module):
        @nn.compact
        def __call__(self, x, context):
            return x + Dropout(0.5)(jnp.ones_like(x))

    stack = Stack((Noise(),) * 2, scan=True)
    y = stack.apply({}, 0 * X, PLAIN, rngs={"dropout": jax.random.key(0)})
    assert set(np.unique(y)) == {0.0, 2.0, 4.0}


def test_dropout_scales_what_it_keeps():
    x = jnp.ones(10_000)
    y = np.asarray(Dropout(0.25).apply({}, x, rngs={"dropout": jax.random.key(0)}))
    assert set(np.unique(y)) == {0.0, np.float32(1 / 0.75)}
    assert abs((y == 0).mean() - 0.25) < 4 * np.sqrt(0.25 * 0.75 / 10_000)


@pytest.mark.parametrize("rate", [-0.1, 1.1])
def test_a_rate_is_a_share(rate):
    with pytest.raises(ValueError, match=r"expected a share, 0 to 1"):
        Dropout(rate).apply({}, jnp.ones(3))


@lru_cache
def block_shapes():
    return jax.eval_shape(BLOCK.init, jax.random.key(0), X, CONTEXT)["params"]


def test_a_block_adds_to_a_straight_path():
    dead = jax.tree.map(lambda w: jnp.zeros(w.shape), block_shapes())
    y = jax.jit(BLOCK.apply)({"params": dead}, X, CONTEXT)
    np.testing.assert_array_equal(y, X)


def test_a_block_norms_before_each_part():
    """Before a part, scale is lost; beside it, kept."""
    params = jax.tree.map(lambda w: cosines(None, w.shape) + 1, block_shapes())
    apply = jax.jit(lambda x: BLOCK.apply({"params": params}, x, CONTEXT) - x)
    np.testing.assert_allclose(apply(1e4 * X), apply(3e4 * X), rtol=1e-2, atol=1e-2)


def test_blocks_do_not_share_what_they_were_not_given(key):
    class Two(nn.Module):
        @nn.compact
        def __call__(self, x, context):
            for _ in range(2):
                block = TransformerBlock(SelfAttention(2, implementation=Dense()))
                x = block(x, context)
            return x

    params = jax.eval_shape(Two().init, key, X, PLAIN)["params"]
    one, other = params["TransformerBlock_0"], params["TransformerBlock_1"]
    chex.assert_trees_all_equal_shapes(one, other)


def test_parameters_are_counted_by_the_formula():
    counted = sum(leaf.size for leaf in jax.tree.leaves(block_shapes()))
    features, width, heads, buckets = 8, 4, 2, 4
    mixer = 4 * features**2 + heads * buckets
    mlp = 2 * features * width + width + features
    assert counted == mixer + mlp + 4 * features


def test_a_perceptron_is_four_times_as_wide_unless_told(key):
    params = jax.eval_shape(FeedForward().init, key, X)["params"]
    assert params["Dense_0"]["kernel"].shape == (8, 32)


@pytest.mark.parametrize("blocks", [(BLOCK, TransformerBlock(SelfAttention(4))), ()])
def test_blocks_that_differ_are_not_scanned(blocks, key):
    with pytest.raises(ValueError, match=r"layer 1 differs|no block"):
        Stack(blocks, scan=True).init(key, X, PLAIN)


def test_blocks_alike_are_scanned_one_or_many(key):
    def block():
        return TransformerBlock(SelfAttention(2, pattern=window(1)), FeedForward(4))

    stack = Stack((block(), block()), scan=True)
    shapes = jax.eval_shape(stack.init, key, X, PLAIN)["params"]
    assert shapes["layers"]["mixer"]["out"]["kernel"].shape == (2, 8, 8)
