"""Use of a codebook against counts by hand, over batches."""

import jax
import numpy as np

from jaxgen.metrics.codebook import codebook_perplexity, codebook_usage, entry_counts

COUNTS = jax.jit(entry_counts, static_argnums=1)
INDICES = np.random.default_rng(0).integers(0, 20, (30, 4, 4)) ** 2 // 20


def test_counts_of_batches_add_up_and_are_those_of_numpy():
    batches = sum(COUNTS(batch, 24) for batch in INDICES)
    np.testing.assert_array_equal(batches, np.bincount(INDICES.ravel(), minlength=24))


def test_indices_outside_the_book_are_not_counted():
    counts = COUNTS(np.array([-1, 0, 3, 4, 99]), 4)
    assert counts.tolist() == [1, 0, 0, 1]


def test_perplexity_is_that_of_the_epoch_and_not_of_batches():
    counts = np.bincount(INDICES.ravel(), minlength=24)
    p = counts[counts > 0] / counts.sum()
    expected = np.exp(-(p * np.log(p)).sum())
    np.testing.assert_allclose(codebook_perplexity(counts), expected, rtol=1e-5)
    np.testing.assert_allclose(codebook_usage(counts), len(p) / 24, rtol=1e-6)
    batches = [codebook_perplexity(COUNTS(batch, 24)) for batch in INDICES]
    assert np.mean(batches) < 0.9 * expected


def test_even_use_is_the_size_and_collapse_is_one():
    even, one = np.full(512, 7), 9 * (np.arange(512) == 3)
    np.testing.assert_allclose(codebook_perplexity(even), 512, rtol=1e-5)
    assert float(codebook_perplexity(one)) == 1 and float(codebook_usage(even)) == 1
    assert float(codebook_usage(one)) == 1 / 512
    assert np.isnan(codebook_perplexity(0 * even))
