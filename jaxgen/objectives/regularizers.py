"""Penalties beside an objective: of codes, of the encoder's slope, of the decoder.

A penalty is ``(passed, key) -> scalar``, a mean over examples where it is about them.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgen.arrays import Array, Float, Key, Scalar
from jaxgen.nn.spectral import spectral_norm
from jaxgen.objectives.variational import (
    Objective,
    Passed,
    Weight,
    looks_at_batch,
    over_batch,
)

Penalty = Callable[[Passed, Key], Scalar]


def penalized(objective: Objective, **penalties: tuple[Weight, Penalty]) -> Objective:
    """An objective plus penalties, each times its weight, and each a metric by its name.

    A contractive autoencoder is ``penalized(elbo, slope=(0.1, encoder_slope))``; a
    regularized one ``penalized(elbo, codes=(0.5, code_norm), decoder=(1e-7,
    decoder_norm))``, with a point for a code.

    Args:
      objective: what is to be small.
      **penalties: for each name a weight, which may be traced, and a penalty.
    """

    def total(passed, key):
        value, metrics = objective(passed, key)
        told = {name: penalty(passed, key) for name, (_, penalty) in penalties.items()}
        for name, (weight, _) in penalties.items():
            value = value + weight * told[name]
        return value, metrics | told

    parts = [objective, *(penalty for _, penalty in penalties.values())]
    return over_batch(total) if any(map(looks_at_batch, parts)) else total


def code_norm(passed: Passed, key: Key) -> Scalar:
    """Half the squared length of codes, ``mean |z|^2 / 2``.

    References:
      Ghosh et al., 2020, *From variational to deterministic autoencoders*, equation 7.
    """
    return 0.5 * (passed.terms.codes**2).sum(-1).mean()


def decoder_norm(passed: Passed, key: Key) -> Scalar:
    """The squared length of the decoder's parameters: RAE-L2.

    References:
      Ghosh et al., 2020, *From variational to deterministic autoencoders*, section 3.2.
    """
    leaves = jax.tree.leaves(passed.params["decoder"])
    return jnp.stack([(leaf**2).sum() for leaf in leaves]).sum()


def decoder_spectral_norm(passed: Passed, key: Key) -> Scalar:
    """Half the squared largest singular value of each of the decoder's matrices: RAE-SN.

    References:
      Yoshida and Miyato, 2017, *Spectral norm regularization for improving the
      generalizability of deep learning*, equation 4; Ghosh et al., 2020, divide by the
      norms instead.
    """
    leaves = jax.tree.leaves(passed.params["decoder"])
    norms = [spectral_norm(leaf) for leaf in leaves if leaf.ndim > 1]
    return 0.5 * (jnp.stack(norms) ** 2).sum()


def encoder_slope(passed: Passed, key: Key) -> Scalar:
    """The squared norm of the Jacobian of codes by pixels, ``mean |d m(x) / d x|^2``.

    Costs a pass backward for each dimension of the code.

    References:
      Rifai et al., 2011, *Contractive auto-encoders: explicit invariance during feature
      extraction*, equation 5.
    """
    means, pull = jax.vjp(lambda x: passed.encode(x).mean, passed.images)
    slopes = jax.vmap(lambda way: pull(way)[0])(ways(means))
    return (slopes**2).sum() / len(means)


def decoder_slope(passed: Passed, key: Key) -> Scalar:
    """The squared norm of the Jacobian of outputs by codes: RAE-GP.

    Computes ``mean |d D(z) / d z|^2`` at the means of codes. Costs a pass forward for
    each dimension of the code.

    References:
      Ghosh et al., 2020, *From variational to deterministic autoencoders*, equation 9.
    """
    means = passed.terms.posterior.mean
    push = jax.linearize(passed.decode, means)[1]
    return (jax.vmap(push)(ways(means)) ** 2).sum() / len(means)


def ways(codes: Float[Array, "n z"]) -> Float[Array, "z n z"]:
    """A step of one along each dimension, for all codes at once.

    Each code bears on its own image alone, so one pass holds a column of every Jacobian.
    """
    steps = jnp.eye(codes.shape[1], dtype=codes.dtype)
    return jnp.broadcast_to(steps[:, None], (len(steps), *codes.shape))
