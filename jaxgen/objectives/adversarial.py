"""Losses of two players: from logits of both kinds to a loss for each example.

A pair is two functions ``(real_logits, fake_logits) -> losses``, one for each player;
both minimize. The generator is given the real logits too, so that relativistic
losses are pairs like any other. To add one, write its two lines:

    SMOOTHED = Pair(
        critic=lambda real, fake: classification(real, fake) + 0.1 * real,
        generator=lambda real, fake: softplus(-fake),
    )
"""

from collections.abc import Callable
from typing import NamedTuple

from jax.nn import relu, softplus

from jaxgen.arrays import Array, Float

Loss = Callable[[Float[Array, " n"], Float[Array, " n"]], Float[Array, " n"]]


class Pair(NamedTuple):
    """The losses of the two players.

    Attributes:
      critic: ``(real_logits, fake_logits) -> losses``, each (n,).
      generator: the same for the generator.
      over_batch: whether the loss of an example depends on others of the batch.
    """

    critic: Loss
    generator: Loss
    over_batch: bool = False


def classification(real: Float[Array, " n"], fake: Float[Array, " n"]):
    """Cross-entropy of telling real from fake: ``-log s(real) - log(1 - s(fake))``.

    ``s`` is the logistic function; computed as ``softplus(-real) + softplus(fake)``,
    which does not overflow.

    References:
      Goodfellow et al., 2014, *Generative adversarial nets*, equation 1.

    Example:
      >>> import jax.numpy as jnp
      >>> float(classification(jnp.zeros(1), jnp.zeros(1))[0])  # 2 log 2
      1.3862943649291992
    """
    return softplus(-real) + softplus(fake)


def relativistic_pairing(real: Float[Array, " n"], fake: Float[Array, " n"]):
    """Cross-entropy of telling which of a pair is real: ``softplus(fake - real)``.

    References:
      Jolicoeur-Martineau, 2019, *The relativistic discriminator*, equation 5; Huang et
      al., 2024, *The GAN is dead; long live the GAN!*, equation 2.

    Example:
      >>> import jax.numpy as jnp
      >>> float(relativistic_pairing(jnp.zeros(1), jnp.zeros(1))[0])  # log 2
      0.6931471824645996
    """
    return softplus(fake - real)


def relativistic_average(real: Float[Array, " n"], fake: Float[Array, " n"]):
    """Cross-entropy of telling each kind from the mean of the other.

    Computes ``softplus(mean fake - real) + softplus(fake - mean real)``.

    References:
      Jolicoeur-Martineau, 2019, *The relativistic discriminator*, equations 6 and 7.

    Example:
      >>> import jax.numpy as jnp
      >>> float(relativistic_average(jnp.zeros(1), jnp.zeros(1))[0])  # 2 log 2
      1.3862943649291992
    """
    return classification(real - fake.mean(), fake - real.mean())


MINIMAX = Pair(
    critic=classification,
    generator=lambda real, fake: -softplus(fake),
)
"""The generator minimizes ``log(1 - s(fake))``: the game whose value at the optimal
critic is ``2 JS(data, model) - 2 log 2``. Goodfellow et al., 2014, equation 1."""

NON_SATURATING = Pair(
    critic=classification,
    generator=lambda real, fake: softplus(-fake),
)
"""The generator minimizes ``-log s(fake)``. Goodfellow et al., 2014, section 3."""

LEAST_SQUARES = Pair(
    critic=lambda real, fake: 0.5 * ((real - 1) ** 2 + fake**2),
    generator=lambda real, fake: 0.5 * (fake - 1) ** 2,
)
"""Mao et al., 2017, *Least squares generative adversarial networks*, equation 9."""

WASSERSTEIN = Pair(
    critic=lambda real, fake: fake - real,
    generator=lambda real, fake: -fake,
)
"""Needs a critic of bounded slope. Arjovsky et al., 2017, equation 3."""

HINGE = Pair(
    critic=lambda real, fake: relu(1 - real) + relu(1 + fake),
    generator=lambda real, fake: -fake,
)
"""Lim and Ye, 2017; Miyato et al., 2018, equations 16 and 17."""

RELATIVISTIC_PAIRING = Pair(
    critic=relativistic_pairing,
    generator=lambda real, fake: relativistic_pairing(fake, real),
)
"""Each fake against one real: the pair of R3GAN. Huang et al., 2024, equation 2."""

RELATIVISTIC_AVERAGE = Pair(
    critic=relativistic_average,
    generator=lambda real, fake: relativistic_average(fake, real),
    over_batch=True,
)
"""Each sample against the mean of the others. Jolicoeur-Martineau, 2019."""

PAIRS = {
    "minimax": MINIMAX,
    "non_saturating": NON_SATURATING,
    "least_squares": LEAST_SQUARES,
    "wasserstein": WASSERSTEIN,
    "hinge": HINGE,
    "relativistic_average": RELATIVISTIC_AVERAGE,
    "relativistic_pairing": RELATIVISTIC_PAIRING,
}
"""Every pair of this file by name."""
