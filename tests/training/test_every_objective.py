"""Every objective of autoencoders, sharded, replicated and guarded."""

import jax
import numpy as np
import pytest

from autoencoders import IMAGES, small
from jaxgen.models.critic import PerceptronCritic
from jaxgen.models.critic_transforms import SpectralNorm
from jaxgen.nn.corruptions import masking_noise
from jaxgen.objectives.adversarial import NON_SATURATING, Pair
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
from jaxgen.training.learner import Learner
from jaxgen.training.weight_schedules import linear, scheduled
from learners import adam, cosines
from studies import (
    assert_lives_as_alone,
    assert_shared_out_and_held,
    one_of,
    rows_of,
    trained_study,
)
from wanderers import assert_resumes

DECODER = {"codes": (0.1, code_norm), "decoder": (1e-3, decoder_norm)}

OBJECTIVES = {
    "elbo": elbo,
    "weighted elbo": weighted_elbo(4.0),
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
    "moments of means": penalized(elbo, moments=(1.0, covariance_of_means(2.0, 1.0))),
    "moments of codes": penalized(elbo, moments=(1.0, covariance_of_codes(2.0, 1.0))),
    "wasserstein": wasserstein(10.0),
    "information maximizing": information_maximizing(0.5, 10.0),
    "contractive": penalized(elbo, slope=(0.1, encoder_slope)),
    "regularized": penalized(weighted_elbo(0.0), **DECODER),
    "slope of the decoder": penalized(elbo, slope=(0.1, decoder_slope)),
    "norms of the decoder": penalized(elbo, norms=(0.1, decoder_spectral_norm)),
    "scheduled weight": weighted_elbo,
    "multiplier": weighted_distortion,
}
"""By name; the last two are of a weight that training changes."""

CONTESTS = {
    "adversarial": (weighted_elbo(0.0), prior_or_code, NON_SATURATING),
    "factor": (elbo, code_or_permuted, DENSITY_RATIO),
}


def value_of(objective):
    return lambda passed, key: (objective(passed, key)[0], {})


def autoencoder(rate, chosen) -> Learner:
    """A learner of the chosen objective, compiled once for all of them."""

    def weighed(weight, multiplier):
        *plain, scheduled_, found = OBJECTIVES.values()
        objectives = [*plain, scheduled_(weight), found(multiplier)]
        objective = one_of(list(map(value_of, objectives)), chosen)
        corrupt = masking_noise(0.25)
        return autoencoding(small(), objective, adam(rate), samples=4, corrupt=corrupt)

    def found(multiplier):
        return scheduled(lambda weight: weighed(weight, multiplier), linear(1.0, 2))

    return geco(found, tolerance=5.0)


def contestants(rate, chosen) -> Learner:
    objectives, contests, pairs = zip(*CONTESTS.values(), strict=True)
    pair = Pair(
        one_of([pair.critic for pair in pairs], chosen),
        one_of([pair.generator for pair in pairs], chosen),
    )
    return adversarial_autoencoding(
        small(),
        SpectralNorm(PerceptronCritic(4, 1, kernel_init=cosines)),
        one_of(list(map(value_of, objectives)), chosen),
        one_of(contests, chosen),
        pair,
        adam(rate),
        adam(rate),
        weight=3.0,
    )


@pytest.fixture(scope="module")
def objectives():
    return trained_study(autoencoder, IMAGES, rows_of(OBJECTIVES))


@pytest.fixture(scope="module")
def contests():
    return trained_study(contestants, IMAGES, rows_of(CONTESTS))


@pytest.mark.parametrize("row", range(len(OBJECTIVES)), ids=OBJECTIVES)
def test_an_objective_of_a_study_is_that_objective_alone(objectives, row):
    assert_lives_as_alone(objectives, ("code", "decoder"), row)


@pytest.mark.parametrize("row", range(len(CONTESTS)), ids=CONTESTS)
def test_a_contest_of_a_study_is_that_contest_alone(contests, row):
    assert_lives_as_alone(contests, ("autoencoder", "critic"), row)


@pytest.mark.parametrize("study", ["objectives", "contests"])
def test_examples_are_shared_out_and_the_dead_are_held(study, request):
    assert_shared_out_and_held(request.getfixturevalue(study))


@pytest.mark.parametrize("study", ["objectives", "contests"])
def test_a_run_that_was_cut_short_goes_on_as_if_undisturbed(study, request, tmp_path):
    """With multiplier, schedule, average and guard; with a critic and its vectors."""
    assert_resumes(request.getfixturevalue(study).program, IMAGES, tmp_path)


def test_a_critic_carries_its_vectors(contests):
    before, after = (
        state.extra["critic"]["spectral"] for state in (contests.before, contests.after)
    )
    moved = jax.tree.map(lambda a, b: np.abs(a - b)[0].max(), before, after)
    assert max(jax.tree.leaves(moved)) > 1e-3


def test_objectives_differ(objectives):
    """No two rows end alike, though all begin alike."""
    leaves = jax.tree.leaves(objectives.after.params)
    ends = np.concatenate([leaf.reshape(len(leaf), -1) for leaf in leaves], axis=1)
    live = ends[: len(OBJECTIVES)]
    apart = np.abs(live[:, None] - live[None]).max(-1) + np.eye(len(live))
    assert apart.min() > 1e-5
