"""Fronts: drawn where they are asked for, refused where they cannot be."""

import numpy as np
import pytest

from jaxgen.report.fronts import Points, fronts
from tests.markup import Reader

GOOD = Points(np.array([0.1, 0.2, 9.0]), np.array([1.0, -5.0, 7.0]))
HOW = {"xlabel": "lost", "ylabel": "gained", "budget": 0.5}


def test_every_name_and_title_is_on_the_drawing():
    svg = fronts(
        {"few": {"full": GOOD}, "many": {"low rank": GOOD, "full": GOOD}}, **HOW
    )
    Reader(svg)
    for word in ("few", "many", "full", "low rank", "lost", "gained"):
        assert word in svg
    assert svg.count("<use") >= 3 * 2  # the mark beyond the budget is not there


@pytest.mark.parametrize(
    "panels, budget, complaint",
    [
        ({}, 1.0, "0 panels"),
        ({"": {"full": GOOD}}, 0, "a budget of 0"),
        (
            {"": {"full": Points(np.array([np.nan]), np.ones(1))}},
            1.0,
            r"\['full'\].cost",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused(panels, budget, complaint):
    with pytest.raises(ValueError, match=complaint):
        fronts(panels, xlabel="", ylabel="", budget=budget)
