"""The methods compared: a pair of losses, and what is added to it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import numpy as np
import optax

from experiments.mode_collapse.protocols import Recipe
from jaxgen.arrays import Array, Data, Key, Scalar
from jaxgen.data.batches import minibatch
from jaxgen.models.critic_transforms import Packed, SpectralNorm, over_batch
from jaxgen.models.generator import BatchNormGenerator
from jaxgen.models.image_generator import DCGANGenerator
from jaxgen.nn.heads import MinibatchDiscrimination, MinibatchStddev
from jaxgen.objectives.adversarial import PAIRS
from jaxgen.objectives.generator_penalties import (
    GeneratorPenalty,
    mode_seeking,
    unpenalized_samples,
)
from jaxgen.objectives.penalties import (
    Penalty,
    consistency,
    dragan,
    gradient_penalty,
    r1,
    r2,
    unpenalized,
    weighted,
)
from jaxgen.training.dispatch import feed
from jaxgen.training.gan import gan, normal_latents
from jaxgen.training.learner import Learner
from jaxgen.training.replicate import grid
from jaxgen.training.schedules import (
    IN_TURN,
    Schedule,
    alternating,
    simultaneous,
    unrolled,
)
from jaxgen.training.transforms import ema, guard

Values = Sequence[float] | float
Transform = Callable[[nn.Module], nn.Module]
Draw = Callable[[int], Callable[[Data, Key], Data]]


@dataclass(frozen=True)
class Method:
    """A way to train a GAN.

    Attributes:
      title: what a figure calls it.
      pair: name of its losses.
      penalties: on its critic, all of one weight.
      critic: applied to the protocol's critic, in order.
      generator_penalty: of the same weight, to the penalty on its generator.
      schedule: who steps when.
      batches: times the protocol's batch that an update is shown.
      rate_ratio: times the protocol's learning rate of the generator.
      averaged: decay of the averaged generator that is evaluated; none at zero.
      eps_root: of Adam; above zero where its steps are differentiated.
    """

    title: str
    pair: str = "non_saturating"
    penalties: tuple[Penalty, ...] = ()
    critic: Sequence[Transform] = ()
    generator_penalty: Callable[[Scalar], GeneratorPenalty] | None = None
    schedule: Schedule = IN_TURN
    batches: int = 1
    rate_ratio: float = 1.0
    averaged: float = 0.0
    eps_root: float = 0.0


def packed(size: int) -> tuple[Transform]:
    """Has the critic judge ``size`` samples together."""
    return (lambda critic: Packed(critic, size),)


def headed(head: nn.Module) -> tuple[Transform]:
    """Puts a head around the critic's own."""
    return (lambda critic: critic.clone(head=head.clone(head=critic.head)),)


def noisy(samples: Array, key: Key) -> Array:
    """Samples moved by a tenth of the spread of the ring's modes."""
    return samples + 0.001 * jax.random.normal(key, samples.shape)


METHODS = {
    "non_saturating": Method("non-saturating"),
    "minimax": Method("minimax", "minimax"),
    "least_squares": Method("least squares", "least_squares"),
    "wasserstein": Method("Wasserstein + R1", "wasserstein", (r1,)),
    "wasserstein_gp": Method(
        "WGAN-GP",
        "wasserstein",
        (gradient_penalty,),
        schedule=alternating(critic_steps=5),
        batches=5,
    ),
    "hinge": Method("hinge", "hinge"),
    "relativistic": Method("relativistic", "relativistic_pairing"),
    "relativistic_average": Method("relativistic average", "relativistic_average"),
    "non_saturating_r1": Method("NS + R1", penalties=(r1,)),
    "non_saturating_r1_r2": Method("NS + R1 + R2", penalties=(r1, r2)),
    "relativistic_r1": Method("relativistic + R1", "relativistic_pairing", (r1,)),
    "relativistic_r1_r2": Method(
        "relativistic + R1 + R2", "relativistic_pairing", (r1, r2)
    ),
    "dragan": Method("DRAGAN", penalties=(dragan(0.01),)),
    "consistency": Method("consistency", penalties=(consistency(noisy),)),
    "mode_seeking": Method("mode seeking", generator_penalty=mode_seeking),
    "packed_2": Method("packed by 2", critic=packed(2)),
    "packed_2_wide": Method("packed by 2, 2x batch", critic=packed(2), batches=2),
    "packed_3_wide": Method("packed by 3, 3x batch", critic=packed(3), batches=3),
    "packed_4": Method("packed by 4", critic=packed(4)),
    "packed_4_wide": Method("packed by 4, 4x batch", critic=packed(4), batches=4),
    "minibatch_stddev": Method("minibatch stddev", critic=headed(MinibatchStddev())),
    "minibatch_discrimination": Method(
        "minibatch discr.", critic=headed(MinibatchDiscrimination(kernels=8, size=4))
    ),
    "spectral_norm": Method("spectral norm", critic=(SpectralNorm,)),
    "simultaneous": Method("simultaneous", schedule=simultaneous),
    "two_rates": Method("TTUR, 1:4", rate_ratio=0.25),
    "averaged": Method("averaged", averaged=0.999),
    "unrolled_5": Method("unrolled 5", "minimax", schedule=unrolled(5), eps_root=1e-12),
}


