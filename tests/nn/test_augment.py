"""Augmentations against brute force, and the linear maps they are."""

from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.nn.augment import (
    brightness,
    composed,
    contrast,
    cutout,
    diff_augment,
    saturation,
    translated,
)

IMAGES = np.random.default_rng(0).uniform(-1, 1, (6, 8, 9, 3)).astype(np.float32)
ALL = {
    "brightness": brightness,
    "saturation": saturation,
    "contrast": contrast,
    "translated": translated(1 / 4),
    "cutout": cutout(1 / 2),
    "diff_augment": diff_augment,
}
every_one = pytest.mark.parametrize("augmentation", ALL.values(), ids=ALL)
KEYS = jax.random.key(0), jax.random.key(1)


@every_one
def test_a_key_is_a_draw_for_each_sample(augmentation):
    augmented = jax.jit(augmentation)
    first = augmented(IMAGES, KEYS[0])
    np.testing.assert_array_equal(augmented(IMAGES, KEYS[0]), first)
    assert first.shape == IMAGES.shape and first.dtype == IMAGES.dtype
    assert np.abs(augmented(IMAGES, KEYS[1]) - first).max() > 0.1
    copies = augmented(np.repeat(IMAGES[:1], 6, axis=0), KEYS[0])
    assert len(np.unique(np.round(copies, 4), axis=0)) > 2


@every_one
def test_a_sample_is_augmented_alone(augmentation):
    augmented = jax.jit(augmentation)
    other = IMAGES.copy()
    other[2] = IMAGES[2, ::-1] + 0.5
    seen, told = (augmented(images, KEYS[0]) for images in (IMAGES, other))
    differs = np.abs(seen - told).max(axis=(1, 2, 3)) > 1e-3
    assert differs.tolist() == [False, False, True, False, False, False]


@every_one
def test_gradients_are_the_transpose_of_the_linear_part(augmentation):
    rng = np.random.default_rng(1)
    tangent, cotangent = rng.normal(size=(2, *IMAGES.shape)).astype(np.float32)

    @jax.jit
    def products(images):
        def augmented(x):
            return augmentation(x, KEYS[0])

        out, pull = jax.vjp(augmented, images)
        _, pushed = jax.jvp(augmented, (images,), (tangent,))
        return out, augmented(images + tangent), pushed, pull(cotangent)[0]

    out, moved, pushed, pulled = products(IMAGES)
    np.testing.assert_allclose(moved - out, pushed, atol=1e-5)  # it is affine
    forward, back = (pushed * cotangent).sum(), (tangent * pulled).sum()
    assert float(forward) == pytest.approx(float(back), rel=1e-4, abs=0.01)
    assert np.abs(pulled).max(axis=(1, 2, 3)).min() > 0.1


def many(augmentation, image, count=4000):
    """Draws of one image."""
    images = np.repeat(np.asarray(image, np.float32)[None], count, axis=0)
    return np.asarray(jax.jit(augmentation)(images, KEYS[0]))


def assert_uniform(draws, low, high):
    assert low <= draws.min() < low + 0.01 and high - 0.01 < draws.max() <= high
    shares = np.histogram(draws, 10, (low, high))[0] / len(draws)
    np.testing.assert_allclose(shares, 0.1, atol=0.02)


def test_brightness_adds_one_uniform_number():
    shifts = many(brightness, IMAGES[0]) - IMAGES[:1]
    np.testing.assert_allclose(shifts, shifts[:, :1, :1, :1] + 0 * shifts, atol=1e-6)
    assert_uniform(shifts[:, 0, 0, 0], -0.5, 0.5)


@pytest.mark.parametrize(
    "augmentation, axes, bounds",
    [(saturation, 3, (0.0, 2.0)), (contrast, (1, 2, 3), (0.5, 1.5))],
)
def test_color_keeps_a_mean_and_scales_what_differs(augmentation, axes, bounds):
    image = IMAGES[:1].astype(np.float64)
    mean = image.mean(axis=axes, keepdims=True)
    draws = many(augmentation, IMAGES[0])
    factors = ((draws - mean) * (image - mean)).sum((1, 2, 3)) / (
        (image - mean) ** 2
    ).sum()
    expected = mean + factors[:, None, None, None] * (image - mean)
    np.testing.assert_allclose(draws, expected, atol=1e-5)
    assert_uniform(factors, *bounds)


