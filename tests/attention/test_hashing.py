"""Buckets of random rotations: how often two vectors share one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.attention.hashing import buckets_of, drawn_rotations

ROUNDS = 20_000


def buckets(vectors, count, seed, rounds=ROUNDS):
    """Of vectors (t, h) in each round: (rounds, t)."""
    drawn = drawn_rotations(1, vectors.shape[1], rounds, count, seed)[0]
    rotations = jnp.asarray(drawn.swapaxes(0, 1), "f4")
    of_rounds = jax.vmap(buckets_of, (None, 0))
    return np.asarray(of_rounds(jnp.asarray(vectors[None], "f4"), rotations)[:, 0])


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_two_vectors_share_one_of_two_buckets_as_often_as_their_angle_says(share):
    """``1 - angle / pi``, within four standard errors."""
    angle = np.pi * (1 - share)
    pair = np.zeros((2, 6))
    pair[:, :2] = [[3, 0], [np.cos(angle), np.sin(angle)]]
    one, other = buckets(pair, 2, seed=0).T
    alike = (one == other).mean()
    assert abs(alike - share) < 4 * np.sqrt(share * (1 - share) / ROUNDS)


def test_the_closer_two_vectors_are_the_oftener_they_share_one_of_many():
    """And none is larger than the others."""
    angles = np.linspace(0, np.pi, 9)
    vectors = np.stack([np.cos(angles), np.sin(angles), 0 * angles], -1)
    found = buckets(vectors, 8, seed=1)
    alike = (found == found[:, :1]).mean(0)
    assert alike[0] == 1 and (np.diff(alike) < 0).all() and alike[-1] < 0.01
    counts = np.bincount(found[:, 0], minlength=8) / ROUNDS
    np.testing.assert_allclose(counts, 1 / 8, atol=0.01)


def test_a_bucket_does_not_depend_on_a_vectors_length():
    vectors = np.random.default_rng(2).normal(size=(50, 4))
    found = buckets(vectors, 6, seed=2, rounds=3)
    assert (found == buckets(vectors * 1e-6, 6, seed=2, rounds=3)).all()
    assert found.min() == 0 and found.max() == 5
