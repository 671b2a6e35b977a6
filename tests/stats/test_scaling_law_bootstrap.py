"""Resampled laws against searches from every start, and the published intervals.

Uses ../shared/data where it is, and runs drawn from the published law where it is not.
"""

import numpy as np
import pytest

from jaxgen.stats.compute_optimal import parameter_exponent
from jaxgen.stats.scaling_law_bootstrap import (
    resampled_scaling_laws,
    scaling_law_intervals,
)
from jaxgen.stats.scaling_law_fit import scaling_law_fit
from published_runs import REFIT, drawn_runs, published_runs, without_the_worst

ALL, MEASURED = published_runs()
RUNS = without_the_worst(ALL)
PUBLISHED = {  # 95 % intervals of 4,000 resamples
    "E": (1.769, 1.871),
    "A": (285, 744),
    "B": (1042, 5810),
    "alpha": (0.317, 0.373),
    "beta": (0.331, 0.415),
}


def test_the_middle_half_lies_within_the_published_intervals():
    found = scaling_law_intervals(resampled_scaling_laws(*RUNS, resamples=40), 0.5)
    for name, (low, high) in PUBLISHED.items():
        interval = getattr(found, name)
        assert low < interval.low < interval.estimate < interval.high < high
        if MEASURED:  # a normal one has 0.34 of the width
            assert 0.15 < (interval.high - interval.low) / (high - low) < 0.6
    assert found.parameter_exponent.low > 0.454  # what the first fit had advised


def test_a_resample_has_the_law_that_every_start_finds_in_its_runs():
    runs, resamples = drawn_runs(REFIT, 40, 0.01, seed=0), 2
    laws = resampled_scaling_laws(*runs, resamples=resamples)
    drawn = np.random.default_rng(0).integers(40, size=(resamples, 40))
    for law, rows in zip(laws, (np.arange(40), *drawn), strict=True):
        alone = scaling_law_fit(*(each[rows] for each in runs))
        np.testing.assert_allclose(law, alone.law, rtol=1e-4)


def test_runs_without_noise_have_intervals_without_width():
    laws = resampled_scaling_laws(*drawn_runs(REFIT, 20, 0.0, seed=1), resamples=5)
    for low, estimate, high in scaling_law_intervals(laws):
        np.testing.assert_allclose((low, high), estimate, rtol=1e-3)


def test_the_same_runs_have_the_same_resamples():
    runs = drawn_runs(REFIT, 30, 0.01, seed=2)
    laws = resampled_scaling_laws(*runs, resamples=2)
    assert resampled_scaling_laws(*runs, resamples=2) == laws
    assert laws[0] == scaling_law_fit(*runs).law
    assert len(set(laws)) == 3


def test_intervals_run_between_percentiles_of_each_number():
    rng = np.random.default_rng(3)
    laws = [
        REFIT._replace(beta=float(beta)) for beta in rng.uniform(0.3, 0.4, size=101)
    ]
    laws.insert(0, sorted(laws)[50])
    found = scaling_law_intervals(laws, 0.5)
    ranked = sorted(parameter_exponent(law) for law in laws)
    assert found.parameter_exponent.low == pytest.approx(ranked[25])
    assert found.parameter_exponent.high == pytest.approx(ranked[-26])
    assert found.E == (REFIT.E,) * 3
    with pytest.raises(ValueError, match="level"):
        scaling_law_intervals(laws, 1.0)
