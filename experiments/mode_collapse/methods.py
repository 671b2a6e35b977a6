"""The methods compared: a pair of losses, what is added to it, and packing."""

from collections.abc import Callable
from dataclasses import dataclass

import optax

from experiments.mode_collapse.protocols import Protocol
from jaxgen.arrays import Scalar
from jaxgen.data.batches import minibatch
from jaxgen.models.critic_transforms import Packed
from jaxgen.objectives.adversarial import PAIRS
from jaxgen.objectives.penalties import Penalty, r1, r2, unpenalized, weighted
from jaxgen.training.dispatch import feed
from jaxgen.training.gan import gan, normal_latents
from jaxgen.training.learner import Learner
from jaxgen.training.transforms import guard


@dataclass(frozen=True)
class Method:
    """A way to train a GAN.

    Attributes:
      title: what a figure calls it.
      pair: name of its losses.
      penalties: on its critic, all of one weight.
      pack: samples that the critic judges together.
    """

    title: str
    pair: str
    penalties: tuple[Penalty, ...] = ()
    pack: int = 1


METHODS = {
    "non_saturating": Method("non-saturating", "non_saturating"),
    "minimax": Method("minimax", "minimax"),
    "wasserstein": Method("Wasserstein + R1", "wasserstein", (r1,)),
    "hinge": Method("hinge", "hinge"),
    "relativistic": Method("relativistic", "relativistic_pairing"),
    "non_saturating_r1": Method("non-saturating + R1", "non_saturating", (r1,)),
    "relativistic_r1_r2": Method(
        "relativistic + R1 + R2", "relativistic_pairing", (r1, r2)
    ),
    "packed_2": Method("packed by 2", "non_saturating", pack=2),
    "packed_3": Method("packed by 3", "non_saturating", pack=3),
    "packed_4": Method("packed by 4", "non_saturating", pack=4),
}


def batch_size(protocol: Protocol, method: Method) -> int:
    """Samples in a batch of this method.

    Raises:
      ValueError: the pack does not divide the protocol's batch.
    """
    if protocol.packs:
        return protocol.batch * method.pack
    if protocol.batch % method.pack:
        raise ValueError(
            f"{method.title}: a batch of {protocol.batch} samples does not divide into "
            f"packs of {method.pack}; leave the method out of this protocol"
        )
    return protocol.batch


def learner_of(protocol: Protocol, method: Method) -> Callable[..., Learner]:
    """Makes, of a learning rate and a penalty weight, the guarded, fed GAN."""
    critic = protocol.critic
    if method.pack > 1:
        critic = Packed(critic, method.pack)

    def make(learning_rate: Scalar, penalty: Scalar) -> Learner:
        adam = optax.adam(learning_rate, protocol.b1, protocol.b2)
        penalties = method.penalties
        learner = gan(
            protocol.generator,
            critic,
            PAIRS[method.pair],
            normal_latents(2),
            adam,
            adam,
            penalty=weighted(penalty, *penalties) if penalties else unpenalized,
        )
        return feed(guard(learner), minibatch(batch_size(protocol, method)))

    return make
