"""Penalties on features of domains, and mixed examples, against numpy."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.objectives.domain_adversary import cdann, dann, reversed_gradient
from jaxgen.objectives.domain_alignment import coral, mmd
from jaxgen.objectives.domain_mixup import domain_mixup

RNG = np.random.default_rng(0)
FEATURES = RNG.normal(size=(6, 3, 4)) * np.array([1.0, 1.5, 2.0])[None, :, None]
PAIRS = list(itertools.combinations(range(3), 2))


def coral_by_hand(x):
    def apart(i, j):
        means = x[:, i].mean(0) - x[:, j].mean(0)
        covariances = np.cov(x[:, i].T) - np.cov(x[:, j].T)
        return (means**2).mean() + (covariances**2).mean()

    return np.mean([apart(i, j) for i, j in PAIRS])


def mmd_by_hand(x, gammas):
    def kernel(a, b):
        squares = ((a[:, None] - b[None]) ** 2).sum(-1)
        return sum(np.exp(-gamma * squares) for gamma in gammas).mean()

    def apart(a, b):
        return kernel(a, a) + kernel(b, b) - 2 * kernel(a, b)

    return np.mean([apart(x[:, i], x[:, j]) for i, j in PAIRS])


@pytest.mark.parametrize(
    "penalty, by_hand",
    [
        (coral, coral_by_hand),
        (lambda x: mmd(x, (0.1, 1.0)), lambda x: mmd_by_hand(x, (0.1, 1.0))),
    ],
    ids=["coral", "mmd"],
)
def test_alignment(penalty, by_hand):
    with jax.enable_x64(True):
        run = jax.jit(jax.value_and_grad(penalty))
        value, slope = map(np.asarray, run(FEATURES))
        turned = float(run(FEATURES[:, [2, 0, 1]])[0])
        same, flat = map(np.asarray, run(FEATURES[:, [0, 0, 0]]))
    assert float(value) == pytest.approx(by_hand(FEATURES), rel=1e-10)
    assert turned == pytest.approx(float(value), rel=1e-12)
    assert abs(float(same)) < 1e-12 and np.abs(flat).max() < 1e-12
    step = np.zeros_like(FEATURES)
    step[2, 1, 3] = 1e-5
    nearby = (by_hand(FEATURES + step) - by_hand(FEATURES - step)) / 2e-5
    assert slope[2, 1, 3] == pytest.approx(nearby, rel=1e-5)


def test_the_adversary_descends_what_features_ascend():
    def loss(params, seen):
        h = seen(params["features"])
        logits = jnp.einsum("nkd,dj->nkj", h, params["adversary"])
        return dann(logits)

    params = {
        "features": jnp.asarray(FEATURES, jnp.float32),
        "adversary": jnp.asarray(RNG.normal(size=(4, 3)), jnp.float32),
    }

    @jax.jit
    def both(params, weight):
        def reverse(h):
            return reversed_gradient(h, weight)

        return [
            jax.value_and_grad(loss)(params, seen) for seen in (reverse, lambda h: h)
        ]

    (value, against), (plain, along) = both(params, jnp.float32(0.7))
    assert value == plain
    np.testing.assert_allclose(against["adversary"], along["adversary"], rtol=1e-5)
    np.testing.assert_allclose(
        against["features"], -0.7 * along["features"], rtol=1e-5, atol=1e-8
    )
    logits = FEATURES @ np.asarray(params["adversary"], np.float64)
    shares = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    nats = -np.log(shares[:, np.arange(3), np.arange(3)])
    assert float(value) == pytest.approx(nats.mean(), rel=1e-5)
    labels = RNG.integers(0, 3, size=(6, 3))
    by_class = [nats[labels == c].mean() for c in np.unique(labels)]
    found = jax.jit(cdann)(jnp.asarray(logits, jnp.float32), labels)
    assert float(found) == pytest.approx(np.mean(by_class), rel=1e-5)


def test_examples_are_mixed_with_those_of_another_domain(key):
    place = np.broadcast_to(np.eye(3)[None], (200, 3, 3)).astype(np.float32)
    batch = {"place": place, "twice": 2 * place[..., 0]}
    mixed = jax.tree.map(np.asarray, jax.jit(domain_mixup)(batch, key, 0.5))
    np.testing.assert_allclose(mixed["place"].sum(-1), 1, rtol=1e-6)
    own = mixed["place"][:, np.arange(3), np.arange(3)]
    others = np.where(mixed["place"] > 0)
    shifts = (others[2] - others[1])[others[2] != others[1]] % 3
    assert len(set(shifts)) == 1  # one partner for all, never oneself
    np.testing.assert_allclose(mixed["twice"], 2 * mixed["place"][..., 0], rtol=1e-6)
    # of Beta(1/2, 1/2) the variance is 1/8
    assert own.mean() == pytest.approx(0.5, abs=0.06)
    assert own.var() == pytest.approx(0.125, abs=0.02)


@pytest.mark.parametrize(
    "refused, complaint",
    [
        (lambda key: coral(jnp.ones((4, 1, 2))), r"coral of 1 domain\(s\)"),
        (lambda key: coral(jnp.ones((1, 2, 2))), "coral of 1 example a domain"),
        (lambda key: mmd(jnp.ones((4, 1, 2))), r"mmd of 1 domain\(s\)"),
        (lambda key: dann(jnp.ones((4, 1, 1))), r"an adversary of 1 domain\(s\)"),
        (lambda key: domain_mixup(jnp.ones((4, 1)), key), r"domain_mixup of 1 domain"),
        (
            lambda key: domain_mixup(jnp.ones((4, 2)), key, 0.0),
            r"domain_mixup\(concentration\)=0.0",
        ),
        (
            lambda key: domain_mixup(jnp.ones((4, 2), int), key),
            "domain_mixup of int32: expected real numbers",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(refused, complaint, key):
    with pytest.raises(ValueError, match=complaint):
        refused(key)
