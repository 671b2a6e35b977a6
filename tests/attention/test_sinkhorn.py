"""Soft permutations: their sums, what they never mix, and hard ones as masks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.attention.sinkhorn import (
    attended_beside,
    doubly_stochastic,
    soft_permutation,
)

DRAWN = np.random.default_rng(0)


def test_rows_sum_to_one_and_columns_nearly_so_with_iterations():
    scores = jnp.asarray(2 * DRAWN.normal(size=(3, 5, 5)), "f4")
    gaps = []
    for iterations in (1, 4, 64):
        found = jax.jit(doubly_stochastic, static_argnums=1)(scores, iterations)
        np.testing.assert_allclose(found.sum(2), 1, atol=1e-6)
        gaps.append(np.abs(found.sum(1) - 1).max())
    assert gaps[0] > 0.1 > gaps[1] > gaps[2] and gaps[2] < 1e-5


def test_a_doubly_stochastic_matrix_is_left_alone():
    """``diag(r) P diag(c)`` is brought back to P: the limit is unique."""
    mixed = sum(np.eye(4)[DRAWN.permutation(4)] for _ in range(9)) + 0.5
    matrix = mixed / mixed.sum(1)
    rows, columns = DRAWN.normal(size=(2, 4))
    scores = np.log(matrix) + rows[:, None] + columns[None, :]
    found = doubly_stochastic(jnp.asarray(scores, "f4"), 100)
    np.testing.assert_allclose(found, matrix, atol=1e-5)


def test_blocks_that_hold_tokens_are_permuted_among_themselves():
    query, key = jnp.asarray(DRAWN.normal(size=(2, 1, 4, 2, 3)), "f4")
    present = jnp.array([[[True, True], [True, False], [False, False], [False, False]]])
    found = soft_permutation(query, key, present, 1.0, 30)[0]
    assert (found[:, :2, 2:] == 0).all() and (found[:, 2:, :2] == 0).all()
    alone = soft_permutation(query[:, :2], key[:, :2], present[:, :2], 1.0, 30)[0]
    np.testing.assert_allclose(found[:, :2, :2], alone, atol=1e-6)


@pytest.mark.parametrize("last", [1, 2, 3])
def test_a_hard_permutation_brings_a_block_token_for_token(last):
    """Attention of all pairs, of which a query counts those it has twice."""
    blocks, size, heads, width = 4, 3, 2, 5
    parts = DRAWN.normal(size=(3, blocks, size, heads, width))
    present = np.arange(blocks * size).reshape(blocks, size) < 3 * size + last
    orders = np.array([[3, 0, 2, 1], [1, 2, 3, 0]])
    found = attended_beside(
        *(jnp.asarray(part[None], "f4") for part in parts),
        jnp.asarray(present[None]),
        jnp.asarray(np.eye(blocks)[orders][None], "f4"),
    )[0]
    query, key, value = (part.reshape(-1, heads, width) for part in parts)
    block = np.arange(blocks * size) // size
    for head, order in enumerate(orders):
        times = (block[:, None] == block) + 1.0 * (order[block][:, None] == block)
        weights = np.exp(query[:, head] @ key[:, head].T / np.sqrt(width)) * times
        weights = weights * present.reshape(-1)
        wanted = weights / weights.sum(1, keepdims=True) @ value[:, head]
        given = found[:, :, head].reshape(-1, width)
        np.testing.assert_allclose(given, wanted, atol=1e-5)
