"""The gated delta rule against its recurrence, token by token, in double precision."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.executed import executed_products
from jaxgen.attention.cost import Work
from jaxgen.attention.delta_rule import (
    cost_of_delta_rule,
    gated_delta_rule,
    unit_lower_inverse,
)

ROWS, LENGTH, HEADS, WIDTH, VALUES = 2, 13, 2, 3, 5
SEGMENTS = np.array([[4] * 5 + [1] * 8, [2] + [3] * 9 + [2] * 3])
PADDING = np.isin(np.arange(LENGTH), [0, 4, 7, 8, 12])[None] & np.array([[1], [0]]) > 0
RUN = jax.jit(gated_delta_rule, static_argnames="chunk")


def drawn():
    """Queries, keys of length one, values, logarithms of decays, and rates."""
    rng = np.random.default_rng(0)
    query, key = rng.normal(size=(2, ROWS, LENGTH, HEADS, WIDTH))
    key /= np.linalg.norm(key, axis=-1, keepdims=True)
    value = rng.normal(size=(ROWS, LENGTH, HEADS, VALUES))
    gates = rng.uniform(size=(2, ROWS, LENGTH, HEADS))
    return query, key, value, np.log(gates[0]), gates[1]


def by_loop(query, key, value, log_decay, rate, padding=None, segments=None):
    answers = np.zeros_like(value)
    for row, head in np.ndindex(ROWS, HEADS):
        state = np.zeros((VALUES, WIDTH))
        for t in range(query.shape[1]):
            at = row, t, head
            if segments is not None and t and segments[row, t] != segments[row, t - 1]:
                state = np.zeros((VALUES, WIDTH))
            if padding is None or not padding[row, t]:
                kept = np.eye(WIDTH) - rate[at] * np.outer(key[at], key[at])
                state = np.exp(log_decay[at]) * state @ kept
                state += rate[at] * np.outer(value[at], key[at])
            answers[at] = state @ query[at]
    return answers


def single(*arrays):
    return [None if x is None else jnp.asarray(x) for x in arrays]


@pytest.mark.parametrize("segments", [None, SEGMENTS], ids=["row", "segments"])
@pytest.mark.parametrize("padding", [None, PADDING], ids=["whole", "padded"])
def test_it_is_the_recurrence_whatever_the_chunk(padding, segments):
    given = *drawn(), padding, segments
    expected = by_loop(*given)
    for chunk in (1, 4, 64):
        found = RUN(*single(*given), chunk=chunk)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_slopes_are_those_of_the_recurrence():
    given, rng = drawn(), np.random.default_rng(1)
    weights = rng.normal(size=given[2].shape)

    def loss(arrays):
        return (RUN(*arrays, *single(PADDING, SEGMENTS), chunk=4) * weights).sum()

    def moved(step):
        return (x + step * way for x, way in zip(given, ways, strict=True))

    slopes = jax.grad(loss)(single(*given))
    ways = [rng.normal(size=x.shape) for x in given]
    ahead, behind = (
        (weights * by_loop(*moved(step), PADDING, SEGMENTS)).sum()
        for step in (1e-6, -1e-6)
    )
    found = sum(map(np.vdot, slopes, ways))
    np.testing.assert_allclose(found, (ahead - behind) / 2e-6, rtol=1e-4)


def test_a_key_remembers_its_last_value_alone():
    """At a rate of one, and however often it is written."""
    key = jnp.broadcast_to(jnp.array([0.6, 0.8]), (1, 64, 1, 2))
    value = jnp.asarray(np.random.default_rng(0).normal(size=(1, 64, 1, 3)), "float32")
    ones = jnp.ones((1, 64, 1))
    found = RUN(key, key, value, 0 * ones, ones, chunk=64)
    np.testing.assert_allclose(found, value, atol=1e-5)


def test_keys_at_right_angles_do_not_disturb_one_another():
    """A value decays by what was forgotten since it was written."""
    rng = np.random.default_rng(0)
    order, value = rng.permutation(8), rng.normal(size=(1, 8, 1, 3))
    decay = rng.uniform(0.5, 1, size=8)
    asked = np.array([rng.integers(t + 1) for t in range(8)])
    query, key = (np.eye(8)[which][None, :, None] for which in (order[asked], order))
    ones = np.ones((1, 8, 1))
    given = query, key, value, np.log(decay)[None, :, None], ones
    found = RUN(*single(*given), chunk=4)[0, :, 0]
    left = [decay[first + 1 : t + 1].prod() for t, first in enumerate(asked)]
    expected = np.array(left)[:, None] * value[0, asked, 0]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_forgetting_all_hides_nothing_that_comes_later():
    query, key, value, log_decay, rate = drawn()
    log_decay[:, 2::4] = -1e7
    log_decay[:, 6] = -np.inf
    expected = by_loop(query, key, value, log_decay, rate)
    given = single(query, key, value, log_decay, rate)
    np.testing.assert_allclose(RUN(*given, chunk=64), expected, rtol=1e-4, atol=1e-5)
    slopes = jax.grad(lambda x: RUN(*x, chunk=64).sum())(given)
    assert all(np.isfinite(slope).all() for slope in slopes)


@pytest.mark.parametrize("size", [1, 2, 3, 8, 13, 64])
def test_the_inverse_is_that_of_numpy(size):
    drawn = np.random.default_rng(0).normal(size=(2, 3, size, size)) / size**0.5
    below = jnp.asarray(np.tril(drawn, -1), "float32")
    expected = np.linalg.inv(np.eye(size) + np.float64(below))
    np.testing.assert_allclose(jax.jit(unit_lower_inverse)(below), expected, atol=1e-4)


@pytest.mark.parametrize("length, chunk", [(1, 64), (13, 64), (13, 4)])
def test_it_costs_what_it_computes(length, chunk):
    """Values need not be as wide as keys."""
    query, key, value, log_decay, rate = (x[:, :length] for x in single(*drawn()))
    counted = executed_products(
        lambda *given: gated_delta_rule(*given, chunk=chunk),
        *(query, key, value, log_decay, rate),
    )
    told = cost_of_delta_rule(ROWS * HEADS, length, WIDTH, VALUES, chunk)
    assert told == Work(counted["flops"], counted["bytes"])
