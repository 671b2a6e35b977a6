"""What every mixer must keep to; a new one joins by a line in MIXERS."""

from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.attention.dense import Dense
from jaxgen.attention.expressions import causal, window
from jaxgen.attention.positions import rotary
from jaxgen.attention.scores import ALiBi
from jaxgen.nn.attention import RelativeBias, SelfAttention
from jaxgen.nn.mixer import PLAIN, Context, Mixer, led, places, require_fit

MIXERS = {
    "attention": SelfAttention(2, implementation=Dense()),
    "tiles": SelfAttention(2),
    "causal": SelfAttention(2, pattern=causal(), rotation=rotary),
    "window": SelfAttention(4, 2, window(1), use_bias=True, implementation=Dense()),
    "alibi": SelfAttention(2, score=ALiBi, implementation=Dense()),
    "learned": SelfAttention(2, score=RelativeBias(8), implementation=Dense()),
}
WITHOUT_POSITIONS = ("attention", "tiles")

ROWS, LENGTH, FEATURES = 2, 6, 8
X = jnp.asarray(np.random.default_rng(0).normal(size=(ROWS, LENGTH, FEATURES)), "f4")
NOISE = jnp.asarray(np.random.default_rng(1).normal(size=X.shape), "f4")


@lru_cache
def learned(name):
    """Parameters none of which is zero, and quick to make."""
    shapes = jax.eval_shape(MIXERS[name].init, jax.random.key(0), X, PLAIN)
    return jax.tree.map(
        lambda w: jnp.cos(jnp.arange(w.size)).reshape(w.shape) / 2, shapes
    )


@lru_cache
def compiled(name):
    mixer, variables = MIXERS[name], learned(name)
    return jax.jit(lambda x, context: mixer.apply(variables, x, context))


def close(one, other):
    np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


every = pytest.mark.parametrize("name", MIXERS)


@every
def test_real_tokens_do_not_see_padding(name):
    alone = compiled(name)(X[:, :3], PLAIN)
    padding = jnp.broadcast_to(jnp.arange(LENGTH)[None] >= 3, (ROWS, LENGTH))
    for content in (X, NOISE, 1e3 * NOISE):
        x = jnp.where(padding[..., None], content, X)
        padded = compiled(name)(x, Context(padding))
        close(padded[:, :3], alone)
        assert np.isfinite(padded).all()


@every
def test_a_row_of_padding_is_finite_and_has_a_finite_slope(name):
    padding = jnp.ones((ROWS, LENGTH), bool)
    y, pulled_back = jax.vjp(lambda x: compiled(name)(x, Context(padding)), X)
    assert np.isfinite(y).all() and np.isfinite(pulled_back(NOISE)[0]).all()


@every
def test_sequences_packed_in_a_row_are_as_if_alone(name):
    segments = jnp.broadcast_to(jnp.array([[5, 5, 5, 2, 2, 2]]), (ROWS, LENGTH))
    packed = compiled(name)(X, Context(segments=segments))
    for part in (slice(0, 3), slice(3, 6)):
        close(packed[:, part], compiled(name)(X[:, part], PLAIN))


@every
def test_a_mixer_is_causal_where_it_says_so(name):
    def of_row(row):
        return compiled(name)(row[None], PLAIN)[0]

    slopes = np.abs(jax.jit(jax.jacrev(of_row))(X[0])).sum((1, 3))
    later = np.triu(slopes, 1)
    assert (later.max() == 0) == MIXERS[name].causal
    assert (slopes.diagonal() > 0).all()


@every
def test_a_mixer_tells_what_it_is(name):
    assert isinstance(MIXERS[name], Mixer) and MIXERS[name].exact


@pytest.mark.parametrize("name", WITHOUT_POSITIONS)
def test_without_positions_order_does_not_matter(name):
    order = np.random.default_rng(2).permutation(LENGTH)
    close(compiled(name)(X[:, order], PLAIN), compiled(name)(X, PLAIN)[:, order])


def test_positions_told_count_and_only_by_their_differences():
    positions = jnp.array([[3, 1, 4, 0, 5, 2]])
    told = compiled("alibi")(X, Context(positions=positions))
    close(compiled("alibi")(X, Context(positions=positions + 7)), told)
    assert not np.allclose(told, compiled("alibi")(X, PLAIN), atol=1e-3)


