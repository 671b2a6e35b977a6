"""The palette: seen by every eye, on either paper."""

import numpy as np
import pytest

from jaxgen.report.stylesheet import DARK, LIGHT, SENTINELS, STYLESHEET

# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB
EYES = {
    "trichromat": np.eye(3),
    "protanope": np.array(
        [
            [0.1523, 1.0526, -0.2049],
            [0.1145, 0.7863, 0.0992],
            [-0.0039, -0.0481, 1.0520],
        ]
    ),
    "deuteranope": np.array(
        [[0.3673, 0.8606, -0.2280], [0.2801, 0.6725, 0.0474], [-0.0118, 0.0429, 0.9689]]
    ),
    "tritanope": np.array(
        [
            [1.2555, -0.0767, -0.1788],
            [-0.0784, 0.9308, 0.1476],
            [0.0047, 0.6914, 0.3039],
        ]
    ),
}


def linear(colour: str) -> np.ndarray:
    value = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2."""
    light = [linear(each) @ (0.2126, 0.7152, 0.0722) + 0.05 for each in (one, other)]
    return max(light) / min(light)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIE L*a*b* under D65."""
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    share = np.clip(to_xyz @ np.clip(rgb, 0, 1) / (0.9505, 1.0, 1.089), 1e-9, None)
    x, y, z = np.where(share > 0.008856, np.cbrt(share), 7.787 * share + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_contrast_with_the_paper(colours: dict[str, str]):
    paper = colours["paper"]
    assert contrast(colours["ink"], paper) > 12
    assert contrast(colours["muted"], paper) > 4.5
    for i in range(8):
        assert contrast(colours[f"c{i}"], paper) > 3


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_no_two_colours_look_alike(colours: dict[str, str], eye: str):
    seen = [lab(EYES[eye] @ linear(colours[f"c{i}"])) for i in range(8)]
    apart = [np.linalg.norm(a - b) for i, a in enumerate(seen) for b in seen[:i]]
    assert min(apart) > 12  # a just noticeable difference is about 2.3


def test_both_papers_define_every_colour_a_figure_uses():
    assert LIGHT.keys() == DARK.keys()
    assert set(SENTINELS.values()) == {f"var(--{name})" for name in LIGHT}
    for name in LIGHT:
        assert STYLESHEET.count(f"--{name}:") == 2
