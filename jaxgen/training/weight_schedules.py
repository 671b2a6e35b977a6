"""Weights that change in training: a learner made anew of the weight of each step.

A schedule is ``step -> weight``. It is outside of objectives, which know no step.
"""

from collections.abc import Callable

import jax.numpy as jnp

from jaxgen.arrays import Array, Float, Int, Scalar
from jaxgen.training.learner import Learner

Step = int | Int[Array, ""]
Number = float | Float[Array, ""]
WeightSchedule = Callable[[Step], Scalar]
Make = Callable[[Scalar], Learner]


def scheduled(make: Make, schedule: WeightSchedule, name: str = "weight") -> Learner:
    """The learner of the weight of each step, which is a metric as well.

    The weight must not matter to ``init``. Two of them nest: the outer makes the inner.

    Args:
      make: ``weight -> learner``, with the weight a traced number.
      schedule: ``step -> weight``.
      name: of the metric.

    Example:
      >>> import jax, optax
      >>> from jaxgen.training.descent import descent
      >>> def pulled(weight):
      ...     loss = lambda w, x, key: (weight * (w * x).mean(), {})
      ...     return descent(lambda key, x: jnp.zeros(()), loss, optax.sgd(1.0))
      >>> learner = scheduled(pulled, linear(1.0, steps=4))
      >>> state, metrics = learner.update(
      ...     learner.init(jax.random.key(0), jnp.ones(2))._replace(step=1), jnp.ones(2))
      >>> float(state.params), float(metrics["weight"])
      (-0.25, 0.25)
    """

    def update(state, data):
        weight = schedule(state.step)
        new, metrics = make(weight).update(state, data)
        return new, {**metrics, name: weight}

    return Learner(lambda key, data: make(schedule(0)).init(key, data), update)


def linear(end: Number, steps: int, start: Number = 0.0) -> WeightSchedule:
    """From start to end in so many steps, and there it stays.

    It warms a rate up, or lets a capacity grow.

    Args:
      end: the last weight.
      steps: until it is reached.
      start: the weight of step zero.

    Raises:
      ValueError: ``steps`` is not positive.

    References:
      Warm-up: Sønderby et al., 2016, *Ladder variational autoencoders*, section 2.3.

    Example:
      >>> [float(linear(2.0, steps=4)(step)) for step in (0, 1, 4, 9)]
      [0.0, 0.5, 2.0, 2.0]
    """
    _require_positive("linear", steps)

    def schedule(step):
        share = jnp.minimum(jnp.asarray(step, jnp.float32) / steps, 1.0)
        return start + (end - start) * share

    return schedule


def cyclical(end: Number, steps: int, rising: float = 0.5) -> WeightSchedule:
    """From zero to the end, again and again.

    In each cycle the weight rises for its first part, and stays at the end for the rest.

    Args:
      end: the weight at the top.
      steps: of a cycle.
      rising: share of a cycle, in (0, 1].

    Raises:
      ValueError: ``steps`` is not positive, or ``rising`` no such share.

    References:
      Fu et al., 2019, *Cyclical annealing schedule: a simple approach to mitigating KL
      vanishing*, equation 6.

    Example:
      >>> [float(cyclical(1.0, steps=4)(step)) for step in range(6)]
      [0.0, 0.5, 1.0, 1.0, 0.0, 0.5]
    """
    _require_positive("cyclical", steps)
    if not 0 < rising <= 1:
        raise ValueError(
            f"cyclical(rising={rising}): expected a share of the cycle, above 0 up to 1"
        )

    def schedule(step):
        share = (jnp.asarray(step) % steps) / (rising * steps)
        return end * jnp.minimum(share, 1.0)

    return schedule


def _require_positive(name: str, steps: int) -> None:
    if steps < 1:
        raise ValueError(f"{name}(steps={steps}): expected 1 or more")
