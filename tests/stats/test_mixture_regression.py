"""Losses of mixtures foretold as published, or as a law says that they were drawn from.

Uses ../shared/data where it is, and mixtures under a known law where it is not.
"""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from jaxgen.stats.mixture_regression import (
    MixtureRegression,
    best_mixture,
    candidate_mixtures,
    fitted_regression,
    predicted_losses,
)

FOLDER = Path(__file__).parents[3] / "shared/data/regmix"
RNG = np.random.default_rng(0)
SLOPES = RNG.normal(size=17)


def columns(name):
    return np.genfromtxt(FOLDER / name, delimiter=",", skip_header=1)[:, 1:]


def runs(kind):
    """Mixtures of 17 domains, and losses on Pile-CC, at one million parameters."""
    if FOLDER.exists():
        losses = columns(f"{kind}_pile_loss_1m.csv")[:, 8]
        return columns(f"{kind}_mixture_1m.csv"), losses
    rng, count = {
        "train": (np.random.default_rng(1), 512),
        "test": (np.random.default_rng(2), 256),
    }[kind]
    mixtures = rng.dirichlet(np.full(17, 0.3), count)
    noise = 0.45 * rng.normal(size=count)
    return mixtures, np.exp(1 + mixtures @ SLOPES + noise * (mixtures @ SLOPES).std())


def test_ranks_of_unseen_mixtures_are_as_published():
    """Table 2 of Liu et al. has 90.08 % of a linear regression, of losses themselves."""
    (mixtures, losses), (unseen, measured) = runs("train"), runs("test")
    assert mixtures.shape == (512, 17) and unseen.shape == (256, 17)
    fit = fitted_regression(mixtures, losses)
    correlation = spearmanr(predicted_losses(fit, unseen), measured)[0]
    assert correlation == pytest.approx(0.90, abs=0.02)
    # the mixture that is chosen is foretold to be better than all that were tried
    prior = mixtures.sum(0) / mixtures.sum()
    candidates = candidate_mixtures(prior, 2000, 5.0, seed=0)
    chosen = best_mixture(fit, candidates)[None]
    foretold = predicted_losses(fit, candidates)
    assert predicted_losses(fit, chosen)[0] < np.quantile(foretold, 0.1)
    np.testing.assert_allclose(chosen.sum(), 1)


def test_a_law_without_noise_is_found_and_foretells_any_mixture():
    mixtures = RNG.dirichlet(np.ones(17), 40)
    fit = fitted_regression(mixtures, np.exp(0.5 + mixtures @ SLOPES))
    corners = np.eye(17)
    np.testing.assert_allclose(predicted_losses(fit, corners), np.exp(0.5 + SLOPES))
    best = best_mixture(fit, np.concatenate([mixtures, corners]), average_of=1)
    assert best.argmax() == SLOPES.argmin() and best.max() == 1


@pytest.mark.parametrize("ridge", [0.1, 3.0])
def test_a_ridge_is_that_of_more_rows(ridge):
    mixtures = RNG.dirichlet(np.ones(5), 30)
    logs = RNG.normal(size=30)
    fit = fitted_regression(mixtures, np.exp(logs), ridge)
    rows = np.concatenate([mixtures - mixtures.mean(0), ridge**0.5 * np.eye(5)])
    targets = np.concatenate([logs - logs.mean(), np.zeros(5)])
    expected = np.linalg.lstsq(rows, targets)[0]
    np.testing.assert_allclose(fit.slopes, expected, rtol=1e-8)


def test_candidates_are_mixtures_around_their_prior():
    prior = np.array([0.2, 0.3, 0.5])
    near, far = (candidate_mixtures(prior, 4000, c, seed=1) for c in (50.0, 0.5))
    np.testing.assert_allclose(far.sum(1), 1)
    for drawn, concentration in ((near, 50.0), (far, 0.5)):
        variance = prior * (1 - prior) / (concentration + 1)
        np.testing.assert_allclose(drawn.mean(0), prior, atol=5e-2)
        np.testing.assert_allclose(drawn.var(0), variance, rtol=0.1)


TWO = MixtureRegression(0.0, np.zeros(2), np.ones(2))


@pytest.mark.parametrize(
    "refused, complaint",
    [
        (lambda: fitted_regression(np.eye(2), np.ones(2), -1.0), r"ridge=-1.0"),
        (lambda: fitted_regression(np.eye(1), np.ones(1)), r"1 mixture\(s\)"),
        (lambda: fitted_regression(np.eye(2), np.zeros(2)), "a loss of 0.0"),
        (lambda: candidate_mixtures(np.ones(2), 3, 1.0, 0), "whose sum is 2"),
        (lambda: candidate_mixtures(np.ones(1), 3, 0.0, 0), "concentration.=0.0"),
        (lambda: best_mixture(TWO, np.eye(2), 3), "average_of=3.: expected 1 to 2"),
    ],
)
def test_what_makes_no_sense_is_refused(refused, complaint):
    with pytest.raises(ValueError, match=complaint):
        refused()
