"""Bounds of several codes an image, and gradients that tell encoder from decoder.

Each is an objective ``(passed, key) -> (scalar, metrics)``, in nats of an image. For k
codes with log-weights ``l_k = log p(x, z_k) - log q(z_k|x)``.
"""

import jax
from jax.lax import stop_gradient

from jaxgen.arrays import Array, Float, Key, Metrics, Scalar
from jaxgen.models.autoencoder import Terms
from jaxgen.objectives.variational import Objective, Passed, Weight, log_mean_exp


def multiply_importance_weighted(groups: int) -> Objective:
    """The mean of the bounds of several groups of codes (MIWAE).

    Computes ``-mean 1/m sum_m log (1/j sum_j w_mj)`` for m groups of j = k/m codes. With
    one group it is the importance-weighted bound, with k groups the estimate of the ELBO.

    Args:
      groups: m, which divides the codes of an image.

    Raises:
      ValueError: it does not.

    References:
      Rainforth et al., 2018, *Tighter variational bounds are not necessarily better*,
      equation 12.
    """

    def objective(passed, key):
        return -in_groups(passed.terms.log_weights, groups).mean(), {}

    return objective


def combination_importance_weighted(weight: Weight) -> Objective:
    """Between the ELBO's estimate, at weight one, and the bound of all codes (CIWAE).

    Computes ``-mean (weight 1/k sum_k l_k + (1 - weight) log (1/k sum_k w_k))``.

    References:
      Rainforth et al., 2018, *Tighter variational bounds are not necessarily better*,
      equation 13.
    """

    def objective(passed, key):
        log_weights = passed.terms.log_weights
        loose, tight = log_weights.mean(0), log_mean_exp(log_weights)
        return -(weight * loose + (1 - weight) * tight).mean(), {}

    return objective


def partially_importance_weighted(groups: int) -> Objective:
    """The bound of all codes for the decoder, that of groups for the encoder (PIWAE).

    Its value is that of ``importance_weighted``. Decoder and prior descend it; the
    encoder descends ``multiply_importance_weighted(groups)`` instead, whose gradient
    fades less beside its noise.

    Args:
      groups: into which the encoder's codes are parted.

    References:
      Rainforth et al., 2018, *Tighter variational bounds are not necessarily better*,
      section 5.3.
    """

    def objective(passed, key):
        log_weights = passed.terms.log_weights
        value, decoder = jax.value_and_grad(_tight)(log_weights)
        encoder = jax.grad(lambda many: in_groups(many, groups).mean())(log_weights)
        return -descended_apart(passed, value, log_weights, decoder, encoder), {}

    return objective


def doubly_reparameterized(passed: Passed, key: Key) -> tuple[Scalar, Metrics]:
    """The importance-weighted bound, with a gradient of the encoder of less noise (DReG).

    With ``v_k = w_k / sum w``, decoder and prior descend the bound, along
    ``sum_k v_k grad l_k``; the encoder's gradient has the same mean, but passes through
    the codes alone: ``sum_k v_k^2 (d l_k / d z_k) (d z_k / d phi)``.

    Raises:
      ValueError: the posterior has no density.

    References:
      Tucker et al., 2019, *Doubly reparameterized gradient estimators for Monte Carlo
      objectives*, equation 8.
    """
    through_codes = pathwise_log_weights(passed.terms)
    value, share = jax.value_and_grad(_tight)(passed.terms.log_weights)
    squared = share**2 * share.shape[1]  # both are means over the n images
    return -descended_apart(passed, value, through_codes, share, squared), {}


def path_derivative(passed: Passed, key: Key) -> tuple[Scalar, Metrics]:
    """The ELBO's estimate, with a gradient of the encoder through the codes alone.

    Its mean is that of the ELBO's gradient; where the posterior is exact, it is zero for
    every draw, not on average alone.

    Raises:
      ValueError: the posterior has no density.

    References:
      Roeder et al., 2017, *Sticking the landing: simple, lower-variance gradient
      estimators for variational inference*, equation 6.
    """
    return -pathwise_log_weights(passed.terms).mean(), {}


def in_groups(log_weights: Float[Array, "k n"], groups: int) -> Float[Array, "m n"]:
    """The log of the mean weight of each group of neighbouring codes.

    Example:
      >>> import jax.numpy as jnp
      >>> in_groups(jnp.array([[0.0], [0.0], [1.0], [1.0]]), 2).tolist()
      [[0.0], [1.0]]
    """
    count, images = log_weights.shape
    if groups < 1 or count % groups:
        raise ValueError(
            f"groups={groups}: {count} codes an image do not divide into so many; "
            "change the groups or the learner's samples"
        )
    return jax.vmap(log_mean_exp)(log_weights.reshape(groups, -1, images))


def pathwise_log_weights(terms: Terms) -> Float[Array, "k n"]:
    """The log-weights, whose posterior density is held fixed but for its codes."""
    if not hasattr(terms.posterior, "log_prob"):
        raise ValueError(
            f"{type(terms.posterior).__name__} has no density to hold fixed: use a code "
            "that has one, such as GaussianCode"
        )
    density = terms.posterior.log_prob(terms.codes)
    held = stop_gradient(terms.posterior).log_prob(terms.codes)
    return terms.log_weights + density - held


def descended_apart(
    passed: Passed,
    value: Scalar,
    log_weights: Float[Array, "k n"],
    decoder: Float[Array, "k n"],
    encoder: Float[Array, "k n"],
) -> Scalar:
    """A value whose gradient weighs those of the log-weights, part by part.

    Its gradient is ``sum decoder_kn grad l_kn`` for what ``log p(x, z)`` is made of, and
    ``sum encoder_kn grad l_kn`` for what the codes, and their density, are made of. The
    joint density is evaluated again at codes held fixed, which a compiler does once.
    """
    decoder, encoder = stop_gradient((decoder, encoder))
    joint = passed.log_joint(stop_gradient(passed.terms.codes))
    slope = (decoder * joint + encoder * (log_weights - joint)).sum()
    return stop_gradient(value - slope) + slope


def _tight(log_weights: Float[Array, "k n"]) -> Scalar:
    return log_mean_exp(log_weights).mean()
