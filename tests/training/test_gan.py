"""Two players in turn: closed forms of the Dirac-GAN, and a step written by hand."""

import chex
import flax.linen as nn
import jax
import numpy as np
import optax
import pytest
from jax.nn import softplus
from scipy.special import expit

from jaxgen.models.critic import PerceptronCritic
from jaxgen.models.generator import BatchNormGenerator
from jaxgen.objectives.adversarial import PAIRS, RELATIVISTIC_PAIRING, WASSERSTEIN
from jaxgen.objectives.penalties import r1, weighted
from jaxgen.training.gan import gan, generated, normal_latents
from jaxgen.training.gradients import microbatched, whole_batch
from jaxgen.training.learner import key_for
from jaxgen.training.players import sampled
from jaxgen.training.replicate import grid, replicate
from learners import POINTS, Dirac, Slope, adam, cosines, ring_gan, trajectory

REAL = np.full((16, 1), 0.5, np.float32)
RATE = 0.2


def dirac_gan(pair, g=RATE, c=RATE, *, generator=Dirac(), **more):
    players = generator, Slope(), pair, normal_latents(1)
    return gan(*players, optax.sgd(g), optax.sgd(c), **more)


SLOPES = {
    "minimax": lambda real, fake: (-expit(-real), expit(fake), -expit(fake)),
    "non_saturating": lambda real, fake: (-expit(-real), expit(fake), -expit(-fake)),
    "least_squares": lambda real, fake: (real - 1, fake, fake - 1),
    "wasserstein": lambda real, fake: (-1.0, 1.0, -1.0),
    "hinge": lambda real, fake: (-1.0 * (real < 1), 1.0 * (fake > -1), -1.0),
    # every sample is the same, so each is its kind's mean
    "relativistic_average": lambda real, fake: (
        -2 * expit(fake - real),
        2 * expit(fake - real),
        -2 * expit(real - fake),
    ),
    "relativistic_pairing": lambda real, fake: (
        -expit(fake - real),
        expit(fake - real),
        -expit(real - fake),
    ),
}
"""Of the critic's loss in both logits, and of the generator's in that of the fake."""


def dirac_steps(slopes, weight, steps):
    """Parameters after each update: the generator meets the critic's new slope."""
    psi, theta, real = 1.0, 1.0, 0.5
    for _ in range(steps):
        of_real, of_fake, _ = slopes(psi * real, psi * theta)
        psi -= RATE * (of_real * real + of_fake * theta + weight * psi)
        theta -= RATE * slopes(psi * real, psi * theta)[2] * psi
        yield psi, theta


@pytest.mark.parametrize("name", PAIRS)
def test_the_dirac_gan_moves_by_its_closed_form(name, key):
    def settings(weight):
        return dirac_gan(PAIRS[name], penalty=weighted(weight, r1))

    study = replicate(settings, grid(seed=(0,), weight=(0.0, 0.3)))
    params = trajectory(study, key, REAL, 20)[1].params
    seen = [params["critic"]["psi"], params["generator"]["theta"]]
    expected = [list(dirac_steps(SLOPES[name], w, 20)) for w in (0.0, 0.3)]
    np.testing.assert_allclose(seen, np.transpose(expected, (2, 1, 0)), atol=5e-6)


def test_a_player_without_a_rate_stays_and_the_other_moves(key):
    axis = grid(seed=(0,), g=(0.0, 0.2), c=(0.0, 0.2))
    study = replicate(lambda g, c: dirac_gan(WASSERSTEIN, g, c), axis)
    params = trajectory(study, key, REAL, 1)[1].params
    critic, generator = params["critic"]["psi"][0], params["generator"]["theta"][0]
    assert (critic != 1.0).tolist() == [False, True, False, True]
    assert (generator != 1.0).tolist() == [False, False, True, True]
    # the critic moves first: what the generator does is nothing to its step
    assert critic[1] == critic[3] and generator[2] != generator[3]


class Scale(nn.Module):
    """The generator ``theta z``."""

    @nn.compact
    def __call__(self, latents, train):
        return latents * self.param("theta", nn.initializers.ones, ())


def test_each_step_of_each_player_has_fresh_latents(key):
    learner = dirac_gan(WASSERSTEIN, 0.0, 0.0, generator=Scale())
    metrics = trajectory(learner, key, REAL, 1000)[2]
    critic, generator = metrics["critic_loss"] + 0.5, -metrics["generator_loss"]
    # both are means of 16 standard normal numbers
    for means in (critic, generator):
        assert np.std(means) == pytest.approx(0.25, rel=0.12)
        assert abs(np.corrcoef(means[1:], means[:-1])[0, 1]) < 0.16
    assert abs(np.corrcoef(critic, generator)[0, 1]) < 0.16


