"""Every objective of autoencoders, sharded, replicated and guarded."""

import pytest

from autoencoders import IMAGES, small
from jaxgen.models.critic import PerceptronCritic
from jaxgen.models.critic_transforms import SpectralNorm
from jaxgen.nn.codes import PointCode
from jaxgen.nn.corruptions import gaussian_noise, masking_noise
from jaxgen.objectives.adversarial import NON_SATURATING
from jaxgen.objectives.code_contests import (
    DENSITY_RATIO,
    code_or_permuted,
    prior_or_code,
)
from jaxgen.objectives.code_matching import information_maximizing, wasserstein
from jaxgen.objectives.code_moments import covariance_of_codes, covariance_of_means
from jaxgen.objectives.importance import (
    combination_importance_weighted,
    doubly_reparameterized,
    multiply_importance_weighted,
    partially_importance_weighted,
    path_derivative,
)
from jaxgen.objectives.penalties import r1
from jaxgen.objectives.rates import capacity, free_bits
from jaxgen.objectives.regularizers import (
    code_norm,
    decoder_norm,
    decoder_slope,
    decoder_spectral_norm,
    encoder_slope,
    penalized,
)
from jaxgen.objectives.total_correlation import (
    beta_tc,
    stratified_sampling,
    weighted_sampling,
)
from jaxgen.objectives.variational import (
    elbo,
    importance_weighted,
    weighted_distortion,
    weighted_elbo,
)
from jaxgen.training.adversarial_autoencoding import adversarial_autoencoding
from jaxgen.training.autoencoding import autoencoding
from jaxgen.training.geco import geco
from jaxgen.training.weight_schedules import cyclical, linear, scheduled
from learners import adam, cosines
from studies import assert_lives_and_dies_as_alone, trained_study

CRITIC = PerceptronCritic(4, 1, kernel_init=cosines)
POINT = small(PointCode(3))

OBJECTIVES = {
    "elbo": elbo,
    "importance weighted": importance_weighted,
    "multiply importance weighted": multiply_importance_weighted(2),
    "partially importance weighted": partially_importance_weighted(2),
    "combination importance weighted": combination_importance_weighted(0.1),
    "doubly reparameterized": doubly_reparameterized,
    "path derivative": path_derivative,
    "free bits": free_bits(0.1),
    "capacity": capacity(1.0, 10.0),
    "beta-TC, weighted": beta_tc(4.0, weighted_sampling(64)),
    "beta-TC, stratified": beta_tc(4.0, stratified_sampling(64)),
    "DIP I": penalized(elbo, moments=(1.0, covariance_of_means(2.0, 1.0))),
    "DIP II": penalized(elbo, moments=(1.0, covariance_of_codes(2.0, 1.0))),
    "information maximizing": information_maximizing(0.5, 10.0),
}

POINT_OBJECTIVES = {
    "wasserstein": wasserstein(10.0),
    "contractive": penalized(elbo, slope=(0.1, encoder_slope)),
    "regularized": penalized(
        elbo, codes=(0.1, code_norm), decoder=(1e-3, decoder_norm)
    ),
    "slope of the decoder": penalized(elbo, slope=(0.1, decoder_slope)),
    "spectral norm of the decoder": penalized(elbo, n=(0.1, decoder_spectral_norm)),
}


def descending(rate, objective, model=small(), **more):
    return autoencoding(model, objective, adam(rate), samples=4, **more)


def contesting(rate, contest, pair, objective, critic=CRITIC, **more):
    return adversarial_autoencoding(
        small(), critic, objective, contest, pair, adam(rate), adam(rate), **more
    )


LEARNERS = {
    **{name: (descending, (one,), {}) for name, one in OBJECTIVES.items()},
    **{name: (descending, (one, POINT), {}) for name, one in POINT_OBJECTIVES.items()},
    "masked": (descending, (elbo, POINT), {"corrupt": masking_noise(0.25)}),
    "noisy": (descending, (elbo, POINT), {"corrupt": gaussian_noise(0.1)}),
}

TWO_PLAYERS = {
    "adversarial": (
        (prior_or_code, NON_SATURATING, weighted_elbo(0.0)),
        {"penalty": r1},
    ),
    "adversarial, normalized": (
        (prior_or_code, NON_SATURATING, weighted_elbo(0.0), SpectralNorm(CRITIC)),
        {},
    ),
    "factor": ((code_or_permuted, DENSITY_RATIO, elbo), {"weight": 5.0}),
}

WEIGHTS = {
    "warm-up": lambda make: scheduled(make, linear(1.0, 2)),
    "cycles": lambda make: scheduled(make, cyclical(1.0, 2)),
}


@pytest.mark.parametrize("name", LEARNERS)
def test_an_objective_is_sharded_replicated_and_guarded(name):
    make, args, more = LEARNERS[name]
    trained = trained_study(lambda rate: make(rate, *args, **more), IMAGES)
    assert_lives_and_dies_as_alone(trained, ("code", "decoder"))


@pytest.mark.parametrize("name", TWO_PLAYERS)
def test_a_contest_is_sharded_replicated_and_guarded(name):
    args, more = TWO_PLAYERS[name]
    trained = trained_study(lambda rate: contesting(rate, *args, **more), IMAGES)
    assert_lives_and_dies_as_alone(trained, ("autoencoder", "critic"))


def test_a_scheduled_weight_is_sharded_replicated_and_guarded():
    def make(rate):
        return scheduled(
            lambda weight: descending(rate, weighted_elbo(weight)), linear(1.0, 2)
        )

    assert_lives_and_dies_as_alone(trained_study(make, IMAGES), ("code", "decoder"))


def test_a_found_weight_is_sharded_replicated_and_guarded():
    def make(rate):
        return geco(lambda weight: descending(rate, weighted_distortion(weight)), 5.0)

    assert_lives_and_dies_as_alone(trained_study(make, IMAGES), ("code", "decoder"))