def batch_size(recipe: Recipe, method: Method) -> int:
    """Samples that one update of this method is shown."""
    return recipe.batch * method.batches


def axis_of(recipe: Recipe, seeds: int, **changed: Values) -> dict[str, np.ndarray]:
    """The rows of a run: the recipe's rates and no penalty, but for what is changed."""
    rates = {"learning_rate": recipe.learning_rate, "rate_ratio": recipe.rate_ratio}
    return grid(seed=range(seeds), **{**rates, "penalty": 0.0, **changed})


def critic_of(recipe: Recipe, method: Method) -> nn.Module:
    """The recipe's critic as the method changes it."""
    critic = recipe.critic
    for transform in method.critic:
        critic = transform(critic)
    return critic


def require_fit(option: str, recipe: Recipe, name: str) -> None:
    """Raises, for a method by its name, what training would meet later.

    Raises:
      ValueError: packs do not divide the batch; a penalty meets a critic that looks
        across the batch, or an average of the generator batch normalization.
    """
    method = METHODS[name]
    critic, size = critic_of(recipe, method), batch_size(recipe, method)
    pack = getattr(critic, "size", 1)
    averages = isinstance(recipe.generator, BatchNormGenerator | DCGANGenerator)
    reasons = {
        f"a batch of {size} samples does not divide into packs of {pack}": size % pack,
        "its penalty is on slopes by single samples, and this critic normalizes over "
        "the batch": method.penalties and over_batch(recipe.critic),
        "its average of the generator has no statistics of batches": method.averaged
        and averages,
    }
    for reason, holds in reasons.items():
        if holds:
            raise ValueError(f"--{option}: {reason}; leave it out of this protocol")


def learner_of(
    recipe: Recipe, method: Method, draw: Draw = minibatch
) -> Callable[..., Learner]:
    """Makes, of traced rates and a penalty weight, the guarded, fed GAN.

    Args:
      recipe: nets and optimizer.
      method: what is done with them.
      draw: of a batch size, draws batches.

    Returns:
      ``(learning_rate, rate_ratio, penalty) -> learner``.
    """

    def make(learning_rate: Scalar, rate_ratio: Scalar, penalty: Scalar) -> Learner:
        adam = partial(optax.adam, b1=recipe.b1, b2=recipe.b2, eps_root=method.eps_root)
        learner = gan(
            recipe.generator,
            critic_of(recipe, method),
            PAIRS[method.pair],
            normal_latents(recipe.latents),
            adam(learning_rate * rate_ratio * method.rate_ratio),
            adam(learning_rate),
            **_penalties(method, penalty),
            schedule=method.schedule,
        )
        if method.averaged:
            learner = ema(learner, method.averaged, lambda params: params["generator"])
        return feed(guard(learner), draw(batch_size(recipe, method)))

    return make


def _penalties(method: Method, weight: Scalar) -> dict[str, Any]:
    of_samples = method.generator_penalty
    return {
        "penalty": weighted(weight, *method.penalties)
        if method.penalties
        else unpenalized,
        "generator_penalty": of_samples(weight) if of_samples else unpenalized_samples,
    }
