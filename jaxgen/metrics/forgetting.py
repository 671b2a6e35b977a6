"""What is left of each domain after several were learned one after the other.

All scores are losses, the lower, the better: bits per byte, nats, or errors; of an accuracy
give ``1 - accuracy``. ``results[..., s, j]`` is the loss, after stage s, on the domain that
stage j was of. What is called forgetting or intransigence is better low, and what is called
transfer is better high. All are in the unit of the loss.
"""

import numpy as np

from jaxgen.arrays import Array, Float
from jaxgen.objectives.checks import require_domains

Results = Float[Array | np.ndarray, "*rows k k"]
"""Losses after each stage on the domain of each stage."""
Each = Float[Array | np.ndarray, "*rows"] | float
"""One number for each row; of one table a number."""


def forgetting(
    before: Float[Array | np.ndarray, "..."], after: Float[Array | np.ndarray, "..."]
) -> Float[Array | np.ndarray, "..."]:
    """How much worse a model is than what it was made of: ``after - before``.

    Args:
      before: losses of the base model itself, before any adapter was put to it.
      after: losses of the adapted one, of the same examples by the same function.

    Raises:
      ValueError: losses of different shapes.

    Example:
      >>> float(forgetting(np.array([1.5]), np.array([1.75]))[0])
      0.25
    """
    if before.shape != after.shape:
        raise ValueError(
            f"forgetting of losses {before.shape} before and {after.shape} after: "
            "expected those of the same domains or examples"
        )
    return after - before


def final_mean(results: Results) -> Each:
    """The mean loss over domains at the end."""
    return results[..., -1, :].mean(-1)


def final_worst(results: Results) -> Each:
    """The loss of the worst domain at the end."""
    return results[..., -1, :].max(-1)


def forgetting_since_best(results: Results) -> Each:
    """How much worse each earlier domain ends than it was at best after any stage before.

    Computes ``mean_(j < k) (R[k, j] - min_(s < k) R[s, j])``. Below zero where the last
    stage made them better than ever.

    References:
      Chaudhry et al., 2018, *Riemannian walk for incremental learning*, section 3.

    Example:
      >>> results = np.array([[1.0, 9.0], [4.0, 2.0]])
      >>> float(forgetting_since_best(results))
      3.0
    """
    earlier = _earlier(results)
    return (earlier[..., -1, :] - earlier[..., :-1, :].min(-2)).mean(-1)


def forgetting_since_learned(results: Results) -> Each:
    """How much worse each earlier domain ends than it was when its stage ended.

    Computes ``mean_(j < k) (R[k, j] - R[j, j])``: some libraries call this forgetting.
    """
    earlier = _earlier(results)
    return (earlier[..., -1, :] - _diagonal(results)[..., :-1]).mean(-1)


def backward_transfer(results: Results) -> Each:
    """How much better earlier domains became after their stages: above zero is better.

    It is `forgetting_since_learned` with the other sign.

    References:
      Lopez-Paz and Ranzato, 2017, *Gradient episodic memory for continual learning*,
      section 2.
    """
    return -forgetting_since_learned(results)


def forward_transfer(
    results: Results, untrained: Float[Array | np.ndarray, "*rows k"]
) -> Each:
    """How much better each later domain is, just before its stage, than untrained.

    Computes ``mean_(j > 1) (u[j] - R[j - 1, j])``.

    Args:
      results: losses after stages.
      untrained: losses of the model before the first stage.

    References:
      Lopez-Paz and Ranzato, 2017, *Gradient episodic memory for continual learning*,
      section 2.
    """
    _require_stages(results)
    ahead = np.arange(1, results.shape[-1])
    return (untrained[..., 1:] - results[..., ahead - 1, ahead]).mean(-1)


def intransigence(
    results: Results, joint: Float[Array | np.ndarray, "*rows k"]
) -> Each:
    """How much worse a domain is, just learned, than in a model that learns all at once.

    Computes ``mean_j (R[j, j] - joint[j])``.

    References:
      Chaudhry et al., 2018, *Riemannian walk for incremental learning*, section 3.
    """
    return (_diagonal(results) - joint).mean(-1)


def stability_gap(
    curve: Float[Array | np.ndarray, "*rows times"],
) -> Each:
    """How far a loss rises within a stage above both its start and its end.

    Computes ``max_t c[t] - max(c[0], c[-1])``, never below zero: what was lost and came
    back, which nobody sees who looks at the ends of stages alone.

    Args:
      curve: the loss on an earlier domain, from the end of one stage to that of the next.

    References:
      De Lange et al., 2023, *Continual evaluation for lifelong learning: identifying the
      stability gap*.

    Example:
      >>> float(stability_gap(np.array([1.0, 3.0, 1.5])))
      1.5
    """
    ends = curve[..., [0, -1]].max(-1)
    return curve.max(-1) - ends


def _diagonal(results: Results) -> Float[Array | np.ndarray, "*rows k"]:
    each = np.arange(results.shape[-1])
    return results[..., each, each]


def _earlier(results: Results) -> Float[Array | np.ndarray, "*rows k j"]:
    _require_stages(results)
    return results[..., :-1]


def _require_stages(results: Results) -> None:
    require_domains("forgetting and transfer", results.shape[-1])
