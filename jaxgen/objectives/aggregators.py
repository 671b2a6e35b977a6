"""One number of the losses of domains: what a learner of many domains descends."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxgen.arrays import Array, Float, Int, PyTree, Scalar
from jaxgen.objectives.checks import (
    require_distribution,
    require_domains,
    require_share,
)


class Aggregator(NamedTuple):
    """A pair of pure functions, in the manner of an optax optimizer.

    Attributes:
      init: ``losses -> state``; of the losses only shapes may matter.
      combine: ``(losses, state) -> (scalar, state)``, differentiated by the losses.
    """

    init: Callable[[Any], PyTree]
    combine: Callable[[Any, PyTree], tuple[Scalar, PyTree]]


def stateless(
    combine: Callable[[Any], Scalar], name: str = "stateless", least: int = 1
) -> Aggregator:
    """The aggregator that carries nothing: ``losses -> scalar``.

    Args:
      combine: what it computes.
      name: how it calls itself where there are too few domains.
      least: how many it needs.
    """

    def init(losses):
        require_domains(name, jax.tree.leaves(losses)[0].shape[0], least)
        return ()

    return Aggregator(init, lambda losses, state: (combine(losses), state))


def erm() -> Aggregator:
    """Empirical risk minimization: the mean loss, every domain alike.

    Example:
      >>> aggregator = erm()
      >>> float(aggregator.combine(jnp.array([1.0, 3.0]), ())[0])
      2.0
    """
    return stateless(jnp.mean)


def weighted_risk(weights: Float[Array | np.ndarray, " k"]) -> Aggregator:
    """The mean loss under weights of a mixture: ``sum_k w_k l_k``.

    Raises:
      ValueError: weights that are no mixture, or not one for each domain.

    Example:
      >>> aggregator = weighted_risk(jnp.array([0.25, 0.75]))
      >>> float(aggregator.combine(jnp.array([1.0, 3.0]), ())[0])
      2.5
    """
    require_distribution("weighted_risk(weights)", weights)

    def combine(losses):
        if losses.shape != weights.shape:
            raise ValueError(
                f"weighted_risk of {len(weights)} weights and {len(losses)} losses: "
                "expected one for each domain"
            )
        return jnp.dot(weights, losses)

    return stateless(combine)


def vrex(weight: float | Scalar) -> Aggregator:
    """Variance risk extrapolation: ``mean l + weight var l``.

    Args:
      weight: of the variance (over k, not k - 1), may be traced. Divided by the number
        of domains it is the published one, whose risks are summed.

    Raises:
      ValueError: one domain alone.

    References:
      Krueger et al., 2021, *Out-of-distribution generalization via risk extrapolation*,
      equation 8.

    Example:
      >>> float(vrex(10.0).combine(jnp.array([1.0, 3.0]), ())[0])
      12.0
    """

    def combine(losses):
        return losses.mean() + weight * losses.var()

    return stateless(combine, "vrex", least=2)


def cvar(share: float | Scalar) -> Aggregator:
    """Conditional value at risk: the mean of the worst share of domains.

    With losses in falling order, computes ``sum_i l_i clip(share k - i, 0, 1) /
    (share k)``, i from 0, which is ``min_c c + mean(max(l - c, 0)) / share``. One is the
    mean, ``1 / k`` and less the worst domain.

    Args:
      share: in (0, 1], may be traced.

    Raises:
      ValueError: a share that is none.

    References:
      Rockafellar and Uryasev, 2000, *Optimization of conditional value-at-risk*,
      equation 3, of the losses' distribution over domains.

    Example:
      >>> float(cvar(0.75).combine(jnp.array([1.0, 3.0]), ())[0])  # (3 + 0.5) / 1.5
      2.3333332538604736
    """
    require_share("cvar(share)", share)

    def combine(losses):
        counted = share * len(losses)
        weights = jnp.clip(counted - jnp.arange(len(losses)), 0, 1) / counted
        return jnp.dot(jnp.sort(losses, descending=True), weights)

    return stateless(combine)


def scaled_by(factor: float | Scalar, aggregator: Aggregator) -> Aggregator:
    """An aggregator times a factor: ``1 / weight`` keeps large penalties in range."""

    def combine(losses, state):
        value, state = aggregator.combine(losses, state)
        return factor * value, state

    return Aggregator(aggregator.init, combine)


class Switched(NamedTuple):
    """Updates made, and the states of both."""

    count: Int[Array, ""]
    before: PyTree
    after: PyTree


def switched(
    before: Aggregator, after: Aggregator, updates: int | Scalar
) -> Aggregator:
    """One aggregator for the first updates, another from then on: annealed penalties.

    Args:
      before: for the first ones.
      after: for those that follow; its state waits until then.
      updates: how many are of the first, may be traced.

    References:
      Arjovsky et al., 2019, *Invariant risk minimization*, the authors' code: a weight
      of 1 for 190 updates.

    Example:
      >>> aggregator = switched(erm(), vrex(10.0), updates=1)
      >>> losses, state = jnp.array([1.0, 3.0]), aggregator.init(jnp.zeros(2))
      >>> first, state = aggregator.combine(losses, state)
      >>> float(first), float(aggregator.combine(losses, state)[0])
      (2.0, 12.0)
    """

    def init(losses):
        count = jnp.zeros((), jnp.int32)
        return Switched(count, before.init(losses), after.init(losses))

    def combine(losses, state):
        def first(losses, state):
            value, own = before.combine(losses, state.before)
            return value, state._replace(before=own)

        def then(losses, state):
            value, own = after.combine(losses, state.after)
            return value, state._replace(after=own)

        early = state.count < updates
        value, new = lax.cond(early, first, then, losses, state)
        return value, new._replace(count=state.count + 1)

    return Aggregator(init, combine)


def chosen(
    aggregators: Sequence[Aggregator], index: int | Int[Array, ""]
) -> Aggregator:
    """The aggregator of an index: which of several is a number, and so an axis of a study.

    All are computed, and all keep their states; only the chosen one is descended.

    Args:
      aggregators: of the same losses.
      index: of one of them, may be traced.

    Example:
      >>> aggregator = chosen([erm(), vrex(10.0)], 1)
      >>> losses = jnp.array([1.0, 3.0])
      >>> float(aggregator.combine(losses, aggregator.init(losses))[0])
      12.0
    """

    def init(losses):
        return tuple(one.init(losses) for one in aggregators)

    def combine(losses, states):
        told = [
            one.combine(losses, state)
            for one, state in zip(aggregators, states, strict=True)
        ]
        values = jnp.stack([value for value, _ in told])
        return values[index], tuple(state for _, state in told)

    return Aggregator(init, combine)


def seen_by(aggregator: Aggregator, view: Callable[[Any], Any]) -> Aggregator:
    """An aggregator of a part of what is told: of ``view(losses)``.

    Example:
      >>> aggregator = seen_by(erm(), lambda told: told["losses"])
      >>> float(aggregator.combine({"losses": jnp.array([1.0, 3.0])}, ())[0])
      2.0
    """
    return Aggregator(
        lambda losses: aggregator.init(view(losses)),
        lambda losses, state: aggregator.combine(view(losses), state),
    )
