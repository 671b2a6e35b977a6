"""Dots of a dot plot: all drawn, none over another, none outside its cell."""

import itertools

import numpy as np
import pytest

from jaxgen.report.dots import counts_at, largest_dots, stacked


def test_each_value_is_counted_once_at_its_nearest_level():
    rng = np.random.default_rng(0)
    levels, values = np.array([-1.0, 0.0, 0.5, 4.0]), rng.normal(1, 3, 200)
    counts = counts_at(levels, values)
    for i, level in enumerate(levels):
        closest = [min(levels, key=lambda each: abs(each - v)) == level for v in values]
        assert counts[i] == sum(closest)


@pytest.mark.parametrize(("tallest", "width"), [(1, 40), (12, 61), (200, 50), (7, 3)])
def test_dots_fit_and_could_not_be_larger(tallest: int, width: int):
    height = 50
    columns, size = largest_dots(
        [np.array([tallest, 1]), np.array([0, 2])], width, height
    )

    def fits(size: float) -> bool:
        across = width / size + 1e-9
        return across >= 1 and int(across) * int(height / size + 1e-9) >= tallest

    assert columns * size <= width + 1e-9
    assert -(-tallest // columns) * size <= height + 1e-9
    assert size == 9 or not fits(size * 1.001)


def test_dots_touch_but_never_overlap():
    counts = np.array([5, 0, 4, 1])
    x, y = stacked(counts, columns=3)
    assert x.size == counts.sum()
    ends = np.cumsum(counts)
    for start, end in zip(ends - counts, ends, strict=True):
        stack = list(zip(x[start:end], y[start:end], strict=True))
        for (ax, ay), (bx, by) in itertools.combinations(stack, 2):
            assert max(abs(ax - bx), abs(ay - by)) >= 1
        rows = [
            [a for a, b in stack if b == level] for level in sorted({*y[start:end]})
        ]
        assert all(np.mean(row) == 0 for row in rows)
        assert all(len(row) == 3 for row in rows[:-1])
