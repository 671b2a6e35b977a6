"""What length costs: every number where the axes say it is, and labels that fit."""

import re
from itertools import pairwise

import numpy as np
import pytest

from jaxgen.report.scaling import Curve, exponents, growths
from markup import Reader

LENGTHS = 2.0 ** np.arange(8, 15)
RNG = np.random.default_rng(0)


def exact(values: np.ndarray, lengths: np.ndarray = LENGTHS) -> Curve:
    return Curve(lengths, values, values, values)


def noisy(values: np.ndarray) -> Curve:
    middle = values * np.exp(RNG.normal(0, 0.05, values.size))
    return Curve(LENGTHS, middle / 1.3, middle, middle * 1.2)


COSTS = {
    "forward": {"dense": noisy(LENGTHS**2 / 50), "linear": noisy(30 * LENGTHS)},
    "backward": {"linear": noisy(70 * LENGTHS), "dense": noisy(LENGTHS**2 / 20)},
    "memory": {"FFT": noisy(9 * LENGTHS**1.1)},
}
GROWTH = growths(COSTS, ylabel="time, ms", slopes=(1, 1.5, 2))
RISING = np.linspace(1.2, 1.9, 7)
SLOPES = {
    "time": {"dense": Curve(LENGTHS, RISING - 0.1, RISING, RISING + 0.2)},
    "FLOPs": {"linear": exact(np.ones(7)), "dense": exact(np.linspace(1.1, 1.8, 7))},
}
FINE = np.geomspace(256, 16384, 50)
LAWS = {"FLOPs": {"dense": exact(1 + FINE / (FINE + 3000), FINE)},
        "time": {"1 + n/(n + 6d)": exact(1 + FINE / (FINE + 1536), FINE)}}  # fmt: skip
LINES = {"O(n)": 1, "O(n²)": 2}
EXPONENT = exponents(SLOPES, laws=LAWS, reference=LINES)


def texts(svg: str) -> list[tuple[str, float, float]]:
    found = re.findall(r'<text [^>]*? x="([\d.]+)" y="([\d.]+)">([^<]*)<', svg)
    return [(words, float(x), float(y)) for x, y, words in found]


def where(svg: str, words: str) -> list[tuple[float, float]]:
    return [(x, y) for text, x, y in texts(svg) if text == words]


def paths(svg: str, *style: str) -> list[np.ndarray]:
    """Corners of the lines whose style has all of these words."""
    found = re.findall(r'<path d="(M[^"z]*)"[^>]*style="fill: none;([^"]*)"', svg)
    return [
        np.array(re.findall(r"([-\d.]+) ([-\d.]+)", corners), float)
        for corners, its in found
        if all(word in its + ";" for word in style)
    ]


def marks(svg: str, colour: int) -> list[np.ndarray]:
    """For each line of a colour, where its markers are; the last is of the key."""
    groups = re.findall(rf'style="fill: var\(--c{colour}\); [^"]*">(.*?)</g>', svg)
    return [
        np.array(re.findall(r'x="([\d.]+)" y="([\d.]+)"', g), float) for g in groups
    ]


def frames(svg: str) -> np.ndarray:
    """Left, top, right and bottom of each panel, in order."""
    corners = re.findall(r'<path d="M([\d.]+) ([\d.]+)L([\d.]+) \2L\3 ([\d.]+)L', svg)
    found = np.array(corners, float)[1:, [0, 3, 2, 1]]  # the first is the figure
    return found


def octaves(svg: str, panel: int, x: np.ndarray) -> np.ndarray:
    (first, low), (last, high) = (
        (where(svg, label)[panel][0], power)
        for label, power in (("256", 8), ("16K", 14))
    )
    return low + (x - first) * (high - low) / (last - first)


def heights(svg: str, low: str, high: str, y: np.ndarray) -> np.ndarray:
    """As a share of the way between two labels of the vertical axis."""
    foot, head = where(svg, low)[0][1], where(svg, high)[0][1]
    return (y - foot) / (head - foot)


@pytest.fixture(params=["growths", "exponents"])
def svg(request) -> str:
    return {"growths": GROWTH, "exponents": EXPONENT}[request.param]


def test_every_colour_is_one_of_the_page(svg):
    colours = set(re.findall(r"(?:fill|stroke)(?:: |=\")([^;\"]+)", svg))
    assert all(each == "none" or each.startswith("var(--") for each in colours)
    Reader(svg)


def test_all_is_named_once():
    words = Reader(GROWTH).words
    assert {"time, ms", "tokens", *COSTS, "n", "n^1.5", "n²"} <= set(words)
    assert [words.count(name) for name in ("dense", "linear", "FFT")] == [1, 1, 1]
    words = Reader(EXPONENT).words
    assert {"local exponent", "1 + n/(n + 6d)", *SLOPES} <= set(words)
    assert words.count("O(n²)") == 1 and words.count("linear") == 1


