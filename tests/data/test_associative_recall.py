"""Answers by a dictionary, places by their law, and nothing else to go by."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import chisquare

from jaxgen.data.associative_recall import AssociativeRecall, associations
from jaxgen.training.dispatch import feed
from jaxgen.training.learner import Learner, State

TASK = AssociativeRecall(pairs=3, length=20, vocabulary=24, power=0.1)
ROWS = 6000


@pytest.fixture(scope="module")
def drawn():
    draw = jax.jit(lambda key: associations(TASK, key, ROWS))
    return jax.tree.map(np.asarray, draw(jax.random.key(1)))


def said(tokens):
    """What the pairs of a row say: a dictionary."""
    return dict(zip(tokens[0:6:2].tolist(), tokens[1:6:2].tolist(), strict=True))


def slots(drawn):
    """Of each row, the slots in the order in which its keys were said."""
    places = [
        [6 + tokens[6:].tolist().index(key) for key in said(tokens)]
        for tokens in drawn.tokens
    ]
    return (np.array(places) - 6) // 2


def test_answers_are_those_of_a_dictionary(drawn):
    for tokens, labels, asked in zip(*drawn, strict=True):
        answers = said(tokens)
        assert [answers[token] for token in tokens[asked].tolist()] == labels[
            asked
        ].tolist()
        assert sorted(tokens[asked].tolist()) == sorted(answers)
        assert not labels[~asked].any()


def test_a_row_holds_its_pairs_its_questions_and_blanks(drawn):
    assert drawn.tokens.shape == drawn.labels.shape == (ROWS, 20)
    assert drawn.tokens.dtype == drawn.labels.dtype == np.int32
    keys, values = drawn.tokens[:, 0:6:2], drawn.tokens[:, 1:6:2]
    assert keys.min() == 1 and keys.max() == TASK.keys == 11
    assert values.min() == 12 and values.max() == 23 and TASK.values == 12
    assert all(len(set(row)) == 6 for row in drawn.tokens[:, :6].tolist())
    assert not drawn.asked[:, :6].any() and not drawn.asked[:, 7::2].any()
    assert not drawn.tokens[:, 6:][~drawn.asked[:, 6:]].any()


def test_keys_and_values_are_uniform_and_independent(drawn):
    keys, values = drawn.tokens[:, 0:6:2] - 1, drawn.tokens[:, 1:6:2] - 12
    for place in range(3):
        pairs = keys[:, place] * 12 + values[:, place]
        assert chisquare(np.bincount(pairs, minlength=132)).pvalue > 1e-4
    first_two = np.bincount(keys[:, 0] * 11 + keys[:, 1], minlength=121)
    assert chisquare(first_two[first_two > 0]).pvalue > 1e-4
    assert (first_two > 0).sum() == 110


def test_slots_are_drawn_by_a_power_law_without_replacement(drawn):
    weights = np.arange(1, 8) ** (TASK.power - 1)
    expected = np.zeros((7, 7, 7))
    for first in range(7):
        for second in set(range(7)) - {first}:
            for third in set(range(7)) - {first, second}:
                left = weights.sum() - weights[first]
                expected[tuple(sorted((first, second, third)))] += (
                    weights[first] / weights.sum() * weights[second] / left
                ) * (weights[third] / (left - weights[second]))
    seen = np.zeros((7, 7, 7))
    np.add.at(seen, tuple(np.sort(slots(drawn)).T), 1)
    possible = expected > 0
    assert possible.sum() == 35 and seen[~possible].sum() == 0
    assert chisquare(seen[possible], expected[possible] * ROWS).pvalue > 1e-4


def test_the_place_of_a_question_tells_nothing_of_its_pair(drawn):
    ranks = np.argsort(np.argsort(slots(drawn)))
    orders = np.unique(ranks, axis=0, return_counts=True)[1]
    assert len(orders) == 6 and chisquare(orders).pvalue > 1e-4
    assert TASK.chance_in_row == 1 / 3 and TASK.chance == 1 / 12


def test_rows_and_keys_of_a_vmap_are_fresh(key):
    draw = jax.jit(jax.vmap(lambda key: associations(TASK, key, 4)))
    many = draw(jax.random.split(key, 5))
    rows = np.asarray(many.tokens).reshape(20, 20)
    assert len({tuple(row) for row in rows.tolist()}) == 20


def test_a_learner_is_fed_inside_its_program(key):
    def update(state, batch):
        return state._replace(step=state.step + 1), {"tokens": batch.tokens}

    learner = feed(Learner(None, update), lambda _, key: associations(TASK, key, 8))
    state, update, seen = (
        State(jnp.int32(0), key, (), (), {}),
        jax.jit(learner.update),
        [],
    )
    for _ in range(2):
        state, metrics = update(state, None)
        seen.append(metrics["tokens"].tolist())
    assert seen[0] != seen[1] and np.shape(seen[0]) == (8, 20)


@pytest.mark.parametrize(
    "sizes, complaint",
    [
        ({"pairs": 0}, "expected 1 pair or more"),
        ({"pairs": 8, "length": 31}, "4 tokens of length for each"),
        ({"pairs": 8, "vocabulary": 17}, "a vocabulary of 18 or more"),
    ],
)
def test_rows_without_room_are_refused(sizes, complaint):
    with pytest.raises(ValueError, match=complaint):
        AssociativeRecall(**sizes)


def test_the_least_room_is_enough(key):
    task = AssociativeRecall(pairs=8, length=32, vocabulary=18)
    drawn = jax.jit(lambda key: associations(task, key, 2))(key)
    assert int(drawn.asked.sum()) == 16
