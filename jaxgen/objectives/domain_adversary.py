"""An adversary that guesses the domain from features which learn to hide it."""

import jax
import jax.numpy as jnp

from jaxgen.arrays import Array, Float, Int, Scalar
from jaxgen.objectives.checks import require_domains
from jaxgen.objectives.language import cross_entropy


@jax.custom_vjp
def reversed_gradient(features: Array, weight: float | Scalar) -> Array:
    """The features as they are, whose gradient comes back times minus the weight.

    Between features and an adversary it makes one descent of both: the adversary's
    parameters descend its loss, those of the features ascend it.

    Args:
      features: any array.
      weight: of the adversary, may be traced; nothing flows back to it.

    References:
      Ganin et al., 2016, *Domain-adversarial training of neural networks*, equations 16
      and 17.

    Example:
      >>> slope = jax.grad(lambda h: (3.0 * reversed_gradient(h, 0.5)).sum())
      >>> slope(jnp.ones(2)).tolist()
      [-1.5, -1.5]
    """
    return features


def _forward(features, weight):
    return features, weight


def _backward(weight, slope):
    return -weight * slope, jnp.zeros_like(weight)


reversed_gradient.defvjp(_forward, _backward)


def dann(logits: Float[Array, "n k k"]) -> Scalar:
    """Nats to tell the domain of each example, in the mean; chance is ``log k``.

    Args:
      logits: of an adversary, for examples in rows of domains, whose domain is their
        place; it should see ``reversed_gradient(features, weight)``.

    Raises:
      ValueError: one domain alone.

    References:
      Ganin et al., 2016, *Domain-adversarial training of neural networks*, equation 9
      for k domains.

    Example:
      >>> round(float(jax.jit(dann)(jnp.zeros((8, 2, 2)))), 4)  # log 2
      0.6931
    """
    return nats_of_domains(logits).mean()


def cdann(logits: Float[Array, "n k k"], labels: Int[Array, "n k"]) -> Scalar:
    """As ``dann``, with every class of the batch weighing the same.

    Computes ``sum_i w_i l_i / sum_i w_i`` with ``w_i = 1 / (examples of the class of i)``.
    That features may depend on the class, but given it not on the domain, the adversary
    is told the class: an embedding of it is added to what it sees.

    Args:
      logits: of an adversary that knows the class.
      labels: the classes of examples.

    Raises:
      ValueError: one domain alone.

    References:
      Li et al., 2018, *Deep domain generalization via conditional invariant adversarial
      networks*, equation 7.
    """
    classes = labels.ravel()
    same = (classes[:, None] == classes[None]).sum(1)
    weights = 1 / same
    return jnp.dot(weights, nats_of_domains(logits).ravel()) / weights.sum()


def nats_of_domains(logits: Float[Array, "n k k"]) -> Float[Array, "n k"]:
    """The cross-entropy of each example's own domain, which is its place in the row."""
    require_domains("an adversary", logits.shape[1])
    domain = jnp.broadcast_to(jnp.arange(logits.shape[1])[None], logits.shape[:2])
    return cross_entropy(logits, domain)
