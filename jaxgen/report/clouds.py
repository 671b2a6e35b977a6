"""Samples in the plane over training, as inline SVG of its own making."""

from collections.abc import Mapping
from html import escape
from typing import NamedTuple

import numpy as np

from jaxgen.arrays import Array, Shaped
from jaxgen.report.series import Number, series_over
from jaxgen.stats.intervals import finite

_WIDTH, _LARGEST, _GAP, _TITLE, _FOOT = 736, 160, 8, 24, 42  # CSS pixels


def clouds(
    rows: Mapping[str, Shaped[Array | np.ndarray, "_times _points 2"]],
    steps: Shaped[Array | np.ndarray, " _times"],
    means: Shaped[Array | np.ndarray, "_modes 2"],
) -> str:
    """Samples over training: a row a run, a column a step, a ring about each mode.

    All panels have one frame, wider by a quarter than the modes; a sample beyond the
    frame is drawn on its edge, so that none is hidden.

    Args:
        rows: for each run, its samples at each step.
        steps: of training, one for each column.
        means: centres of the true modes.

    Returns:
        An ``<svg>`` element.

    Raises:
        ValueError: if a coordinate is not finite or a row has not one set of points for
            each step.

    Example:
        >>> svg = clouds({"GAN": np.zeros((2, 9, 2))}, np.array([0, 100]), np.eye(2))
        >>> svg.count("h0")
        18
    """
    at, modes = finite("steps", steps), finite("means", means)
    if not at.size or not modes.size:
        raise ValueError(
            f"{at.size} steps, {len(modes)} modes; clouds needs some of each"
        )
    samples = series_over("rows", rows, at, axis=0)
    side = min(_LARGEST, (_WIDTH - 2 + _GAP) / at.size - _GAP)
    height = round(len(samples) * (_TITLE + side) + _FOOT)
    half = 0.625 * float(np.ptp(modes, axis=0).max()) or 1.0
    frame = _Frame((modes.max(axis=0) + modes.min(axis=0)) / 2, half, side)
    lefts = (_WIDTH + _GAP) / 2 + (np.arange(at.size) - at.size / 2) * (side + _GAP)
    parts = []
    for i, (name, each) in enumerate(samples.items()):
        top = i * (_TITLE + side) + _TITLE
        parts.append(_text(lefts[0], top - 7, name, "start", "ink", 12))
        parts += [
            _panel(frame, x, top, p, modes) for x, p in zip(lefts, each, strict=True)
        ]
    for x, step in zip(lefts + side / 2, at, strict=True):
        parts.append(_text(x, height - 24, _short(step), "middle", "muted"))
    parts.append(_text(_WIDTH / 2, height - 5, "training step", "middle", "muted"))
    size = f'width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}"'
    return f'<svg {size} fill="none">{"".join(parts)}</svg>'


class _Frame(NamedTuple):
    middle: np.ndarray
    half: Number
    side: Number

    def pixels(self, points: np.ndarray) -> list[list[float]]:
        unit = np.clip((points - self.middle) / self.half, -1, 1) * (1, -1)
        return np.round((unit + 1) * self.side / 2, 1).tolist()


def _panel(
    frame: _Frame, left: Number, top: Number, points: np.ndarray, modes: np.ndarray
) -> str:
    rings = (f'<circle cx="{x:g}" cy="{y:g}" r="5"/>' for x, y in frame.pixels(modes))
    dots = (f'<path d="M{x:g} {y:g}h0"/>' for x, y in frame.pixels(points))
    return (
        f'<g transform="translate({left:.1f} {top:.1f})">'
        f'<rect width="{frame.side:.1f}" height="{frame.side:.1f}" rx="2" '
        f'stroke="var(--grid)"/>'
        f'<g stroke="var(--muted)" stroke-width="0.75">{"".join(rings)}</g>'
        f'<g stroke="var(--c0)" stroke-width="3" stroke-linecap="round" '
        f'stroke-opacity="0.4">{"".join(dots)}</g></g>'
    )


def _text(
    x: Number, y: Number, words: str, anchor: str, colour: str, size: int = 11
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" '
        f'fill="var(--{colour})">{escape(words)}</text>'
    )


def _short(step: float) -> str:
    for unit, letter in ((1e6, "M"), (1e3, "k")):
        if step >= unit:
            return f"{step / unit:g}{letter}"
    return f"{step:g}"
