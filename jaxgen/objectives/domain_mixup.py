"""Examples between domains."""

import jax
import jax.numpy as jnp

from jaxgen.arrays import Data, Key, Scalar
from jaxgen.keys import named
from jaxgen.objectives.checks import require_domains, require_positive
from jaxgen.objectives.domain_losses import domains_of


def domain_mixup(batch: Data, key: Key, concentration: float | Scalar = 0.2) -> Data:
    """Each example mixed with one of another domain of its row: ``e x + (1 - e) x'``.

    The share e is Beta of twice the concentration, one for each example; the other domain
    is the same number of places further on for all, drawn from those that differ. Labels
    are to be given as probabilities (one-hot), which are mixed alike: their cross-entropy
    is ``e CE(y) + (1 - e) CE(y')``. Of a language model it is embeddings that can be mixed.

    Args:
      batch: real numbers in rows of domains, leaves (n, k, ...).
      key: of the draws.
      concentration: small ones leave most examples nearly as they are.

    Raises:
      ValueError: one domain alone, a concentration that is not positive, or integers.

    References:
      Zhang et al., 2018, *mixup: beyond empirical risk minimization*, section 2; between
      domains: Yan et al., 2020, *Improve unsupervised domain adaptation with mixup
      training*, equation 3.

    Example:
      >>> batch = {"x": jnp.zeros((8, 2, 5)), "y": jnp.zeros((8, 2, 3))}
      >>> jax.eval_shape(domain_mixup, batch, jax.random.key(0))["x"].shape
      (8, 2, 5)
    """
    domains = domains_of(batch)
    require_domains("domain_mixup", domains)
    require_positive("domain_mixup(concentration)", concentration)
    for leaf in jax.tree.leaves(batch):
        if not jnp.issubdtype(leaf.dtype, jnp.floating):
            raise ValueError(
                f"domain_mixup of {leaf.dtype}: expected real numbers; give labels as "
                "jax.nn.one_hot, and tokens as their embeddings"
            )
    examples = jax.tree.leaves(batch)[0].shape[0]
    share = jax.random.beta(
        named(key, "share"), concentration, concentration, (examples, domains)
    )
    places = jax.random.randint(named(key, "places"), (), 1, domains)

    def mixed(leaf):
        own = share.reshape(examples, domains, *(1,) * (leaf.ndim - 2))
        return (own * leaf + (1 - own) * jnp.roll(leaf, places, 1)).astype(leaf.dtype)

    return jax.tree.map(mixed, batch)
