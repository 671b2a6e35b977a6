"""What every domain algorithm must pass: sharded, replicated, guarded, resumed."""

from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgen.arrays import Array
from jaxgen.data.domains import minibatch_by_domain, minibatch_of_mixture
from jaxgen.keys import named
from jaxgen.objectives.aggregators import (
    Aggregator,
    cvar,
    erm,
    switched,
    vrex,
    weighted_risk,
)
from jaxgen.objectives.domain_adversary import cdann, dann, reversed_gradient
from jaxgen.objectives.domain_alignment import coral, mmd
from jaxgen.objectives.domain_losses import Losses
from jaxgen.objectives.doremi import Excess, doremi, excess_losses
from jaxgen.objectives.gradient_agreement import and_mask, pcgrad
from jaxgen.objectives.gradient_matching import fishr, iga, mldg
from jaxgen.objectives.group_dro import group_dro
from jaxgen.objectives.invariant_risk import Scaled, irmv1, with_slopes
from jaxgen.objectives.quantile_risk import eqrm
from jaxgen.sharding.mesh import mesh_of
from jaxgen.sharding.rules import study
from jaxgen.training.checkpoints import Checkpoints
from jaxgen.training.compile import compile
from jaxgen.training.descent import descent
from jaxgen.training.dispatch import feed, repeat
from jaxgen.training.domain_descent import domain_descent
from jaxgen.training.domain_gradients import fish, per_domain
from jaxgen.training.gradients import whole_batch
from jaxgen.training.learner import Learner
from jaxgen.training.replicate import grid, replicate
from jaxgen.training.segment_average import segment_average
from jaxgen.training.sharpness import sam
from jaxgen.training.transforms import guard
from learners import POINTS, cosines

COUNTS = (24, 40)
ROWS = minibatch_by_domain(8, COUNTS)
MIXTURE = minibatch_of_mixture(16, COUNTS, np.array([0.5, 0.5]))


def draw(data, key):
    return ROWS(data, named(key, "rows")), MIXTURE(data, named(key, "mixture"))


def start(key, batch):
    return {"in": cosines(key, (2, 4)), "out": cosines(key, (4, 2))}


def features(params, x):
    return jnp.tanh(x @ params["in"])


def errors(params, x, scale=1.0):
    """Of examples, (..., 2): how far the product of coordinates is from a guess."""
    return (scale * (features(params, x) @ params["out"])[..., 0] - x.prod(-1)) ** 2


def one_domain(params, x, key):
    return errors(params, x).mean(), {}


def at_scale(params, scale, x, key):
    return errors(params, x, scale).mean(0), {}


class Told(NamedTuple):
    """What all of the aggregators want to be told."""

    losses: Array
    scaled: Scaled
    excess: Excess


def told_of(params, batch, key):
    rows, (x, domain) = batch
    scaled, _ = with_slopes(at_scale)(params, rows, key)
    excess = excess_losses(errors(params, x), x[:, 0] ** 2, domain, 2)
    return Told(scaled.losses, scaled, excess), {}


def aligned(penalty, weight) -> Losses:
    def loss(params, x, key):
        h = features(params, x)
        return errors(params, x).mean() + weight * penalty(params, h, x), {}

    return loss


def adversary(params, h, x):
    return dann(reversed_gradient(h, 0.5) @ params["out"])


def conditional_adversary(params, h, x):
    return cdann(reversed_gradient(h, 0.5) @ params["out"], (x[..., 0] > 0).astype(int))


def gradients(weight):
    """How each algorithm comes to its gradient, from which loss."""
    return {
        "ANDMask": per_domain(and_mask(weight))(one_domain),
        "PCGrad": per_domain(pcgrad)(one_domain),
        "Fish": fish(optax.sgd(weight))(one_domain),
        "IGA": whole_batch(iga(one_domain, weight)),
        "Fishr": whole_batch(fishr(one_domain, weight, of=lambda p: p["out"])),
        "MLDG": whole_batch(mldg(one_domain, weight)),
        "CORAL": whole_batch(aligned(lambda params, h, x: coral(h), weight)),
        "MMD": whole_batch(aligned(lambda params, h, x: mmd(h), weight)),
        "DANN": whole_batch(aligned(adversary, weight)),
        "CDANN": whole_batch(aligned(conditional_adversary, weight)),
    }


