"""Pairs of unlike classes, their midpoints, and paths whose length is known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.metrics.interpolation import (
    midpoints,
    path_length_ratio,
    straight_paths,
    unlike_pairs,
)

RNG = np.random.default_rng(0)
LABELS = np.array([2, 0, 0, 1, 2, 0, 7])


def test_pairs_are_drawn_evenly_from_all_unlike_ones():
    count = 32_000
    draw = jax.jit(unlike_pairs, static_argnums=2)
    pairs = np.asarray(draw(jax.random.key(0), LABELS, count))
    found = np.zeros((7, 7))
    np.add.at(found, tuple(pairs.T), 1)
    unlike = LABELS[:, None] != LABELS
    assert not found[~unlike].any()
    expected = count / unlike.sum()
    chi_square = ((found[unlike] - expected) ** 2 / expected).sum()
    assert chi_square < unlike.sum() + 5 * np.sqrt(2 * unlike.sum())


def test_midpoints_are_halfway():
    codes, pairs = (
        RNG.normal(size=(7, 3)).astype(np.float32),
        np.array([[0, 3], [6, 1]]),
    )
    expected = (codes[[0, 6]] + codes[[3, 1]]) / 2
    np.testing.assert_allclose(midpoints(codes, pairs), expected, rtol=1e-6)
    paths = straight_paths(codes[pairs[:, 0]], codes[pairs[:, 1]], 4)
    np.testing.assert_allclose(paths[2], expected, rtol=1e-5)
    np.testing.assert_array_equal(paths[0], codes[[0, 6]])
    np.testing.assert_array_equal(paths[-1], codes[[3, 1]])


def test_the_path_of_a_linear_decoder_is_straight():
    matrix = jnp.asarray(RNG.normal(size=(3, 10)), jnp.float32)
    ends = RNG.normal(size=(2, 5, 3)).astype(np.float32)
    ratio = path_length_ratio(lambda z: (z @ matrix).reshape(-1, 2, 5) + 3, *ends)
    np.testing.assert_allclose(ratio, 1, rtol=1e-5)


def test_the_path_on_a_circle_is_its_arc():
    def circle(angle):
        return 5 * jnp.concatenate([jnp.cos(angle), jnp.sin(angle)], axis=1)

    angles = np.array([[0.5], [2.0], [np.pi], [4.0]], np.float32)
    ratio = path_length_ratio(circle, 0 * angles, angles, segments=200)
    chords = 2 * np.sin(angles / 2)
    np.testing.assert_allclose(ratio, (angles / chords)[:, 0], rtol=1e-4)
    coarse = path_length_ratio(circle, 0 * angles, angles, segments=1)
    np.testing.assert_allclose(coarse, 1, rtol=1e-6)


def test_a_path_without_ends_apart_has_no_ratio():
    ratio = path_length_ratio(
        jnp.abs, np.ones((1, 1), np.float32), -np.ones((1, 1), np.float32)
    )
    assert np.isinf(ratio).all()
    same = np.ones((1, 1), np.float32)
    assert np.isnan(path_length_ratio(jnp.abs, same, same)).all()
    with pytest.raises(ValueError, match="segments=0"):
        path_length_ratio(jnp.abs, same, same, segments=0)
