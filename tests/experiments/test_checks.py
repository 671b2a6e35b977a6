"""What settings may be, and how a wrong one is called."""

from types import SimpleNamespace

import pytest

from experiments.checks import (
    require_dispatches,
    require_each_once,
    require_positive,
    require_replicates,
    require_rising,
)


@pytest.mark.parametrize("value", [0, -1, 0.0, float("inf"), float("nan")])
def test_what_is_not_positive_and_finite_is_refused(value):
    settings = SimpleNamespace(fine=1e-9, learning_rate=value)
    require_positive("some_part", settings, "fine")
    with pytest.raises(ValueError, match=r"^--some-part.learning-rate .*more than 0"):
        require_positive("some_part", settings, "fine", "learning_rate")


@pytest.mark.parametrize(
    "values", [(), (1,), (2, 2), (4, 3), (1, 3, 2), (0, 1), (-2, 1)]
)
def test_what_does_not_rise_from_one_on_is_refused(values):
    with pytest.raises(
        ValueError, match=r"^--part.some-lengths .*: expected 2 or more"
    ):
        require_rising("part.some_lengths", values, least=2)


def test_the_least_rising_list_is_enough():
    require_rising("lengths", (1, 2), least=2)


@pytest.mark.parametrize("values", [(), ("a", "a"), ("a", "b", "a")])
def test_nothing_and_something_twice_are_refused(values):
    require_each_once("part.tasks", ("b", "a"))
    with pytest.raises(ValueError, match=r"^--part.tasks: expected one or more"):
        require_each_once("part.tasks", values)


@pytest.mark.parametrize(
    "steps, dispatch", [(5, 2), (2, 4), (0, 1), (4, 0), (-4, 2), (4, -2)]
)
def test_steps_divide_into_dispatches(steps, dispatch):
    require_dispatches("one_part", 4, 4)
    told = f"^--one-part.steps {steps} --one-part.dispatch {dispatch}: "
    with pytest.raises(ValueError, match=told):
        require_dispatches("one_part", steps, dispatch)


def test_one_replicate_has_no_interval():
    require_replicates("part.seeds", 2)
    with pytest.raises(ValueError, match=r"^--part.seeds 1: an interval needs 2"):
        require_replicates("part.seeds", 1)
