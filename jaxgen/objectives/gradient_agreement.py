"""One gradient of the gradients of domains: ``(stack, key) -> gradient``.

A stack is a pytree like the parameters whose leaves have a leading axis of domains.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax
from jax.flatten_util import ravel_pytree

from jaxgen.arrays import Key, PyTree, Scalar
from jaxgen.objectives.checks import require_domains, require_share

Agreement = Callable[[PyTree, Key], PyTree]


def mean_gradient(stack: PyTree, key: Key) -> PyTree:
    """The mean over domains, which is the gradient of the mean loss.

    Example:
      >>> mean_gradient(jnp.array([[1.0], [3.0]]), jax.random.key(0)).tolist()
      [2.0]
    """
    return jax.tree.map(lambda leaf: leaf.mean(0), stack)


def and_mask(share: float | Scalar) -> Agreement:
    """The mean gradient where domains agree on its sign, zero elsewhere.

    Computes ``mean_k g_k`` at each number of the parameters where ``|mean_k sign(g_k)| >=
    share``, so that 1 asks for all domains, 0.5 for three of four.

    Args:
      share: the least agreement, in (0, 1], may be traced.

    Raises:
      ValueError: a share that is none, or one domain alone.

    References:
      Parascandolo et al., 2021, *Learning explanations that are hard to vary*, section
      3.1.

    Example:
      >>> stack = jnp.array([[1.0, 1.0], [3.0, -3.0]])
      >>> and_mask(1.0)(stack, jax.random.key(0)).tolist()
      [2.0, 0.0]
    """
    require_share("and_mask(share)", share)

    def agreed(leaf):
        agreement = jnp.abs(jnp.sign(leaf).mean(0))
        # means of thirds are not exact: 2/3 is to count as 2/3
        return jnp.where(agreement >= share - 1e-6, leaf.mean(0), 0)

    def gradient(stack, key):
        require_domains("and_mask", domains_of_stack(stack))
        return jax.tree.map(agreed, stack)

    return gradient


def pcgrad(stack: PyTree, key: Key) -> PyTree:
    """The mean gradient after each has given up what conflicts with the others.

    To each ``g_i``, for all other j in a random order: where ``g_i . g_j < 0``,
    ``g_i <- g_i - (g_i . g_j / |g_j|^2) g_j``, with ``g_j`` as it was at first. The
    products are over all parameters.

    Args:
      stack: gradients of domains.
      key: of the orders.

    Raises:
      ValueError: one domain alone.

    References:
      Yu et al., 2020, *Gradient surgery for multi-task learning*, algorithm 1, whose sum
      is a mean here.

    Example:
      >>> stack = jnp.array([[1.0, 0.0], [-1.0, 1.0]])
      >>> jax.jit(pcgrad)(stack, jax.random.key(0)).tolist()  # of (0.5, 0.5) and (0, 1)
      [0.25, 0.75]
    """
    domains = domains_of_stack(stack)
    require_domains("pcgrad", domains)
    _, unravel = ravel_pytree(jax.tree.map(lambda leaf: leaf[0], stack))
    vectors = jax.vmap(lambda one: ravel_pytree(one)[0])(stack)

    def of_domain(index, key):
        def project(vector, other):
            product = jnp.dot(vector, vectors[other])
            conflicts = (other != index) & (product < 0)
            share = product / jnp.sum(vectors[other] ** 2)
            return vector - jnp.where(conflicts, share, 0) * vectors[other], ()

        order = jax.random.permutation(key, domains)
        return lax.scan(project, vectors[index], order)[0]

    keys = jax.random.split(key, domains)
    return unravel(jax.vmap(of_domain)(jnp.arange(domains), keys).mean(0))


def gradient_variance(stack: PyTree) -> Scalar:
    """How far the gradients of domains are apart: ``mean_k |g_k - mean g|^2``.

    References:
      Koyama and Yamaguchi, 2020, *When is invariance useful in an out-of-distribution
      generalization problem?*, equation 8: the trace of their covariance.

    Example:
      >>> float(gradient_variance(jnp.array([[1.0, 0.0], [3.0, 0.0]])))
      1.0
    """
    require_domains("gradient_variance", domains_of_stack(stack))
    variances = [leaf.var(0).sum() for leaf in jax.tree.leaves(stack)]
    return jnp.stack(variances).sum()


def domains_of_stack(stack: PyTree) -> int:
    """The size of the leading axis of all leaves.

    Raises:
      ValueError: leaves of other sizes, or without an axis.
    """
    counts = {leaf.shape[0] if leaf.shape else 0 for leaf in jax.tree.leaves(stack)}
    if len(counts) != 1 or 0 in counts:
        raise ValueError(
            f"a stack of leading axes {counts}: expected one, of as many as domains"
        )
    return counts.pop()
