"""An alarm on seeds whose fate is known."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from experiments.mode_collapse.alarm import ALARMS, alarm_of, alarms, late
from experiments.mode_collapse.counting import COUNTING
from experiments.mode_collapse.findings import Arms
from experiments.training import Trajectories

RNG = np.random.default_rng(0)
TRUTH = {name: RNG.random(20) < 0.5 for name in "abcd"}


def test_a_perfect_alarm_a_reversed_one_and_a_coin():
    perfect = alarm_of({m: truth * 2.0 for m, truth in TRUTH.items()}, TRUTH)
    assert perfect.pooled == (1, 1, 1) and set(perfect.area.values()) == {1.0}
    assert set(perfect.held_out.values()) == {1.0}
    reversed_ = alarm_of({m: -1.0 * truth for m, truth in TRUTH.items()}, TRUTH)
    assert reversed_.pooled.estimate == 0
    coin = alarm_of({m: RNG.random(20) for m in TRUTH}, TRUTH)
    assert coin.pooled.low < 0.5 < coin.pooled.high


def test_areas_are_those_under_the_curve_of_the_moments_put_together():
    truth = TRUTH | {"sound": np.full(20, False), "fallen": np.full(20, True)}
    told = {m: np.round(RNG.normal(size=20) + one, 1) for m, one in truth.items()}
    found = alarm_of(told, truth)
    assert found.area == pytest.approx(
        {m: roc_auc_score(truth[m], told[m]) for m in TRUTH}, abs=1e-12
    )

    def area(methods):
        return roc_auc_score(
            *(np.concatenate([x[m] for m in methods]) for x in (truth, told))
        )

    rng = np.random.default_rng(0)
    areas = [area(rng.choice(list(truth), len(truth))) for _ in range(199)]
    low, high = np.quantile(areas, (0.025, 0.975))
    assert found.pooled == pytest.approx((low, area(truth), high), abs=1e-12)


def test_an_alarm_that_only_tells_methods_apart_fails_within_them():
    """Two methods always collapse, two never; within a method there is nothing."""
    truth = {m: np.full(20, m in "ab") for m in "abcd"}
    truth["a"] = TRUTH["a"]
    told = {m: RNG.random(20) + 5 * (m in "ab") for m in "abcd"}
    found = alarm_of(told, truth)
    assert found.pooled.estimate > 0.8 and set(found.area) == {"a"}
    assert abs(found.area["a"] - 0.5) < 0.25


def test_a_threshold_is_chosen_by_the_other_methods():
    """One method warns on another scale: a threshold of its own would be right."""
    told = {m: truth * 1.0 for m, truth in TRUTH.items()}
    told["d"] = told["d"] - 10
    found = alarm_of(told, TRUTH)
    assert found.area["d"] == 1 and found.held_out["d"] == pytest.approx(0.5)
    assert found.held_out["a"] == 1


def histories(effective):
    scores = {name: effective[:, None] for name in ALARMS}
    kl = np.repeat(np.log(8 / effective)[:, None, None], len(COUNTING), axis=2)
    return Trajectories(np.arange(1), scores | {"rule_kl": kl}, {})


def test_without_enough_of_both_kinds_there_is_no_alarm():
    sound, fallen = histories(np.full(5, 8.0)), histories(np.full(5, 1.0))
    mixed = histories(np.array([8.0, 8.0, 1.0, 1.0, np.nan]))
    few = Arms({"a": sound, "b": sound, "c": fallen, "d": mixed}, {}, {})
    assert alarms(few, 8) is None
    enough = Arms({"a": mixed, "b": mixed, "c": mixed, "d": sound}, {}, {})
    found = alarms(enough, 8)
    assert found is not None and found["recall"].pooled.estimate == 1


def test_moments_are_those_of_the_second_half():
    np.testing.assert_array_equal(late(np.arange(8.0).reshape(2, 4)), [2, 3, 6, 7])
