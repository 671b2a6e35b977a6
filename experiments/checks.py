"""What settings of an experiment must keep to, told in the words of the command line."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any


def option(name: str) -> str:
    """How the command line calls a setting.

    Example:
      >>> option("cost_of_length.rounds")
      '--cost-of-length.rounds'
    """
    return "--" + name.replace("_", "-")


def require_positive(part: str, settings: Any, *names: str) -> None:
    """Raises:
    ValueError: one of these numbers of a part is not more than 0, or not finite.
    """
    for name in names:
        value = getattr(settings, name)
        if not 0 < value < float("inf"):
            raise ValueError(
                f"{option(f'{part}.{name}')} {value}: expected more than 0, and finite"
            )


def require_rising(name: str, values: Sequence[int], least: int) -> None:
    """Raises:
    ValueError: too few numbers, one below 1, or one not above the one before.
    """
    rising = all(a < b for a, b in pairwise(values))
    if len(values) < least or values[0] < 1 or not rising:
        raise ValueError(
            f"{option(name)} {' '.join(map(str, values))}: expected {least} or more, "
            "from 1 on, each larger than the one before"
        )


def require_each_once(name: str, values: Sequence[str]) -> None:
    """Raises:
    ValueError: nothing, or something twice.
    """
    if not values or len(set(values)) < len(values):
        raise ValueError(f"{option(name)}: expected one or more, each once")


def require_dispatches(part: str, steps: int, dispatch: int) -> None:
    """Raises:
    ValueError: steps that do not divide into dispatches.
    """
    if dispatch < 1 or steps < 1 or steps % dispatch:
        raise ValueError(
            f"{option(part)}.steps {steps} {option(part)}.dispatch {dispatch}: expected "
            "positive numbers, the second dividing the first"
        )


def require_replicates(name: str, count: int) -> None:
    """Raises:
    ValueError: fewer than an interval needs.
    """
    if count < 2:
        raise ValueError(f"{option(name)} {count}: an interval needs 2 or more")
