"""A standalone SVG made fit to stand inline in an HTML page beside others."""

import hashlib
import re
from collections.abc import Mapping

_TAG = re.compile(r"<[^<>]+>")

_WHOLE = (  # what a page supplies itself, or what would leak out of the figure
    (r"^.*?(?=<svg)", ""),
    (r"<metadata>.*?</metadata>", ""),
    (r"<defs>\s*<style.*?</style>\s*</defs>", ""),
    (r">\s+<", "><"),
)
_WITHIN = (  # inside a tag only: the words of a label are left alone
    (r'<svg [^>]*?(width="[\d.]+)pt" (height="[\d.]+)pt" (viewBox="[^"]*")[^>]*>',
     r'<svg \1" \2" \3 style="stroke-linejoin: round">'),
    (r"<g id=\"[^\"]*\"", "<g"),
    (r" font-family: [^;\"]*;?", ""),
    (r" transform=\"rotate\(-0 [^)]*\)\"", ""),
    (r"xlink:href", "href"),
    (r"\s+", " "),
    (r" (?=[MLCQz])|(?<=[MLCQ]) | (?=\")", ""),
)  # fmt: skip
_SAME_STYLE = re.compile(
    r"<g([^>]*)>(<use [^>]*?)( style=\"[^\"]*\")/>((?:<use [^>]*?\3/>)*)</g>"
)


def inline(svg: str, colours: Mapping[str, str]) -> str:
    """The SVG without prologue, fonts, network names or ids that others may bear.

    Coordinates are rounded to a hundredth of a pixel, a style shared by many markers
    is written once, and every id begins with a digest of the whole, so that two
    different figures of one page never share one.

    Args:
        svg: a standalone document whose lengths are in points.
        colours: what stands for each colour, such as ``{"#fe00fe": "var(--ink)"}``.

    Returns:
        One ``<svg>`` element, its lengths in CSS pixels, its font that of the page.

    Example:
        >>> inline('<?xml?><svg width="9pt" height="9pt" viewBox="0 0 9 9"></svg>', {})
        '<svg width="9" height="9" viewBox="0 0 9 9" style="...: round"></svg>'
    """
    for pattern, replacement in _WHOLE:
        svg = re.sub(pattern, replacement, svg, flags=re.DOTALL)
    svg = _TAG.sub(lambda tag: _compact(tag[0], colours), svg.rstrip())
    return _own_ids(_SAME_STYLE.sub(_style_once, svg))


def _compact(tag: str, colours: Mapping[str, str]) -> str:
    for pattern, replacement in _WITHIN:
        tag = re.sub(pattern, replacement, tag)
    for colour, stand_in in colours.items():
        tag = tag.replace(colour, stand_in)
    return re.sub(r"-?\d+\.\d{3,}", lambda number: f"{float(number[0]):z.2f}", tag)


def _style_once(group: re.Match) -> str:
    attributes, first, style, rest = group.groups()
    return f"<g{attributes}{style}>{first}/>{rest.replace(style, '')}</g>"


def _own_ids(svg: str) -> str:
    prefix = "s" + hashlib.sha256(svg.encode()).hexdigest()[:7]
    names = {
        name: f"{prefix}-{i}"
        for i, name in enumerate(re.findall(r' id="([^"]*)"', svg))
    }

    def rename(tag: re.Match) -> str:
        return re.sub(
            r'(?<=id=")[^"]*|(?<=href="#)[^"]*|(?<=url\(#)[^)]*',
            lambda name: names[name[0]],
            tag[0],
        )

    return _TAG.sub(rename, svg)
