"""What a critic of codes is to tell apart, and what for.

A contest is ``(passed, key) -> (real, fake)``, two sets of codes. With a pair of losses of
`jaxgen.objectives.adversarial` it makes a game of encoder and critic.
"""

from collections.abc import Callable

import jax

from jaxgen.arrays import Array, Float, Key
from jaxgen.keys import named
from jaxgen.objectives.adversarial import Pair, classification
from jaxgen.objectives.variational import Passed

Codes = Float[Array, "n z"]
Contest = Callable[[Passed, Key], tuple[Codes, Codes]]

DENSITY_RATIO = Pair(
    critic=lambda real, fake: 0.5 * classification(real, fake),
    generator=lambda real, fake: real,
)
"""The encoder minimizes the critic's logit, which at its best is ``log p(real) - log
p(fake)``: a divergence between the two. Kim and Mnih, 2018, equation 3."""


def prior_or_code(passed: Passed, key: Key) -> tuple[Codes, Codes]:
    """Draws from the prior, real, against codes, fake: an adversarial autoencoder.

    References:
      Makhzani et al., 2015, *Adversarial autoencoders*, section 2.
    """
    codes = passed.terms.codes[0]
    return passed.draw(named(key, "prior"), len(codes)), codes


def code_or_permuted(passed: Passed, key: Key) -> tuple[Codes, Codes]:
    """Codes against codes whose dimensions come from several images: FactorVAE.

    With ``DENSITY_RATIO`` the encoder's part is an estimate of the total correlation.

    References:
      Kim and Mnih, 2018, *Disentangling by factorising*, algorithms 1 and 2.
    """
    codes = passed.terms.codes[0]
    return codes, permuted(codes, named(key, "permutations"))


def permuted(codes: Float[Array, "n z"], key: Key) -> Float[Array, "n z"]:
    """Each dimension in an order of its own: draws from the product of the marginals.

    Example:
      >>> import jax.numpy as jnp
      >>> codes = permuted(jnp.arange(6.0).reshape(3, 2), jax.random.key(0))
      >>> sorted(codes[:, 1].tolist())
      [1.0, 3.0, 5.0]
    """
    keys = jax.random.split(key, codes.shape[1])
    return jax.vmap(jax.random.permutation, (0, 1), 1)(keys, codes)
