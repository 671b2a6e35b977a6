"""Trees by their exact distribution, the same from any machine, none twice."""

import zlib

import numpy as np
import pytest
from scipy.stats import chisquare

from jaxgen.data.list_operations import ListOperations, list_operations, text

SMALL = ListOperations(depth=4, shortest=16, longest=64)
FLAT = ListOperations(depth=2, shortest=10, longest=13)
PUBLISHED_COUNT = 3000


@pytest.fixture(scope="module")
def published():
    return list_operations(ListOperations(), PUBLISHED_COUNT, seed=0)


def lengths_of(rows):
    return (~rows.padding).sum(axis=1)


def probabilities_of_lengths(task):
    """Of each number of tokens below longest: coefficients of generating functions.

    A tree of one level is a digit, f = x. With one level more it is a digit with
    probability 3/4, or two brackets about a arguments: 3/4 x + 1/4 x^2 mean_a f^a.
    """
    digit = np.zeros(task.longest)
    digit[1] = 1
    tree = digit
    for _ in range(task.depth - 1):
        power, total = tree, np.zeros(task.longest)
        for _ in range(task.arguments - 1):
            power = np.convolve(power, tree)[: task.longest]
            total += power
        brackets = np.pad(total, (2, 0))[: task.longest] / (task.arguments - 1)
        tree = 0.75 * digit + 0.25 * brackets
    return tree


def expected_lengths(task):
    """The distribution of the lengths that are kept, and the share of trees that are."""
    probabilities = probabilities_of_lengths(task)
    probabilities[: task.shortest + 1] = 0
    return probabilities / probabilities.sum(), probabilities.sum()


def test_the_oracle_is_near_what_20_000_trees_have_shown():
    lengths, accepted = expected_lengths(ListOperations())
    tokens = np.arange(2000)
    mean = lengths @ tokens
    error = np.sqrt(lengths @ (tokens - mean) ** 2 / 20_000)
    assert abs(accepted - 0.083) < 0.0005
    assert abs(mean - 1039) < 2 * error
    below = lengths.cumsum()[[960, 961]]
    assert abs(below - 0.5).max() < 2 * 0.5 / np.sqrt(20_000)


def test_published_lengths_have_their_distribution(published):
    expected, _ = expected_lengths(ListOperations())
    bins = np.arange(500, 2001, 75)
    seen, _ = np.histogram(lengths_of(published), bins)
    shares = np.add.reduceat(expected, bins[:-1])
    assert chisquare(seen, shares * PUBLISHED_COUNT).pvalue > 1e-4
    assert published.tokens.shape == (PUBLISHED_COUNT, 2000)
    levels = np.cumsum(
        np.isin(published.tokens, range(10, 14)).astype(int) - (published.tokens == 14),
        axis=1,
    )
    assert (levels.max(axis=1) == 9).all()


def test_short_lengths_have_their_distribution():
    expected, _ = expected_lengths(SMALL)
    lengths = lengths_of(list_operations(SMALL, 10_000, seed=1))
    assert lengths.min() == 17 and lengths.max() == 63
    seen = np.bincount(lengths, minlength=64)[17:]
    assert chisquare(seen, expected[17:] * len(lengths)).pvalue > 1e-4


def test_operators_arguments_and_digits_are_uniform():
    rows = list_operations(FLAT, 10_000, seed=2)
    tokens, lengths = rows.tokens, lengths_of(rows)
    assert set(lengths) == {11, 12}  # so many different trees that few are left out
    for seen in (
        np.bincount(lengths)[11:],
        np.bincount(tokens[:, 0])[10:],
        np.bincount(tokens[tokens < 10]),
        np.unique(tokens[:, :3], axis=0, return_counts=True)[1],
    ):
        assert chisquare(seen).pvalue > 1e-4


@pytest.mark.parametrize(
    "task, checksum",
    [(ListOperations(), 2633675262), (SMALL, 2970526850), (FLAT, 3165971028)],
)
def test_a_seed_gives_the_same_bytes_everywhere(task, checksum):
    rows = list_operations(task, 20, seed=7)
    labels = rows.labels.astype(np.int8)
    assert zlib.crc32(rows.tokens.tobytes() + labels.tobytes()) == checksum


def test_fewer_rows_are_the_first_of_more():
    few, many = (list_operations(SMALL, count, seed=3) for count in (10, 500))
    np.testing.assert_array_equal(few.tokens, many.tokens[:10])
    np.testing.assert_array_equal(few.labels, many.labels[:10])
    other = list_operations(SMALL, 10, seed=4)
    assert not (few.tokens == other.tokens).all(axis=1).any()
    assert list_operations(SMALL, 0, seed=3).tokens.shape == (0, 64)


def test_padding_is_where_no_token_is():
    rows = list_operations(SMALL, 50, seed=5)
    np.testing.assert_array_equal(rows.tokens == 15, rows.padding)
    assert (np.diff(rows.padding.astype(int), axis=1) >= 0).all()
    assert rows.tokens.dtype == np.int8 and rows.labels.dtype == np.int32
    assert len(text(rows.tokens[0]).split()) == lengths_of(rows)[0]


def test_all_trees_of_two_digits_are_found_and_none_twice():
    task = ListOperations(depth=2, arguments=2, shortest=3, longest=5)
    rows = list_operations(task, 400, seed=6)
    found = {text(row) for row in rows.tokens}
    operators = ("MIN", "MAX", "MED", "SM")
    pairs = [(a, b) for a in range(10) for b in range(10)]
    assert found == {f"[{name} {a} {b} ]" for name in operators for a, b in pairs}
    with pytest.raises(ValueError, match="after 400 of 401 rows; ask for fewer"):
        list_operations(task, 401, seed=6)


def test_trees_of_many_levels_are_cut_as_soon_as_they_are_too_long():
    task = ListOperations(depth=40, arguments=40, shortest=16, longest=64)
    assert lengths_of(list_operations(task, 20, seed=0)).max() < 64


@pytest.mark.parametrize(
    "sizes, complaint",
    [
        ({"depth": 1}, "expected a depth of 2 or more"),
        ({"arguments": 1}, "2 or more arguments"),
        ({"shortest": 500, "longest": 501}, "expected some between"),
        ({"shortest": -1}, "expected some between"),
        ({"depth": 3, "shortest": 122}, "trees have 1 to 122 tokens"),
    ],
)
def test_sizes_without_trees_are_refused(sizes, complaint):
    with pytest.raises(ValueError, match=complaint):
        ListOperations(**sizes)
