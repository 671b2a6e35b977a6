"""Nyström attention against its formula row by row, and beside attention to all tokens."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.attention.dense import Dense
from jaxgen.nn.mixer import PLAIN, Context
from jaxgen.nn.nystrom_attention import NystromAttention
from largest import largest
from mixers import FEATURES, X, learned
from slots import (
    WAVES,
    error_beside_attention,
    heads_of,
    out_of,
    slot_means,
    softmax_of,
)

PADDING = np.array([[True, False, False, True, False, True], [False] * 6])


def by_row(landmarks, params, row, padding):
    """What the tokens of a row get, with the inverse of singular values."""
    query, key, value = (
        heads_of(params[name], row[~padding]) for name in ("query", "key", "value")
    )

    def means(heads):
        of_heads = (
            slot_means(head, np.zeros(len(head), bool), landmarks) for head in heads
        )
        return np.array([list(found.values()) for found in of_heads])

    few, few_keys = means(query), means(key)
    inverse = np.linalg.pinv(softmax_of(few, few_keys))
    found = softmax_of(query, few_keys) @ inverse @ softmax_of(few, key) @ value
    if "convolution" in params:
        found += convolved(params["convolution"], row, padding, params["value"])
    return out_of(params["out"], found)


def convolved(kernel, row, padding, layer):
    """Values (n, c, h), convolved over places; there is none at padding."""
    value = heads_of(layer, row) * ~padding[None, :, None]
    middle, length = len(kernel) // 2, len(row)
    found = np.zeros_like(value)
    for place, tap in np.ndindex(length, len(kernel)):
        if 0 <= place + tap - middle < length:
            found[:, place] += kernel[tap][:, None] * value[:, place + tap - middle]
    return found[:, ~padding]


@pytest.mark.parametrize("convolution", [None, 3, 15])
@pytest.mark.parametrize("landmarks", [2, 4, 8])
def test_it_is_the_formula_in_float64(landmarks, convolution):
    """With padding between tokens, and with fewer tokens than landmarks."""
    mixer = NystromAttention(
        2, landmarks, 20, convolution, use_bias=True, implementation=Dense()
    )
    shapes = jax.eval_shape(mixer.init, jax.random.key(0), X, PLAIN)
    params = jax.tree.map(
        lambda w: np.cos(np.arange(w.size)).reshape(w.shape) / 2, shapes
    )
    x = np.float64(X)
    with jax.enable_x64(True):
        context = Context(jnp.asarray(PADDING))
        found = jax.device_get(jax.jit(mixer.apply)(params, x, context))
    for row, padding in enumerate(PADDING):
        expected = by_row(landmarks, params["params"], x[row], padding)
        np.testing.assert_allclose(found[row][~padding], expected, rtol=1e-7, atol=1e-9)


def error(landmarks, x, iterations=6):
    mixer = NystromAttention(2, landmarks, iterations, implementation=Dense())
    return error_beside_attention(mixer, learned("attention")["params"], x)


def test_it_nears_attention_as_landmarks_grow():
    few, more, many, all_of_them = (
        error(count, jnp.asarray(WAVES)) for count in (2, 8, 32, 100)
    )
    assert many < more / 4 < few / 6 and all_of_them < 0.005


def test_with_a_landmark_for_each_token_it_is_attention_as_far_as_the_inverse_is():
    six, nine, twelve = (error(8, X, iterations) for iterations in (6, 9, 12))
    assert twelve < nine / 3 < six / 9 and twelve < 1e-4


@pytest.mark.parametrize("padded", [False, True], ids=["full", "padded"])
def test_arrays_and_work_are_linear_in_the_length(padded):
    """Slope included: no matrix of all pairs."""
    mixer = NystromAttention(2, 16, convolution=3)
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
    "how, message",
    [
        ({"heads": 3}, r"NystromAttention\(heads=3\): 8 features do not divide"),
        ({"landmarks": 0}, r"NystromAttention\(landmarks=0\): expected 1 or more"),
        ({"iterations": 0}, r"NystromAttention\(iterations=0\): expected 1 or more"),
        ({"convolution": 4}, r"NystromAttention\(convolution=4\): expected an odd"),
        ({"convolution": -1}, r"NystromAttention\(convolution=-1\): expected an odd"),
    ],
    ids=lambda told: str(told)[:20],
)
def test_sizes_that_do_not_fit_are_refused(how, message, key):
    mixer = NystromAttention(**{"heads": 2, **how})
    with pytest.raises(ValueError, match=message):
        mixer.init(key, X, PLAIN)
    with pytest.raises(ValueError, match=message):
        mixer.cost(1, 4, FEATURES)
