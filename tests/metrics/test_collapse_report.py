"""Verdicts on synthetic codes whose state is known."""

import jax
import numpy as np
import pytest

from jaxgen.densities.aggregate import aggregate_moments
from jaxgen.densities.normal import DiagonalNormal
from jaxgen.metrics.active_units import active_units, unit_rates
from jaxgen.metrics.collapse_report import collapse_report
from jaxgen.metrics.frechet import covariance, moments
from jaxgen.metrics.latent_information import mutual_information
from jaxgen.metrics.prior_mismatch import gaussian_mismatch

TEN = np.log(10)
RNG = np.random.default_rng(0)


@jax.jit
def measured(posterior, key):
    codes = posterior.sample(key, 1)[0]
    return (
        unit_rates(posterior),
        active_units(posterior.mean),
        mutual_information(posterior, codes).mean(),
        gaussian_mismatch(*aggregate_moments(posterior)).from_prior,
    )


def report_of(told, centre=0.0):
    """Of a posterior whose dimensions tell a share of the prior's variance."""
    told = np.asarray(told, np.float32)
    means = centre + np.sqrt(told) * RNG.normal(size=(600, len(told)))
    scales = np.broadcast_to(np.sqrt(1 - told), means.shape)
    posterior = DiagonalNormal(means.astype(np.float32), scales)
    *measures, from_prior = measured(posterior, jax.random.key(0))
    return collapse_report(*measures, TEN, from_prior)


def test_a_healthy_code_is_called_healthy():
    report = report_of([0.9] * 4)
    assert report.verdict == "healthy" and report.knob == "None."
    assert (report.active, report.size) == (4, 4) and report.rate > TEN
    spare = report_of([0.999, 0.0, 0.0, 0.0])
    assert spare.verdict == "healthy"
    assert spare.knob == "None; 1 of 4 dimensions would do as well."


def test_a_collapsed_code_is_called_collapsed():
    report = report_of([0.0, 0.0, 0.0, 0.0])
    assert report.verdict == "collapsed" and report.active == 0
    assert "free bits" in report.knob
    faint = report_of([0.02, 0.02, 0.0, 0.0])  # active by the rule, and yet mute
    assert faint.verdict == "collapsed" and faint.active == 2


def test_a_rate_that_is_paid_for_nothing_is_called_out():
    report = report_of([0.0, 0.0, 0.0, 0.0], centre=3.0)
    assert report.verdict == "collapsed" and report.rate > 4
    assert "fit the prior" in report.knob


def test_a_code_that_tells_less_than_the_classes_is_partly_collapsed():
    report = report_of([0.9, 0.3, 0.0, 0.0])
    assert report.verdict == "partly collapsed" and report.active == 2
    assert "1." in report.reason and "2.30 nats told" in report.reason


def test_points_far_from_the_prior_have_holes():
    points = moments((5 * RNG.normal(size=(200, 4)) + 1).astype(np.float32))
    far = gaussian_mismatch(points.mean, covariance(points)).from_prior
    report = collapse_report(np.zeros(4), 4, np.inf, TEN, far)
    assert report.verdict == "holes" and "fitted to the codes" in report.knob
    assert "from the prior" in report.reason
    density = collapse_report(np.full(4, 2.0), 4, 7.0, TEN, far)
    assert density.verdict == "holes" and "Raise the weight" in density.knob
    assert collapse_report(np.zeros(4), 4, np.inf, TEN, 0.1).verdict == "healthy"
    assert collapse_report(np.zeros(4), 0, np.inf, TEN, 0.1).verdict == "collapsed"
    assert collapse_report(np.ones(4), 4, 4.0, TEN, np.inf).verdict == "holes"


def test_bad_input_is_refused_by_name():
    with pytest.raises(ValueError, match=r"entropy=0\.0"):
        collapse_report(np.ones(2), 1, 1.0, 0.0, 0.0)
    with pytest.raises(ValueError, match=r"active=3: expected 0 to 2"):
        collapse_report(np.ones(2), 3, 1.0, TEN, 0.0)
    for bad in [
        (np.ones(2), 1, np.nan, TEN, 0.0),
        (np.full(2, np.nan), 1, 1.0, TEN, 0.0),
    ]:
        with pytest.raises(ValueError, match="not a number"):
            collapse_report(*bad)
