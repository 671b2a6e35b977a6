"""Figures: what they draw, what they refuse, and that pages can hold several."""

import re

import numpy as np
import pytest

from jaxgen.report.clouds import clouds
from jaxgen.report.figures import curves, numbered_plane, outcomes, plane
from jaxgen.report.scaling import Curve, exponents, growths
from jaxgen.report.stylesheet import SENTINELS
from jaxgen.stats.intervals import mean_interval
from markup import Reader

STEPS = np.arange(0, 20_001, 2_000)
RNG = np.random.default_rng(0)
RUNS = {"GAN": RNG.normal(5, 1, (6, 11)), "R1 & <R2>": RNG.normal(7, 1, (4, 11))}
LAST = {name: runs[:, -1] for name, runs in RUNS.items()}
RING = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
LAW = Curve(*np.array([[256, 512, 1024], [1, 2, 3], [1, 3, 4], [2, 4, 6]]))
COSTS = {"CPU & <$n>": dict.fromkeys(RUNS, LAW)}
PAIR = {"perfect": (8.0, 8.0), "trivial": (0.0, 1.0)}


def drawn() -> dict[str, str]:
    points = np.random.default_rng(1).normal(size=(11, 20, 2))
    return {
        "curves": curves(STEPS, RUNS, ylabel="modes, $n", reference={"perfect": 8}),
        "outcomes": outcomes(LAST, xlabel="modes", levels=range(9)),
        "plane": plane(LAST, LAST, xlabel="quality, %", ylabel="modes", **PAIR),
        "numbered plane": numbered_plane(LAST, LAST, xlabel="x", ylabel="y", **PAIR),
        "growths": growths(COSTS, ylabel="time, ms"),
        "exponents": exponents(COSTS, laws=COSTS, reference={"O(n²)": 2}),
        "clouds": clouds({name: points for name in RUNS}, STEPS, RING),
    }


FIGURES = drawn()


@pytest.fixture(params=FIGURES)
def svg(request) -> str:
    return FIGURES[request.param]


def test_same_input_gives_the_same_bytes():
    assert drawn() == FIGURES


def test_every_colour_is_one_of_the_page(svg):
    assert not re.search("|".join(SENTINELS), svg)
    colours = re.findall(r"(?:fill|stroke)(?:: |=\")([^;\"]+)", svg)
    assert {each for each in colours if not each.startswith("var(--")} <= {"none"}
    assert "font-family" not in svg


def test_every_tag_is_closed_and_every_reference_met(svg):
    read = Reader(svg)
    assert set(read.references) <= set(read.ids)
    assert len(read.ids) == len(set(read.ids))
    assert read.tags[0] == "svg" and "style" not in read.tags


def test_labels_are_text_as_it_was_given(svg):
    words = " ".join(Reader(svg).words)
    assert "GAN" in words and "R1 & <R2>" in words


def test_figures_of_one_page_share_no_id():
    ids = [name for svg in FIGURES.values() for name in set(Reader(svg).ids)]
    assert ids and len(ids) == len(set(ids))


def numbers(svg: str, mark: str) -> np.ndarray:
    uses = re.findall(rf"<use [^>]*{mark}[^>]*/>", svg)
    found = [re.search(r'x="([-\d.]+)" y="([-\d.]+)"', use) for use in uses]
    return np.array([[float(f[1]), float(f[2])] for f in found if f])


def test_curves_draw_each_seed_the_mean_and_its_band():
    svg = FIGURES["curves"]
    thin = re.findall(r'd="([^"]*)"[^>]*stroke-opacity: 0.4', svg)
    assert len(thin) == 6 + 4
    assert svg.count("fill-opacity: 0.22") == 2
    assert svg.count("stroke-width: 2;") + svg.count('stroke-width: 2"') == 2
    assert {"perfect", "modes, $n", "training step", "20k"} <= set(Reader(svg).words)


