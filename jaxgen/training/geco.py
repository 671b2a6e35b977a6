"""A weight that training finds: the multiplier of a constraint."""

import jax.numpy as jnp

from jaxgen.arrays import Array, Float
from jaxgen.training.learner import Learner, claim, own, require_one_replicate
from jaxgen.training.weight_schedules import Make


def geco(
    make: Make,
    tolerance: float | Float[Array, ""],
    rate: float = 0.01,
    decay: float = 0.99,
    metric: str = "distortion",
    largest: float = 1e6,
) -> Learner:
    """Holds a metric at a tolerance by the weight that a learner gives to it.

    After each update, with the gap ``c = metric - tolerance``,

        a <- decay a + (1 - decay) c,   weight <- weight exp(rate a),

    where a starts at the first gap and the weight at one; it stays between ``1/largest``
    and ``largest``. Both are kept in ``extra["geco"]``.

    Args:
      make: ``weight -> learner``, such as one of ``weighted_distortion(weight)``.
      tolerance: what the metric may be: nats of an image.
      rate: of the weight, for each nat of the gap: one over the nats expected, or less.
      decay: of the average gap.
      metric: the name of what is bounded.
      largest: bound of the weight.

    Returns:
      A learner with the metric ``multiplier``, the weight of the update.

    References:
      Rezende and Viola, 2018, *Taming VAEs*, algorithm 1.
    """

    def init(key, data):
        state = make(jnp.ones(())).init(key, data)
        return claim(state, geco={"weight": jnp.ones(()), "gap": jnp.zeros(())})

    def update(state, data):
        require_one_replicate(state, "geco")
        weight, average = (state.extra["geco"][name] for name in ("weight", "gap"))
        new, metrics = make(weight).update(state, data)
        gap = metrics[metric] - tolerance
        average = decay * jnp.where(state.step == 0, gap, average) + (1 - decay) * gap
        moved = jnp.clip(weight * jnp.exp(rate * average), 1 / largest, largest)
        new = own(new, geco={"weight": moved, "gap": average})
        return new, {**metrics, "multiplier": weight}

    return Learner(init, update)
