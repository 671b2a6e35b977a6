"""Documents in rows: each once, whole, and told as if it were alone."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxgen.data.packing import (
    aligned,
    packed,
    pieces,
    rows_first_fit,
    rows_in_order,
)
from jaxgen.objectives.language import cross_entropy, following
from tests.language_models import MODELS, TOKENS, VOCABULARY

RNG = np.random.default_rng(0)
LENGTH = 9


def texts(*sizes):
    return [RNG.integers(0, VOCABULARY, size) for size in sizes]


DOCUMENTS = texts(3, 5, 3, 5, 5, 3, 3)


@pytest.mark.parametrize("rows", [rows_in_order, rows_first_fit])
@settings(deadline=None, max_examples=40)
@given(sizes=st.lists(st.integers(1, LENGTH), min_size=1, max_size=12))
def test_every_token_lies_once_in_a_run_of_its_document(rows, sizes):
    found = texts(*sizes)
    told = packed(found, LENGTH, rows)
    for number, document in enumerate(found):
        row, place = np.nonzero(told.documents == number)
        assert len(set(row)) == 1
        np.testing.assert_array_equal(np.diff(place), 1)
        np.testing.assert_array_equal(told.tokens[row, place], document)
        np.testing.assert_array_equal(
            told.positions[row, place], np.arange(len(document))
        )
        assert len(set(told.segments[row, place])) == 1
    assert told.share_of_padding * told.tokens.size == pytest.approx(
        told.tokens.size - sum(sizes)
    )
    assert (told.padding == (told.documents < 0)).all()
    own = [sorted(set(row) - {0}) for row in told.segments.tolist()]
    assert own == [list(range(1, len(row) + 1)) for row in own]
    assert all(own)  # no row is empty


@settings(deadline=None, max_examples=100)
@given(sizes=st.lists(st.integers(1, LENGTH), max_size=12))
def test_first_fit_is_the_first_row_that_fits(sizes):
    rows = []
    for document, size in enumerate(sizes):
        for row in rows:
            if sum(sizes[each] for each in row) + size <= LENGTH:
                row.append(document)
                break
        else:
            rows.append([document])
    assert rows_first_fit(sizes, LENGTH) == rows


def test_rows_in_order_hold_documents_in_their_order():
    rows = rows_in_order([3, 5, 3, 9, 1], LENGTH)
    assert rows == [[0, 1], [2], [3], [4]]
    assert rows_first_fit([3, 5, 3, 9, 1], LENGTH) == [[0, 1, 4], [2], [3]]


@pytest.fixture(scope="module", params=["rotary, groups", "delta", "convolution"])
def judge(request):
    """Nats of each token, and which of them are told."""
    model = MODELS[request.param]
    params = model.init(jax.random.key(0), TOKENS)

    @jax.jit
    def nats(tokens, *context):
        then, chosen = following(tokens, *context)
        return cross_entropy(model.apply(params, tokens, *context), then), chosen

    return nats


def test_a_document_is_told_as_if_it_were_alone(judge):
    told = packed(DOCUMENTS, LENGTH, rows_first_fit)
    assert len(told.tokens) < len(DOCUMENTS)
    nats, chosen = map(np.asarray, judge(told.tokens, told.context))
    for size in (3, 5):
        own = [i for i, each in enumerate(DOCUMENTS) if len(each) == size]
        alone, told_alone = judge(np.stack([DOCUMENTS[i] for i in own]))
        for number, expected in zip(own, np.asarray(alone), strict=True):
            here = (told.documents == number) & chosen
            assert here.sum() == size - 1
            np.testing.assert_allclose(nats[here], expected[:-1], rtol=2e-5)
        assert np.asarray(told_alone).sum(axis=1).tolist() == [size - 1] * len(own)


def test_numbers_of_tokens_are_laid_beside_them():
    sizes = [RNG.integers(1, 9, len(each)) for each in DOCUMENTS]
    told = packed(DOCUMENTS, LENGTH, rows_first_fit)
    laid = aligned(told, sizes)
    for number, own in enumerate(sizes):
        np.testing.assert_array_equal(laid[told.documents == number], own)
    assert not laid[told.padding].any()


def test_pieces_are_the_document_and_each_fits():
    cut = pieces(texts(20, 9, 1), LENGTH)
    assert [len(each) for each in cut] == [9, 9, 2, 9, 1]
    assert packed(cut, LENGTH).share_of_padding == pytest.approx(1 - 30 / 45)


@pytest.mark.parametrize("sizes", [(), (3, 0), (3, 10)])
def test_documents_that_fit_no_row_are_refused(sizes):
    with pytest.raises(ValueError, match=rf"length=9\) of {len(sizes)} documents"):
        packed(texts(*sizes), LENGTH)
