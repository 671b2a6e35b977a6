"""DCI: disentanglement, completeness and informativeness, by what trees look at."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.ensemble import RandomForestClassifier

from jaxgen.arrays import Array, Float, Int, Scalar

Points = Array | np.ndarray


class DCIScores(NamedTuple):
    """Scores of a code; formulas at `disentanglement`, `completeness`, `forests`."""

    disentanglement: Scalar
    completeness: Scalar
    informativeness: float


def dci_scores(
    train: Float[Points, "n z"],
    train_factors: Int[Points, "n f"],
    test: Float[Points, "m z"],
    test_factors: Int[Points, "m f"],
    seed: int,
    trees: int = 50,
) -> DCIScores:
    """DCI of a code, by random forests on the host; not jittable.

    The numbers depend on the classifier and its settings: compare with those of the
    same. Every split looks at all dimensions. Where there is nothing to tell, trees split
    by chance, and importance spreads.

    Args:
        train: codes of training examples.
        train_factors: of each of them.
        test: codes of other examples.
        test_factors: of each of them.
        seed: of the trees.
        trees: of each factor.

    Raises:
        ValueError: for fewer than two dimensions or two factors.

    References:
        Eastwood and Williams, "A framework for the quantitative evaluation of
        disentangled representations", 2018.

    Example:
        >>> factors = np.array([[0, 0], [0, 1], [1, 0], [1, 1]] * 8)
        >>> codes = factors.astype(np.float32)
        >>> scores = dci_scores(codes, factors, codes, factors, seed=0, trees=5)
        >>> scores.informativeness
        1.0
    """
    matrix, accuracy = forests(train, train_factors, test, test_factors, seed, trees)
    return DCIScores(disentanglement(matrix), completeness(matrix), accuracy)


def forests(
    train: Float[Points, "n z"],
    train_factors: Int[Points, "n f"],
    test: Float[Points, "m z"],
    test_factors: Int[Points, "m f"],
    seed: int,
    trees: int,
) -> tuple[Float[np.ndarray, "z f"], float]:
    """Importance of each dimension to a forest for each factor, and their mean accuracy.

    A host function. The importances of each factor add up to one; the accuracy is of
    the test examples.
    """
    columns, accuracies = [], []
    factors = np.transpose(train_factors), np.transpose(test_factors)
    for known, asked in zip(*factors, strict=True):
        # of a few dimensions drawn by chance, a split may find none that tells anything
        forest = RandomForestClassifier(trees, max_features=None, random_state=seed)  # pyright: ignore
        forest.fit(np.asarray(train), known)
        columns.append(forest.feature_importances_)
        accuracies.append(forest.score(np.asarray(test), asked))
    return np.stack(columns, axis=1).astype(np.float32), float(np.mean(accuracies))


def disentanglement(importance: Float[Points, "z f"]) -> Scalar:
    """Whether each dimension matters to one factor alone.

    With p_ik the importance R_ik of dimension i over that of its row, and the share
    ρ_i of the row in all::

        Σ_i ρ_i (1 − H(p_i) / log f)

    Raises:
        ValueError: for fewer than two factors.

    Example:
        >>> import jax.numpy as jnp
        >>> matrix = jnp.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
        >>> float(disentanglement(matrix)), float(disentanglement(jnp.ones((3, 2))))
        (1.0, 0.0)
    """
    return _focus(jnp.asarray(importance), "factors")


def completeness(importance: Float[Points, "z f"]) -> Scalar:
    """Whether each factor is told by one dimension alone: the same of columns.

    Raises:
        ValueError: for fewer than two dimensions.

    Example:
        >>> import jax.numpy as jnp
        >>> round(float(completeness(jnp.array([[0.5, 0.0], [0.5, 0.0], [0.0, 1.0]]))), 4)
        0.6845
    """
    return _focus(jnp.asarray(importance).T, "dimensions")


def _focus(rows: Float[Array, "r c"], name: str) -> Scalar:
    if rows.shape[1] < 2:
        raise ValueError(
            f"importance is of {rows.shape[1]} {name}: expected two or more."
        )
    total = rows.sum(1)
    shares = rows / jnp.where(total > 0, total, 1.0)[:, None]
    spread = jax.scipy.special.entr(shares).sum(1) / jnp.log(rows.shape[1])
    return ((1 - spread) * total).sum() / total.sum()
