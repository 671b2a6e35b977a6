"""Values of ListOps against a parser of their text, and what top levels tell."""

import statistics

import numpy as np
import pytest

from jaxgen.data.baselines import most_frequent, most_frequent_with
from jaxgen.data.list_operations import ListOperations, list_operations, text
from jaxgen.data.list_values import LIKELIEST, values

SMALL = ListOperations(depth=5, shortest=16, longest=200)

OPERATIONS = {
    "[MIN": min,
    "[MAX": max,
    "[MED": lambda digits: int(statistics.median(digits)),
    "[SM": lambda digits: sum(digits) % 10,
}


def value(words, levels, guesses):
    """The value of the words of one node, or None; takes them from the list."""
    word = words.pop(0)
    if word not in OPERATIONS:
        return int(word)
    arguments = []
    while words[0] != "]":
        argument = value(words, levels - 1, guesses)
        arguments += [] if argument is None else [argument]
    words.pop(0)
    if levels <= 0:
        return guesses.get(word)
    return OPERATIONS[word](arguments) if arguments else None


def parsed(rows, levels=100, guesses=None):
    found = [value(text(row).split(), levels, guesses or {}) for row in rows.tokens]
    return [0 if one is None else one for one in found]


@pytest.fixture(scope="module")
def small():
    return list_operations(SMALL, 2500, seed=0)


def test_labels_are_what_a_parser_says(small):
    assert small.labels.tolist() == parsed(small)
    assert len(set(small.labels.tolist())) == 10


@pytest.mark.parametrize("levels", [0, 1, 2, 3, 4])
def test_top_levels_tell_what_a_parser_says_that_leaves_the_others_out(small, levels):
    assert values(small.tokens, levels).tolist() == parsed(small, levels)


@pytest.mark.parametrize("levels", [0, 1, 2])
def test_unread_operators_count_as_guesses(small, levels):
    guesses = dict(zip(OPERATIONS, LIKELIEST, strict=True))
    expected = parsed(small, levels, guesses)
    assert values(small.tokens, levels, LIKELIEST).tolist() == expected


def test_more_levels_tell_more_until_they_tell_all(small):
    right = [(values(small.tokens, k) == small.labels).mean() for k in range(6)]
    assert np.all(np.diff(right[:5]) > 0)
    assert right[4] == right[5] == 1.0


def test_a_negative_number_of_levels_is_refused(small):
    with pytest.raises(ValueError, match=r"levels=-1\): expected 0 or more"):
        values(small.tokens, levels=-1)


COUNT, REFERENCE_COUNT = 3000, 20_000


@pytest.fixture(scope="module")
def published():
    return list_operations(ListOperations(), 2 * COUNT, seed=1)


def near(predictions, labels, share):
    """Within the errors of both samples."""
    error = np.sqrt(share * (1 - share) * (1 / len(labels) + 1 / REFERENCE_COUNT))
    return abs((predictions == labels).mean() - share) < 3.5 * error


@pytest.mark.parametrize(
    "levels, share", [(1, 0.477), (2, 0.665), (3, 0.791), (4, 0.871), (5, 0.919)]
)
def test_top_levels_of_long_range_arena_tell_their_known_share(
    published, levels, share
):
    assert near(values(published.tokens, levels), published.labels, share)


@pytest.mark.parametrize("levels, share", [(1, 0.598), (2, 0.740), (3, 0.835)])
def test_guesses_of_what_is_unread_tell_more(published, levels, share):
    guess = values(published.tokens, levels, LIKELIEST)
    assert near(guess, published.labels, share)


def test_tables_of_long_range_arena_tell_their_known_share(published):
    tokens, labels = published.tokens, published.labels
    seen, asked = labels[:COUNT], labels[COUNT:]
    assert most_frequent(seen) in (0, 9)
    assert near(most_frequent(seen), asked, 0.169)
    table = most_frequent_with(tokens[:COUNT, 0], seen, tokens[COUNT:, 0])
    assert near(table, asked, 0.359)
    guess = values(tokens[COUNT:], levels=0, unread=LIKELIEST)
    assert near(guess, asked, 0.359)
