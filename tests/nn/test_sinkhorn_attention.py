"""Sinkhorn attention against blocks written out, and against exact attention."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import logsumexp, softmax

from jaxgen.attention.dense import Dense
from jaxgen.nn.attention import SelfAttention
from jaxgen.nn.mixer import PLAIN, Context
from jaxgen.nn.sinkhorn_attention import SinkhornAttention
from largest import largest
from mixers import FEATURES, close

ROWS, LENGTH, HEADS, WIDTH = 2, 13, 2, FEATURES // 2
X = np.random.default_rng(3).normal(size=(ROWS, LENGTH, FEATURES))
INDEX = np.arange(LENGTH)
PADDING = np.isin(INDEX, [0, 1, 4, 7, 12])[None] & np.array([[True], [False]])
MIXER = SinkhornAttention(HEADS, block=3, iterations=2, use_bias=True)


def learned(mixer):
    shapes = jax.eval_shape(mixer.init, jax.random.key(0), jnp.asarray(X, "f4"), PLAIN)
    return jax.tree.map(
        lambda w: np.cos(np.arange(w.size) * 1.7).reshape(w.shape), shapes
    )


def run(mixer, x, padding=None):
    context = Context(None if padding is None else jnp.asarray(padding))
    params = jax.tree.map(lambda w: jnp.asarray(w, "f4"), learned(mixer))
    return jax.jit(mixer.apply)(params, jnp.asarray(x, "f4"), context)


def sorted_rows(mixer, params, blocks):
    """Shares of blocks in blocks, (n, c, c), of one row's real tokens."""
    means = np.stack([block.mean(0) for block in blocks])
    query, key = (projected(params, f"sort_{side}", means) for side in ("query", "key"))
    scores = np.einsum("cnh,jnh->ncj", query, key) / np.sqrt(WIDTH) / mixer.temperature
    for _ in range(mixer.iterations):
        for axis in (1, 2):
            scores = scores - logsumexp(scores, axis=axis, keepdims=True)
    return np.exp(scores)


def projected(params, name, x):
    return np.tensordot(x, params[name]["kernel"], 1) + params[name]["bias"]


def beside(blocks, shares, size):
    """Pairs of a mean and the shares in it, by place, of blocks that may be short."""
    found = []
    for place in range(size):
        there = [c for c, block in enumerate(blocks) if place < len(block)]
        total = shares[there].sum()
        if there:
            mean = sum(shares[c] * blocks[c][place] for c in there) / total
            found.append((mean, total))
    return tuple(map(np.stack, zip(*found, strict=True)))


def of_row(mixer, params, x):
    """The outputs of one row without padding."""
    cuts = range(mixer.block, len(x), mixer.block)
    blocks = np.split(x, cuts)
    shares = sorted_rows(mixer, params, blocks)
    query, key, value = (
        np.split(projected(params, name, x), cuts) for name in ("query", "key", "value")
    )
    found = [np.zeros_like(block) for block in query]
    for block, head in np.ndindex(len(blocks), HEADS):
        keys, values = ([part[:, head] for part in side] for side in (key, value))
        moved, weights = beside(keys, shares[head, block], mixer.block)
        moved_values, _ = beside(values, shares[head, block], mixer.block)
        own = query[block][:, head]
        logits = np.concatenate([own @ keys[block].T, own @ moved.T], 1)
        logits = logits / np.sqrt(WIDTH)
        logits[:, len(own) :] += np.log(weights)
        both = np.concatenate([values[block], moved_values])
        found[block][:, head] = softmax(logits, axis=1) @ both
    return projected(params, "out", np.concatenate(found).reshape(x.shape))


@pytest.mark.parametrize("block", [1, 3, 5, 7, 40])
def test_blocks_attend_to_themselves_and_to_what_is_sorted_beside_them(block):
    mixer = MIXER.clone(block=block)
    found = run(mixer, X, PADDING)
    for row, real in enumerate(~PADDING):
        close(found[row, real], of_row(mixer, learned(mixer)["params"], X[row, real]))


@pytest.mark.parametrize("block", [LENGTH, 40])
def test_a_row_of_one_block_is_attended_to_exactly(block):
    exact = SelfAttention(HEADS, use_bias=True, implementation=Dense())
    mixer = MIXER.clone(block=block)
    params = jax.tree.map(lambda w: jnp.asarray(w, "f4"), learned(mixer))
    given = jnp.asarray(X, "f4"), Context(jnp.asarray(PADDING))
    close(
        run(mixer, X, PADDING)[~PADDING],
        jax.jit(exact.apply)(params, *given)[~PADDING],
    )


def test_of_short_blocks_arrays_are_linear_in_the_length_but_for_the_permutation():
    """Slope included: pairs of tokens, or of blocks in each iteration."""
    mixer = SinkhornAttention(2, block=32)
    params = jax.eval_shape(mixer.init, jax.random.key(0), jnp.zeros((1, 2, 8)), PLAIN)

    def numbers(length):
        def loss(params, x):
            return mixer.apply(params, x, PLAIN).sum()

        x = jnp.zeros((1, length, FEATURES))
        return largest(jax.make_jaxpr(jax.grad(loss))(params, x).jaxpr)

    assert numbers(1024) == 2 * numbers(512) == 2 * 1024 * 2 * 32
    assert numbers(32768) == mixer.iterations * 2 * (32768 // 32) ** 2


def test_moving_blocks_costs_the_square_of_the_length_by_the_block():
    """``4 length^2 d / block`` operations, beside what is linear and far less."""
    long, block = 2**24, 64
    flops = SinkhornAttention(8, block).cost(1, long, 512).flops
    assert abs(flops / (4 * long**2 * 512 / block) - 1) < 0.05


@pytest.mark.parametrize(
    "mixer, message",
    [
        (SinkhornAttention(3), r"heads=3\): 8 features do not divide into 3 heads"),
        (SinkhornAttention(2, block=0), r"block=0\): expected 1 or more"),
        (SinkhornAttention(2, iterations=0), r"iterations=0\): expected 1 or more"),
        (SinkhornAttention(2, temperature=0.0), r"temperature=0.0\): expected more"),
    ],
    ids=["heads", "block", "iterations", "temperature"],
)
def test_sizes_that_do_not_fit_are_refused(mixer, message, key):
    with pytest.raises(ValueError, match=message):
        mixer.init(key, jnp.zeros((1, 4, FEATURES)), PLAIN)
    with pytest.raises(ValueError, match=message):
        mixer.cost(1, 4, FEATURES)
