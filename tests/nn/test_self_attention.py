"""Attention as a mixer: its formula, its heads, its scores."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.attention.dense import Dense
from jaxgen.attention.expressions import window
from jaxgen.attention.positions import rotary
from jaxgen.nn.attention import SelfAttention
from jaxgen.nn.mixer import PLAIN, Context
from mixers import CASES, LENGTH, ROWS, X, close, compiled, learned


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
        return (CASES["learned"].mixer.apply(variables, X, PLAIN) ** 2).sum()

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