def test_attention_is_the_formula_in_float64():
    params = jax.tree.map(np.float64, learned("window")["params"])
    x = np.asarray(X, np.float64)

    def heads(name):
        layer = params[name]
        return np.einsum("btd,dnh->btnh", x, layer["kernel"]) + layer["bias"]

    query, key, value = heads("query"), heads("key"), heads("value")
    expected = np.zeros((ROWS, LENGTH, 4, 2))
    for head in range(4):
        scores = np.einsum("bqh,bkh->bqk", query[:, :, head], key[:, :, head // 2])
        far = np.abs(np.subtract.outer(np.arange(LENGTH), np.arange(LENGTH))) > 1
        weights = np.exp(np.where(far, -np.inf, scores / np.sqrt(2)))
        weights /= weights.sum(-1, keepdims=True)
        expected[:, :, head] = weights @ value[:, :, head // 2]
    out = params["out"]
    expected = expected.reshape(ROWS, LENGTH, -1) @ out["kernel"] + out["bias"]
    close(compiled("window")(X, PLAIN), expected)


def test_fewer_key_heads_are_as_many_alike():
    """Grouped heads are those of plain attention whose key heads are repeated."""
    plain = SelfAttention(4, pattern=window(1), use_bias=True, implementation=Dense())
    params = dict(learned("window")["params"])
    for name in ("key", "value"):
        of = params[name]
        params[name] = {
            "kernel": jnp.repeat(of["kernel"], 2, axis=1),
            "bias": jnp.repeat(of["bias"], 2, axis=0),
        }
    apply = jax.jit(plain.apply)
    close(apply({"params": params}, X, PLAIN), compiled("window")(X, PLAIN))


def test_a_learned_score_has_a_slope():
    def loss(variables):
        return (MIXERS["learned"].apply(variables, X, PLAIN) ** 2).sum()

    slope = jax.jit(jax.grad(loss))(learned("learned"))
    table = slope["params"]["score"]["table"]
    assert table.shape == (2, 8) and (jnp.abs(table).max(1) > 0).all()


@pytest.mark.parametrize(
    "mixer, message",
    [
        (SelfAttention(3), "8 features do not divide into 3 heads"),
        (SelfAttention(4, key_heads=3), "key heads must divide"),
        (SelfAttention(4, key_heads=0), "key heads must divide"),
        (SelfAttention(8, rotation=rotary), "planes need an even number"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(mixer, message, key):
    with pytest.raises(ValueError, match=message):
        mixer.init(key, X, PLAIN)


def test_a_context_of_another_shape_is_refused():
    require_fit(Context(positions=jnp.zeros((1, 5), int)), 2, 5)
    with pytest.raises(ValueError, match=r"padding of shape \(1, 5\).*\(2, 5\)"):
        require_fit(Context(padding=jnp.zeros((1, 5), bool)), 2, 5)


@pytest.mark.parametrize(
    "context, message",
    [
        (Context(padding=jnp.zeros((2, 5))), "padding of float32: expected bool"),
        (Context(padding=jnp.zeros((2, 5), int)), "padding of int32: expected bool"),
        (Context(segments=jnp.zeros((2, 5))), "segments of float32: expected integers"),
        (
            Context(positions=jnp.zeros((1, 5))),
            "positions of float32: expected integers",
        ),
    ],
)
def test_a_context_of_other_numbers_is_refused(context, message):
    with pytest.raises(ValueError, match=message):
        require_fit(context, 2, 5)


def test_a_leading_token_is_real_and_at_position_zero():
    padding = jnp.array([[False, True]])
    context = led(Context(padding, positions=jnp.array([[3, 4]])), 2)
    assert context.padding.tolist() == [[False, False, True]]
    assert context.positions.tolist() == [[0, 4, 5]]
    with pytest.raises(ValueError, match="only the first sequence of a row"):
        led(Context(segments=jnp.zeros((1, 2), int)), 2)


def test_places_restart_where_a_segment_does():
    rows = jnp.array([[1, 1, 2, 2, 2, 1], [0, 0, 0, 0, 0, 0], [1, 2, 3, 3, 4, 1]])
    assert places(rows).tolist() == [
        [0, 1, 0, 1, 2, 0],
        [0, 1, 2, 3, 4, 5],
        [0, 0, 0, 1, 0, 0],
    ]
