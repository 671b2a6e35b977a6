"""Bounds of distances against float64, and blocks of rows against all at once."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.metrics import rows as blocks
from jaxgen.metrics.distances import Bounds, by_differences, by_products, smallest
from jaxgen.metrics.rows import Told, told_by_rows


def squares_in_float64(first, second):
    first, second = first.astype(np.float64), second.astype(np.float64)
    return ((first[:, None] - second[None]) ** 2).sum(-1)


def sets(dimension):
    rng = np.random.default_rng(0)
    normal = rng.normal(size=(96, dimension))
    constants = np.where(np.arange(96)[:, None] < 48, 0.1, 0.73)
    line = np.linspace(0, 1, 96)[:, None] * 0.7
    scales = normal * np.logspace(-6, 6, dimension)
    return {
        "normal": normal,
        "far": normal + 1000,
        "copies": normal[np.arange(96) % 5],
        "bits": (rng.random((96, dimension)) < 0.1) * 1.0,
        # rounding always to the same side, the worst there is
        "constants": np.broadcast_to(constants, normal.shape),
        "line": np.broadcast_to(line, normal.shape),
        "heavy": rng.standard_t(1.5, size=normal.shape),
        "scales": scales,
    }


@pytest.mark.parametrize("dimension", [8, 512, 2048])
def test_bounds_hold_the_distance_and_are_narrow(dimension):
    measured = jax.jit(by_products)
    for name, points in sets(dimension).items():
        points = points.astype(np.float32)
        least, most = measured(points[:32], points)
        exact = squares_in_float64(points[:32], points)
        by_hand = np.asarray(jax.jit(by_differences)(points[:32], points))
        for squares in (exact, by_hand):
            assert (least <= squares).all() and (squares <= most).all(), name
        norms = ((points - points.mean(0, dtype=np.float64)) ** 2).sum(1)
        width = 5e-7 * (8 + 2 * dimension**0.5) * (norms[:32, None] + norms)
        assert (most - least <= width).all(), name


def test_few_dimensions_are_measured_by_differences():
    points = np.random.default_rng(0).normal(size=(20, 7)).astype(np.float32)
    np.testing.assert_array_equal(
        np.asarray(by_products(points, points)), by_differences(points, points)
    )


@pytest.mark.parametrize("distances", [by_differences, by_products])
def test_equal_points_are_no_distance_apart(distances):
    points = np.random.default_rng(0).normal(size=(20, 8)).astype(np.float32) + 1000
    found = jnp.asarray(distances(points, points))
    least = found if found.ndim == 2 else found[0]
    assert (jnp.diagonal(least) == 0).all()


@pytest.mark.parametrize("distances", [by_differences, by_products])
def test_broken_points_are_infinitely_far(distances):
    points = np.random.default_rng(0).normal(size=(20, 8)).astype(np.float32)
    broken = points.copy()
    broken[[3, 5], 0] = np.nan, np.inf
    found = jnp.asarray(jax.jit(distances)(broken, broken))
    found = found.reshape(-1, 20, 20)
    assert jnp.isinf(found[:, [3, 5]]).all() and jnp.isinf(found[:, :, [3, 5]]).all()
    others = np.delete(np.arange(20), [3, 5])
    assert jnp.isfinite(found[:, others][:, :, others]).all()
    none = jnp.asarray(distances(points, np.full_like(points, np.nan)))
    assert jnp.isinf(none).all()


@pytest.mark.parametrize("size", [1, 5, 16, 17, 37])
@pytest.mark.parametrize("distances", [by_differences, by_products])
def test_every_row_is_told_once(size, distances, monkeypatch):
    monkeypatch.setattr(blocks, "ENTRIES", 7 * 12)  # blocks of seven rows
    rng = np.random.default_rng(size)
    points = rng.normal(size=(size, 8)).astype(np.float32)
    others = rng.normal(size=(12, 8)).astype(np.float32)

    def near(found, rows):
        rough = isinstance(found, Bounds)
        squares = found.most if rough else found
        told = Told((rows, jnp.min(squares, axis=1)), squares < 16, rows < 0)
        # a third of the rows is called open, with values that must not be seen
        third = rows % 3 == 0
        spoilt = told._replace(values=(-rows, jnp.zeros(rows.shape)), open=third)
        return (
            jax.tree.map(lambda a, b: _rows(third, a, b), spoilt, told)
            if rough
            else told
        )

    def _rows(chosen, first, second):
        return jnp.where(chosen.reshape(-1, *[1] * (first.ndim - 1)), first, second)

    (rows, nearest), marks = jax.jit(
        lambda: told_by_rows(near, points, others, distances)
    )()
    exact = squares_in_float64(points, others)
    assert rows.tolist() == list(range(size))
    np.testing.assert_allclose(nearest, exact.min(1), rtol=1e-4)
    assert marks.tolist() == (exact < 16).sum(0).tolist()


@pytest.mark.parametrize(
    "size, count", [(1, 3), (7, 3), (100, 9), (997, 9), (1000, 20)]
)
def test_the_smallest_are_those_sorted(size, count):
    values = np.random.default_rng(size).integers(0, 400, (6, size)).astype(np.float32)
    values[0] = np.inf
    values[1] = 3.0
    least, where = jax.jit(smallest, static_argnums=1)(values, count)
    np.testing.assert_array_equal(least, np.sort(values, axis=1)[:, :count])
    np.testing.assert_array_equal(np.take_along_axis(values, where, axis=1), least)
    assert all(len(set(row)) == min(size, count) for row in where.tolist())
