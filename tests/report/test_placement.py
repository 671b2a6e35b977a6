"""Names beside lines: in the frame, near the line, and off everything else."""

import numpy as np
import pytest

from jaxgen.report.placement import along, beside, covered

FRAME = np.array([[0.0, 0.0], [200.0, 150.0]])
SIZE = np.array([60.0, 12.0])


def gap(middle: np.ndarray, points: np.ndarray) -> np.ndarray:
    """How far the points are from the box, in the larger coordinate; inside below 0."""
    return (np.abs(points - middle) - SIZE / 2).max(axis=1)


@pytest.mark.parametrize("seed", range(20))
def test_a_name_lies_beside_its_line_and_off_others_where_it_can(seed):
    rng = np.random.default_rng(seed)
    x = np.linspace(5, 195, 9)
    line = np.stack([x, 40 + 0.4 * x + rng.normal(0, 2, 9)], axis=1)
    below = np.stack([x, rng.uniform(2, 20, 9)], axis=1)
    taken = np.concatenate([along(line), along(below)])
    middle = beside(line, SIZE, FRAME, taken)
    assert np.all(middle - SIZE / 2 >= FRAME[0])
    assert np.all(middle + SIZE / 2 <= FRAME[1])
    assert gap(middle, taken).min() > 0
    assert gap(middle, along(line)).min() < 8


def test_of_free_places_the_last_wins():
    flat = np.array([[0.0, 75.0], [200.0, 75.0]])
    free = beside(flat, SIZE, FRAME, taken=along(flat))
    np.testing.assert_allclose(free, [170, 75 + 6 + 3])
    crowded = np.stack([np.linspace(120, 200, 60), np.full(60, 85.0)], axis=1)
    above_taken = beside(flat, SIZE, FRAME, np.concatenate([along(flat), crowded]))
    np.testing.assert_allclose(above_taken, [170, 75 - 6 - 3])


def test_a_name_too_long_for_the_frame_stands_at_the_end():
    flat = np.array([[0.0, 75.0], [200.0, 75.0]])
    np.testing.assert_array_equal(
        beside(flat, np.array([500.0, 12.0]), FRAME, along(flat)), flat[-1]
    )


def test_points_along_a_line_are_close_and_leave_its_gaps_open():
    line = np.array([[0.0, 0], [30, 40], [np.nan, np.nan], [100, 0], [100, 7]])
    points = along(line)
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    assert np.sum(steps > 2.5 + 1e-9) == 1  # from one part to the next
    assert np.isfinite(points).all()
    for corner in line[np.isfinite(line[:, 0])]:
        assert np.linalg.norm(points - corner, axis=1).min() < 2.6


def test_covered_counts_by_hand():
    rng = np.random.default_rng(0)
    middles, points = rng.uniform(0, 9, (7, 2)), rng.uniform(0, 9, (50, 2))
    half = np.array([2.0, 1.0])
    by_hand = [
        sum(abs(x - a) <= 2 and abs(y - b) <= 1 for x, y in points) for a, b in middles
    ]
    assert covered(middles, half, points).tolist() == by_hand
