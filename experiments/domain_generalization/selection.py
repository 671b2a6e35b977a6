"""Rules that choose a weight without a look at the domain that is left out.

The domain left out is not in what a rule is given: `Choice` holds no test bits. What one
could have had with a look is told by `with_a_look`, which no verdict is made of.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from experiments.domain_generalization.settings import SelectionName
from jaxgen.arrays import Float, Int


class Choice(NamedTuple):
    """What a rule chooses by: bits of validation, whichever domain was left out.

    Attributes:
      validation: of every domain, (left out, weights, domains).
    """

    validation: Float[np.ndarray, "k w k"]


def training_domains(choice: Choice) -> Int[np.ndarray, " k"]:
    """For each domain left out the weight that is best on those in training.

    References:
      Gulrajani and Lopez-Paz, 2021, *In search of lost domain generalization*, section 3:
      training-domain validation.
    """
    inside = ~np.eye(len(choice.validation), dtype=bool)[:, None]
    seen = np.where(inside, choice.validation, 0).sum(2)
    return seen.argmin(1)


def other_targets(choice: Choice) -> Int[np.ndarray, " k"]:
    """For each domain left out the weight that is best where others were left out.

    It is the mean, over the other domains, of what models that left one of them out tell
    of that one.
    """
    unseen = np.einsum("twt->tw", choice.validation)
    return (unseen.sum(0, keepdims=True) - unseen).argmin(1)


SELECTIONS: Mapping[SelectionName, Callable[[Choice], np.ndarray]] = {
    "training_domains": training_domains,
    "other_targets": other_targets,
}
TITLES: Mapping[SelectionName, str] = {
    "training_domains": "by training domains",
    "other_targets": "by other targets",
}


def with_a_look(test: Float[np.ndarray, "k w"]) -> Float[np.ndarray, " k"]:
    """Bits of the domain left out by the weight that is best on it: not a result."""
    return test.min(1)
