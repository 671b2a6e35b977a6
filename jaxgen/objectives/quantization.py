"""What holds encoder and codebook together where codes are quantized."""

import jax.numpy as jnp
from jax.lax import stop_gradient

from jaxgen.arrays import Array, Int, Key, Metrics, Scalar
from jaxgen.objectives.variational import Objective, Passed, Weight


def vector_quantized(commitment: Weight = 0.25, codebook: Weight = 1.0) -> Objective:
    """The distortion, and how far the encoder is from the places it is moved to.

    Computes ``mean(distortion + codebook |sg(e) - c|^2 + commitment |e - sg(c)|^2)`` with
    what was encoded, e, and the place that was chosen, c; sg stops gradients. The rate is
    constant, and left out.

    Args:
      commitment: weight of what draws the encoder to the places.
      codebook: weight of what draws the places to the encoder; zero where they are
        moved by `jaxgen.training.codebooks.averaged`.

    Returns:
      An objective with the metrics ``commitment``, a squared distance, and
      ``perplexity``, how many places the batch uses.

    References:
      van den Oord et al., 2017, *Neural discrete representation learning*, equation 3.
    """

    def objective(passed: Passed, key: Key) -> tuple[Scalar, Metrics]:
        posterior = passed.terms.posterior
        encoded, chosen = posterior.encoded, posterior.chosen
        pulled = ((encoded - stop_gradient(chosen)) ** 2).sum(1)
        moved = ((stop_gradient(encoded) - chosen) ** 2).sum(1)
        total = passed.terms.distortion + commitment * pulled + codebook * moved
        used = perplexity(posterior.index)
        return total.mean(), {"commitment": pulled.mean(), "perplexity": used}

    return objective


def perplexity(index: Int[Array, "n g"]) -> Scalar:
    """``exp`` of the entropy of how often places are used, all groups together.

    Example:
      >>> perplexity(jnp.array([[0, 3], [3, 0]])).item()
      2.0
    """
    flat = jnp.sort(index.reshape(-1))
    first, last = (
        jnp.searchsorted(flat, flat, side=side) for side in ("left", "right")
    )
    return jnp.exp(-jnp.log((last - first) / len(flat)).mean())
