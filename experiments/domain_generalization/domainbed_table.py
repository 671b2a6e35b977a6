"""Colored and Rotated MNIST as DomainBed has them: its constants, and its numbers."""

from collections.abc import Mapping

from experiments.domain_generalization.image_settings import SetName
from experiments.domain_generalization.method_names import MethodName

FLIPS = (0.1, 0.2, 0.9)
"""Chances of the colour to be another than the label's, in each environment."""
ANGLES = (0.0, 15.0, 30.0, 45.0, 60.0, 75.0)
"""Of each environment, in degrees."""

DEFAULTS: Mapping[MethodName, float] = {
    "erm": 0.0,
    "group_dro": 1e-2,
    "vrex": 1e1,
    "irm": 1e2,
    "coral": 1.0,
}
"""Weights of penalties, and the rate of GroupDRO."""

ENVIRONMENTS: Mapping[SetName, tuple[str, ...]] = {
    "colored": ("+90 %", "+80 %", "\N{MINUS SIGN}90 %"),
    "rotated": tuple(f"{angle:.0f}\N{DEGREE SIGN}" for angle in ANGLES),
}
TITLES: Mapping[SetName, str] = {"colored": "Colored MNIST", "rotated": "Rotated MNIST"}

PUBLISHED: Mapping[SetName, Mapping[MethodName, tuple[float, ...]]] = {
    "colored": {
        "erm": (71.7, 72.9, 10.0),
        "irm": (72.5, 73.3, 10.2),
        "group_dro": (73.1, 73.2, 10.0),
        "vrex": (72.4, 72.9, 10.2),
        "coral": (71.6, 73.1, 9.9),
    },
    "rotated": {"erm": (95.9, 98.9, 98.8, 98.9, 98.9, 96.4)},
}
"""Gulrajani and Lopez-Paz, 2021, *In search of lost domain generalization*: right answers
in per cent, by training-domain validation among twenty draws of hyperparameters; means of
three trials."""
GUESS: Mapping[SetName, float] = {"colored": 50.0, "rotated": 10.0}
"""Of a classifier that knows nothing."""
INVARIANT = 75.0
"""The best of shape alone on colours, by the noise of labels."""
