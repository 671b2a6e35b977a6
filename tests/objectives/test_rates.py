"""What rates cost, in numbers that are added by hand."""

import jax.numpy as jnp
import numpy as np
import pytest

from autoencoders import drawn_terms, passed_of, valued
from jaxgen.objectives.rates import capacity, free_bits
from jaxgen.objectives.variational import elbo

TERMS = drawn_terms()._replace(
    rates=jnp.array([[0.1, 3.0, 1.0], [0.3, 1.0, 0.0]] * 3)  # means 0.2, 2.0, 0.5
)
DISTORTION = float(TERMS.distortion.mean())


def rate_paid(objective, key) -> float:
    return valued(objective, passed_of(TERMS), key) - DISTORTION


@pytest.mark.parametrize(
    "nats, size, paid",
    [(0.0, 1, 2.7), (0.5, 1, 3.0), (3.0, 1, 9.0), (0.5, 3, 2.7), (3.0, 3, 3.0)],
)
def test_a_group_costs_at_least_its_free_nats(nats, size, paid, key):
    # of means over the batch: the third dimension costs 1 and 0, and pays 0.5
    assert rate_paid(free_bits(nats, size), key) == pytest.approx(paid, abs=1e-5)
    half = rate_paid(free_bits(nats, size, weight=0.5), key)
    assert half == pytest.approx(paid / 2, abs=1e-5)


def test_no_free_bits_are_the_elbo(key):
    free, plain = (valued(f, passed_of(TERMS), key) for f in (free_bits(0.0), elbo))
    assert free == pytest.approx(plain, rel=1e-6)


@pytest.mark.parametrize("size", [0, 2, 4])
def test_groups_make_up_the_dimensions(size, key):
    with pytest.raises(ValueError, match=rf"free_bits\(size={size}\): 3 columns"):
        free_bits(1.0, size)(passed_of(TERMS), key)


@pytest.mark.parametrize("target, paid", [(0.0, 27.0), (2.7, 0.0), (5.0, 23.0)])
def test_a_rate_pays_for_missing_its_target(target, paid, key):
    seen = rate_paid(capacity(target, weight=10.0), key)
    assert seen == pytest.approx(paid, abs=1e-4)


@pytest.mark.parametrize("objective", [elbo, free_bits(0.3), capacity(1.0, 5.0)])
def test_nats_of_an_image_whatever_the_batch(objective, key):
    def doubled(leaf, axis):
        return jnp.concatenate([leaf, leaf], axis)

    once = passed_of(TERMS)
    rates, likelihood = doubled(TERMS.rates, 0), doubled(TERMS.log_likelihood, 1)
    twice = once._replace(terms=TERMS._replace(rates=rates, log_likelihood=likelihood))
    values = [valued(objective, passed, key) for passed in (once, twice)]
    np.testing.assert_allclose(*values, rtol=1e-6)
