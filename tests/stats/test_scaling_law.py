"""Laws against what their formulas say."""

import numpy as np
import pytest

from jaxgen.stats.scaling_law import (
    SaturatingLaw,
    ScalingLaw,
    predicted_losses,
    training_flop,
)

LAW = ScalingLaw(E=1.8, A=480.0, B=2100.0, alpha=0.35, beta=0.37)


def test_losses_are_those_of_the_formula():
    parameters = np.geomspace(1e7, 1e11, 12).reshape(3, 4)
    tokens = np.geomspace(1e9, 1e12, 12)[::-1].reshape(3, 4)
    found = predicted_losses(LAW, parameters, tokens)
    for at in np.ndindex(3, 4):
        N, D = parameters[at].item(), tokens[at].item()
        assert found[at] == pytest.approx(1.8 + 480 / N**0.35 + 2100 / D**0.37)


def test_a_law_of_one_size_is_one_of_two_with_endless_data():
    sizes = np.geomspace(1e7, 1e11, 5)
    np.testing.assert_allclose(
        predicted_losses(SaturatingLaw(LAW.E, LAW.A, LAW.alpha), sizes),
        predicted_losses(LAW, sizes, np.full(5, 1e200)),
        rtol=1e-12,
    )


def test_a_law_wants_each_of_its_sizes():
    with pytest.raises(ValueError, match=r"1 array\(s\); expected 2 for a ScalingLaw"):
        predicted_losses(LAW, np.ones(2))
    with pytest.raises(ValueError, match=r"2 array\(s\); expected 1"):
        predicted_losses(SaturatingLaw(1.0, 1.0, 1.0), np.ones(2), np.ones(2))


def test_training_takes_6_flop_for_each_parameter_and_token():
    flop = training_flop(np.array([1, 2], np.int32), np.array([10**9, 3], np.int32))
    assert flop.tolist() == [6e9, 36.0]
