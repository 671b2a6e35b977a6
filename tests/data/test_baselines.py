"""Guesses that know next to nothing, against counting by hand and scikit-learn."""

import numpy as np
import pytest
from sklearn.naive_bayes import MultinomialNB

from jaxgen.data.baselines import (
    histograms,
    most_frequent,
    most_frequent_with,
    naive_bayes,
)
from jaxgen.data.sequences import LabelledTokens

RNG = np.random.default_rng(0)


def rows(count, classes=4, vocabulary=12, length=9):
    labels = RNG.integers(0, classes, count)
    tokens = RNG.integers(0, vocabulary - 4, (count, length)) + labels[:, None]
    padding = np.arange(length)[None] >= RNG.integers(1, length + 1, count)[:, None]
    return LabelledTokens(tokens % vocabulary, padding, labels)


@pytest.fixture(scope="module")
def seen():
    return rows(200)


def test_a_table_knows_its_cues_and_guesses_others():
    cues, labels = RNG.integers(0, 5, 300), RNG.integers(0, 3, 300)
    asked = np.arange(7)
    expected = []
    for cue in asked:
        known = labels[cues == cue].tolist() or labels.tolist()
        expected.append(max(range(3), key=known.count))
    assert most_frequent_with(cues, labels, asked).tolist() == expected
    assert most_frequent(labels) == expected[-1]


def test_histograms_count_what_is_no_padding(seen):
    groups = seen.labels % 2
    for group, histogram in enumerate(histograms(seen, groups, 2, 12)):
        chosen = groups == group
        tokens = seen.tokens[chosen][~seen.padding[chosen]]
        assert histogram.tolist() == [(tokens == token).sum() for token in range(12)]


def test_naive_bayes_is_that_of_scikit_learn(seen):
    asked = rows(500)
    counts = [
        histograms(one, np.arange(len(one.labels)), len(one.labels), 12)
        for one in (seen, asked)
    ]
    reference = MultinomialNB(alpha=1.0).fit(counts[0], seen.labels)
    found = naive_bayes(seen, asked, 12)
    np.testing.assert_array_equal(found, reference.predict(counts[1]))
    assert 0.3 < (found == asked.labels).mean() < 0.9


def test_a_label_that_was_not_seen_is_not_guessed(seen):
    some = seen.labels != 1
    found = naive_bayes(LabelledTokens(*(leaf[some] for leaf in seen)), rows(300), 12)
    assert set(found.tolist()) == {0, 2, 3}
