"""Where digits may come from, told apart from the digits so that ``--help`` is quick."""

from typing import Literal

DigitSource = Literal["digits8", "mnist"]
"""8 x 8 digits of scikit-learn, or MNIST's."""

SIDES: dict[DigitSource, int] = {"digits8": 8, "mnist": 28}
"""Pixels of a side."""
