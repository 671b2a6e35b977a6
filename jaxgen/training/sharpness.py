"""Sharpness-aware minimization, a transformation of ``value_and_grad``."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax

from jaxgen.arrays import Scalar
from jaxgen.objectives.checks import require_positive
from jaxgen.training.gradients import Loss, whole_batch


def sam(
    radius: float | Scalar, value_and_grad: Callable = whole_batch
) -> Callable[[Loss], Callable]:
    """The gradient at the worst point nearby, to first order.

    With ``g = grad loss(p)``, computes ``grad loss(p + radius g / |g|)``, the norm over all
    parameters. Both gradients are of the same batch and draws, at twice the work. Value
    and metrics are those at p.

    Args:
      radius: how far the worst point is looked for, above zero, may be traced.
      value_and_grad: how each of the two is gathered.

    Returns:
      A transformation for ``descent`` and ``domain_descent``.

    Raises:
      ValueError: a radius that is not positive.

    References:
      Foret et al., 2021, *Sharpness-aware minimization for efficiently improving
      generalization*, equations 2 and 3 with p = 2.

    Example:
      >>> loss = lambda w, x, key: ((w**2).sum(), {})
      >>> w = jnp.array([3.0, 4.0])
      >>> sam(5.0)(loss)(w, None, None)[1].tolist()  # 2 (w + w)
      [12.0, 16.0]
    """
    require_positive("sam(radius)", radius)

    def transform(loss):
        gradient = value_and_grad(loss)

        def gathered(params, batch, key):
            told, slope = gradient(params, batch, key)
            far = radius / jnp.maximum(optax.tree.norm(slope), 1e-12)
            worst = jax.tree.map(
                lambda p, g: (p + far * g).astype(p.dtype), params, slope
            )
            return told, gradient(worst, batch, key)[1]

        return gathered

    return transform
