"""A table of numbers as a picture."""

import re

import numpy as np
import pytest

from jaxgen.report.matrix import matrix


def test_every_number_and_name_is_written_and_the_highest_cell_is_darkest():
    values = np.array([[-1.25, 0.0, 2.0], [3.0, 4.5, 9.75]])
    svg = matrix(
        values, ["up", "down"], "xyz", xlabel="to", ylabel="from", format=".2f"
    )
    for text in ("−1.25", "9.75", "up", "down", "x", "to", "from"):
        assert f">{text}</text>" in svg or f"<!-- {text} -->" in svg
    shades = [float(found) for found in re.findall(r"opacity: ([\d.]+)", svg)]
    assert len(shades) == 6 and np.argmax(shades) == 5 and np.argmin(shades) == 0


def test_equal_numbers_are_drawn():
    matrix(np.ones((1, 2)), ["a"], ["b", "c"], xlabel="", ylabel="")


@pytest.mark.parametrize(
    "values, complaint",
    [
        (np.ones((2, 2)), "1 rows and 2 columns"),
        (np.array([[1.0, np.inf]]), r"values\[0, 1\] = inf"),
    ],
)
def test_what_cannot_be_drawn_is_refused(values, complaint):
    with pytest.raises(ValueError, match=complaint):
        matrix(values, ["a"], ["b", "c"], xlabel="", ylabel="")
