"""Starts against the shares and the grid that they are said to be."""

import numpy as np

from jaxgen.stats.scaling_law_starts import balanced_starts, published_starts


def test_balanced_terms_sum_to_the_loss_in_the_middle():
    rng = np.random.default_rng(0)
    for sizes, count in ((1, 12), (2, 112)):
        log_sizes, log_losses = rng.normal(size=(sizes, 9)) + 20, rng.normal(size=9)
        starts = balanced_starts(log_sizes, log_losses)
        scales, exponents = starts[:, : sizes + 1].copy(), starts[:, sizes + 1 :]
        scales[:, 1:] -= exponents * log_sizes.mean(axis=1)
        terms = np.exp(scales - log_losses.mean())
        np.testing.assert_allclose(terms.sum(axis=1), 1.0, rtol=1e-12)
        ratios = terms.max(axis=1) / terms.min(axis=1)
        assert set(ratios.round(9).tolist()) == {1.0, 4.0}
        assert len(np.unique(starts.round(9), axis=0)) == count


def test_the_published_starts_are_a_grid():
    starts = published_starts()
    assert [len(np.unique(axis)) for axis in starts.T] == [5, 6, 6, 5, 5]
    assert len(np.unique(starts, axis=0)) == len(starts) == 4500
