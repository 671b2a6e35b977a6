"""What every part of a GAN must pass: sharded, replicated, guarded, with the rest."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.data.batches import minibatch
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
from jaxgen.objectives.adversarial import NON_SATURATING, PAIRS
from jaxgen.objectives.generator_penalties import mode_seeking
from jaxgen.objectives.penalties import (
    consistency,
    dragan,
    gradient_penalty,
    r1,
    r2,
    unpenalized,
)
from jaxgen.sharding.mesh import mesh_of
from jaxgen.sharding.rules import study
from jaxgen.training.compile import compile
from jaxgen.training.dispatch import feed, repeat
from jaxgen.training.learner import Learner
from jaxgen.training.replicate import grid, replicate
from jaxgen.training.schedules import alternating, simultaneous, unrolled
from jaxgen.training.transforms import ema, guard
from learners import POINTS, cosines, ring_gan

LABELS = np.arange(len(POINTS)) % 3
IMAGES = np.tanh(np.random.default_rng(1).normal(size=(64, 8, 8, 1))).astype(np.float32)
CRITIC = PerceptronCritic(8, 1, kernel_init=cosines)
GENERATOR = PerceptronGenerator(2, 8, 1, kernel_init=cosines)


def jittered(samples, key):
    return samples + 0.1 * jax.random.normal(key, samples.shape)


def with_head(head) -> PerceptronCritic:
    return PerceptronCritic(8, 1, kernel_init=cosines, head=head)


PARTS = {
    **{name: {"pair": pair} for name, pair in PAIRS.items()},
    **{
        penalty.__name__: {"penalty": penalty} for penalty in (r1, r2, gradient_penalty)
    },
    "dragan": {"penalty": dragan(0.1)},
    "consistency": {"penalty": consistency(jittered)},
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

RATES = grid(seed=(5,), rate=(0.01, np.inf))
"""The second row dies at once."""


def make(part: str):
    def learner(rate) -> Learner:
        return feed(guard(ema(ring_gan(rate, **PARTS[part]), 0.9)), minibatch(16))

    return learner


def numbers(state):
    """The state on the host, its key as numbers, without what the study keeps."""
    extra = {name: part for name, part in state.extra.items() if name != "hyper"}
    key = jax.random.key_data(state.key)
    return jax.device_get(state._replace(key=key, extra=extra))


@pytest.fixture(params=PARTS)
def part(request):
    """A study of one part on a mesh, before and after, and its live row run alone."""
    data = jax.tree.map(jnp.asarray, DATA.get(request.param, POINTS))
    learner = repeat(replicate(make(request.param), RATES), 3)
    mesh = mesh_of({"replica": 2, "data": 2}, jax.devices()[:4])
    program = compile(learner, data, mesh, study())
    placed = jax.device_put(data, program.data)
    first = program.init(jax.random.key(0), placed)
    before = numbers(first)
    last, _ = program.update(first, placed)

    @jax.jit
    def alone(data):
        one = repeat(make(request.param)(jnp.float32(0.01)), 3)
        state = one.init(jax.random.fold_in(jax.random.key(0), 5), data)
        return one.update(state, data)[0]

    return program, before, numbers(last), numbers(alone(data))


def of_row(state, row):
    return jax.tree.map(lambda leaf: leaf[row], state._replace(step=None))


def test_a_part_is_sharded_replicated_and_guarded(part):
    program, before, after, alone = part
    # examples are shared out: gradients are sums over devices
    assert "all-reduce" in program.update.as_text()
    # the row of a study on four devices is that row alone on one
    chex.assert_trees_all_close(of_row(after, 0), alone._replace(step=None), atol=5e-6)
    for player in ("generator", "critic"):
        start, end = (of_row(state, 0).params[player] for state in (before, after))
        moved = jax.tree.map(lambda a, b: np.abs(a - b).max(), start, end)
        assert max(jax.tree.leaves(moved)) > 1e-3
    # the row that died stays where it was
    assert after.extra["died"].tolist() == [-1, 0] and after.step == 3
    held, start = (of_row(state, 1) for state in (after, before))
    chex.assert_trees_all_equal(held.params, start.params)
    chex.assert_trees_all_equal(held.opt, start.opt)
