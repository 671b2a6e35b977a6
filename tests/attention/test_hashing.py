"""Buckets of random rotations: how often two vectors share one."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.attention.hashing import buckets_of, drawn_rotations

ROUNDS = 20_000


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_two_vectors_share_one_of_two_buckets_as_often_as_their_angle_says(share):
    """``1 - angle / pi``, within four standard errors."""
    angle = np.pi * (1 - share)
    pair = np.zeros((1, 2, 6))
    pair[0, :, :2] = [[3, 0], [np.cos(angle), np.sin(angle)]]
    drawn = drawn_rotations(1, 6, ROUNDS, 2, seed=0)[0]
    found = buckets_of(jnp.asarray(pair, "f4"), jnp.asarray(drawn, "f4"))
    alike = np.asarray(found[:, 0, 0] == found[:, 0, 1]).mean()
    assert abs(alike - share) < 4 * np.sqrt(share * (1 - share) / ROUNDS)


def test_the_closer_two_vectors_are_the_oftener_they_share_one_of_many():
    """And none is larger than the others."""
    angles = np.linspace(0, np.pi, 9)
    vectors = np.stack([np.cos(angles), np.sin(angles), 0 * angles], -1)[None]
    drawn = jnp.asarray(drawn_rotations(1, 3, ROUNDS, 8, seed=1)[0], "f4")
    found = np.asarray(buckets_of(jnp.asarray(vectors, "f4"), drawn))[:, 0]
    alike = (found == found[:, :1]).mean(0)
    assert alike[0] == 1 and (np.diff(alike) < 0).all() and alike[-1] < 0.01
    counts = np.bincount(found[:, 0], minlength=8) / ROUNDS
    np.testing.assert_allclose(counts, 1 / 8, atol=0.01)


def test_a_bucket_does_not_depend_on_a_vectors_length():
    vectors = jnp.asarray(np.random.default_rng(2).normal(size=(1, 50, 4)), "f4")
    drawn = jnp.asarray(drawn_rotations(1, 4, 3, 6, seed=2)[0], "f4")
    found = buckets_of(vectors, drawn)
    assert (found == buckets_of(vectors * 1e-6, drawn)).all()
    assert found.min() == 0 and found.max() == 5
