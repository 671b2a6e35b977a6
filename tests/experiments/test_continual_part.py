"""What is made of runs in stages, by hand; their names and what is refused."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.domain_generalization import claim
from experiments.domain_generalization.continual_findings import (
    STRATEGIES,
    by_other_orders,
    gaps,
    learned_by,
    measures,
)
from experiments.domain_generalization.continual_runs import WEIGHTS, StrategyRuns
from experiments.domain_generalization.continual_scores import Ends, params_of
from experiments.domain_generalization.continual_settings import (
    Continual,
    StrategyName,
)
from jaxgen.data.stages import latin_square
from jaxgen.models.low_rank import Factors
from jaxgen.training.learner import fresh
from jaxgen.training.stage_adapters import Adapted

TINY = claim.PRESETS["tiny"]


def test_names_on_the_command_line_are_those_that_exist():
    assert set(StrategyName.__args__) == set(STRATEGIES) == set(WEIGHTS)


def test_runs_are_put_in_the_order_of_their_stages():
    chance = np.random.default_rng(0)
    test = chance.uniform(size=(3, 2, 7, 3))  # three stages of two evaluations
    validation = np.zeros((3, 2, 7, 3))
    validation[:, 0, -1] = 1.0  # the second weight is better on every order
    steps = np.arange(0, 28, 4)
    ends = Ends(*chance.uniform(size=(3, 3, 2)))
    one = learned_by(StrategyRuns((0.5, 2.0), test, validation, steps, {}, ends))
    assert one.weight.tolist() == [2.0] * 3
    np.testing.assert_array_equal(one.ends, np.array(ends)[..., 1])
    for order, line in enumerate(latin_square(3)):
        for stage in range(3):
            for place, domain in enumerate(line):
                told = test[order, 1, 2 * (stage + 1), domain]
                assert one.results[order, stage, place] == told
        np.testing.assert_array_equal(one.untrained[order], test[order, 1, 0, line])
        np.testing.assert_array_equal(one.curve[order], test[order, 1, :, line[0]])
    peaks = [max(c[s : s + 3]) - max(c[s], c[s + 2]) for c in one.curve for s in (2, 4)]
    np.testing.assert_allclose(gaps(one), np.mean(np.reshape(peaks, (3, 2)), 1))
    told = measures(one, one)
    ends = [one.results[:, s, s] - one.results[:, -1, s] for s in range(3)]
    np.testing.assert_allclose(told["intransigence"], np.mean(ends, axis=0))
    assert "intransigence" not in measures(one, None)


def test_a_domain_is_told_by_the_adapter_of_its_stage():
    """And by the model of the first stage where it was none of them."""
    kernels = {"kernel": jnp.zeros((4, 4))}
    down = jnp.broadcast_to(jnp.eye(4)[None], (3, 4, 4))
    factors = Factors(down, down * jnp.array([0.0, 1.0, 2.0])[:, None, None])
    params = Adapted(kernels, {"kernel": factors})
    hyper = {"order": jnp.float32(1), "weight": jnp.float32(8.0)}
    state = fresh(jax.random.key(0), params, (), hyper=hyper)
    told = params_of("lora_per_domain", state, Continual(rank=4), 3)
    line = latin_square(3)[1].tolist()
    for domain in range(5):
        stage = line.index(domain) if domain < 3 else 0
        found = told(jnp.array(domain))["kernel"]
        np.testing.assert_allclose(found, 2.0 * stage * np.eye(4))


def test_an_order_does_not_choose_its_own_weight():
    bits = np.array([[0.0, 9.0], [3.0, 1.0], [3.0, 2.0]])
    assert by_other_orders(bits).tolist() == [1, 0, 0]
    bits[0] = [-100, 100]
    assert by_other_orders(bits)[0] == 1


@pytest.mark.parametrize(
    "make, complaint",
    [
        (lambda: Continual(strategies=("naive", "ewc")), "continual.strategies"),
        (lambda: Continual(domains=2), "continual.domains 2: expected 3 or more"),
        (lambda: Continual(updates=10, evaluations=4), "continual.evaluations 4"),
        (lambda: Continual(replayed=0), "continual.replayed 0"),
        (lambda: Continual(rank=0), "--continual.rank 0"),
        (
            lambda: dataclasses.replace(
                TINY, continual=dataclasses.replace(TINY.continual, rank=9)
            ),
            "--continual.rank 9: expected 8 or fewer",
        ),
        (
            lambda: Continual(replayed=8).require_stages(8, 800),
            "replayed 8: expected 7",
        ),
        (
            lambda: Continual(updates=8, capacity=65).require_stages(8, 800),
            "capacity 65: expected 64 or fewer",
        ),
        (
            lambda: dataclasses.replace(TINY, continual=Continual(updates=16)),
            "continual.updates 16: expected 6 or fewer",
        ),
    ],
)
def test_settings_that_cannot_be_are_refused(make, complaint):
    with pytest.raises(ValueError, match=complaint):
        make()
