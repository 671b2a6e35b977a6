"""What every domain algorithm must pass: sharded, replicated, guarded, resumed."""

from collections.abc import Callable

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgen.data.domains import minibatch_by_domain, minibatch_of_mixture
from jaxgen.objectives.aggregators import cvar, erm, switched, vrex, weighted_risk
from jaxgen.objectives.domain_adversary import cdann, dann, reversed_gradient
from jaxgen.objectives.domain_alignment import coral, mmd
from jaxgen.objectives.domain_losses import domain_means, each_domain
from jaxgen.objectives.domain_mixup import domain_mixup
from jaxgen.objectives.doremi import doremi, excess_losses
from jaxgen.objectives.gradient_agreement import and_mask, pcgrad
from jaxgen.objectives.gradient_matching import fishr, iga, mldg
from jaxgen.objectives.group_dro import group_dro
from jaxgen.objectives.invariant_risk import irmv1, with_slopes
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
from learners import POINTS, adam, cosines

COUNTS = (24, 40)
ROWS = minibatch_by_domain(8, COUNTS)
MIXTURE = minibatch_of_mixture(16, COUNTS, np.array([0.5, 0.5]))


def start(key, batch):
    return {"in": cosines(key, (2, 4)), "out": cosines(key, (4, 2))}


def features(params, x):
    return jnp.tanh(x @ params["in"])


def errors(params, x, scale=1.0):
    """Of examples, (..., 2): how far the product of coordinates is from a guess."""
    return (scale * (features(params, x) @ params["out"])[..., 0] - x.prod(-1)) ** 2


def one_domain(params, x, key):
    return errors(params, x).mean(), {}


LOSSES = each_domain(one_domain)


def at_scale(params, scale, x, key):
    return errors(params, x, scale).mean(0), {}


def of_mixture(params, batch, key):
    x, domain = batch
    return domain_means(errors(params, x), domain, 2), {}


def in_excess(params, batch, key):
    x, domain = batch
    return excess_losses(errors(params, x), x[:, 0] ** 2, domain, 2), {}


def aligned(penalty) -> Callable:
    def make(weight):
        def loss(params, x, key):
            h = features(params, x)
            return errors(params, x).mean() + weight * penalty(params, h, x), {}

        return loss

    return make


def adversary(params, h, x):
    return dann(reversed_gradient(h, 0.5) @ params["out"])


def conditional_adversary(params, h, x):
    return cdann(reversed_gradient(h, 0.5) @ params["out"], (x[..., 0] > 0).astype(int))


def mixed(params, x, key):
    batch = domain_mixup({"x": x, "y": x.prod(-1)}, key, 0.5)
    guesses = (features(params, batch["x"]) @ params["out"])[..., 0]
    return ((guesses - batch["y"]) ** 2).mean(), {}


def of_losses(aggregator, losses=LOSSES, draw=ROWS, value_and_grad=whole_batch):
    def make(rate, weight):
        chosen = aggregator(weight)
        learner = domain_descent(start, losses, chosen, adam(rate), value_and_grad)
        return feed(learner, draw)

    return make


def of_one(loss=lambda weight: one_domain, value_and_grad=lambda weight: whole_batch):
    def make(rate, weight):
        how = value_and_grad(weight)
        return feed(descent(start, loss(weight), adam(rate), how), ROWS)

    return make


def averaged(rate, weight):
    return segment_average(of_losses(lambda weight: erm())(rate, weight), 2)


ALGORITHMS = {
    "weighted": of_losses(
        lambda w: weighted_risk(np.array([0.3, 0.7])), of_mixture, MIXTURE
    ),
    "group DRO": of_losses(group_dro),
    "V-REx after ERM": of_losses(lambda weight: switched(erm(), vrex(weight), 1)),
    "CVaR": of_losses(cvar),
    "EQRM": of_losses(eqrm),
    "DoReMi": of_losses(doremi, in_excess, MIXTURE),
    "IRM": of_losses(irmv1, with_slopes(at_scale)),
    "SAM": of_losses(vrex, value_and_grad=sam(0.05)),
    "SWAD": averaged,
    "ANDMask": of_one(value_and_grad=lambda weight: per_domain(and_mask(weight))),
    "PCGrad": of_one(value_and_grad=lambda weight: per_domain(pcgrad)),
    "Fish": of_one(value_and_grad=lambda weight: fish(optax.sgd(weight))),
    "IGA": of_one(lambda weight: iga(one_domain, weight)),
    "Fishr": of_one(lambda weight: fishr(one_domain, weight, of=lambda p: p["out"])),
    "MLDG": of_one(lambda weight: mldg(one_domain, weight)),
    "CORAL": of_one(aligned(lambda params, h, x: coral(h))),
    "MMD": of_one(aligned(lambda params, h, x: mmd(h))),
    "DANN": of_one(aligned(adversary)),
    "CDANN": of_one(aligned(conditional_adversary)),
    "Mixup": of_one(lambda weight: mixed),
}

HYPER = grid(seed=(5,), rate=(0.01, np.inf), weight=0.4)
"""The second row dies at once."""


def numbers(state):
    """The state on the host, its key as numbers, without what the study keeps."""
    extra = {name: part for name, part in state.extra.items() if name != "hyper"}
    key = jax.random.key_data(state.key)
    return jax.device_get(state._replace(key=key, extra=extra))


@pytest.mark.parametrize("name", ALGORITHMS)
def test_an_algorithm_is_sharded_replicated_guarded_and_resumed(name, tmp_path):
    def make(rate, weight) -> Learner:
        return guard(ALGORITHMS[name](rate, weight))

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
        one = repeat(make(jnp.float32(0.01), jnp.float32(0.4)), 4)
        state = one.init(jax.random.fold_in(jax.random.key(0), 5), POINTS)
        return one.update(state, POINTS)[0]

    # the row of a study on four devices is that row alone on one
    def rows(state, row):
        return jax.tree.map(lambda leaf: leaf[row], state._replace(step=None))

    chex.assert_trees_all_close(
        rows(last, 0), numbers(alone())._replace(step=None), atol=1e-5
    )
    moved = jax.tree.map(np.subtract, rows(last, 0).params, rows(first, 0).params)
    assert max(np.abs(leaf).max() for leaf in jax.tree.leaves(moved)) > 1e-3
    # the row that died stays where it was
    assert last.extra["died"].tolist() == [-1, 0] and last.step == 4
    held, begun = (rows(state, 1) for state in (last, first))
    for part in ("params", "opt"):
        chex.assert_trees_all_equal(getattr(held, part), getattr(begun, part))
