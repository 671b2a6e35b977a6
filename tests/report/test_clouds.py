"""Clouds: every sample where it is, or on the edge; and the file stays small."""

import re

import numpy as np
import pytest

from jaxgen.report.clouds import clouds

SQUARE = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0], [4.0, 4.0]])


def dots(svg: str) -> np.ndarray:
    return np.array(re.findall(r'd="M([\d.]+) ([\d.]+)h0"', svg), float)


def rings(svg: str) -> np.ndarray:
    return np.array(re.findall(r'cx="([\d.]+)" cy="([\d.]+)"', svg), float)


def test_a_sample_on_a_mode_lies_in_its_ring():
    svg = clouds({"a": SQUARE[None]}, np.array([0]), SQUARE)
    np.testing.assert_array_equal(dots(svg), rings(svg))
    # 160 pixels are 1.25 times 4 units, the second axis upwards
    np.testing.assert_allclose(rings(svg)[:2], [[16, 144], [144, 144]])


def test_a_sample_beyond_the_frame_lies_on_its_edge():
    far = np.array([[[1e9, 2.0], [2.0, -50.0], [-9.0, 70.0]]])
    found = dots(clouds({"a": far}, np.array([0]), SQUARE))
    np.testing.assert_allclose(found, [[160, 80], [80, 160], [0, 0]])


def test_a_single_mode_has_a_frame_too():
    found = dots(clouds({"a": np.zeros((1, 1, 2))}, np.array([3]), np.zeros((1, 2))))
    np.testing.assert_allclose(found, [[80, 80]])


def test_thirty_panels_of_two_hundred_samples_stay_under_600_kb():
    rows = {
        f"seed {i}": np.random.default_rng(i).normal(2, 2, (6, 200, 2))
        for i in range(5)
    }
    svg = clouds(rows, np.arange(6) * 4_000, SQUARE)
    assert len(dots(svg)) == 6_000 and len(svg) < 200_000
    assert svg.count("<rect") == 30 and "20k" in svg


def test_panels_lie_side_by_side_within_the_width():
    svg = clouds({"a": np.zeros((9, 1, 2))}, np.arange(9), SQUARE)
    lefts = np.array(re.findall(r"translate\(([\d.]+) ", svg), float)
    side = float(re.search(r'<rect width="([\d.]+)"', svg)[1])
    assert np.all(np.diff(lefts) > side) and lefts[0] > 0 and lefts[-1] + side < 736


def test_steps_and_rows_must_agree():
    with pytest.raises(ValueError, match=r"rows\['a'\] has shape \(2, 5, 2\)"):
        clouds({"a": np.zeros((2, 5, 2))}, np.arange(3), SQUARE)
    with pytest.raises(ValueError, match="0 steps"):
        clouds({"a": np.zeros((0, 5, 2))}, np.zeros(0), SQUARE)
    with pytest.raises(ValueError, match=r"rows\['a'\]\[0, 1, 0\] = inf"):
        clouds({"a": np.array([[[0.0, 0], [np.inf, 0]]])}, np.arange(1), SQUARE)