def test_band_is_the_interval_of_the_mean():
    band = re.search(r'<path id="[^"]*" d="(M[^"]*)"/></defs>', FIGURES["curves"])
    assert band
    corners = np.array(re.findall(r"(-?[\d.]+) (-?[\d.]+)", band[1]), float)
    line = re.search(r'd="(M[^"]*)"[^>]*stroke: var\(--c0\); stroke-width: 2',
                     FIGURES["curves"])  # fmt: skip
    assert line
    mean = np.array(re.findall(r"([\d.]+) ([\d.]+)", line[1]), float)[:, 1]
    low, middle, high = np.transpose([mean_interval(each) for each in RUNS["GAN"].T])
    pixel = np.polyfit(middle, mean, 1)
    height = 220 + corners[:, 1]  # the band hangs from the foot of the figure
    assert height.min() == pytest.approx(np.polyval(pixel, high.max()), abs=0.1)
    assert height.max() == pytest.approx(np.polyval(pixel, low.min()), abs=0.1)


def test_outcomes_draw_every_seed_once_over_its_level():
    values = {"a": np.array([1.0, 8.0, 8.0, 8.0, 3.0]), "b": np.full(7, 2.0)}
    svg = outcomes(values, xlabel="modes", levels=range(9), reference={"perfect": 8})
    groups = re.findall(r'<g[^>]*style="fill: var\(--c\d\)">(.*?)</g>', svg)
    x = [np.array(re.findall(r' x="([\d.]+)"', group), float) for group in groups]
    assert [each.size for each in x] == [5, 7]
    near, far = x[1].mean(), x[0].max()
    assert np.ptp(x[1]) < (far - near) / 6 / 2
    middle = np.sort(x[0])[1]
    assert (middle - near) / (far - near) == pytest.approx(1 / 6, abs=0.03)
    assert {"n = 5", "n = 7", "perfect"} <= set(Reader(svg).words)


def test_plane_marks_every_seed_and_names_what_to_beat():
    svg = FIGURES["plane"]
    seeds = re.findall(r"<g[^>]*fill-opacity: 0.55[^>]*>(.*?)</g>", svg)
    assert [group.count("<use") for group in seeds] == [6, 4]
    assert {"perfect model", "trivial model"} <= set(Reader(svg).words)


def test_numbered_plane_names_each_number():
    many = {f"method {i}": np.array([i, i + 1.0]) for i in range(26)}
    words = Reader(numbered_plane(many, many, xlabel="x", ylabel="y", **PAIR)).words
    assert {"26", "26  method 25", "perfect model", "trivial model"} <= set(words)
    with pytest.raises(ValueError, match=r"expected the same"):
        numbered_plane(many, LAST, xlabel="x", ylabel="y", **PAIR)


@pytest.mark.parametrize("seeds", [1, 5])
def test_one_seed_or_constant_data_draw_without_a_warning(seeds: int):
    runs = {"constant": np.full((seeds, 3), 2.0)}
    last = {"constant": np.full(seeds, 2.0)}
    band = curves(np.arange(3), runs, ylabel="y").count("fill-opacity: 0.22")
    assert band == (seeds > 1)
    assert outcomes(last, xlabel="x").count('style="fill: var(--c0)"') == 1
    assert "<svg" in plane(last, last, xlabel="x", ylabel="y", **PAIR)


@pytest.mark.parametrize("methods", [1, 4, 5, 8, 9])
def test_small_multiples_fill_their_rows(methods: int):
    runs = {f"method {i}": np.full((1, 2), float(i)) for i in range(methods)}
    words = Reader(curves(np.arange(2), runs, ylabel="y", reference={"r": 1})).words
    assert sum(word.startswith("method ") for word in words) == methods
    assert words.count("r") == {1: 1, 4: 1, 5: 1, 8: 2, 9: 3}[methods]


def test_bad_series_are_refused_by_name():
    wrong = {"GAN": np.array([1.0, np.nan])}
    with pytest.raises(ValueError, match=r"series\['GAN'\]\[1\] = nan"):
        outcomes(wrong, xlabel="x")
    with pytest.raises(ValueError, match=r"series\['GAN'\].*\(6, 11\).*expected 10"):
        curves(STEPS[:10], RUNS, ylabel="y")
    with pytest.raises(ValueError, match="series is empty"):
        outcomes({}, xlabel="x")
    with pytest.raises(ValueError, match=r"expected the same"):
        plane(LAST, {**LAST, "GAN": np.ones(2)}, xlabel="x", ylabel="y", **PAIR)
    nine = {str(i): np.ones(2) for i in range(9)}
    with pytest.raises(ValueError, match="9 methods"):
        plane(nine, nine, xlabel="x", ylabel="y", **PAIR)
