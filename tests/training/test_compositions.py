"""Transformations compose: every valid pair, in both orders, keeps the state's type."""

import itertools
from collections.abc import Callable
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.training.dispatch import feed, repeat, scan
from jaxgen.training.geco import geco
from jaxgen.training.gradients import microbatched
from jaxgen.training.learner import Learner
from jaxgen.training.replicate import grid, replicate
from jaxgen.training.transforms import ema, guard, staged
from jaxgen.training.weight_schedules import linear, scheduled
from learners import POINTS, quadratic

ROWS = grid(seed=range(2))


class Fed(NamedTuple):
    """A learner, and the shape of the data it wants."""

    learner: Learner
    shape: tuple[int, ...]


def fed(fed: Fed) -> Fed:
    def draw(data, key):
        return data[jax.random.randint(key, fed.shape[:-1], 0, len(data))]

    return Fed(feed(fed.learner, draw), (64, fed.shape[-1]))


def scanned(fed: Fed) -> Fed:
    return Fed(scan(fed.learner), (3, *fed.shape))


def of_learners(transform: Callable[[Learner], Learner]) -> Callable[[Fed], Fed]:
    return lambda fed: fed._replace(learner=transform(fed.learner))


def halved(state, data):
    return state._replace(params=jax.tree.map(lambda leaf: leaf / 2, state.params))


TRANSFORMS = {
    "feed": fed,
    "scan": scanned,
    "ema": of_learners(lambda learner: ema(learner, 0.9)),
    "guard": of_learners(guard),
    "staged": of_learners(lambda learner: staged(learner, 2, halved)),
    "scheduled": of_learners(
        lambda learner: scheduled(lambda weight: learner, linear(1.0, 2))
    ),
    "geco": of_learners(
        lambda learner: geco(lambda weight: learner, 1.0, metric="loss")
    ),
    "repeat": of_learners(lambda learner: repeat(learner, 2)),
    "replicate": of_learners(lambda learner: replicate(lambda: learner, ROWS)),
    "microbatched": lambda _: Fed(quadratic(value_and_grad=microbatched(4)), (16, 2)),
}

REFUSED = {
    ("feed", "replicate"): r"'data'\) is about one replicate, and this state holds 2",
    ("guard", "replicate"): "guard is about one replicate, and this state holds 2",
    ("geco", "replicate"): "geco is about one replicate, and this state holds 2",
    ("replicate", "replicate"): r"extra\['hyper'\] is owned twice",
    ("ema", "ema"): r"extra\['ema'\] is owned twice",
    ("geco", "geco"): r"extra\['geco'\] is owned twice",
    ("guard", "guard"): r"extra\['died'\] is owned twice",
}

# gradients are gathered inside the learner, so nothing is inside of that
PAIRS = [
    pair
    for pair in itertools.product(TRANSFORMS, repeat=2)
    if pair[0] != "microbatched"
]


def composed(*names: str) -> Fed:
    """The quadratic with the transformations around it, outermost first."""
    built = Fed(quadratic(), (16, 2))
    for name in reversed(names):
        built = TRANSFORMS[name](built)
    return built


def shapes_of_an_update(names):
    learner, shape = composed(*names)
    data = jax.ShapeDtypeStruct(shape, jnp.float32)
    before = jax.eval_shape(learner.init, jax.eval_shape(jax.random.key, 0), data)
    return before, *jax.eval_shape(learner.update, before, data)


@pytest.mark.parametrize("pair", [p for p in PAIRS if p not in REFUSED], ids="-".join)
def test_an_update_keeps_the_type_of_the_state(pair):
    before, after, metrics = shapes_of_an_update(pair)
    assert jax.tree.structure(before) == jax.tree.structure(after)
    chex.assert_trees_all_equal_shapes_and_dtypes(before, after)
    rows = (2,) if "replicate" in pair else ()
    assert before.key.shape == rows == metrics["loss"].shape
    assert before.params.shape == (*rows, 2)
    assert before.step.shape == ()
    owned = {"ema": "ema", "guard": "died", "replicate": "hyper", "geco": "geco"}
    assert set(before.extra) == {owned[name] for name in pair if name in owned}


@pytest.mark.parametrize(
    "names, complaint",
    [*REFUSED.items(), (("feed", "repeat", "replicate"), "is about one replicate")],
)
def test_what_cannot_be_composed_is_refused_by_name(names, complaint):
    with pytest.raises(ValueError, match=complaint):
        shapes_of_an_update(names)


@pytest.mark.parametrize(
    "names, steps",
    [
        ("repeat replicate feed guard ema microbatched", 2),
        ("replicate repeat feed ema guard", 2),
        ("scan guard staged ema", 3),
        ("replicate scan guard feed", 3),
        ("repeat staged replicate ema microbatched", 2),
        ("ema repeat replicate guard", 2),
        ("feed scan ema microbatched", 3),
        ("guard repeat feed staged", 2),
        ("scan repeat replicate feed", 6),
        ("repeat repeat scan guard", 12),
    ],
)
def test_compositions_run(names, steps, key):
    learner, shape = composed(*names.split())
    data = jnp.asarray(np.resize(POINTS, shape))

    @jax.jit
    def run(key, data):
        first = learner.init(key, data)
        return first, *learner.update(first, data)

    first, state, metrics = run(key, data)
    assert int(state.step) == steps
    numbers = state._replace(key=None), metrics
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(numbers))
    assert (state.params != first.params).all()


@pytest.mark.parametrize("pair", [("repeat", "replicate"), ("guard", "ema")])
def test_these_two_can_change_places(pair, key):
    def states(names):
        learner, shape = composed(*names)
        data = jnp.asarray(np.resize(POINTS, shape))

        def run(key, data):
            return learner.update(learner.init(key, data), data)[0]

        return jax.jit(run)(key, data)._replace(key=None)

    one, other = states(pair), states(pair[::-1])
    chex.assert_trees_all_close(one, other, atol=1e-6)
