"""Rows of images as inline SVG, each row one picture inside it."""

import base64
import io
from collections.abc import Mapping
from html import escape

import numpy as np
from PIL import Image

from jaxgen.arrays import Array, Shaped

_WIDTH, _LARGEST, _GAP, _TITLE = 736, 96, 8, 24  # CSS pixels

Images = Shaped[Array | np.ndarray, "_n _h _w _c"]


def image_rows(rows: Mapping[str, Images]) -> str:
    """Images side by side, a row for each name, every pixel a square.

    Args:
        rows: for each name images (n, h, w, c) with 1 or 3 channels, in [0, 255]; all
            of one size, and as many in each row.

    Returns:
        An ``<svg>`` element.

    Raises:
        ValueError: rows of images of different shapes, or none, or channels that are
            not gray or colours.

    Example:
        >>> image_rows({"noise": np.zeros((3, 8, 8, 1))}).count("<image")
        1
    """
    shapes = {np.shape(images) for images in rows.values()}
    if len(shapes) != 1 or next(iter(shapes))[-1] not in (1, 3):
        raise ValueError(
            f"rows of images of shapes {sorted(shapes)}: expected one shape for all, "
            "(n, h, w, 1) or (n, h, w, 3)"
        )
    count, height, width, _ = shapes.pop()
    side = min(float(_LARGEST), (_WIDTH + _GAP) / count - _GAP)
    tall = side * height / width
    total = round(len(rows) * (_TITLE + tall) + _GAP)
    parts = [
        _row(name, images, i * (_TITLE + tall), side, tall)
        for i, (name, images) in enumerate(rows.items())
    ]
    size = f'width="{_WIDTH}" height="{total}" viewBox="0 0 {_WIDTH} {total}"'
    return f'<svg {size} fill="none">{"".join(parts)}</svg>'


def image_grids(
    grids: Mapping[str, Shaped[Array | np.ndarray, "_r _k _h _w _c"]],
) -> str:
    """Grids of images, a gray pixel apart, side by side with a title above each.

    Args:
        grids: for each name images (rows, columns, h, w, c) with 1 or 3 channels, in
            [0, 255]; at most three names.

    Returns:
        An ``<svg>`` element.

    Raises:
        ValueError: no grid, or more than stand side by side.

    Example:
        >>> image_grids({"plane": np.zeros((4, 4, 8, 8, 1))}).count("<image")
        1
    """
    if not 1 <= len(grids) <= 3:
        raise ValueError(f"{len(grids)} grids: expected 1 to 3 to stand side by side")
    side = (_WIDTH + 2 * _GAP) / 3 - 2 * _GAP
    parts, lowest = [], 0.0
    for i, (name, images) in enumerate(grids.items()):
        edge = (0, 0), (0, 0), (0, 1), (0, 1), (0, 0)
        images = np.pad(images, edge, constant_values=128)
        rows, columns, height, width, channels = images.shape
        pixels = np.swapaxes(images, 1, 2).reshape(
            rows * height, columns * width, channels
        )
        left, tall = i * (side + 2 * _GAP), side * rows * height / (columns * width)
        parts.append(
            f'<text x="{left:.1f}" y="{_TITLE - 8}" font-size="12" fill="var(--ink)">'
            f'{escape(name)}</text><image x="{left:.1f}" y="{_TITLE}" '
            f'width="{side:.1f}" height="{tall:.1f}" preserveAspectRatio="none" '
            f'style="image-rendering:pixelated" href="{_png(pixels)}"/>'
        )
        lowest = max(lowest, _TITLE + tall + _GAP)
    size = f'width="{_WIDTH}" height="{lowest:.0f}" viewBox="0 0 {_WIDTH} {lowest:.0f}"'
    return f'<svg {size} fill="none">{"".join(parts)}</svg>'


def _row(name: str, images: Images, top: float, side: float, tall: float) -> str:
    places = (
        f'<svg x="{i * (side + _GAP):.1f}" y="{top + _TITLE:.1f}" width="{side:.1f}" '
        f'height="{tall:.1f}" viewBox="{i} 0 1 1" preserveAspectRatio="none">'
        f'<use href="#{_name_of(name)}"/></svg>'
        for i in range(len(images))
    )
    strip = (
        f'<defs><image id="{_name_of(name)}" width="{len(images)}" height="1" '
        f'preserveAspectRatio="none" style="image-rendering:pixelated" '
        f'href="{_png(np.concatenate(list(np.asarray(images)), axis=1))}"/></defs>'
    )
    words = (
        f'<text x="0" y="{top + _TITLE - 8:.1f}" font-size="12" '
        f'fill="var(--ink)">{escape(name)}</text>'
    )
    return words + strip + "".join(places)


def _name_of(name: str) -> str:
    return "images-" + name.encode().hex()


def _png(pixels: Shaped[np.ndarray, "_h _w _c"]) -> str:
    """The picture as a ``data:`` address."""
    gray = pixels.shape[-1] == 1
    whole = np.clip(np.round(pixels), 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(whole[..., 0] if gray else whole).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
