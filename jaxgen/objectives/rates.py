"""What a rate costs: nothing up to some nats, or as much as it misses a target by."""

import jax.numpy as jnp

from jaxgen.objectives.variational import Objective, Weight, over_batch


def free_bits(nats: Weight, size: int = 1, weight: Weight = 1.0) -> Objective:
    """The ELBO in which each group of dimensions has some nats for free.

    Computes ``mean distortion + weight sum_g max(nats, mean rate_g)`` with means over the
    batch: a group that costs less than that on average costs nothing more. A rate that
    is known in one column alone, without a closed form, is one group.

    Args:
      nats: free in each group; may be traced.
      size: neighbouring dimensions of a group: one for each, or all of them.
      weight: of the rate, which may be warmed up.

    Raises:
      ValueError: groups of that size do not make up the dimensions.

    References:
      Kingma et al., 2016, *Improving variational inference with inverse autoregressive
      flow*, equation 15.
    """

    @over_batch
    def objective(passed, key):
        rates = passed.terms.rates
        if size < 1 or rates.shape[1] % size:
            raise ValueError(
                f"free_bits(size={size}): {rates.shape[1]} columns of rates do not "
                "divide into groups of it"
            )
        groups = rates.mean(0).reshape(-1, size).sum(1)
        rate = jnp.maximum(groups, nats).sum()
        return passed.terms.distortion.mean() + weight * rate, {}

    return objective


def capacity(target: Weight, weight: Weight) -> Objective:
    """Holds the rate at a target: ``mean distortion + weight |mean rate - target|``.

    Args:
      target: nats of an image, which grow in training: `jaxgen.training.scheduled`.
      weight: of the distance; some hundreds, so that the rate is held.

    References:
      Burgess et al., 2018, *Understanding disentangling in beta-VAE*, equation 8.
    """

    @over_batch
    def objective(passed, key):
        missed = jnp.abs(passed.terms.rate.mean() - target)
        return passed.terms.distortion.mean() + weight * missed, {}

    return objective