def test_gradients_may_be_gathered_over_parts(key):
    real = np.linspace(-1, 2, 16, dtype=np.float32)[:, None]

    def learner(value_and_grad):
        more = {"penalty": r1, "value_and_grad": value_and_grad}
        return dirac_gan(RELATIVISTIC_PAIRING, generator=Scale(), **more)

    _, states, metrics = trajectory(learner(whole_batch), key, real, 5)
    _, others, told = trajectory(learner(microbatched(4)), key, real, 5)
    chex.assert_trees_all_close(others.params, states.params, atol=1e-6)
    chex.assert_trees_all_close(told, metrics, atol=1e-6)


GENERATOR = BatchNormGenerator(width=8, depth=1)
CRITIC = PerceptronCritic(8, 1, kernel_init=cosines)


def by_hand(state, real):
    """A step of R3GAN's players with batch normalization, spelled out."""
    players, opt, statistics = (
        state.params,
        state.opt,
        state.extra["generator"]["batch_stats"],
    )

    def fakes(params, draw):
        key = key_for(state, f"latents of the {draw}'s step")
        z = jax.random.normal(jax.random.fold_in(key, 0), (64, 3))
        variables = {"params": params, "batch_stats": statistics}
        return GENERATOR.apply(variables, z, train=True, mutable=["batch_stats"])

    def critic_loss(params):
        def judge(x):
            return CRITIC.apply({"params": params}, x)

        fake, _ = fakes(players["generator"], "critic")
        slopes = jax.vmap(jax.grad(lambda x: judge(x[None])[0]))(real)
        penalty = 0.1 * 0.5 * (slopes**2).sum(axis=1).mean()
        return softplus(judge(fake) - judge(real)).mean() + penalty

    def generator_loss(params, critic):
        fake, new = fakes(params, "generator")
        real_logits, fake_logits = (
            CRITIC.apply({"params": critic}, x) for x in (real, fake)
        )
        return softplus(real_logits - fake_logits).mean(), new["batch_stats"]

    def moved(player, slope):
        updates, new = adam(0.01).update(slope, opt[player], players[player])
        return optax.apply_updates(players[player], updates), new

    value, slope = jax.value_and_grad(critic_loss)(players["critic"])
    critic, critic_opt = moved("critic", slope)
    losses = jax.value_and_grad(generator_loss, has_aux=True)
    (other, statistics_after), slope = losses(players["generator"], critic)
    generator, generator_opt = moved("generator", slope)
    new = state._replace(
        step=state.step + 1,
        params={"generator": generator, "critic": critic},
        opt={"generator": generator_opt, "critic": critic_opt},
        extra={"generator": {"batch_stats": statistics_after}},
    )
    return new, {"critic_loss": value, "generator_loss": other}


@pytest.fixture(scope="module")
def stepped():
    """A GAN with batch normalization before and after an update."""
    learner = ring_gan(generator=GENERATOR, critic=CRITIC)
    first = jax.jit(learner.init)(jax.random.key(0), POINTS)
    return first, *jax.jit(learner.update)(first, POINTS)


def test_an_update_is_the_step_written_by_hand(stepped):
    first, state, metrics = stepped
    expected, told = jax.jit(by_hand)(first, POINTS)
    chex.assert_trees_all_equal(state.key, expected.key)
    chex.assert_trees_all_close(
        (state._replace(key=None), metrics),
        (expected._replace(key=None), told),
        atol=1e-6,
    )


def test_users_get_samples_with_the_statistics_of_the_population(stepped):
    @jax.jit
    def samples(state, z):
        variables = {"params": state.params["generator"], **state.extra["generator"]}
        expected = GENERATOR.apply(variables, z, train=False)
        in_training, statistics = sampled(GENERATOR, state, z)
        return expected, generated(GENERATOR, state, z[:4]), in_training, statistics

    z = np.random.default_rng(0).normal(size=(32, 3)).astype(np.float32)
    expected, few, in_training, statistics = samples(stepped[1], z)
    np.testing.assert_allclose(few, expected[:4], atol=1e-6)
    assert np.abs(in_training - expected).max() > 1e-3
    assert set(statistics) == {"batch_stats"}
