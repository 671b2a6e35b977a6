"""Scores of disentanglement: perfect codes, independent ones, and definitions by hand."""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from sklearn.metrics import mutual_info_score

from jaxgen.metrics.factor_votes import factor_vae_score
from jaxgen.metrics.importances import completeness, dci_scores, disentanglement
from jaxgen.metrics.information_gap import code_information, mutual_information_gap
from jaxgen.metrics.predictability_gap import predictability_gap, squared_correlations

RNG = np.random.default_rng(0)
GRID = np.array(list(itertools.product(range(5), range(4), range(3))) * 25)  # 1500 rows
PERFECT = np.concatenate(
    [GRID[:, [2, 0, 1]] * np.array([-3.0, 1.0, 0.1]), np.ones((1500, 1))], axis=1
).astype(np.float32)
BLIND = RNG.normal(size=(1500, 4)).astype(np.float32)
TURN = np.linalg.qr(RNG.normal(size=(3, 3)))[0]
TURNED = ((GRID - GRID.mean(0)) / GRID.std(0) @ TURN).astype(np.float32)
GAP = jax.jit(mutual_information_gap, static_argnames=("levels", "bins"))
SAP, VOTES = jax.jit(predictability_gap), jax.jit(factor_vae_score)
INFORMATION = jax.jit(code_information, static_argnames=("levels", "bins"))


def test_information_is_scikit_learns():
    found = INFORMATION(TURNED, GRID, levels=5, bins=20)
    edges = [np.histogram(z, 20)[1] for z in TURNED.T]
    bins = [np.digitize(z, e[1:-1]) for z, e in zip(TURNED.T, edges, strict=True)]
    expected = [[mutual_info_score(z, factor) for factor in GRID.T] for z in bins]
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_correlations_are_scipys():
    found = jax.jit(squared_correlations)(TURNED + 100, GRID)
    expected = [
        [scipy.stats.pearsonr(z, v).statistic ** 2 for v in GRID.T]
        for z in TURNED.T.astype(np.float64)
    ]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_perfect_codes_score_one():
    np.testing.assert_allclose(GAP(PERFECT, GRID, levels=5), 1, atol=1e-5)
    np.testing.assert_allclose(SAP(PERFECT, GRID), 1, atol=1e-5)
    assert float(VOTES(PERFECT, GRID, jax.random.key(0))) == 1
    scores = dci_scores(PERFECT, GRID, PERFECT, GRID, seed=0, trees=3)
    np.testing.assert_allclose(scores, 1, atol=1e-5)


def test_codes_that_know_no_factor_score_zero_or_chance():
    assert 0 <= float(GAP(BLIND, GRID, levels=5)) < 0.02
    assert 0 <= float(SAP(BLIND, GRID)) < 0.01
    # votes of any dimension are for the factors in turn: a third is chance
    assert abs(float(VOTES(BLIND, GRID, jax.random.key(0))) - 1 / 3) < 0.08
    half = GRID[:750], GRID[750:]
    scores = dci_scores(BLIND[:750], half[0], BLIND[750:], half[1], seed=0, trees=10)
    assert 0 <= float(scores.disentanglement) < 0.05
    assert 0 <= float(scores.completeness) < 0.05
    assert abs(scores.informativeness - (1 / 5 + 1 / 4 + 1 / 3) / 3) < 0.08


def test_a_factor_told_twice_has_no_gap_and_a_turned_code_little():
    twice = np.concatenate([PERFECT[:, :2], 2 * PERFECT[:, :2]], axis=1)
    np.testing.assert_allclose(GAP(twice, GRID, levels=5), 0, atol=1e-5)
    np.testing.assert_allclose(SAP(twice, GRID), 0, atol=1e-5)
    turned = np.concatenate([TURNED, PERFECT[:, 3:]], axis=1)
    assert float(GAP(turned, GRID, levels=5)) < 0.5
    constant = GRID.copy()
    constant[:, 1] = 2  # is left out, and does not divide by zero
    np.testing.assert_allclose(GAP(PERFECT, constant, levels=5), 1, atol=1e-5)


def test_votes_are_for_the_dimension_of_least_scaled_variance():
    noise = 0.1 * PERFECT.std(0) * RNG.normal(size=PERFECT.shape)
    noisy = (PERFECT + noise).astype(np.float32)
    # of bare variances the third's, a hundredth of the others', would be the least
    assert float(VOTES(noisy, GRID, jax.random.key(0))) == 1


def test_focus_is_one_minus_the_scaled_entropy():
    matrix = RNG.random((4, 3)).astype(np.float32)
    rows = 1 - scipy.stats.entropy(matrix, base=3, axis=1)
    expected = np.average(rows, weights=matrix.sum(1))
    found = jax.jit(lambda x: [disentanglement(x), completeness(x)])(matrix)
    np.testing.assert_allclose(found[0], expected, rtol=1e-5)
    columns = 1 - scipy.stats.entropy(matrix, base=4, axis=0)
    expected = np.average(columns, weights=matrix.sum(0))
    np.testing.assert_allclose(found[1], expected, rtol=1e-5)


def test_too_few_dimensions_are_refused_by_name():
    for gap in (SAP, partial(GAP, levels=5)):
        with pytest.raises(ValueError, match="the code has 1 dimension"):
            jax.eval_shape(gap, PERFECT[:, :1], GRID)
    with pytest.raises(ValueError, match="1 factors"):
        disentanglement(jnp.ones((3, 1)))
    with pytest.raises(ValueError, match="1 dimensions"):
        completeness(jnp.ones((1, 3)))
