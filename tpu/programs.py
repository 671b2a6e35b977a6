"""The programs for pods of every experiment, by name."""

import importlib
from collections.abc import Sequence

from experiments.accelerator import Propose

EXPERIMENTS = (
    "mode_collapse",
    "latent_spaces",
    "attention_scaling",
    "domain_generalization",
)
BESIDE = ("benchmarks",)
"""Whose programs measure, and are no experiment: by their name alone."""


def programs_of(experiment: str, names: Sequence[str] = ()) -> dict[str, Propose]:
    """Those of an experiment, or of all; some by name.

    Raises:
      ValueError: there is no such experiment, or no such program.

    Example:
      >>> list(programs_of("latent_spaces"))
      ['convolutional_vae']
    """
    short = experiment.removeprefix("experiments.")
    if short not in (*EXPERIMENTS, *BESIDE, "all"):
        known = ", ".join((*EXPERIMENTS, *BESIDE, "all"))
        raise ValueError(f"experiment {short!r} is unknown: expected one of {known}")
    found: dict[str, Propose] = {}
    for name in EXPERIMENTS if short == "all" else (short,):
        found |= importlib.import_module(f"experiments.{name}.accelerator").PROGRAMS
    for name in names:
        if name not in found:
            raise ValueError(
                f"program {name!r} is unknown: {short} has {', '.join(found)}"
            )
    return {name: found[name] for name in names or found}
