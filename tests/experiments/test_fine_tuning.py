"""The part about fine-tuning: its fronts, its choices, and one tiny run of it."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.domain_generalization import claim
from experiments.domain_generalization.fine_tuning_findings import (
    BUDGET,
    Told,
    areas,
    chosen,
    chosen_rates,
    crossing,
    from_full,
    told_by,
    tuning_criteria,
)
from experiments.domain_generalization.fine_tuning_settings import (
    FineTuning,
    TuningName,
)
from experiments.domain_generalization.text_models import language_model
from experiments.domain_generalization.tuning_bases import Judged
from experiments.domain_generalization.tuning_data import require_targets
from experiments.domain_generalization.tuning_methods import RATES, TITLES, method_of
from experiments.domain_generalization.tuning_runs import numbers_of
from jaxgen.models.language_model import parameter_count
from tests.markup import Reader

TINY = dataclasses.replace(claim.PRESETS["tiny"], parts=("fine_tuning",))
SETTINGS = TINY.fine_tuning


def rows_of(results, **keys):
    rows = results["fine_tuning"]["rows"]
    return [row for row in rows if all(row.get(k) == v for k, v in keys.items())]


def test_every_target_is_tuned_on_by_every_method(results):
    names = TINY.corpus.train[: SETTINGS.targets]
    for method in SETTINGS.methods:
        keys = {
            (row["target"], row["windows"], row["rate"], row["point"])
            for row in rows_of(results, method=method)
            if "point" in row
        }
        assert keys == {
            (name, shots, rate, point / SETTINGS.points)
            for name in names
            for shots in SETTINGS.shots
            for rate in RATES[method]
            for point in range(SETTINGS.points + 1)
        }


def test_before_any_update_nothing_is_gained_or_lost(results):
    """Nor at a share of nothing."""
    before = {
        row["target"]: row
        for row in results["fine_tuning"]["before"]
        if row["prompt"] == 0
    }
    told = [*rows_of(results, point=0.0), *rows_of(results, share=0.0)]
    assert len(told) == 4 * SETTINGS.targets * len(SETTINGS.shots) * 3
    for row in told:
        for which in ("own", "others"):
            assert row[which] == pytest.approx(before[row["target"]][which], abs=2e-6)
        if "point" in row:
            error = before[row["target"]]["own_error"]
            assert row["own_error"] == pytest.approx(error, abs=1e-5)


def test_the_way_to_full_tuning_ends_there(results):
    ends = rows_of(results, share=1.0)
    full = rows_of(results, method="full", point=1.0)
    assert len(ends) == len(full) > 0
    for way, end in zip(ends, full, strict=True):
        assert way["own"] == pytest.approx(end["own"], abs=1e-5)


def test_a_moving_average_lags_behind_full_tuning(results):
    """It is ``(1 - d) full + d before`` after one update: between the two."""
    place = {"point": 0.5, "windows": SETTINGS.shots[-1]}
    full, mean = (rows_of(results, method=name, **place) for name in ("full", "ema"))
    before = rows_of(results, method="ema", **{**place, "point": 0.0})
    moved, behind = (
        [
            abs(row["own"] - start["own"])
            for row, start in zip(rows, before, strict=True)
        ]
        for rows in (full, mean)
    )
    assert len(full) == len(mean) == SETTINGS.targets * 3
    assert 0 < max(behind) < max(moved) / 2


def test_the_page_stands_alone(folder):
    text = (folder / "report.html").read_text()
    assert "calibration error" in text and TITLES["ema"] in text
    Reader(text)
    assert "http" not in text and "<script" not in text


def test_a_second_start_trains_nothing_and_finds_the_same(second_start):
    before, after = second_start
    assert after == before


SHAPE = 4, 2, 3, 2
"""Targets, shots, rates, points."""


def flat(gain, loss) -> Told:
    """The same gain and loss at every setting."""
    return Told(np.full(SHAPE, gain), np.full(SHAPE, loss))


def test_gains_are_bits_fewer_and_losses_bits_more():
    before = Judged(np.array([5.0, 4.0]), np.array([3.0, 2.0]))
    bits = Judged(np.full((2, 1, 1, 3), 4.5), np.full((2, 1, 1, 3), 2.5))
    told = told_by(bits, before)
    assert told.gain.tolist() == [[[[0.5] * 2]], [[[-0.5] * 2]]]
    assert told.loss.tolist() == [[[[-0.5] * 2]], [[[0.5] * 2]]]


def test_a_front_counts_at_every_price_and_one_point_at_its_own():
    cheap, dear = flat(0.4, 0.25 * BUDGET), flat(0.4, 0.75 * BUDGET)
    np.testing.assert_allclose(areas(cheap), 0.3)
    np.testing.assert_allclose(areas(dear), 0.1)
    np.testing.assert_allclose(areas(flat(9.0, BUDGET)), 0)
    # one setting of many that is far better does not make the front of another
    gain, loss = dear.gain.copy(), dear.loss.copy()
    gain[:, :, 0, 0], loss[:, :, 0, 0] = 0.41, 0.99 * BUDGET
    spike = Told(gain, loss)
    assert (areas(spike) - areas(dear) < 0.001).all()
    noise = np.random.default_rng(0).normal(0, 1e-3, (4, 1, 1, 1))
    told = {"full": dear, "lora": Told(cheap.gain + noise, cheap.loss), "wise": spike}
    apart = from_full(told)
    assert apart["lora"].told.interval.low > 0.19
    words = {one.sentence.split(":")[0]: one.verdict for one in tuning_criteria(told)}
    assert words == {
        "Full tuning, most windows": "supported",
        TITLES["lora"]: "supported",
        TITLES["wise"]: "refuted",
    }


def test_a_rate_is_chosen_on_the_other_targets():
    gain = np.zeros(SHAPE)
    gain[:, :, 1, -1] = 1.0
    gain[0, :, 2, -1] = 50.0  # of itself alone
    gain[:, 0, 0, 0] = 99.0  # not at the end of a run
    told = Told(gain, gain + 1)
    rates = chosen_rates(told)
    assert rates[0].tolist() == [1, 1] and (rates[1:] == 2).all()
    found, lost = chosen(told)
    assert found[0].tolist() == [1.0, 1.0] and lost[0].tolist() == [2.0, 2.0]
    assert (found[1:] == 0).all()


def test_curves_cross_where_full_tuning_overtakes():
    low, full = flat(0.5, 0.0), flat(0.5, 0.0)
    full.gain[:, 0], full.gain[:, 1] = 0.25, 0.75
    before, windows = np.full(4, 4.0), np.array([4, 16])
    found = crossing({"lora": low, "full": full}, before, windows)
    assert 4 < found.estimate < 16 and found.low == found.high
    assert crossing({"lora": full, "full": full}, before, windows).low == np.inf


@pytest.mark.parametrize(
    "make, complaint",
    [
        (
            lambda: FineTuning(methods=("lora", "norms")),
            "fine-tuning.methods: expected full",
        ),
        (lambda: FineTuning(shots=(16,)), "fine-tuning.shots 16"),
        (lambda: FineTuning(targets=2), "--fine-tuning.targets 2"),
        (lambda: FineTuning(updates=40), "fine-tuning.updates 40"),
        (lambda: FineTuning(rank=0), "fine-tuning.rank 0"),
        (
            lambda: FineTuning(decay=1.0),
            "--fine-tuning.decay 1.0: expected more than 0",
        ),
        (lambda: require_targets(5, ("a", "b", "c")), "targets 5: expected 3 or fewer"),
        (
            lambda: dataclasses.replace(TINY, fine_tuning=FineTuning()),
            "fine-tuning.shots 144: more windows of a domain than the 24",
        ),
        (
            lambda: dataclasses.replace(
                TINY, fine_tuning=dataclasses.replace(SETTINGS, prefix=5)
            ),
            "fine-tuning.prompts 4: expected half of --corpus.length 8",
        ),
    ],
)
def test_settings_that_cannot_be_are_refused(make, complaint):
    with pytest.raises(ValueError, match=complaint):
        make()


def test_every_method_learns_less_than_full_tuning_and_tells_every_byte():
    """But full tuning itself; counted and shaped, not computed."""
    model = language_model("attention", TINY.net)
    numbers = {name: numbers_of(name, model, SETTINGS) for name in TuningName.__args__}
    assert max(numbers, key=numbers.__getitem__) == "full"
    assert numbers["full"] == parameter_count(model)
    assert numbers["norms"] == 3 * 8 + 32 + 8 and numbers["head"] == 256 * 8
    assert numbers["prefix"] == 2 * SETTINGS.prefix * 8
    rows = jnp.zeros((3, 5), jnp.int32)

    def logits(name, key):
        prompt = jnp.zeros(SETTINGS.prefix, jnp.int32)
        (init, apply), told = method_of(name, model, SETTINGS, prompt)
        params = model.init(key, rows)["params"]
        return told(apply(params, init(key, params)), rows)

    for name in TuningName.__args__:
        assert jax.eval_shape(partial(logits, name), jax.random.key(0)).shape == (
            3,
            4,
            256,
        )


def test_names_on_the_command_line_are_those_that_exist():
    assert set(TuningName.__args__) == set(RATES)
    assert set(TuningName.__args__) < set(TITLES)
    assert {len(rates) for rates in RATES.values()} == {3}
