"""Losses of a batch in rows that ask gradients of domains to be alike.

Each transforms the loss of one domain, ``(params, batch, key) -> (scalar, metrics)``, into
a loss of all of them to be descended: its gradient goes through their gradients.
"""

from collections.abc import Callable

import jax

from jaxgen.arrays import Data, Key, PyTree, Scalar
from jaxgen.keys import named
from jaxgen.objectives.checks import require_domains
from jaxgen.objectives.domain_losses import (
    Losses,
    domains_of,
    each_domain,
    with_gradient,
)
from jaxgen.objectives.gradient_agreement import gradient_variance


def iga(loss: Losses, weight: float | Scalar) -> Losses:
    """Inter-domain gradient alignment: ``mean_k l_k + weight mean_k |g_k - mean g|^2``.

    Args:
      loss: of one domain.
      weight: of the penalty, may be traced.

    Returns:
      A loss of batches in rows, with the metric ``penalty``.

    Raises:
      ValueError: one domain alone.

    References:
      Koyama and Yamaguchi, 2020, *When is invariance useful in an out-of-distribution
      generalization problem?*, the trace of the variance of gradients.

    Example:
      >>> loss = lambda w, x, key: ((w * x).mean(), {})
      >>> x = jax.numpy.array([[1.0, 10.0], [3.0, 30.0]])  # slopes of 2 and 20
      >>> float(iga(loss, 0.5)(1.0, x, jax.random.key(0))[0])  # 11 + 0.5 * 9^2
      51.5
    """

    def aligned(params, batch, key):
        (values, stack), told = each_domain(with_gradient(loss))(params, batch, key)
        penalty = gradient_variance(stack)
        return values.mean() + weight * penalty, {**told, "penalty": penalty}

    return aligned


def fishr(
    loss: Losses,
    weight: float | Scalar,
    of: Callable[[PyTree], PyTree] = lambda params: params,
) -> Losses:
    """Invariant variances of gradients: ``mean_k l_k + weight mean_k |v_k - mean v|^2``.

    ``v_k`` are ``gradient_variances``.

    Args:
      loss: of one domain, a mean over examples.
      weight: of the penalty, may be traced.
      of: the part of the parameters that is looked at. Memory grows with examples times
        its size; published results are of the last layer.

    Returns:
      A loss of batches in rows, with the metric ``penalty``.

    Raises:
      ValueError: one domain alone, or one example of each.

    References:
      Rame et al., 2022, *Fishr: invariant gradient variances for out-of-distribution
      generalization*, equations 3 and 4.
    """

    def matched(params, batch, key):
        values, told = each_domain(loss)(params, batch, key)
        penalty = gradient_variance(gradient_variances(loss, params, batch, key, of))
        return values.mean() + weight * penalty, {**told, "penalty": penalty}

    return matched


def gradient_variances(
    loss: Losses,
    params: PyTree,
    batch: Data,
    key: Key,
    of: Callable[[PyTree], PyTree] = lambda params: params,
) -> PyTree:
    """Variances over the examples of each domain of the gradient of one example's loss.

    Every number of the parameters has one (over n, not n - 1). The gradients of all
    examples are one ``vmap(grad)``.

    Returns:
      A stack: leaves as those of ``of(params)``, with a leading axis of domains.

    Raises:
      ValueError: one example of each domain, whose variance is zero.

    Example:
      >>> loss = lambda w, x, key: ((w * x).mean(), {})
      >>> x = jax.numpy.array([[1.0, 10.0], [3.0, 30.0]])  # (n, k)
      >>> run = jax.jit(gradient_variances, static_argnums=0)
      >>> run(loss, 1.0, x, jax.random.key(0)).tolist()
      [1.0, 100.0]
    """
    examples = jax.tree.leaves(batch)[0].shape[0]
    if examples < 2:
        raise ValueError(
            f"gradient_variances of {examples} example a domain: expected 2 or more"
        )

    def of_example(example, key):
        alone = jax.tree.map(lambda leaf: leaf[None], example)
        return of(jax.grad(loss, has_aux=True)(params, alone, key)[0])

    def of_domain(_, rows, key):
        stack = jax.vmap(of_example)(rows, jax.random.split(key, examples))
        return jax.tree.map(lambda leaf: leaf.var(0), stack), {}

    return each_domain(of_domain)(params, batch, named(key, "examples"))[0]


def mldg(
    loss: Losses, rate: float | Scalar, weight: float | Scalar = 1.0, held_out: int = 1
) -> Losses:
    """Meta-learning domain generalization: a step on some domains must help the others.

    With F the mean loss of the others and G that of the domains held out, which are drawn
    anew each time, computes ``F(p) + weight G(p - rate grad F(p))``. Its gradient goes
    through the step.

    Args:
      loss: of one domain.
      rate: of the step that is looked ahead, may be traced.
      weight: of the domains held out, may be traced.
      held_out: how many are.

    Returns:
      A loss of batches in rows.

    Raises:
      ValueError: one domain alone, or no domain left on one side.

    References:
      Li et al., 2018, *Learning to generalize: meta-learning for domain generalization*,
      algorithm 1.
    """

    def mean(params, batch, key):
        values, told = each_domain(loss)(params, batch, key)
        return values.mean(), told

    def ahead(params, batch, key):
        domains = domains_of(batch)
        require_domains("mldg", domains)
        if not 1 <= held_out < domains:
            raise ValueError(
                f"mldg(held_out={held_out}): expected 1 to {domains - 1} of {domains}"
            )
        order = jax.random.permutation(named(key, "held out"), domains)
        test, train = (
            jax.tree.map(lambda leaf, rows=rows: leaf[:, rows], batch)
            for rows in (order[:held_out], order[held_out:])
        )
        (first, told), slope = jax.value_and_grad(mean, has_aux=True)(
            params, train, key
        )
        stepped = jax.tree.map(lambda p, g: p - rate * g, params, slope)
        then, _ = mean(stepped, test, named(key, "ahead"))
        return first + weight * then, {**told, "held_out_loss": then}

    return ahead
