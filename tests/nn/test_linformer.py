"""Linformer against its formula row by row, and beside attention to all tokens."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.attention.dense import Dense
from jaxgen.nn.linformer import LinformerAttention
from jaxgen.nn.mixer import PLAIN, Context
from largest import largest
from mixers import FEATURES, X, close, learned
from slots import (
    WAVES,
    error_beside_attention,
    heads_of,
    out_of,
    slot_means,
    softmax_of,
)

PADDING = np.array([[True, False, False, True, False, True], [False] * 6])


def by_row(rank, params, row, padding):
    """What the tokens of a row get; at padding it is of no interest."""
    means = slot_means(row, padding, rank)
    full = sorted(means)
    vectors = np.array([means[slot] for slot in full])
    key, value = (
        heads_of(params[name], params[f"{name}_slots"][np.ix_(full, full)] @ vectors)
        for name in ("key", "value")
    )
    weights = softmax_of(heads_of(params["query"], row), key)
    return out_of(params["out"], weights @ value)


@pytest.mark.parametrize("rank", [2, 4, 8])
def test_it_is_the_formula_in_float64(rank):
    """With padding between tokens, and with fewer tokens than slots."""
    mixer = LinformerAttention(2, rank, use_bias=True, implementation=Dense())
    shapes = jax.eval_shape(mixer.init, jax.random.key(0), X, PLAIN)
    params = jax.tree.map(
        lambda w: jnp.cos(jnp.arange(w.size)).reshape(w.shape) / 2, shapes
    )
    found = jax.jit(mixer.apply)(params, X, Context(jnp.asarray(PADDING)))
    params, x = jax.tree.map(np.float64, (params["params"], X))
    for row, padding in enumerate(PADDING):
        expected = by_row(rank, params, x[row], padding)
        close(found[row][~padding], expected[~padding])


def test_at_first_it_nears_attention_as_the_rank_grows():
    """Until each token has a slot: then it is attention."""

    def error(rank):
        mixer, x = (
            LinformerAttention(2, rank, implementation=Dense()),
            jnp.asarray(WAVES),
        )
        params = jax.jit(mixer.init)(jax.random.key(0), x, PLAIN)["params"]
        params |= learned("attention")["params"]
        return error_beside_attention(mixer, params, x)

    few, more, many, all_of_them = map(error, (2, 8, 32, 100))
    assert many < more / 4 < few / 6 and all_of_them < 5e-6


@pytest.mark.parametrize("padded", [False, True], ids=["full", "padded"])
def test_arrays_and_work_are_linear_in_the_length(padded):
    """Slope included: no matrix of all pairs."""
    mixer = LinformerAttention(2, 16)
    params = jax.eval_shape(mixer.init, jax.random.key(0), X, PLAIN)

    def numbers(length):
        x = jnp.zeros((1, length, FEATURES))
        padding = jnp.zeros((1, length), bool) if padded else None

        def loss(params, x):
            return mixer.apply(params, x, Context(padding)).sum()

        return largest(jax.make_jaxpr(jax.grad(loss))(params, x).jaxpr)

    def added(length):
        return mixer.cost(1, 2 * length, 8).flops - mixer.cost(1, length, 8).flops

    assert numbers(4096) == 2 * numbers(2048) < 4096**2 / 16
    assert added(2048) == 2 * added(1024)


@pytest.mark.parametrize(
    "mixer, message",
    [
        (LinformerAttention(3), r"LinformerAttention\(heads=3\): 8 features do not"),
        (LinformerAttention(2, 0), r"LinformerAttention\(rank=0\): expected 1 or more"),
    ],
    ids=["heads", "rank"],
)
def test_sizes_that_do_not_fit_are_refused(mixer, message, key):
    with pytest.raises(ValueError, match=message):
        mixer.init(key, X, PLAIN)
    with pytest.raises(ValueError, match=message):
        mixer.cost(1, 4, FEATURES)
