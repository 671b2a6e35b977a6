"""The rate in three parts, estimated from a batch: beta-TC-VAE.

The average over examples of the KL from posterior to prior is

    KL(q(z, x) || q(z) p(x)) + KL(q(z) || prod_j q(z_j)) + sum of KL(q(z_j) || p(z_j)),

the mutual information of codes and examples, the total correlation, and what is left,
dimension by dimension; ``q(z)`` is the mean of the posteriors of all examples.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jax.nn import logsumexp

from jaxgen.arrays import Array, Float
from jaxgen.densities.normal import normal_log_prob, require_diagonal
from jaxgen.models.autoencoder import Terms
from jaxgen.objectives.variational import Objective, Weight, over_batch

Sampling = Callable[[int], Float[Array, "n n"]]
"""``batch size n -> weights``: row i estimates q(z_i) by weighing each q(z_i|x_j)."""


class Parts(NamedTuple):
    """The parts of the rate, estimated at each code, in nats.

    Attributes:
      information: ``log q(z|x) - log q(z)``.
      correlation: ``log q(z) - sum_j log q(z_j)``.
      dimension_wise: ``sum_j log q(z_j) - log p(z)``.
    """

    information: Float[Array, "k n"]
    correlation: Float[Array, "k n"]
    dimension_wise: Float[Array, "k n"]


def beta_tc(
    weight: Weight,
    sampling: Sampling,
    information: Weight = 1.0,
    dimension_wise: Weight = 1.0,
) -> Objective:
    """The ELBO's estimate, in which the total correlation has another weight.

    Computes ``mean(distortion + information I + weight TC + dimension_wise D)``, and
    tells the parts as metrics.

    Args:
      weight: of the total correlation, beta.
      sampling: how q(z) is estimated: `weighted_sampling`, `stratified_sampling`.
      information: weight of the mutual information, alpha.
      dimension_wise: weight of the rest, gamma.

    Raises:
      ValueError: the code is not a diagonal normal.

    References:
      Chen et al., 2018, *Isolating sources of disentanglement in variational
      autoencoders*, equation 4.
    """

    @over_batch
    def objective(passed, key):
        weights = sampling(len(passed.images))
        means = [part.mean() for part in rate_in_parts(passed.terms, weights)]
        costs = (information, weight, dimension_wise)
        cost = sum(w * mean for w, mean in zip(costs, means, strict=True))
        metrics = dict(zip(Parts._fields, means, strict=True))
        return passed.terms.distortion.mean() + cost, metrics

    return objective


def weighted_sampling(examples: int) -> Sampling:
    """Weighs all of the batch alike: ``1 / (N n)``.

    On average too low an estimate of q(z), by a factor that hardly depends on the code
    where batches are large; the total correlation is then told too low, or negative.

    Args:
      examples: N, of the whole data.

    References:
      Chen et al., 2018, *Isolating sources of disentanglement in variational
      autoencoders*, appendix C.1.

    Example:
      >>> weighted_sampling(10)(2).tolist()
      [[0.05000000074505806, 0.05000000074505806], [0.05000000074505806, ...
    """
    return lambda n: jnp.full((n, n), 1 / (examples * n))


def stratified_sampling(examples: int) -> Sampling:
    """Weighs the example itself as one of the data, and the others as all the rest.

    With ``m = n - 1``, an example's own weight is ``1/N``, that of its neighbour in the
    batch ``(N - m) / (N m)``, and those of the others ``1/m``: over random batches an
    unbiased estimate of q(z).

    Args:
      examples: N, of the whole data.

    Raises:
      ValueError: a batch of one example, or of more than there are.

    References:
      Chen et al., 2018, *Isolating sources of disentanglement in variational
      autoencoders*, appendix C.2.

    Example:
      >>> stratified_sampling(4)(2).tolist()
      [[0.25, 0.75], [0.75, 0.25]]
    """

    def weights(n):
        if not 2 <= n <= examples:
            raise ValueError(
                f"stratified_sampling({examples}): a batch of {n} examples; expected 2 "
                f"to {examples}"
            )
        own, others = jnp.eye(n), n - 1
        neighbour = jnp.roll(own, 1, axis=1)
        rest = (1 - own - neighbour) / others
        share = (examples - others) / (examples * others)
        return own / examples + neighbour * share + rest

    return weights


def rate_in_parts(terms: Terms, weights: Float[Array, "n n"]) -> Parts:
    """The three parts at each code, which add up to its ``log_ratio``.

    Args:
      terms: of a batch, with a diagonal normal for each image.
      weights: of the batch's posteriors in the mixture at each image's codes.
    """
    posterior = require_diagonal(terms.posterior)
    mean, scale = (part[None, None] for part in posterior)
    apart = normal_log_prob(terms.codes[:, :, None], mean, scale)  # k n n z
    log_weights = jnp.log(weights)[None]
    joint = logsumexp(apart.sum(-1) + log_weights, axis=2)
    product = logsumexp(apart + log_weights[..., None], axis=2).sum(-1)
    density = posterior.log_prob(terms.codes)
    log_prior = density - terms.log_ratio
    return Parts(density - joint, joint - product, product - log_prior)
