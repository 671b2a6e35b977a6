"""The mean of parameters since a segment of a run began."""

from collections.abc import Callable

import jax

from jaxgen.arrays import PyTree
from jaxgen.training.learner import Learner, claim, own


def segment_average(
    learner: Learner,
    every: int,
    of: Callable[[PyTree], PyTree] = lambda params: params,
    name: str = "segment_average",
) -> Learner:
    """Carries the mean of the parameters over the updates of the current segment.

    After update t of a segment computes ``a <- a + (of(params) - a) / t``; a segment is of
    so many updates, and the mean starts anew with each. Read at their ends, the means are
    candidates for a soup: SWAD takes those of ``swad_segments``. With one segment as long
    as the run it is stochastic weight averaging at every step.

    Args:
      learner: the learner whose parameters are averaged.
      every: updates in a segment.
      of: the part of the parameters to average.
      name: where in ``extra`` the mean is kept.

    Raises:
      ValueError: ``every`` is not positive.

    References:
      Cha et al., 2021, *SWAD: domain generalization by seeking flat minima*, section 3.3;
      Izmailov et al., 2018, *Averaging weights leads to wider optima and better
      generalization*.
    """
    if every < 1:
        raise ValueError(f"segment_average(every={every}): expected 1 or more updates")

    def init(key, data):
        state = learner.init(key, data)
        return claim(state, **{name: of(state.params)})

    def update(state, data):
        new, metrics = learner.update(state, data)
        count = state.step % every + 1
        average = jax.tree.map(
            lambda a, p: (a + (p - a) / count).astype(a.dtype),
            state.extra[name],
            of(new.params),
        )
        return own(new, **{name: average}), metrics

    return Learner(init, update)
