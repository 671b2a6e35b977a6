"""Who steps when: schedules by hand on the Dirac-GAN, and the slope of an unrolling."""

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgen.models.critic import PerceptronCritic
from jaxgen.models.generator import Conditioned, PerceptronGenerator
from jaxgen.nn.heads import Projection
from jaxgen.objectives.adversarial import NON_SATURATING, WASSERSTEIN, Pair
from jaxgen.objectives.penalties import r1, weighted
from jaxgen.training.gan import gan, generated, normal_latents
from jaxgen.training.learner import key_for
from jaxgen.training.schedules import alternating, simultaneous, unrolled
from learners import POINTS, Dirac, Slope, cosines, ring_gan, trajectory

REAL = np.full((16, 1), 0.5, np.float32)
RATE = 0.2


def dirac_gan(schedule, pair=WASSERSTEIN, **more):
    players = Dirac(), Slope(), pair, normal_latents(1)
    return gan(*players, optax.sgd(RATE), optax.sgd(RATE), schedule=schedule, **more)


def path(learner, key, steps=5, data=REAL):
    params = trajectory(learner, key, data, steps)[1].params
    return np.stack([params["critic"]["psi"], params["generator"]["theta"]], axis=1)


def by_turns(critic_steps, generator_steps, steps=5):
    """``psi`` climbs x - theta, then ``theta`` climbs ``psi``."""
    psi, theta = 1.0, 1.0
    for _ in range(steps):
        for _ in range(critic_steps):
            psi += RATE * (0.5 - theta)
        for _ in range(generator_steps):
            theta += RATE * psi
        yield psi, theta


@pytest.mark.parametrize("turns", [(1, 1), (4, 1), (1, 3), (2, 2)])
def test_players_have_as_many_turns_as_they_are_given(turns, key):
    seen = path(dirac_gan(alternating(*turns)), key)
    np.testing.assert_allclose(seen, list(by_turns(*turns)), rtol=1e-5)


def test_simultaneous_players_step_from_the_same_point(key):
    psi, theta, expected = 1.0, 1.0, []
    for _ in range(5):
        psi, theta = psi + RATE * (0.5 - theta), theta + RATE * psi
        expected.append((psi, theta))
    np.testing.assert_allclose(path(dirac_gan(simultaneous), key), expected, rtol=1e-5)


def quadratic_pair() -> Pair:
    """The critic's loss has a curvature, so that its step depends on the generator."""
    return Pair(
        critic=lambda real, fake: 0.5 * (real - fake - 1) ** 2,
        generator=lambda real, fake: real - fake,
    )


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_the_generator_sees_through_the_unrolled_critic(steps, key):
    real = 0.5

    def value(theta, psi):
        for _ in range(steps):
            gap = real - theta
            psi = psi - RATE * (psi * gap - 1) * gap
        return psi * (real - theta)

    psi, theta, expected = 1.0, 1.0, []
    for _ in range(4):
        gap = real - theta
        psi -= RATE * (psi * gap - 1) * gap
        slope = (value(theta + 1e-6, psi) - value(theta - 1e-6, psi)) / 2e-6
        theta -= RATE * slope
        expected.append((psi, theta))
    seen = path(dirac_gan(unrolled(steps), quadratic_pair()), key, steps=4)
    np.testing.assert_allclose(seen, expected, rtol=2e-5)


def test_unrolling_by_nothing_is_taking_turns(key):
    states = [
        trajectory(ring_gan(schedule=schedule), key, POINTS, 5)[1]
        for schedule in (unrolled(0), alternating())
    ]
    chex.assert_trees_all_close(states[0].params, states[1].params, atol=1e-6)


class Blind(nn.Module):
    """A critic whose slope adds up the examples it sees, and their squares."""

    @nn.compact
    def __call__(self, samples):
        weights = self.param("weights", nn.initializers.zeros, (2,))
        return samples[:, 0] * weights[0] + samples[:, 0] ** 2 * weights[1]


