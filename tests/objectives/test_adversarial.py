"""Pairs of losses: values, optima, slopes, and what leaves them as they are."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.objectives.adversarial import (
    HINGE,
    LEAST_SQUARES,
    MINIMAX,
    NON_SATURATING,
    PAIRS,
    RELATIVISTIC_AVERAGE,
    RELATIVISTIC_PAIRING,
    WASSERSTEIN,
)

LOG2 = np.log(2.0)
LOGITS = np.random.default_rng(0).normal(size=(2, 200)) * 3


@pytest.mark.parametrize(
    "pair, critic, generator",
    [
        (MINIMAX, 2 * LOG2, -LOG2),
        (NON_SATURATING, 2 * LOG2, LOG2),
        (LEAST_SQUARES, 0.5, 0.5),
        (WASSERSTEIN, 0.0, 0.0),
        (HINGE, 2.0, 0.0),
        (RELATIVISTIC_AVERAGE, 2 * LOG2, 2 * LOG2),
        (RELATIVISTIC_PAIRING, LOG2, LOG2),
    ],
)
def test_losses_of_a_critic_that_knows_nothing(pair, critic, generator):
    nothing = jnp.zeros(3)
    for loss, value in [(pair.critic, critic), (pair.generator, generator)]:
        np.testing.assert_allclose(loss(nothing, nothing), [value] * 3, rtol=1e-6)


def plain(name, real, fake):
    """The losses as their papers write them."""
    apart = [real - fake, real - fake.mean(), fake - real.mean()]
    s = 1 / (1 + np.exp(-np.stack([real, fake, *apart])))
    return {
        "minimax": (-np.log(s[0]) - np.log(1 - s[1]), np.log(1 - s[1])),
        "non_saturating": (-np.log(s[0]) - np.log(1 - s[1]), -np.log(s[1])),
        "least_squares": ((real - 1) ** 2 / 2 + fake**2 / 2, (fake - 1) ** 2 / 2),
        "wasserstein": (fake - real, -fake),
        "hinge": (-np.minimum(0, real - 1) - np.minimum(0, -fake - 1), -fake),
        "relativistic_average": (
            -np.log(s[3]) - np.log(1 - s[4]),
            -np.log(s[4]) - np.log(1 - s[3]),
        ),
        "relativistic_pairing": (-np.log(s[2]), -np.log(1 - s[2])),
    }[name]


@pytest.mark.parametrize("name", PAIRS)
def test_losses_are_those_of_their_papers(name):
    with jax.enable_x64(True):
        real, fake = jnp.asarray(LOGITS)
        expected = plain(name, *LOGITS)
        for loss, value in zip(PAIRS[name][:2], expected, strict=True):
            np.testing.assert_allclose(loss(real, fake), value, rtol=1e-9, atol=1e-12)


def test_the_best_critic_measures_the_jensen_shannon_divergence():
    p, q = np.random.default_rng(1).dirichlet(np.ones(12), 2)
    m = (p + q) / 2
    divergence = (p * np.log(p / m) + q * np.log(q / m)).sum() / 2

    def mean_loss(logits):
        # every pair of a real and a fake outcome, weighted by how likely it is
        real, fake = (x.ravel() for x in jnp.meshgrid(logits, logits, indexing="ij"))
        return MINIMAX.critic(real, fake) @ jnp.asarray(np.outer(p, q).ravel())

    with jax.enable_x64(True):
        best = jnp.asarray(np.log(p / q))
        value, slope = jax.value_and_grad(mean_loss)(best)
        assert float(value) == pytest.approx(2 * LOG2 - 2 * divergence, rel=1e-12)
        assert np.abs(slope).max() < 1e-15
        for seed in range(5):
            other = best + np.random.default_rng(seed).normal(size=12)
            assert float(mean_loss(other)) > float(value)


def generator_slopes(pair, real, fake):
    def total(fake):
        return pair.generator(jnp.asarray(real), fake).sum()

    return np.asarray(jax.grad(total)(jnp.asarray(fake)))


def test_only_minimax_saturates_when_the_critic_is_sure():
    real, fake = np.full(3, 5.0, np.float32), np.array([-5.0, -20.0, -60.0], np.float32)
    np.testing.assert_allclose(
        generator_slopes(MINIMAX, real, fake), -np.exp(fake), rtol=0.01, atol=1e-30
    )
    for pair in (NON_SATURATING, WASSERSTEIN, HINGE, RELATIVISTIC_PAIRING):
        np.testing.assert_allclose(generator_slopes(pair, real, fake), -1.0, rtol=0.01)


@pytest.mark.parametrize("name", PAIRS)
def test_generators_want_fakes_to_look_real_and_critics_do_not(name):
    # least squares want a logit of one, and pull back what is beyond
    real, fake = (jnp.asarray(np.clip(x / 20, -0.9, 0.9), jnp.float32) for x in LOGITS)
    real, fake = (real, jnp.abs(fake)) if name == "least_squares" else (real, fake)
    pair = PAIRS[name]
    assert (generator_slopes(pair, real, fake) < 0).all()
    of_real, of_fake = jax.grad(lambda *x: pair.critic(*x).sum(), (0, 1))(real, fake)
    assert (of_real < 0).all() and (of_fake > 0).all()


@pytest.mark.parametrize("name", PAIRS)
def test_who_sees_a_constant_added_to_all_logits(name):
    blind = {
        "wasserstein": (True, False),
        "relativistic_average": (True, True),
        "relativistic_pairing": (True, True),
    }.get(name, (False, False))
    real, fake = jnp.asarray(LOGITS, jnp.float32)
    for loss, same in zip(PAIRS[name][:2], blind, strict=True):
        shifted = loss(real + 4.0, fake + 4.0)
        assert np.allclose(shifted, loss(real, fake), atol=2e-5) == same


@pytest.mark.parametrize("name", PAIRS)
def test_losses_and_slopes_do_not_overflow(name):
    large = jnp.array([-1e4, 1e4, 0.0])
    real, fake = (x.ravel() for x in jnp.meshgrid(large, large))
    for loss in PAIRS[name][:2]:
        value, slopes = jax.vjp(loss, real, fake)
        for numbers in (value, *slopes(jnp.ones_like(value))):
            assert np.isfinite(numbers).all()
        largest = 1.1e8 if name == "least_squares" else 4e4
        assert np.abs(value).max() <= largest + 2


@pytest.mark.parametrize("name", PAIRS)
def test_one_loss_for_each_example_and_of_it_alone_where_so_said(name):
    real, fake = jnp.asarray(LOGITS, jnp.float32)
    for loss in PAIRS[name][:2]:
        alone = np.array_equal(loss(real, fake)[7:8], loss(real[7:8], fake[7:8]))
        assert loss(real, fake).shape == (200,)
        assert alone != PAIRS[name].over_batch
