"""What every part of a GAN must pass: sharded, replicated, guarded, with the rest."""

import jax
import numpy as np
import pytest

from jaxgen.models.critic import MaxoutCritic, PerceptronCritic
from jaxgen.models.critic_transforms import Augmented, Packed, SpectralNorm
from jaxgen.models.generator import (
    BatchNormGenerator,
    Conditioned,
    PerceptronGenerator,
)
from jaxgen.models.image_critic import DCGANCritic, ResidualCritic
from jaxgen.models.image_generator import DCGANGenerator, ResidualGenerator
from jaxgen.nn.augment import diff_augment
from jaxgen.nn.heads import MinibatchDiscrimination, MinibatchStddev, Projection
from jaxgen.objectives.adversarial import NON_SATURATING, PAIRS, Pair
from jaxgen.objectives.generator_penalties import mode_seeking
from jaxgen.objectives.penalties import (
    consistency,
    dragan,
    gradient_penalty,
    r1,
    r2,
    unpenalized,
)
from jaxgen.training.schedules import alternating, simultaneous, unrolled
from learners import POINTS, cosines, ring_gan
from studies import (
    assert_lives_as_alone,
    assert_shared_out_and_held,
    one_of,
    rows_of,
    trained_study,
)

LABELS = np.arange(len(POINTS)) % 3
IMAGES = np.tanh(np.random.default_rng(1).normal(size=(64, 8, 8, 1))).astype(np.float32)
CRITIC = PerceptronCritic(8, 1, kernel_init=cosines)
GENERATOR = PerceptronGenerator(2, 8, 1, kernel_init=cosines)


def jittered(samples, key):
    return samples + 0.1 * jax.random.normal(key, samples.shape)


def with_head(head) -> PerceptronCritic:
    return PerceptronCritic(8, 1, kernel_init=cosines, head=head)


PENALTIES = {
    **{penalty.__name__: penalty for penalty in (r1, r2, gradient_penalty)},
    "dragan": dragan(0.1),
    "consistency": consistency(jittered),
}
PARTS = {
    "lazy r1": {"penalty": r1, "penalty_every": 2},
    "mode seeking": {"generator_penalty": mode_seeking(0.1)},
    "packed": {"critic": Packed(CRITIC, 2)},
    "augmented": {"critic": Augmented(CRITIC, jittered)},
    "spectral norm": {"critic": SpectralNorm(CRITIC)},
    "packed, augmented, normalized": {
        "critic": SpectralNorm(Augmented(Packed(CRITIC, 2), jittered))
    },
    "minibatch stddev": {"critic": with_head(MinibatchStddev(group=4))},
    "minibatch discrimination": {
        "critic": with_head(MinibatchDiscrimination(kernels=2, size=2))
    },
    "maxout": {"critic": MaxoutCritic(4, 2, 1)},
    "batch normalization": {"generator": BatchNormGenerator(width=8, depth=1)},
    "classes": {
        "generator": Conditioned(GENERATOR, classes=3, size=2),
        "critic": with_head(Projection(3, cosines)),
    },
    "DCGAN": {
        "generator": DCGANGenerator(8, 1, (3, 2), kernel=3),
        "critic": DCGANCritic((2, 3), kernel=3, normalized=1),
        "penalty": unpenalized,
    },
    "residual, DiffAugment": {
        "generator": ResidualGenerator(8, 1, (3, 2)),
        "critic": Augmented(ResidualCritic((2, 3)), diff_augment),
        "penalty": unpenalized,
    },
    "two critic steps": {"schedule": alternating(critic_steps=2)},
    "two generator steps": {"schedule": alternating(generator_steps=2)},
    "simultaneous": {"schedule": simultaneous},
    "unrolled": {"schedule": unrolled(2), "pair": NON_SATURATING},
}

DATA = {
    "classes": (POINTS, LABELS),
    "DCGAN": IMAGES,
    "residual, DiffAugment": IMAGES,
}
"""Of the parts that do not learn points."""


def paired(rate, chosen):
    """A learner of the chosen pair, compiled once for all of them."""
    critics, generators, _ = zip(*PAIRS.values(), strict=True)
    pair = Pair(one_of(critics, chosen), one_of(generators, chosen), over_batch=True)
    return ring_gan(rate, pair)


def penalized(rate, chosen):
    """A learner of the chosen penalty, compiled once for all of them."""
    return ring_gan(rate, penalty=one_of([*PENALTIES.values()], chosen))


STUDIES = {"pair": (paired, PAIRS), "penalty": (penalized, PENALTIES)}


@pytest.mark.parametrize("kind", STUDIES)
def test_losses_of_a_study_are_those_alone(kind):
    make, names = STUDIES[kind]
    trained = trained_study(make, POINTS, rows_of(names))
    assert_shared_out_and_held(trained)
    for row in range(len(names)):
        assert_lives_as_alone(trained, ("generator", "critic"), row)


@pytest.mark.parametrize("part", PARTS)
def test_a_part_is_sharded_replicated_and_guarded(part):
    trained = trained_study(
        lambda rate: ring_gan(rate, **PARTS[part]), DATA.get(part, POINTS)
    )
    assert_shared_out_and_held(trained)
    assert_lives_as_alone(trained, ("generator", "critic"))