def test_each_step_of_the_critic_has_examples_of_its_own(key):
    pair = Pair(lambda real, fake: 0 * fake + real * 6, lambda real, fake: 0 * fake)
    data = jnp.arange(1.0, 7.0)[:, None]

    learner = gan(
        Dirac(),
        Blind(),
        pair,
        normal_latents(1),
        optax.sgd(1.0),
        optax.sgd(1.0),
        schedule=alternating(critic_steps=3),
    )
    state, _ = learner.update(learner.init(key, data), data)
    # each of three steps descends 6 times the mean of its two examples: 3 sum x
    np.testing.assert_allclose(
        state.params["critic"]["weights"], [-3 * 21.0, -3 * 91.0], rtol=1e-6
    )


def test_turns_do_not_share_latents(key):
    drawn = []

    def latents(key, count):
        z = jax.random.normal(key, (count, 1))
        jax.debug.callback(lambda z: drawn.append(z.tobytes()), z)
        return z

    players = Dirac(), Slope(), WASSERSTEIN, latents
    schedule = alternating(critic_steps=2, generator_steps=2)
    learner = gan(*players, optax.sgd(0.1), optax.sgd(0.1), schedule=schedule)
    state = learner.init(key, REAL)
    drawn.clear()
    jax.block_until_ready(learner.update(learner.update(state, REAL)[0], REAL))
    jax.effects_barrier()
    assert len(drawn) == len(set(drawn)) == 8


def test_a_lazy_penalty_comes_seldom_and_as_much(key):
    """On the steps 0, 3, ... and then three times as strong."""
    seen = path(
        dirac_gan(alternating(), penalty=weighted(0.1, r1), penalty_every=3), key
    )
    psi, theta, expected = 1.0, 1.0, []
    for step in range(5):
        penalty = 3 * 0.1 * psi if step % 3 == 0 else 0.0
        psi += RATE * (0.5 - theta - penalty)
        theta += RATE * psi
        expected.append((psi, theta))
    np.testing.assert_allclose(seen, expected, rtol=1e-5)


def test_classes_steer_what_is_generated(key):
    """Points near -1 of class 0 and near 1 of class 1 are learned each as its own."""
    labels = np.arange(64) % 2
    noise = np.random.default_rng(0).normal(0, 0.05, (64, 2))
    points = (noise + (2 * labels - 1)[:, None]).astype(np.float32)
    generator = Conditioned(PerceptronGenerator(2, 16, 1), classes=2, size=4)
    learner = ring_gan(
        pair=NON_SATURATING,
        penalty=weighted(1.0, r1),
        generator=generator,
        critic=PerceptronCritic(16, 1, head=Projection(2, cosines)),
    )
    state = jax.tree.map(
        lambda leaf: leaf[-1], trajectory(learner, key, (points, labels), 300)[1]
    )
    z = jax.random.normal(key_for(state, "test"), (64, 3))
    samples = generated(generator, state, z, jnp.asarray(labels))
    means = [samples[labels == label].mean(axis=0) for label in (0, 1)]
    np.testing.assert_allclose(means, [[-1, -1], [1, 1]], atol=0.4)


@pytest.mark.parametrize("make", [lambda: alternating(0), lambda: alternating(1, -1)])
def test_players_without_a_turn_are_refused(make):
    with pytest.raises(ValueError, match="expected 1 or more steps of each"):
        make()


def test_unrolling_backwards_is_refused():
    with pytest.raises(ValueError, match=r"steps=-1\): expected 0 or more"):
        unrolled(-1)


def test_a_batch_that_does_not_divide_into_turns_is_refused(key):
    learner = dirac_gan(alternating(critic_steps=3))
    with pytest.raises(ValueError, match=r"critic_steps=3\): the batch of 16 examples"):
        learner.update(learner.init(key, REAL), REAL)
