"""Candidates against distances all at once, for circles of few and of many blocks."""

import jax
import numpy as np
import pytest

from jaxgen.metrics import candidates as circle
from jaxgen.metrics.candidates import candidates
from jaxgen.metrics.distances import by_products


def squares_in_float64(points):
    points = points.astype(np.float64)
    return ((points[:, None] - points[None]) ** 2).sum(-1)


@pytest.mark.parametrize("entries", [2**24, 2 * 12**2])
@pytest.mark.parametrize("size", [1, 3, 40, 63, 200])
def test_candidates_are_the_nearest_as_their_bounds_go(size, entries, monkeypatch):
    monkeypatch.setattr(circle, "ENTRIES", entries)
    points = np.random.default_rng(size).normal(size=(size, 12)).astype(np.float32)
    least, numbers = jax.jit(lambda x: candidates(x, 6, by_products))(points)
    exact, few = squares_in_float64(points), min(size, 6)
    found = np.take_along_axis(exact, np.asarray(numbers[:, :few]), axis=1)
    np.testing.assert_allclose(
        np.sort(found, axis=1), np.sort(exact, axis=1)[:, :few], atol=1e-3
    )
    assert (least[:, :few] <= found).all()
    assert all(len(set(row)) == few for row in numbers[:, :few].tolist())
    assert np.isinf(least[:, few:]).all() and (numbers[:, few:] == size).all()


def test_points_that_are_not_finite_are_candidates_of_none():
    points = np.random.default_rng(0).normal(size=(50, 12)).astype(np.float32)
    points[3:, 0] = np.nan
    _, numbers = jax.jit(lambda x: candidates(x, 6, by_products))(points)
    assert np.sort(numbers[:3, :3], axis=1).tolist() == [[0, 1, 2]] * 3
    assert (numbers[:3, 3:] == 50).all() and (numbers[3:] == 50).all()
