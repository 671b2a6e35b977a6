"""Windows that hold each document in its order, and the domain of each."""

import numpy as np
import pytest

from jaxgen.data.baselines import most_frequent, naive_bayes
from jaxgen.data.sequences import balanced
from jaxgen.data.text_domains import DOMAINS, documents, split_documents
from jaxgen.data.text_windows import labelled_windows, windows

RNG = np.random.default_rng(0)


def texts(*lengths):
    return [RNG.integers(1, 256, length, np.uint8).tobytes() for length in lengths]


def test_windows_hold_documents_in_order_and_cross_none():
    found = texts(12, 3, 10, 5, 4, 9)
    tokens, padding = windows(found, 5)
    assert tokens.dtype == np.uint8 and tokens.shape == padding.shape == (8, 5)
    expected = []
    for document in found:
        whole = len(document) // 5 * 5 or len(document)
        expected += [document[i : i + 5] for i in range(0, whole, 5)]
    kept = [row[~pad].tobytes() for row, pad in zip(tokens, padding, strict=True)]
    assert kept == expected
    assert not tokens[padding].any() and not padding[:, 0].any()


@pytest.mark.parametrize("length", [0, 13])
def test_windows_that_no_document_fills_are_refused(length):
    with pytest.raises(ValueError, match=rf"length={length}\): expected 1 to 12 bytes"):
        windows(texts(12, 3), length)


def test_a_domain_that_fills_no_window_is_named():
    with pytest.raises(ValueError, match=r"domain short: windows\(length=13\)"):
        labelled_windows({"long": texts(20), "short": texts(12, 3)}, 13)
    with pytest.raises(ValueError, match="of no domain"):
        labelled_windows({}, 13)


def test_labels_count_the_domains():
    domains = {"b": texts(10, 4), "a": texts(6), "c": texts(2, 3, 4)}
    rows = labelled_windows(domains, 4)
    assert rows.labels.tolist() == [0, 0, 0, 1, 2, 2, 2]
    assert rows.tokens.dtype == rows.labels.dtype == np.int32
    assert rows.tokens[3].tolist() == list(domains["a"][0][:4])
    assert rows.padding[4].tolist() == [False, False, True, True]


def test_frequencies_of_bytes_tell_domains_apart_the_better_the_longer():
    train, test = {}, {}
    for name in DOMAINS:
        train[name], test[name] = split_documents(documents(name))
    right = []
    for length in (64, 256, 1024):
        seen = labelled_windows(train, length)
        asked = balanced(labelled_windows(test, length), seed=0)
        found = naive_bayes(seen, asked, 256)
        right.append((found == asked.labels).mean())
        assert (asked.labels == most_frequent(seen.labels)).mean() == 0.1
    np.testing.assert_allclose(right, [0.58, 0.78, 0.89], atol=0.03)
