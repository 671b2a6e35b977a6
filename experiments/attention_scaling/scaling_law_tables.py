"""What is shown of small models of text and of the law through their losses."""

from collections.abc import Mapping

import numpy as np

from experiments.attention_scaling.text_runs import Runs
from jaxgen.report.page import Fragment, interval_text, table
from jaxgen.report.scaling import Curve, levels
from jaxgen.stats.extrapolation import Extrapolation
from jaxgen.stats.scaling_law import ScalingLaw, predicted_losses
from jaxgen.stats.scaling_law_bootstrap import ScalingLawIntervals

MODELS = {"language": "next byte", "masked_language": "hidden bytes"}
"""What each kind of model tells."""

PUBLISHED = ("published, of tokens", "1.817", "", "", "0.347", "0.367", "0.514")
"""Besiroglu et al., 2024, from the 240 runs of Hoffmann et al., 2022."""


def loss_figure(runs: Mapping[str, Runs], laws: Mapping[str, ScalingLaw]) -> str:
    """Losses by bytes, a curve a net, and the law through each."""
    panels = {
        MODELS[name]: {size_name(size): curve_of(one, size) for size in sizes(one)}
        for name, one in runs.items()
    }
    lines = {
        MODELS[name]: {
            size_name(size): law_of(law, runs[name], size) for size in sizes(runs[name])
        }
        for name, law in laws.items()
    }
    return levels(
        panels, ylabel="loss, nats a byte", xlabel="bytes trained on", laws=lines
    )


def sizes(runs: Runs) -> list[float]:
    """Parameters of each net."""
    return np.unique(runs.parameters).tolist()


def size_name(size: float) -> str:
    """How a net is called.

    Example:
      >>> size_name(12345.0)
      'N = 12.3k'
    """
    return f"N = {size / 1e3:.1f}k"


def curve_of(runs: Runs, size: float) -> Curve:
    """Means over the seeds of a net at each number of tokens, between the seeds' ends."""
    mine = runs.parameters == size
    tokens = np.unique(runs.tokens[mine])
    told = [runs.losses[mine & (runs.tokens == each)] for each in tokens]
    ends = (np.array([end(each) for each in told]) for end in (np.min, np.mean, np.max))
    return Curve(tokens, *ends)


def law_of(law: ScalingLaw, runs: Runs, size: float) -> Curve:
    """The law for one net over all numbers of tokens."""
    tokens = np.geomspace(runs.tokens.min(), runs.tokens.max(), 60)
    losses = predicted_losses(law, np.full(tokens.shape, size), tokens)
    return Curve(tokens, losses, losses, losses)


def law_table(found: Mapping[str, ScalingLawIntervals]) -> Fragment:
    """The numbers of each law with their intervals, beside the published ones."""
    rows = [
        (
            MODELS[name],
            interval_text(one.E, "z.2f"),
            interval_text(one.A, "z.3g"),
            interval_text(one.B, "z.3g"),
            interval_text(one.alpha, "z.2f"),
            interval_text(one.beta, "z.2f"),
            interval_text(one.parameter_exponent, "z.2f"),
        )
        for name, one in found.items()
    ]
    return table(
        ("model", "E, nats", "A", "B", "α", "β", "a = β / (α + β)"),
        [*rows, PUBLISHED],
        "L = E + A / N^α + B / D^β by the least sum of Huber losses of log L (δ = 0.001) "
        "from 112 starts, with 95 % percentile intervals over runs drawn again; N counts "
        "all parameters, D bytes. The best net for a budget C grows with C^a. Published: "
        "Besiroglu et al., 2024, from 240 runs of nets a thousand times larger.",
    )


def extrapolation_table(found: Mapping[str, Extrapolation]) -> Fragment:
    """How far the law of smaller budgets is off at the largest."""
    rows = [
        (
            MODELS[name],
            str(one.errors.size),
            interval_text(one.error, "z.3f"),
            interval_text(one.unchanged, "z.3f"),
            f"{100 * one.relative_error.estimate:.1f}",
        )
        for name, one in found.items()
    ]
    return table(
        ("model", "runs held out", "error, nats", "error of no law, nats", "error, %"),
        rows,
        "Runs of the largest budgets were held out, and foretold by the law of the others: "
        "the mean size of the error, with 95 % intervals over these runs. No law: that "
        "they do as well as the best of the others.",
    )


def loss_table(name: str, runs: Runs) -> Fragment:
    """Every net and number of tokens."""
    tokens = np.unique(runs.tokens)
    return table(
        ("parameters", *(f"{each:,.0f} bytes" for each in tokens)),
        [
            (f"{size:,.0f}", *(loss_text(runs, size, each) for each in tokens))
            for size in sizes(runs)
        ],
        f"Loss of models that tell the {MODELS[name]}, nats a byte: means over seeds.",
    )


def loss_text(runs: Runs, size: float, tokens: float) -> str:
    """The mean over the seeds that came to their end.

    Example:
      >>> runs = Runs(np.array([9.0, 9.0]), np.array([8.0, 8.0]), np.array([1.0, 2.0]))
      >>> loss_text(runs, 9.0, 8.0), loss_text(runs, 9.0, 16.0)
      ('1.500', '–')
    """
    told = runs.losses[(runs.parameters == size) & (runs.tokens == tokens)]
    return f"{told.mean():.3f}" if told.size else "–"
