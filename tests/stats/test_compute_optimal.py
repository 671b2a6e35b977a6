"""The closed form against a search, and the advice that was published."""

import math

import numpy as np
import pytest

from jaxgen.stats.compute_optimal import compute_optimal, parameter_exponent
from jaxgen.stats.scaling_law import ScalingLaw, predicted_losses, training_flop

REFIT = ScalingLaw(1.8172181, 477.82587, 2143.4174, 0.34731050, 0.36717243)
LAWS = [
    REFIT,
    ScalingLaw(1.0, 3.0, 50.0, 0.1, 0.6),
    ScalingLaw(0.0, 9e4, 20.0, 0.9, 0.2),
]


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("flop", [1e15, 5.76e23])
def test_no_other_allocation_of_the_budget_is_better(law: ScalingLaw, flop: float):
    best = compute_optimal(law, flop)
    parameters = np.geomspace(best.parameters / 1e3, best.parameters * 1e3, 60_001)
    losses = predicted_losses(law, parameters, flop / (6 * parameters))
    assert parameters[losses.argmin()] == pytest.approx(best.parameters, rel=1e-3)
    assert best.loss <= losses.min() * (1 + 1e-12)
    spent = training_flop(np.array(best.parameters), np.array(best.tokens))
    assert spent == pytest.approx(flop)
    assert best.tokens_per_parameter == pytest.approx(best.tokens / best.parameters)


@pytest.mark.parametrize("law", LAWS)
def test_the_best_model_grows_with_a_power_of_the_budget(law: ScalingLaw):
    one, other = (compute_optimal(law, flop) for flop in (1e20, 1e22))
    power = math.log(other.parameters / one.parameters) / math.log(100)
    assert parameter_exponent(law) == pytest.approx(power, rel=1e-9)


@pytest.mark.parametrize(
    ("law", "tokens_per_parameter"),
    [
        (REFIT, 17.9),
        (ScalingLaw(1.6934, 406.4, 410.7, 0.33917, 0.28491), 58.9),
        (ScalingLaw(1.69, 406.4, 410.7, 0.34, 0.28), 92.6),
    ],
    ids=["refit", "unrounded", "two-digits"],
)
def test_the_published_advice(law: ScalingLaw, tokens_per_parameter: float):
    found = compute_optimal(law, 5.76e23).tokens_per_parameter
    assert found == pytest.approx(tokens_per_parameter, abs=0.05)


def test_a_size_that_is_worth_nothing_gets_nothing():
    model = compute_optimal(REFIT._replace(beta=0.0), 1e20)
    data = compute_optimal(REFIT._replace(alpha=0.0), 1e20)
    assert (model.tokens_per_parameter, data.tokens_per_parameter) == (0.0, math.inf)
    assert model.loss == pytest.approx(REFIT.E + REFIT.B)
    assert data.loss == pytest.approx(REFIT.E + REFIT.A)


def test_what_cannot_be_allocated_is_refused():
    for flop in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="flop = "):
            compute_optimal(REFIT, flop)
    with pytest.raises(ValueError, match="no size matters"):
        compute_optimal(REFIT._replace(alpha=0.0, beta=0.0), 1e20)
    for wrong in ({"A": 0.0}, {"B": -1.0}, {"alpha": -0.1}):
        with pytest.raises(ValueError, match="expected positive scales"):
            compute_optimal(REFIT._replace(**wrong), 1e20)
    with pytest.raises(ValueError, match="no size matters"):
        parameter_exponent(REFIT._replace(alpha=0.0, beta=0.0))
