"""Scores against the formulas and codes they are from."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.attention.attend import attend
from jaxgen.attention.scores import (
    ALiBi,
    RelativeBias,
    SoftCap,
    alibi_slopes,
    as_tree,
    composed,
    distance_bucket,
    unchanged,
)


def applied(score, logits):
    """A score of logits (b, n, q, k) at the indices of queries and keys."""
    heads, queries, keys = logits.shape[1:]
    return score(
        logits,
        jnp.arange(heads)[None, :, None, None],
        jnp.arange(queries)[None, None, :, None],
        jnp.arange(keys)[None, None, None, :],
    )


def test_slopes_of_alibi_are_those_of_its_code():
    """``get_slopes`` of ofirpress/attention_with_linear_biases, line by line."""

    def published(heads):
        def of_power(n):
            start = 2 ** (-(2 ** -(math.log2(n) - 3)))
            return [start * start**i for i in range(n)]

        if math.log2(heads).is_integer():
            return of_power(heads)
        closest = 2 ** math.floor(math.log2(heads))
        return of_power(closest) + published(2 * closest)[0::2][: heads - closest]

    for heads in (1, 2, 3, 4, 6, 8, 12, 16, 20):
        np.testing.assert_allclose(alibi_slopes(heads), published(heads))


def test_alibi_falls_with_distance():
    found = applied(ALiBi(2), jnp.zeros((1, 2, 3, 3)))
    distance = np.abs(np.subtract.outer(np.arange(3), np.arange(3)))
    expected = -alibi_slopes(2)[:, None, None] * distance
    np.testing.assert_allclose(found[0], expected, atol=1e-6)


@pytest.mark.parametrize("bidirectional", [True, False])
def test_buckets_are_those_of_t5(bidirectional):
    """By the definition of the paper's code, distance by distance."""
    buckets, furthest = 32, 128

    def published(ahead):
        side, count = 0, buckets
        if bidirectional:
            count //= 2
            side, distance = (count if ahead > 0 else 0), abs(ahead)
        else:
            distance = max(-ahead, 0)
        exact = count // 2
        if distance < exact:
            return side + distance
        share = math.log(distance / exact) / math.log(furthest / exact)
        return side + min(exact + int(share * (count - exact)), count - 1)

    ahead = np.arange(-300, 301)
    found = distance_bucket(jnp.asarray(ahead), buckets, bidirectional, furthest)
    away = np.array([published(x) for x in ahead.tolist()])
    # a logarithm may round to the other side of a whole number
    assert (np.abs(found - away) <= 1).all()
    assert (found != away).mean() < 0.01


def test_a_cap_is_a_cap():
    wide = jnp.linspace(-100.0, 100.0, 9).reshape(1, 1, 3, 3)
    found = applied(SoftCap(5.0), wide)
    assert (jnp.abs(found) <= 5).all()
    near = wide / 1e4
    np.testing.assert_allclose(applied(SoftCap(5.0), near), near, rtol=1e-5)


def test_scores_are_applied_in_order():
    logits = jnp.full((1, 2, 3, 3), 4.0)
    capped_last = applied(composed(ALiBi(2), SoftCap(1.0)), logits)
    expected = jnp.tanh(applied(ALiBi(2), logits))
    np.testing.assert_allclose(capped_last, expected)


def test_a_table_is_learned():
    """Its gradient is the sum of the slopes of all logits that used an entry."""
    x = jax.random.normal(jax.random.key(0), (1, 6, 2, 4))

    def loss(table):
        score = RelativeBias(table, furthest=8)
        return jnp.sin(attend(x, x, x, score=score).output).sum()

    table = jax.random.normal(jax.random.key(1), (2, 8))
    found = jax.grad(loss)(table)
    nudges = 1e-2 * jnp.eye(table.size).reshape(-1, *table.shape)
    losses = jax.jit(jax.vmap(loss))
    slopes = (losses(table[None] + nudges) - losses(table[None] - nudges)) / 2e-2
    np.testing.assert_allclose(found.ravel(), slopes, atol=2e-3)


def test_what_holds_no_array_is_no_argument():
    for score in (unchanged, ALiBi(4), SoftCap(2.0), composed(ALiBi(4), SoftCap(2.0))):
        assert jax.tree.leaves(as_tree(score)) == []
    assert len(jax.tree.leaves(as_tree(RelativeBias(jnp.ones((2, 8)))))) == 1


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: SoftCap(0.0), "a cap of 0.0: expected more than 0"),
        (lambda: alibi_slopes(0), "slopes of 0 heads"),
        (lambda: distance_bucket(jnp.arange(3), 3, True, 9), "1 buckets on a side"),
        (lambda: distance_bucket(jnp.arange(3), 8, False, 4), "a distance beyond 4"),
    ],
)
def test_nonsense_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
