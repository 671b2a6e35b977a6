"""Counts of bytes against brute force by dictionaries."""

from collections import Counter, defaultdict

import numpy as np
import pytest

from jaxgen.models.byte_ngram import fitted_ngram, ngram_probabilities


def by_brute_force(seen, asked, order):
    """The formula, byte by byte, with a dictionary for each context."""
    followers = defaultdict(Counter)
    for row in seen:
        for place, byte in enumerate(row):
            for size in range(min(order - 1, place) + 1):
                followers[bytes(row[place - size : place])][byte] += 1

    def told(row, place):
        found = 1 / 256
        for size in range(min(order - 1, place) + 1):
            after = followers.get(bytes(row[place - size : place]))
            if after:
                kinds, total = len(after), sum(after.values())
                found = (after[row[place]] + kinds * found) / (total + kinds)
        return found

    return np.array([[told(row, place) for place in range(len(row))] for row in asked])


def letters(key, rows, length):
    """Bytes of few kinds, among them the highest, so that contexts come again."""
    kinds = np.array([0, 97, 98, 255], np.uint8)
    return kinds[np.random.default_rng(key).integers(0, 4, (rows, length))]


@pytest.mark.parametrize("order", [1, 2, 5, 8])
def test_probabilities_are_those_of_brute_force(order):
    seen, asked = letters(0, 12, 15), letters(1, 9, 11)
    asked[0] = 7  # never seen
    found = ngram_probabilities(fitted_ngram(seen, order), asked)
    expected = by_brute_force(seen.tolist(), asked.tolist(), order)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_probabilities_of_all_bytes_add_up_to_one():
    counts = fitted_ngram(letters(0, 12, 15), order=5)
    before = letters(2, 6, 5)
    every = np.arange(256, dtype=np.uint8)
    rows = np.concatenate(
        [np.repeat(before, 256, axis=0), np.tile(every, 6)[:, None]], axis=1
    )
    last = ngram_probabilities(counts, rows)[:, -1].reshape(6, 256)
    np.testing.assert_allclose(last.sum(1), 1, rtol=1e-12)


def test_rows_shorter_than_the_longest_string_are_told_by_shorter_ones():
    counts = fitted_ngram(letters(0, 4, 3), order=5)
    asked = letters(1, 2, 2)
    expected = by_brute_force(letters(0, 4, 3).tolist(), asked.tolist(), 5)
    np.testing.assert_allclose(ngram_probabilities(counts, asked), expected)


@pytest.mark.parametrize(
    "rows, order",
    [
        (np.zeros((1, 4), np.uint8), 0),
        (np.zeros((1, 4), np.uint8), 9),
        (np.zeros((1, 4), np.int32), 2),
        (np.zeros((0, 4), np.uint8), 2),
    ],
)
def test_what_cannot_be_counted_is_refused(rows, order):
    with pytest.raises(ValueError, match=r"fitted_ngram\(order="):
        fitted_ngram(rows, order)
