"""Neural scaling laws fitted to the final losses of training runs."""

from typing import NamedTuple

import numpy as np

from jaxgen.arrays import Array, Float, Shaped
from jaxgen.stats.huber_fit import HuberFit, huber_fit
from jaxgen.stats.scaling_law import SaturatingLaw, ScalingLaw
from jaxgen.stats.scaling_law_starts import balanced_starts
from jaxgen.stats.training_runs import log_runs


class ScalingLawFit(NamedTuple):
    """A fitted law, and whether to trust the search for it.

    Attributes:
        law: of the least objective; its numbers are not rounded.
        objective: the sum over runs that `huber_objective` is.
        starts: how many starts there were.
        reached: how many of them ended at the least objective, within a relative 1e-6.
            Where that is 1, more starts may find a better law.
    """

    law: ScalingLaw
    objective: float
    starts: int
    reached: int


class SaturatingLawFit(NamedTuple):
    """A fitted law of one size, and whether to trust the search for it.

    Attributes:
        law: of the least objective; its numbers are not rounded.
        objective: as in `ScalingLawFit`.
        starts: as in `ScalingLawFit`.
        reached: as in `ScalingLawFit`.
    """

    law: SaturatingLaw
    objective: float
    starts: int
    reached: int


def scaling_law_fit(
    parameters: Shaped[Array | np.ndarray, " runs"],
    tokens: Shaped[Array | np.ndarray, " runs"],
    losses: Shaped[Array | np.ndarray, " runs"],
    starts: Float[np.ndarray, "starts 5"] | None = None,
) -> ScalingLawFit:
    """The law L = E + A / N^α + B / D^β of least Huber loss on log L.

    By L-BFGS-B with the exact gradient from each start, minimising over runs i the sum
    that `huber_objective` is, with δ = 1e-3::

        Σᵢ h(log(E + A / Nᵢ^α + B / Dᵢ^β) − log Lᵢ),   0 ≤ α, β ≤ 4

    Beyond δ a run counts by its distance, yet in the published runs the five of highest
    loss move β from 0.37 to 0.45: look at the largest residuals before use.

    Args:
        parameters: of each model, N.
        tokens: that it was trained on, D.
        losses: at the end of its training; a checkpoint before that obeys another law.
        starts: for each a row with log E, log A, log B, alpha and beta, such as
            `published_starts`; the 112 of `balanced_starts` where it is left out.

    Returns:
        The best law, and how many starts found it.

    Raises:
        ValueError: with fewer than 6 runs, a number that is not positive and finite,
            shapes that differ, or runs in which parameters and tokens cannot be told
            apart.

    References:
        Hoffmann et al., "Training Compute-Optimal Large Language Models" (2022),
        section 3.3. Besiroglu et al., "Chinchilla Scaling: A Replication Attempt"
        (2024).

    Example:
        >>> N, D = np.meshgrid([1e8, 1e9, 1e10], [1e10, 1e11, 1e12])
        >>> N, D = N.ravel(), D.ravel()
        >>> found = scaling_law_fit(N, D, 1.8 + 480 / N**0.35 + 2100 / D**0.37)
        >>> [float(f"{each:.4g}") for each in found.law]
        [1.8, 480.0, 2100.0, 0.35, 0.37]
        >>> found.reached, found.starts
        (112, 112)
    """
    runs = log_runs(losses, parameters=parameters, tokens=tokens)
    found = _fit(*runs, starts)
    return ScalingLawFit(law_of(found.theta), *found[1:4])


def saturating_law_fit(
    sizes: Shaped[Array | np.ndarray, " runs"],
    losses: Shaped[Array | np.ndarray, " runs"],
    starts: Float[np.ndarray, "starts 3"] | None = None,
) -> SaturatingLawFit:
    """The law L = E + A / N^α of least Huber loss on log L.

    As `scaling_law_fit`, with one size: parameters, tokens, FLOP or steps, while
    nothing else limits the loss.

    Args:
        sizes: of each run, N.
        losses: at the end of its training.
        starts: for each a row with log E, log A and alpha; the 12 of `balanced_starts`
            where it is left out.

    Returns:
        The best law, and how many starts found it.

    Raises:
        ValueError: with fewer than 4 runs, a number that is not positive and finite,
            shapes that differ, or runs that are all of one size.

    Example:
        >>> N = np.array([1e8, 1e9, 1e10, 1e11])
        >>> found = saturating_law_fit(N, 1.8 + 480 / N**0.35)
        >>> [float(f"{each:.4g}") for each in found.law]
        [1.8, 480.0, 0.35]
    """
    found = _fit(*log_runs(losses, sizes=sizes), starts)
    law = SaturatingLaw._make(
        [*np.exp(found.theta[:2]).tolist(), float(found.theta[2])]
    )
    return SaturatingLawFit(law, *found[1:4])


def law_of(theta: Float[np.ndarray, "5"]) -> ScalingLaw:
    """The law of the coefficients that `huber_objective` takes.

    Args:
        theta: log E, log A, log B, alpha and beta.

    Returns:
        The law.

    Example:
        >>> law_of(np.array([0.0, 0.0, 0.0, 0.5, 0.25]))
        ScalingLaw(E=1.0, A=1.0, B=1.0, alpha=0.5, beta=0.25)
    """
    return ScalingLaw._make([*np.exp(theta[:3]).tolist(), *theta[3:].tolist()])


def _fit(
    log_sizes: np.ndarray, log_losses: np.ndarray, starts: np.ndarray | None
) -> HuberFit:
    if starts is None:
        starts = balanced_starts(log_sizes, log_losses)
    return huber_fit(log_sizes, log_losses, starts)