def of_gradients(rate, weight) -> Learner:
    """All of them, each with parameters of its own."""
    parts = gradients(weight)

    def gathered(params, batch, key):
        found = {
            name: part(params[name], batch[0], key) for name, part in parts.items()
        }
        value = sum(told[0] for told, _ in found.values())
        return (value, {}), {name: slope for name, (_, slope) in found.items()}

    def begin(key, batch):
        return {name: start(key, batch) for name in parts}

    return descent(begin, one_domain, optax.sgd(rate), lambda loss: gathered)


def of_aggregators(rate, weight) -> Learner:
    """The sum of all of them, each with a state of its own."""
    parts = {
        "IRM": (irmv1(weight), lambda told: told.scaled),
        "DoReMi": (doremi(weight), lambda told: told.excess),
        "weights": (weighted_risk(np.array([0.3, 0.7])), lambda told: told.losses),
        "group DRO": (group_dro(weight), lambda told: told.losses),
        "CVaR": (cvar(weight), lambda told: told.losses),
        "EQRM": (eqrm(weight), lambda told: told.losses),
        "V-REx": (switched(erm(), vrex(weight), 1), lambda told: told.losses),
    }

    def init(told):
        return {name: part.init(of(told)) for name, (part, of) in parts.items()}

    def combine(told, states):
        found = {
            name: part.combine(of(told), states[name])
            for name, (part, of) in parts.items()
        }
        total = sum(value for value, _ in found.values())
        return total, {name: state for name, (_, state) in found.items()}

    aggregator = Aggregator(init, combine)
    learner = domain_descent(start, told_of, aggregator, optax.sgd(rate), sam(weight))
    return segment_average(learner, 3)


LEARNERS = {"gradients": of_gradients, "aggregators, SAM, SWAD": of_aggregators}
"""All algorithms, side by side in two programs, which are quicker to compile than many."""

HYPER = grid(seed=(5,), rate=(0.05, np.inf), weight=0.4)
"""The second row dies at once."""


def numbers(state):
    """The state on the host, its key as numbers, without what the study keeps."""
    extra = {name: part for name, part in state.extra.items() if name != "hyper"}
    key = jax.random.key_data(state.key)
    return jax.device_get(state._replace(key=key, extra=extra))


@pytest.mark.parametrize("name", LEARNERS)
def test_algorithms_are_sharded_replicated_guarded_and_resumed(name, tmp_path):
    def make(rate, weight) -> Learner:
        return feed(guard(LEARNERS[name](rate, weight)), draw)

    mesh = mesh_of({"replica": 2, "data": 2}, jax.devices()[:4])
    program = compile(repeat(replicate(make, HYPER), 2), POINTS, mesh, study())
    placed = jax.device_put(POINTS, program.data)
    state = program.init(jax.random.key(0), placed)
    first = numbers(state)
    state, _ = program.update(state, placed)
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(state, position=0)
        checkpoints.wait()
        again, _ = checkpoints.restore(program.shapes)
    state, again = (program.update(s, placed)[0] for s in (state, again))
    last = numbers(state)

    # what was saved goes on to the same bits
    chex.assert_trees_all_equal(last, numbers(again))
    # examples are shared out: gradients are sums over devices
    assert "all-reduce" in program.update.as_text()

    @jax.jit
    def alone():
        one = repeat(make(jnp.float32(0.05), jnp.float32(0.4)), 4)
        state = one.init(jax.random.fold_in(jax.random.key(0), 5), POINTS)
        return one.update(state, POINTS)[0]

    # the row of a study on four devices is that row alone on one
    def rows(state, row):
        return jax.tree.map(lambda leaf: leaf[row], state._replace(step=None))

    chex.assert_trees_all_close(
        rows(last, 0), numbers(alone())._replace(step=None), atol=1e-5
    )
    moved = jax.tree.map(np.subtract, rows(last, 0).params, rows(first, 0).params)
    assert min(np.abs(leaf).max() for leaf in jax.tree.leaves(moved)) > 1e-3
    # the row that died stays where it was
    assert last.extra["died"].tolist() == [-1, 0] and last.step == 4
    held, begun = (rows(state, 1) for state in (last, first))
    for part in ("params", "opt"):
        chex.assert_trees_all_equal(getattr(held, part), getattr(begun, part))
