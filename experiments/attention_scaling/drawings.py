"""Figures of what length costs."""

from collections.abc import Callable, Mapping

import numpy as np

from experiments.attention_scaling.costs import Costs, Line
from experiments.attention_scaling.settings import Net
from experiments.attention_scaling.titles import SCOPES, TITLES, scope_title
from jaxgen.report.scaling import Curve, exponents, growths
from jaxgen.stats.growth import local_exponents
from jaxgen.stats.intervals import mean_intervals

Panels = dict[str, dict[str, Curve]]


def panels(costs: Costs, curve: Callable[[Line], Curve]) -> Panels:
    """A curve of every line, by scope and direction, then by mechanism."""
    found: Panels = {}
    for (scope, gradient, name), line in costs.items():
        if scope in SCOPES and line.lengths.size > 1:
            panel = found.setdefault(scope_title(scope, gradient), {})
            panel[TITLES[name]] = curve(line)
    return found


def time_curve(line: Line) -> Curve:
    """Milliseconds of a call: geometric means over rounds."""
    intervals = np.exp(mean_intervals(np.log(1e3 * line.seconds.T)))
    return Curve(line.lengths, *intervals.T)


def exact_curve(lengths: np.ndarray, values: np.ndarray) -> Curve:
    """Numbers without noise."""
    return Curve(lengths, values, values, values)


def time_figure(costs: Costs) -> str:
    """Time by length."""
    return growths(panels(costs, time_curve), ylabel="time of a call, ms")


def memory_figure(costs: Costs) -> str:
    """Temporaries by length."""
    return growths(
        panels(costs, lambda line: exact_curve(line.lengths, line.temporaries / 2**20)),
        ylabel="temporaries, MiB",
    )


def work_figure(costs: Costs) -> str:
    """FLOPs by length."""
    return growths(
        panels(costs, lambda line: exact_curve(line.lengths, line.flops / 1e9)),
        ylabel="products of matrices, GFLOP",
    )


def compile_figure(costs: Costs) -> str:
    """Seconds of compiling by length."""
    return growths(
        panels(costs, lambda line: exact_curve(line.lengths, line.compile_seconds)),
        ylabel="compiling, s",
        slopes=(),
    )


def local_figure(costs: Costs, net: Net) -> str:
    """Exponents of time between neighbouring lengths; the law through the layer."""
    found = panels(costs, local_curve)
    width = net.heads * net.features
    laws = {
        title: {"1 + n / (n + 6d)": layer_law(curves, width)}
        for title, curves in found.items()
        if title.startswith("layer")
    }
    return exponents(found, laws=laws, reference={"O(n)": 1, "O(n²)": 2})


def local_curve(line: Line) -> Curve:
    """Local exponents at the geometric means of neighbouring lengths."""
    between = np.sqrt(line.lengths[1:] * line.lengths[:-1])
    return Curve(between, *np.transpose(local_exponents(line.lengths, line.seconds)))


def layer_law(curves: Mapping[str, Curve], width: int) -> Curve:
    """The exact exponent of a layer's work with full attention, ``1 + n / (n + 6d)``.

    Per token its projections and perceptron take ``24 d²`` operations, attention
    ``4 n d``; the logarithmic slope of ``24 n d² + 4 n² d`` is the formula.
    """
    ends = [curve.lengths[[0, -1]] for curve in curves.values()]
    lengths = np.geomspace(np.min(ends), np.max(ends), 100)
    return exact_curve(lengths, 1 + lengths / (lengths + 6 * width))
