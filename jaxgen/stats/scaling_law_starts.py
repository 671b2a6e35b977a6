"""Where fits of scaling laws start from."""

import itertools

import numpy as np

from jaxgen.arrays import Float

_TERMS = (1.0, 4.0)
_EXPONENTS = (0.1, 0.2, 0.5, 1.0)


def balanced_starts(
    log_sizes: Float[np.ndarray, "sizes runs"], log_losses: Float[np.ndarray, " runs"]
) -> Float[np.ndarray, "starts coefficients"]:
    """Starts that know no unit: each term a share of the loss at the middle of the runs.

    At the mean of the logarithms the terms sum to the loss and stand to each other as 1
    to 1 or 1 to 4, in every combination; with every combination of the exponents 0.1,
    0.2, 0.5 and 1. That makes 12 starts for one size and 112 for two.

    Args:
        log_sizes: as `huber_objective`.
        log_losses: as `huber_objective`.

    Returns:
        For each start a row, as `huber_objective` takes it.

    Example:
        >>> balanced_starts(np.zeros((2, 3)), np.zeros(3)).shape
        (112, 5)
    """
    sizes, middle = len(log_sizes), log_sizes.mean(axis=1)
    terms = itertools.product(_TERMS, repeat=sizes + 1)
    shares = np.array([each for each in terms if min(each) == 1])
    shares /= shares.sum(axis=1, keepdims=True)
    exponents = np.array(list(itertools.product(_EXPONENTS, repeat=sizes)))
    scales = np.repeat(np.log(shares) + log_losses.mean(), len(exponents), axis=0)
    exponents = np.tile(exponents, (len(shares), 1))
    scales[:, 1:] += exponents * middle
    return np.concatenate([scales, exponents], axis=1)


def published_starts() -> Float[np.ndarray, "4500 5"]:
    """The 4,500 starts of the published fits, for losses in nats per token.

    Every combination of log E from −1 to 1 and α, β from 0 to 2 by halves, and of log A
    and log B from 0 to 25 by fives.

    Returns:
        For each a row with log E, log A, log B, alpha and beta.

    References:
        Hoffmann et al., "Training Compute-Optimal Large Language Models" (2022),
        appendix D.3.

    Example:
        >>> published_starts()[[0, -1]]
        array([[-1.,  0.,  0.,  0.,  0.],
               [ 1., 25., 25.,  2.,  2.]])
    """
    scales, exponents = np.arange(0.0, 26.0, 5.0), np.arange(0.0, 2.5, 0.5)
    axes = np.arange(-1.0, 1.5, 0.5), scales, scales, exponents, exponents
    return np.array(list(itertools.product(*axes)))