def test_saturation_leaves_gray_images():
    gray = np.repeat(IMAGES[..., :1], 3, axis=3)
    saturated = jax.jit(saturation)
    np.testing.assert_allclose(saturated(gray, KEYS[0]), gray, atol=1e-6)
    single = IMAGES[..., :1]
    np.testing.assert_array_equal(saturated(single, KEYS[0]), single)


def shifted(image, down, right):
    """By brute force: a roll whose other end is made zero."""
    rolled = np.roll(image, (down, right), axis=(0, 1))
    rows, columns = np.indices(image.shape[:2])
    came = (rows - down >= 0) & (rows - down < image.shape[0])
    came &= (columns - right >= 0) & (columns - right < image.shape[1])
    return rolled * came[..., None]


def test_translation_is_a_roll_with_zeros():
    # round(8 / 4), round(9 / 4): two pixels either way
    shifts = [(down, right) for down in range(-2, 3) for right in range(-2, 3)]
    candidates = np.stack([shifted(IMAGES[0], *shift) for shift in shifts])
    draws = many(translated(1 / 4), IMAGES[0])
    found = (draws[:, None] == candidates[None]).all(axis=(2, 3, 4))
    assert (found.sum(axis=1) == 1).all()
    np.testing.assert_allclose(found.mean(axis=0), 1 / 25, atol=0.015)


@pytest.mark.parametrize("ratio, height, width", [(1 / 2, 4, 5), (3 / 8, 3, 3)])
def test_a_cutout_is_a_rectangle_with_its_center_inside(ratio, height, width):
    def spans(side, length):
        """Ends of what is cut, for every center; between two pixels where even."""
        centers = np.arange(side) if length % 2 else np.arange(side + 1) - 0.5
        starts = np.ceil(centers - length / 2).astype(int)
        return Counter((max(s, 0), min(s + length, side)) for s in starts.tolist())

    def ends(cut):
        return int(cut.argmax()), len(cut) - int(cut[::-1].argmax())

    draws = many(cutout(ratio), np.ones((8, 9, 2)))
    np.testing.assert_array_equal(draws[..., 0], draws[..., 1])
    seen = [Counter(), Counter()]
    for cut in draws[..., 0] == 0:
        rows, columns = ends(cut.any(axis=1)), ends(cut.any(axis=0))
        assert cut.sum() == (rows[1] - rows[0]) * (columns[1] - columns[0])
        seen[0][rows] += 1
        seen[1][columns] += 1
    for counts, expected in zip(seen, (spans(8, height), spans(9, width)), strict=True):
        assert counts.keys() == expected.keys()
        for span, times in expected.items():
            share = times / expected.total()
            assert counts[span] / 4000 == pytest.approx(share, abs=0.03)


def test_parts_of_a_composition_draw_apart():
    twice = many(composed(brightness, brightness), np.zeros((8, 8, 1)))[:, 0, 0, 0]
    assert np.var(twice) == pytest.approx(2 / 12, rel=0.1)  # four twelfths if one draw
    np.testing.assert_array_equal(composed()(IMAGES, KEYS[0]), IMAGES)


def test_nothing_is_moved_or_cut_by_a_ratio_of_zero():
    for augmentation in (translated(0.0), cutout(0.0)):
        same = jax.jit(augmentation)(IMAGES, KEYS[0])
        np.testing.assert_array_equal(same, IMAGES)


@pytest.mark.parametrize("size, channels", [(8, 1), (28, 1), (32, 3)])
def test_the_paper_s_policy_fits_images_of_any_size(size, channels):
    images = jnp.zeros((2, size, size, channels))
    assert jax.eval_shape(diff_augment, images, KEYS[0]).shape == images.shape


@pytest.mark.parametrize("make", [translated, cutout])
@pytest.mark.parametrize("ratio", [-0.1, 1.0, 4])
def test_shares_that_leave_nothing_are_refused(make, ratio):
    with pytest.raises(ValueError, match=rf"{make.__name__}\({ratio}\): expected"):
        make(ratio)
