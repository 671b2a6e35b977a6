"""Decoding a token at a time is attention to the whole sequence, for causal patterns."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.attention.attend import attend
from jaxgen.attention.cache import attend_cached, empty_cache, extended
from jaxgen.attention.expressions import (
    bigbird,
    causal,
    fixed,
    longformer,
    strided,
    window,
)
from jaxgen.attention.scores import ALiBi, unchanged

LENGTH = 12


def draws():
    key = jax.random.key(0)
    query = jax.random.normal(key, (2, LENGTH, 4, 8))
    return query, *jax.random.normal(key, (2, 2, LENGTH, 2, 8))


@partial(jax.jit, static_argnames=("pattern", "score", "at_once"))
def decoded(query, key, value, pattern, score, at_once):
    """Outputs of all tokens, so many read at once."""
    cache, outputs = empty_cache(2, LENGTH, 2, 8), []
    for start in range(0, LENGTH, at_once):
        part = slice(start, start + at_once)
        cache = extended(cache, key[:, part], value[:, part])
        found = attend_cached(query[:, part], cache, pattern=pattern, score=score)
        outputs.append(found.output)
    return jnp.concatenate(outputs, axis=1)


@pytest.mark.parametrize("at_once", [1, 4])
@pytest.mark.parametrize(
    "pattern, score",
    [
        (causal(), unchanged),
        (window(3, 0), ALiBi(4)),
        (strided(3) | fixed(4), unchanged),
        (causal() & (longformer(2, 2) | bigbird(2, drawn=1)), unchanged),
    ],
    ids=["causal", "window", "strided or fixed", "all"],
)
def test_tokens_in_turn_are_tokens_at_once(pattern, score, at_once):
    given = draws()
    whole = attend(*given, pattern=pattern, score=score).output
    found = decoded(*given, pattern=pattern, score=score, at_once=at_once)
    np.testing.assert_allclose(found, whole, atol=1e-5)


def test_examples_may_be_of_different_lengths():
    query, key, value = draws()
    cache = extended(empty_cache(2, LENGTH, 2, 8), key[:, :5], value[:, :5])
    ahead = cache._replace(length=jnp.array([5, 3]))
    ahead = extended(ahead, key[:, 5:6], value[:, 5:6])
    found = attend_cached(query[:, 5:6], ahead, pattern=causal()).output
    seen = jnp.array([0, 1, 2, 5])
    alone = attend(query[1:, 5:6], key[1:, seen], value[1:, seen]).output
    np.testing.assert_allclose(found[1:], alone, atol=1e-6)
    whole = attend(query[:1, 5:6], key[:1, :6], value[:1, :6]).output
    np.testing.assert_allclose(found[:1], whole, atol=1e-6)


def test_a_full_cache_tells_in_its_results():
    query, key, value = draws()
    cache = extended(empty_cache(2, 4, 2, 8), key[:, :3], value[:, :3])
    cache = cache._replace(length=jnp.array([3, 1]))
    over = extended(cache, key[:, 3:5], value[:, 3:5])
    found = attend_cached(query[:, 3:5], over, pattern=causal()).output
    assert jnp.isnan(found[0]).all()
    assert jnp.isfinite(found[1]).all()


def test_sinks_take_their_share_of_a_cache_too():
    query, key, value = draws()
    sinks, cache = jnp.linspace(-1.0, 1.0, 4), empty_cache(2, LENGTH, 2, 8)
    found = attend_cached(
        query, extended(cache, key, value), pattern=window(3, 0), sinks=sinks
    )
    whole = attend(query, key, value, pattern=window(3, 0), sinks=sinks)
    np.testing.assert_allclose(found.output, whole.output, atol=1e-5)


@pytest.mark.parametrize(
    "ask, message",
    [
        (lambda q, c: attend_cached(q, c), "None lets a query see keys"),
        (lambda q, c: attend_cached(q, c, pattern=window(2)), "causal\\(\\) & it"),
        (lambda q, c: attend_cached(q, c, pattern=causal(), offset=1), "an offset"),
        (lambda q, c: attend_cached(q, c, pattern=causal()), "12 queries of a cache"),
        (lambda q, c: extended(c, q, q), "12 keys at once in a cache of 4"),
        (
            lambda q, c: extended(c, q[:, :2, :1], q[:, :2, :1]),
            r"\(2, 2, 1, 8\) put in",
        ),
        (
            lambda q, c: extended(c, q[:, :2, :, :3], q[:, :2]),
            r"expected \(2, 2, 2, 8\)",
        ),
        (
            lambda q, c: extended(c, q[:, :2], q[:, :2, :, :3]),
            r"expected \(2, 2, 2, 8\)",
        ),
        (
            lambda q, c: empty_cache(2, 4, 2, 8, dtype=int),
            "a cache of int.* real numbers",
        ),
    ],
)
def test_bad_input_is_told(ask, message):
    with pytest.raises(ValueError, match=message):
        ask(jnp.ones((2, LENGTH, 2, 8)), empty_cache(2, 4, 2, 8))