def test_a_name_has_one_colour_and_one_marker_in_all_panels():
    for i, panels in enumerate([2, 2, 1]):
        group = re.findall(
            rf'style="fill: var\(--c{i}\)[^>]*><use href="([^"]*)"', GROWTH
        )
        assert len(group) == panels + 1 and len(set(group)) == 1
        assert len(paths(GROWTH, f"var(--c{i})", "width: 1.25;")) == panels + 1


def pixel_values(panel: int, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """log₂ of the lengths and log₁₀ of the costs that points of GROWTH stand for."""
    y = 4 + 3 * heights(GROWTH, "10⁴", "10⁷", points[:, 1] + TEXT_BELOW_TICK)
    return octaves(GROWTH, panel, points[:, 0]), y


TEXT_BELOW_TICK = 4.18  # pixels from a tick to the foot of its label


@pytest.mark.parametrize(
    "colour, name", [(0, "dense"), (1, "linear"), (2, "FFT")], ids=lambda v: str(v)
)
def test_points_and_bars_are_where_the_axes_say(colour, name):
    drawn = marks(GROWTH, colour)
    bars = paths(GROWTH, f"var(--c{colour})", "stroke-linecap: square;")
    bars = [each for each in bars if len(each) == 2 * LENGTHS.size]
    shown = [(i, each[name]) for i, each in enumerate(COSTS.values()) if name in each]
    for (panel, curve), points, bar in zip(shown, drawn[:-1], bars, strict=True):
        x, y = pixel_values(panel, points)
        np.testing.assert_allclose(x, np.log2(LENGTHS), atol=0.01)
        np.testing.assert_allclose(y, np.log10(curve.estimate), atol=0.01)
        low, high = pixel_values(panel, bar)[1].reshape(-1, 2).T
        np.testing.assert_allclose(low, np.log10(curve.low), atol=0.01)
        np.testing.assert_allclose(high, np.log10(curve.high), atol=0.01)


def test_guides_have_their_slopes_and_start_at_the_corner():
    guides = paths(GROWTH, "dasharray: 4,3", "var(--muted)", "width: 0.75;")
    assert len(guides) == 3 * 3
    for i, curves in enumerate(COSTS.values()):
        lowest = min(curve.estimate.min() for curve in curves.values())
        for guide, slope in zip(guides[3 * i : 3 * i + 3], (2, 1.5, 1), strict=True):
            x, y = pixel_values(i, guide)
            assert np.diff(y) / (np.diff(x) * np.log10(2)) == pytest.approx(
                slope, abs=0.02
            )
            assert (x[0], y[0]) == pytest.approx((8, np.log10(lowest)), abs=0.01)


def test_guides_end_on_the_frame_and_are_named_outside_it():
    guides = paths(GROWTH, "dasharray: 4,3", "var(--muted)", "width: 0.75;")
    for i, (_, top, right, _) in enumerate(frames(GROWTH)):
        for guide, name in zip(
            guides[3 * i : 3 * i + 3], ("n²", "n^1.5", "n"), strict=True
        ):
            (x, y), (at, level) = guide[-1], where(GROWTH, name)[i]
            assert x == pytest.approx(right) or y == pytest.approx(top)
            assert at > right or level < top
            assert np.hypot(at - x, level - y) < 30


def boxes(svg: str, names: set[str]) -> np.ndarray:
    """Middle, and half of width and height, of labels in 11 pixel type."""
    found = [(x, y, 3.3 * len(text), 5) for text, x, y in texts(svg) if text in names]
    return np.array(found)


def overlaps(boxes: np.ndarray) -> int:
    apart = np.abs(boxes[:, None, :2] - boxes[:, :2])
    return int(
        np.triu(np.all(apart < boxes[:, None, 2:] + boxes[:, 2:], axis=2), 1).sum()
    )


def test_names_of_many_guides_do_not_overlap():
    svg = growths(COSTS, ylabel="ms", slopes=(0, 1, 1.1, 1.2, 3, 3.1, 3.2))
    found = boxes(svg, {"1", "n", "n^1.1", "n^1.2", "n³", "n^3.1", "n^3.2"})
    assert len(found) == 7 * 3 and overlaps(found) == 0


def test_names_of_equal_laws_do_not_overlap():
    law = exact(1 + FINE / (FINE + 1536), FINE)
    svg = exponents(SLOPES, laws={"time": {"first law": law, "other law": law}})
    found = boxes(svg, {"first law", "other law"})
    assert len(found) == 2 and overlaps(found) == 0


def test_exact_numbers_have_no_bars():
    svg = growths({"FLOPs": {"dense": exact(LENGTHS**2)}}, ylabel="FLOPs", slopes=())
    assert [len(each) for each in paths(svg, "var(--c0)")] == [7, 3]
    assert not paths(svg, "dasharray")


@pytest.mark.parametrize(
    "panels, last", [(1, 33), (2, 9), (3, 15), (3, 33), (4, 12), (5, 17), (6, 15)]
)
def test_labels_of_ticks_never_collide(panels, last):
    lengths = 2.0 ** np.arange(8, last)
    curves = {f"panel {i}": {"dense": exact(lengths, lengths)} for i in range(panels)}
    svg = growths(curves, ylabel="ms")
    labels = [each for each in texts(svg) if re.fullmatch(r"\d+[KMG]?", each[0])]
    rows: dict[float, list] = {}
    for words, x, y in labels:
        rows.setdefault(y, []).append((x, 6.6 * len(words) / 2))
    bottoms = [sorted(row) for row in rows.values() if len(row) > 1]
    assert (
        bottoms
        and sum(word.startswith("panel ") for word in Reader(svg).words) == panels
    )
    for row in bottoms:
        ends = [(x - half, x + half) for x, half in row]
        assert all(end + 3 < start for (_, end), (start, _) in pairwise(ends))


def test_many_long_names_have_a_key_within_the_width():
    curves = {f"a mechanism with number {i}": exact(LENGTHS + i) for i in range(8)}
    svg = growths({"all": curves}, ylabel="ms")
    found = [each for each in texts(svg) if each[0].startswith("a mechanism")]
    assert len(found) == 8 and len({(x, y) for _, x, y in found}) == 8
    assert max(x + 6.6 * len(words) for words, x, _ in found) < 736
    assert max(y for *_, y in found) < frames(svg)[0, 1]


def levels(y: np.ndarray) -> np.ndarray:
    """The exponents that heights of EXPONENT stand for."""
    return 1 + heights(EXPONENT, "O(n)", "O(n²)", y + TEXT_BELOW_TICK)


def test_exponents_stand_by_their_lengths_at_their_values():
    dense, linear = marks(EXPONENT, 0), marks(EXPONENT, 1)
    assert [len(each) for each in (*dense, *linear)] == [7, 7, 1, 7, 1]
    for panel, points in zip(SLOPES, dense[:2], strict=True):
        shown = levels(points[:, 1])
        np.testing.assert_allclose(shown, SLOPES[panel]["dense"].estimate, atol=0.01)
    for i, points in enumerate(dense[:2]):
        x = octaves(EXPONENT, i, points[:, 0])
        assert np.ptp(x - np.log2(LENGTHS)) < 0.01
        assert np.abs(x - np.log2(LENGTHS)).max() < 0.1
    bars = [each for each in paths(EXPONENT, "var(--c0)") if len(each) == 14]
    assert len(bars) == 1
    low, high = levels(bars[0][:, 1]).reshape(-1, 2).T
    np.testing.assert_allclose(low, SLOPES["time"]["dense"].low, atol=0.01)
    np.testing.assert_allclose(high, SLOPES["time"]["dense"].high, atol=0.01)


def test_laws_are_dashed_and_named_inside_where_nothing_is_drawn():
    plain, named = (
        paths(EXPONENT, f"var(--{c})", "4,3", "1.25;") for c in ("ink", "c0")
    )
    assert len(plain) == len(named) == 1
    np.testing.assert_allclose(
        levels(plain[0][[0, -1], 1]), LAWS["time"]["1 + n/(n + 6d)"].estimate[[0, -1]],
        atol=0.01,
    )  # fmt: skip
    (left, top, right, bottom), _ = frames(EXPONENT)
    ((x, y),) = where(EXPONENT, "1 + n/(n + 6d)")
    half = 6.4 * 14 / 2
    assert left < x - half and x + half < right and top < y - 9 and y < bottom
    points = np.concatenate([marks(EXPONENT, 0)[0], plain[0]])
    assert not np.any(
        (np.abs(points[:, 0] - x) < half) & (np.abs(points[:, 1] - y + 4) < 6)
    )
    assert len(where(EXPONENT, "dense")) == 2  # in the key and beside its law


def test_an_outlier_does_not_flatten_the_rest():
    wild = Curve(LENGTHS[:3], *np.array([[-90, 1.0, 1], [1.5, 1.2, 60], [2, 80, 70]]))
    calm = exact(np.linspace(1, 2, 7))
    svg = exponents({"a": {"calm": calm, "wild": wild}}, reference=LINES)
    ((_, top, _, bottom),) = frames(svg)
    ((_, one),), ((_, two),) = where(svg, "O(n)"), where(svg, "O(n²)")
    assert (one - two) / (bottom - top) == pytest.approx(1 / 4.5, abs=0.01)
    bars = next(each for each in paths(svg, "var(--c1)") if len(each) == 6)
    assert bars[0, 1] == pytest.approx(bottom) and bars[3, 1] == pytest.approx(top)
    opened = re.findall(
        r'style="fill: var\(--paper\); stroke: var\(--c1\)[^>]*>(.*?)</g>', svg
    )
    assert len(opened) == 1 and opened[0].count("<use") == 1
    assert float(re.search(r' y="([\d.]+)"', opened[0])[1]) == pytest.approx(top)


@pytest.mark.parametrize("draw", [lambda p: growths(p, ylabel="ms"), exponents],
                         ids=["growths", "exponents"])  # fmt: skip
@pytest.mark.parametrize(
    "lengths, values",
    [([1000.0], [3.0]), ([600.0, 900.0], [2.0, 2.0]), ([1.0, 1e9], [1.0, 1.0])],
)
def test_few_or_constant_numbers_draw_without_a_warning(draw, lengths, values):
    svg = draw({"a": {"x": exact(np.array(values), np.array(lengths))}})
    assert len(marks(svg, 0)[0]) == len(lengths)
    assert sum(bool(re.fullmatch(r"\d+[KMG]?", words)) for words, *_ in texts(svg)) > 1


def test_curves_are_joined_in_order_of_length():
    turned = Curve(*(each[::-1] for each in COSTS["memory"]["FFT"]))
    back = {**COSTS, "memory": {"FFT": turned}}
    assert growths(back, ylabel="time, ms", slopes=(1, 1.5, 2)) == GROWTH


ONE = np.ones(7)
BAD = {
    "nan": (Curve(LENGTHS, ONE, ONE * np.nan, ONE), r"\.estimate\[0\] = nan"),
    "infinite": (Curve(LENGTHS, ONE, ONE, ONE * np.inf), r"\.high\[0\] = inf"),
    "no length": (exact(ONE, LENGTHS - 256), r"\.lengths\[0\] = 0"),
    "sizes": (Curve(LENGTHS, ONE, ONE[1:], ONE), r"'estimate': \(6,\)"),
    "columns": (exact(ONE[:, None], LENGTHS[:, None]), r"expected the same \(k,\)"),
    "empty": (exact(ONE[:0], LENGTHS[:0]), r"expected the same \(k,\)"),
    "crossed": (Curve(LENGTHS, 2 * ONE, ONE, ONE), r"\.low\[0\] = 2, above high\[0\]"),
}


@pytest.mark.parametrize("fault", BAD)
@pytest.mark.parametrize("draw", [lambda p: growths(p, ylabel="ms"), exponents],
                         ids=["growths", "exponents"])  # fmt: skip
def test_a_bad_curve_is_refused_by_panel_and_name(draw, fault):
    curve, why = BAD[fault]
    with pytest.raises(ValueError, match=r"panels\['time'\]\['dense'\].*" + why):
        draw({"time": {"linear": exact(ONE), "dense": curve}})


def test_what_has_no_logarithm_is_refused_on_a_logarithmic_axis():
    curve = Curve(LENGTHS, ONE - 1, ONE, ONE)
    with pytest.raises(ValueError, match=r"panels\['a'\]\['x'\]\.low\[0\] = 0"):
        growths({"a": {"x": curve}}, ylabel="ms")
    assert "<svg" in exponents({"a": {"x": curve}})


def test_what_cannot_be_told_apart_or_compared_is_refused():
    nine = {str(i): exact(ONE) for i in range(9)}
    with pytest.raises(ValueError, match="9 names"):
        growths({"a": nine}, ylabel="ms")
    with pytest.raises(ValueError, match="9 names"):
        exponents({name: {name: curve} for name, curve in list(nine.items())[:6]}
                  | {"5": nine})  # fmt: skip
    with pytest.raises(ValueError, match="0 panels"):
        growths({}, ylabel="ms")
    with pytest.raises(ValueError, match="7 panels"):
        exponents({str(i): {"x": exact(ONE)} for i in range(7)})
    with pytest.raises(ValueError, match=r"panels\['a'\] is empty"):
        growths({"a": {}}, ylabel="ms")
    with pytest.raises(ValueError, match=r"slopes\[1\] = -1"):
        growths(COSTS, ylabel="ms", slopes=(1, -1))
    with pytest.raises(ValueError, match=r"laws\['nowhere'\]"):
        exponents(SLOPES, laws={"nowhere": {}})
    with pytest.raises(ValueError, match=r"laws\['time'\]\['x'\]\.high"):
        bad = Curve(LENGTHS, ONE, ONE, ONE * np.inf)
        exponents(SLOPES, laws={"time": {"x": bad}})
    with pytest.raises(ValueError, match=r"reference\[0\] = nan"):
        exponents(SLOPES, reference={"x": float("nan")})
