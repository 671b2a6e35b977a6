"""Codes in the plane, and bars of their dimensions."""

import numpy as np
import pytest

from jaxgen.report.latents import Codes, code_planes, dimension_bars
from tests.markup import Reader

MEANS = np.array([[0.0, 1.0], [2.0, -1.0], [0.5, 0.5]])
LABELS = np.array([0, 1, 1])


def test_a_point_is_a_dot_and_a_density_an_outline():
    points, dense = (
        code_planes({"model": Codes(MEANS, scale, LABELS)})
        for scale in (np.zeros_like(MEANS), np.full_like(MEANS, 0.1))
    )
    for svg in (points, dense):
        Reader(f"<!doctype html><html><body>{svg}</body></html>")
    # markers are used, outlines are drawn
    assert points.count("<use") > dense.count("<use")


def test_bars_are_sorted_in_each_seed():
    rates = np.array([[1.0, 3.0], [3.0, 1.0]])
    flat = dimension_bars({"VAE": rates}, ylabel="nats")
    same = dimension_bars({"VAE": np.array([[3.0, 1.0], [3.0, 1.0]])}, ylabel="nats")
    assert flat == same


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match="2 labels"):
        code_planes({"model": Codes(MEANS, MEANS, LABELS[:2])})
    with pytest.raises(ValueError, match="expected finite"):
        dimension_bars({"VAE": np.array([[np.nan, 1.0]] * 2)}, ylabel="nats")
