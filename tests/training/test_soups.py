"""Means of parameters, against the published algorithms written out in numpy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.training.segment_average import segment_average
from jaxgen.training.soups import (
    greedy_soup,
    interpolations,
    swad_segments,
    uniform_soup,
    weighted_soup,
)
from learners import POINTS, quadratic, trajectory

RNG = np.random.default_rng(0)


def test_a_segment_is_the_mean_of_its_updates(key):
    learner = segment_average(quadratic(), every=3)
    first, states, _ = trajectory(learner, key, POINTS, 8)
    assert (first.extra["segment_average"] == first.params).all()
    params = np.asarray(states.params)
    means = [params[t - t % 3 : t + 1].mean(0) for t in range(8)]
    np.testing.assert_allclose(states.extra["segment_average"], means, rtol=1e-5)


def test_the_greedy_soup_takes_what_does_not_spoil_it():
    stack = {"w": RNG.normal(size=(8, 3)).astype(np.float32)}
    target = stack["w"].mean(0)

    def loss(params):
        return jnp.sum((params["w"] - target) ** 2)

    def by_hand(rows):
        distance = ((rows - target) ** 2).sum(1)
        order = np.argsort(distance)
        chosen, best = [order[0]], distance[order[0]]
        for one in order[1:]:
            value = ((rows[[*chosen, one]].mean(0) - target) ** 2).sum()
            if value <= best:
                chosen, best = [*chosen, one], value
        return rows[chosen].mean(0), len(chosen)

    expected, count = by_hand(np.float64(stack["w"]))
    found = jax.jit(lambda stack: greedy_soup(stack, loss))(stack)
    np.testing.assert_allclose(found["w"], expected, rtol=1e-5)
    assert 1 < count < 8


def valley(losses, convergence, patience, tolerance):
    """Algorithm 1 of Cha et al., a segment at a time."""
    start, end, limit = len(losses) - 1, len(losses), None
    for i in range(len(losses)):
        if limit is None:
            recent = losses[i - convergence + 1 : i + 1]
            if i >= convergence - 1 and recent[0] == min(recent):
                start, limit = i - convergence + 1, tolerance * np.mean(recent)
                opened = i
        elif i > opened and i >= patience - 1:
            recent = losses[i - patience + 1 : i + 1]
            if limit < min(recent):
                end = i - patience + 1
                break
    return [start <= i < end for i in range(len(losses))]


@pytest.mark.parametrize("patience", [1, 3, 30])
def test_the_valley_is_that_of_the_algorithm(patience):
    steps = np.arange(20)
    shapes = RNG.uniform(0.5, 2.0, size=(40, 3))
    runs = shapes[:, :1] * np.exp(-steps / 4) + shapes[:, 1:2] * (steps / 20) ** 2 + 1
    runs = np.float32(runs + 0.2 * RNG.normal(size=runs.shape))

    found = [swad_segments(losses, 3, patience, 1.1).tolist() for losses in runs]
    expected = [valley(losses, 3, patience, 1.1) for losses in runs]
    assert found == expected
    lengths = np.sum(expected, 1)
    assert len(set(lengths)) > 1 and lengths.min() >= 1


def test_a_run_that_only_falls_is_its_end():
    found = swad_segments(np.linspace(2.0, 1.0, 6), 3)
    assert found.tolist() == [False] * 5 + [True]


def test_soups_are_means():
    stack = {"w": jnp.arange(6.0).reshape(3, 2)}
    assert uniform_soup(stack)["w"].tolist() == [2.0, 3.0]
    some = weighted_soup(stack, np.array([True, True, False]))
    assert some["w"].tolist() == [1.0, 2.0]


def test_soups_of_half_precision_stay_so():
    stack = {"w": jnp.arange(6.0, dtype="bfloat16").reshape(3, 2)}
    base, tuned = ({"w": stack["w"][row]} for row in (0, 1))
    found = (
        weighted_soup(stack, np.ones(3)),
        greedy_soup(stack, lambda params: params["w"].sum()),
        interpolations(base, tuned, np.array([0.0, 1.0])),
    )
    assert all(one["w"].dtype == jnp.bfloat16 for one in found)


@pytest.mark.parametrize(
    "refused, complaint",
    [
        (lambda: weighted_soup(jnp.ones((2, 1)), np.array([2.0, -1.0])), "0 or more"),
        (lambda: weighted_soup(jnp.ones((2, 1)), np.zeros(2)), "not all 0"),
        (lambda: swad_segments(np.ones(2), 3), "a convergence of at most 2 segments"),
        (lambda: swad_segments(np.ones(4), 3, 0), "patience=0"),
        (lambda: segment_average(quadratic(), 0), r"segment_average\(every=0\)"),
    ],
)
def test_what_makes_no_sense_is_refused(refused, complaint):
    with pytest.raises(ValueError, match=complaint):
        refused()
