"""Rows of one length, and as many of each label."""

import numpy as np

from jaxgen.data.sequences import LabelledTokens, balanced, padded

RNG = np.random.default_rng(0)


def test_padding_follows_the_bytes_of_a_row():
    rows = [RNG.bytes(length) for length in (3, 0, 5, 1)]
    tokens, padding = padded(rows, 5, filler=7)
    assert tokens.dtype == np.uint8
    for row, token, pad in zip(rows, tokens, padding, strict=True):
        assert bytes(token) == row + bytes([7]) * (5 - len(row))
        assert pad.tolist() == [place >= len(row) for place in range(5)]


def test_no_rows_have_a_length_too():
    tokens, padding = padded([], 4)
    assert tokens.shape == padding.shape == (0, 4)


def test_labels_are_balanced_and_rows_stay_whole():
    labels = np.repeat([0, 1, 2], [50, 7, 20])
    tokens = np.arange(77 * 3).reshape(77, 3)
    data = LabelledTokens(tokens, tokens % 2 == 0, labels)
    few = balanced(data, seed=0)
    assert np.bincount(few.labels).tolist() == [7, 7, 7]
    rows = few.tokens[:, 0] // 3
    assert (np.diff(rows) > 0).all()
    for found, whole in zip(few, data, strict=True):
        np.testing.assert_array_equal(found, whole[rows])
    assert balanced(data, seed=0).tokens.tolist() == few.tokens.tolist()
    assert balanced(data, seed=1).tokens.tolist() != few.tokens.tolist()
