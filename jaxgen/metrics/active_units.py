"""How many dimensions of a code tell examples apart, by three rules, and at what rate."""

import jax.numpy as jnp
import numpy as np

from jaxgen.arrays import Array, Float, Int
from jaxgen.densities.normal import DiagonalNormal, kl_to_standard_normal

Points = Array | np.ndarray


def unit_activity(means: Float[Points, "n z"]) -> Float[Array, " z"]:
    """Variance over examples of each dimension's posterior mean, Var_x E_q[z].

    Example:
        >>> import jax.numpy as jnp
        >>> unit_activity(jnp.array([[-1.0, 0.5], [1.0, 0.5]])).tolist()
        [1.0, 0.0]
    """
    return jnp.var(jnp.asarray(means), axis=0)


def active_units(
    means: Float[Points, "n z"], threshold: float = 0.01
) -> Int[Array, ""]:
    """Dimensions whose posterior mean varies with the example: Var_x E_q[z] > threshold.

    In a collapsed dimension every example has the prior's mean. Published counts are of
    500 training images; the rule presumes a prior of variance one.

    Args:
        means: of the posterior of each example; codes, where they are points.
        threshold: in squared units of the code.

    References:
        Burda, Grosse and Salakhutdinov, "Importance weighted autoencoders", 2016,
        section 5.2.

    Example:
        >>> import jax.numpy as jnp
        >>> int(active_units(jnp.array([[-1.0, 0.05], [1.0, -0.05]])))
        1
    """
    return (unit_activity(means) > threshold).sum()


def narrow_units(
    scales: Float[Points, "n z"], threshold: float = 0.5
) -> Int[Array, ""]:
    """Dimensions whose posterior is narrower than the prior: mean variance < threshold.

    The variances of trained posteriors gather at one, where nothing is told, and near
    zero, so that the threshold matters little; a dimension that is narrow in some
    examples only can be active by the other rule alone.

    Args:
        scales: standard deviations of the posterior of each example.
        threshold: of the variance, where the prior's is one.

    References:
        Rolinek, Zietlow and Martius, "Variational autoencoders pursue PCA directions
        (by accident)", 2019.

    Example:
        >>> import jax.numpy as jnp
        >>> int(narrow_units(jnp.array([[0.1, 1.0], [0.2, 0.9]])))
        1
    """
    return (jnp.mean(jnp.asarray(scales) ** 2, axis=0) < threshold).sum()


def unit_rates(posterior: DiagonalNormal) -> Float[Array, " z"]:
    """Nats that each dimension costs on average, KL(q(z_d | x) ‖ N(0, 1)).

    Their sum is the rate of the ELBO. Of a collapsed dimension it is zero, and so it is
    of no other: it is the rule without a threshold, in the units of what is paid.

    Example:
        >>> import jax.numpy as jnp
        >>> posterior = DiagonalNormal(jnp.array([[-1.0], [1.0]]), jnp.ones((2, 1)))
        >>> unit_rates(posterior).tolist()
        [0.5]
    """
    return kl_to_standard_normal(posterior).mean(0)
