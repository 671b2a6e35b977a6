"""RegMix: the loss of a mixture of domains, foretold from those of many other mixtures."""

from typing import NamedTuple

import numpy as np

from jaxgen.arrays import Float
from jaxgen.objectives.checks import require_distribution, require_positive


class MixtureRegression(NamedTuple):
    """A logarithm of a loss that is linear in the weights of a mixture.

    Attributes:
      intercept: the mean of log losses.
      centre: the mean of mixtures.
      slopes: nats of log loss for each unit of weight.
    """

    intercept: float
    centre: Float[np.ndarray, " k"]
    slopes: Float[np.ndarray, " k"]


def fitted_regression(
    mixtures: Float[np.ndarray, "n k"],
    losses: Float[np.ndarray, " n"],
    ridge: float = 0.0,
) -> MixtureRegression:
    """The regression of ``log loss`` on mixtures with the least squares.

    With both centred, computes ``(X'X + ridge I)^-1 X'y``. Weights add up to one, so
    ``X'X`` has no inverse; without a ridge the shortest of the solutions is taken, which
    foretells the same of any mixture.

    Args:
      mixtures: weights of domains, a row for each run.
      losses: of one target, above zero.
      ridge: 0 or more.

    Raises:
      ValueError: a negative ridge, fewer than two runs, or a loss that is not positive.

    References:
      Liu et al., 2025, *RegMix: data mixture as regression for language model
      pre-training*, section 3.2, whose linear regression is of the loss itself.

    Example:
      >>> mixtures = np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]])
      >>> fit = fitted_regression(mixtures, np.exp([3.0, 2.0, 1.0]))
      >>> predicted_losses(fit, np.array([[0.25, 0.75]])).round(3)  # e^1.5
      array([4.482])
    """
    if ridge < 0:
        raise ValueError(f"fitted_regression(ridge={ridge}): expected 0 or more")
    if len(mixtures) < 2:
        raise ValueError(f"{len(mixtures)} mixture(s): expected two or more to compare")
    if not np.all(losses > 0):
        raise ValueError(f"a loss of {np.min(losses)}: expected all above zero")
    logs = np.log(losses)
    centre, intercept = mixtures.mean(0), logs.mean()
    x, y = mixtures - centre[None], logs - intercept
    product = x.T @ x + ridge * np.eye(x.shape[1])
    slopes = np.linalg.pinv(product, rcond=1e-12, hermitian=True) @ (x.T @ y)
    return MixtureRegression(float(intercept), centre, slopes)


def predicted_losses(
    regression: MixtureRegression, mixtures: Float[np.ndarray, "n k"]
) -> Float[np.ndarray, " n"]:
    """Losses of mixtures: ``exp(intercept + (w - centre) . slopes)``."""
    away = mixtures - regression.centre[None]
    return np.exp(regression.intercept + away @ regression.slopes)


def candidate_mixtures(
    prior: Float[np.ndarray, " k"], count: int, concentration: float, seed: int
) -> Float[np.ndarray, "n k"]:
    """Mixtures drawn around a prior: Dirichlet of ``concentration * prior``.

    Args:
      prior: the mixture that is their mean, such as the shares of tokens.
      count: how many are drawn.
      concentration: how near the prior they are; small ones are of few domains.
      seed: of the draws.

    Raises:
      ValueError: a prior that is no mixture, a concentration that is not positive.

    References:
      Liu et al., 2025, *RegMix*, section 3.1, with concentrations from 0.1 to 5.

    Example:
      >>> candidate_mixtures(np.array([0.25, 0.75]), 3, 1.0, seed=0).shape
      (3, 2)
    """
    require_distribution("candidate_mixtures(prior)", prior)
    require_positive("candidate_mixtures(concentration)", concentration)
    rng = np.random.default_rng(seed)
    return rng.dirichlet(concentration * prior, count)


def best_mixture(
    regression: MixtureRegression,
    candidates: Float[np.ndarray, "n k"],
    average_of: int = 100,
) -> Float[np.ndarray, " k"]:
    """The mean of the candidates whose foretold losses are lowest.

    A linear law alone would choose one domain; the candidates say what is plausible.

    Args:
      regression: what foretells.
      candidates: mixtures, a row each.
      average_of: how many of the best are averaged.

    Raises:
      ValueError: more to average than there are candidates, or none.

    References:
      Liu et al., 2025, *RegMix*, section 3.3, which averages the best 100.
    """
    if not 1 <= average_of <= len(candidates):
        raise ValueError(
            f"best_mixture(average_of={average_of}): expected 1 to {len(candidates)}, as "
            "many as there are candidates"
        )
    order = np.argsort(predicted_losses(regression, candidates), kind="stable")
    return candidates[order[:average_of]].mean(0)
