"""Linear attention against the matrix of all pairs, and features against softmax."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.attention.attend import attend
from jaxgen.attention.dense import Dense
from jaxgen.attention.features import (
    CosFormer,
    EluPlusOne,
    Features,
    PositiveRandomFeatures,
    orthogonal_normal,
)
from jaxgen.attention.linear import attended_to_all, attended_to_past

ROWS, LENGTH, HEADS, WIDTH = 2, 13, 2, 3
QUERY, KEY, VALUE = np.random.default_rng(0).normal(
    size=(3, ROWS, LENGTH, HEADS, WIDTH)
)
INDEX = np.arange(LENGTH)
SEGMENTS = np.array([[4] * 5 + [1] * 8, [2] + [3] * 9 + [2] * 3])
PADDING = np.isin(INDEX, [0, 1, 2, 3, 7, 12])[None] & np.array([[True], [False]])
MAPS = {
    "elu": EluPlusOne(),
    "random": PositiveRandomFeatures(5),
    "cosine": CosFormer(LENGTH),
}


def weights(name, query, key):
    """Of all pairs (b, n, q, k), in double precision and by other formulas."""
    query, key = (np.swapaxes(x, 1, 2) for x in (query, key))
    if name == "random":
        drawn = orthogonal_normal(5, WIDTH, 0).T
        query, key = (x / WIDTH**0.25 for x in (query, key))
        query, key = (
            np.exp(x @ drawn - (x**2).sum(-1, keepdims=True) / 2) for x in (query, key)
        )
    else:
        bent = {
            "elu": lambda x: np.where(x > 0, x + 1, np.exp(x)),
            "cosine": nonnegative,
        }
        query, key = map(bent[name], (query, key))
    products = query @ np.swapaxes(key, 2, 3)
    far = np.subtract.outer(INDEX, INDEX)
    return products * (np.cos(np.pi / 2 * far / LENGTH) if name == "cosine" else 1)


def nonnegative(x):
    return np.maximum(x, 0)


def means_of_pairs(matrix, allowed, value):
    matrix = matrix * allowed[:, None]
    total = matrix.sum(-1, keepdims=True)
    shares = np.divide(matrix, total, out=np.zeros_like(matrix), where=total > 0)
    return np.einsum("bnqk,bknv->bqnv", shares, value)


def features(name, *vectors):
    positions = jnp.arange(LENGTH)[None]
    return (MAPS[name](jnp.asarray(x, "float32"), positions) for x in vectors)


@pytest.mark.parametrize("segments", [None, SEGMENTS], ids=["row", "segments"])
@pytest.mark.parametrize("padding", [None, PADDING], ids=["whole", "padded"])
@pytest.mark.parametrize("how", [attended_to_all, attended_to_past])
@pytest.mark.parametrize("name", MAPS)
def test_sums_are_those_of_all_pairs(name, how, padding, segments):
    allowed = np.ones((ROWS, LENGTH, LENGTH), bool)
    if how is attended_to_past:
        allowed = np.tril(allowed)
    if padding is not None:
        allowed = allowed & ~padding[:, None]
    if segments is not None:
        run = np.cumsum(np.diff(segments, axis=1, prepend=0) != 0, axis=1)
        allowed = allowed & (run[:, :, None] == run[:, None])
    expected = means_of_pairs(weights(name, QUERY, KEY), allowed, VALUE)
    context = [None if x is None else jnp.asarray(x) for x in (padding, segments)]
    given = *features(name, QUERY, KEY), jnp.asarray(VALUE, "float32"), *context
    # gaps of the relus make shares of tiny sums
    for chunk in (4, 64):
        found = jax.jit(how, static_argnums=5)(*given, chunk)
        np.testing.assert_allclose(found, expected, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("how", [attended_to_all, attended_to_past])
@pytest.mark.parametrize("segments", [None, SEGMENTS], ids=["row", "segments"])
@pytest.mark.parametrize("level", [300, -100])
def test_scales_far_apart_neither_overflow_nor_vanish(how, segments, level):
    """Keys of exp(level) to exp(level - 400) after padding: the largest is all."""
    ones = jnp.ones((ROWS, LENGTH, HEADS, 1))
    scale = jnp.broadcast_to(
        jnp.linspace(level, level - 400, LENGTH)[None, :, None], ones.shape[:3]
    )
    value = jnp.broadcast_to(
        jnp.arange(1.0, LENGTH + 1)[None, :, None, None], ones.shape
    )
    runs = np.zeros((ROWS, LENGTH), int) if segments is None else segments
    first = np.broadcast_to(INDEX < 4, (ROWS, LENGTH))
    given = Features(ones, 0 * scale), Features(ones, scale), value, jnp.asarray(first)
    run = jax.jit(how, static_argnums=5)
    packed = None if segments is None else jnp.asarray(segments)
    found = np.asarray(run(*given, packed, 4)[..., 0, 0])
    starts = np.diff(runs, axis=1, prepend=-1) != 0
    largest = np.maximum.accumulate(np.where(starts | (INDEX == 4), INDEX, 0), axis=1)
    np.testing.assert_allclose(found[~first], largest[~first] + 1, rtol=1e-5)
    assert np.isfinite(found).all()


def softmax(query, key, value):
    return attend(query, key, value, implementation=Dense()).output


def errors(count, seeds):
    """Of the estimate of softmax attention, a root mean square of each seed."""
    draw = np.random.default_rng(1).normal(scale=0.5, size=(3, 1, 32, 2, 8))
    query, key, value = (jnp.asarray(x, "float32") for x in draw)
    attended = jax.jit(attended_to_all)
    exact, positions = softmax(query, key, value), jnp.arange(32)[None]

    def error(seed):
        phi = PositiveRandomFeatures(count, seed)
        found = attended(phi(query, positions), phi(key, positions), value)
        return np.sqrt(((found - exact) ** 2).mean())

    return np.array([error(seed) for seed in range(seeds)])


def test_the_error_of_random_features_shrinks_as_the_root_of_their_number():
    """Exponents of 32 to 512 features over twelve seeds are about -1/2."""
    counts = [32, 128, 512]
    typical = [np.sqrt((errors(count, 12) ** 2).mean()) for count in counts]
    steps = np.diff(np.log(typical)) / np.diff(np.log(counts))
    slope = np.polyfit(np.log(counts), np.log(typical), 1)[0]
    assert -0.6 < slope < -0.4 and (np.abs(steps + 0.5) < 0.25).all()
    assert typical[-1] < 0.1


def test_random_features_estimate_the_kernel_without_bias():
    """The mean over seeds lies within three standard errors of ``exp(q k / sqrt(h))``."""
    pairs = jnp.asarray(QUERY[:1, :1], "float32"), jnp.asarray(KEY[:1, :1], "float32")
    at = jnp.zeros((1, 1), int)
    exact = np.exp((pairs[0] * pairs[1]).sum(-1) / WIDTH**0.5)[0, 0]

    def estimate(seed):
        query, key = (PositiveRandomFeatures(30, seed)(x, at) for x in pairs)
        scale = jnp.exp(query.log_scale + key.log_scale)
        return np.asarray((query.values * key.values).sum(-1) * scale)[0, 0]

    found = np.array([estimate(seed) for seed in range(300)])
    error = found.std(0) / np.sqrt(len(found))
    assert (np.abs(found.mean(0) - exact) < 3 * error).all()
    assert (error < 0.05 * exact).all()


def test_random_directions_are_orthogonal_in_blocks_and_as_long_as_normal_ones():
    drawn = orthogonal_normal(4000, 8, seed=3)
    products = np.einsum("brx,bsx->brs", *2 * [drawn.reshape(-1, 8, 8)])
    np.testing.assert_allclose(products * (1 - np.eye(8)), 0, atol=1e-12)
    squares = (drawn**2).sum(1)
    assert abs(squares.mean() - 8) < 0.3 and abs(squares.var() - 16) < 2
    assert np.abs(drawn.mean(0)).max() < 0.06  # 0.016 is one standard error
    assert (orthogonal_normal(5, 8, 0) != orthogonal_normal(5, 8, 1)).all()


def test_weights_of_cosformer_fade_to_nothing_at_the_furthest():
    x = jnp.ones((1, 9, 1, 4))
    values = CosFormer(8 + 1)(x, jnp.arange(9)[None]).values[0, :, 0]
    np.testing.assert_allclose(
        values @ values[0], 4 * np.cos(np.pi / 2 * np.arange(9) / 9), atol=1e-6
    )


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: PositiveRandomFeatures(0), r"count=0\): expected 1 or more"),
        (lambda: PositiveRandomFeatures(4, seed=-1), "seed of -1"),
        (lambda: CosFormer(0), r"furthest=0\): expected 1 or more"),
        (
            lambda: CosFormer(4)(jnp.ones((1, 5, 1, 2)), jnp.arange(5)[None]),
            r"furthest=4\): a row of 5 tokens",
        ),
    ],
    ids=["none", "seed", "near", "long"],
)
def test_features_that_cannot_be_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
