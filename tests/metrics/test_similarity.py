"""Structural similarity against loops over windows and SciPy's Gaussian filter."""

import jax
import numpy as np
import pytest
import scipy.ndimage

from jaxgen.metrics.similarity import ssim, ssim_diversity

STATIC = ("data_range", "window", "sigma")
SSIM = jax.jit(ssim, static_argnames=STATIC)
DIVERSITY = jax.jit(ssim_diversity, static_argnames=(*STATIC, "pairs"))


def images(seed, *shape):
    return np.random.default_rng(seed).uniform(size=shape).astype(np.float32)


A, B = images(0, 3, 14, 17, 2), images(1, 3, 14, 17, 2)
NEAR = (0.7 * A + 0.3 * B).astype(np.float32)


def of_window(x, y, weights, data_range):
    mean_x, mean_y = (weights * x).sum(), (weights * y).sum()
    x, y = x - mean_x, y - mean_y
    first, second = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    above = (2 * mean_x * mean_y + first) * (2 * (weights * x * y).sum() + second)
    spread = (weights * x * x).sum() + (weights * y * y).sum() + second
    return above / (mean_x**2 + mean_y**2 + first) / spread


def brute(a, b, data_range=1.0, window=11, sigma=1.5):
    a, b = a.astype(np.float64), b.astype(np.float64)
    offsets = np.arange(window) - (window - 1) / 2
    weights = np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * sigma**2))
    weights /= weights.sum()
    number, height, width, channels = a.shape
    scores = np.zeros(number)
    for n in range(number):
        values = []
        for top in range(height - window + 1):
            for left in range(width - window + 1):
                here = np.s_[n, top : top + window, left : left + window]
                for c in range(channels):
                    x, y = a[here][..., c], b[here][..., c]
                    values.append(of_window(x, y, weights, data_range))
        scores[n] = np.mean(values)
    return scores


def filtered(a, b):
    def blurred(x):
        blur = scipy.ndimage.gaussian_filter(x, 1.5, radius=5, axes=(1, 2))
        return blur[:, 5:-5, 5:-5]

    a, b = a.astype(np.float64), b.astype(np.float64)
    x, y = blurred(a), blurred(b)
    spread = blurred(a * a) - x * x + blurred(b * b) - y * y
    above = (2 * x * y + 1e-4) * (2 * (blurred(a * b) - x * y) + 9e-4)
    return (above / (x * x + y * y + 1e-4) / (spread + 9e-4)).mean((1, 2, 3))


@pytest.mark.parametrize("b", [B, NEAR])
@pytest.mark.parametrize("window, sigma", [(11, 1.5), (7, 1.5), (4, 0.8), (14, 3.0)])
def test_similarity_is_that_of_loops_over_windows(b, window, sigma):
    scores = SSIM(A, b, data_range=1.0, window=window, sigma=sigma)
    expected = brute(A, b, 1.0, window, sigma)
    np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-6)


def test_similarity_is_that_of_a_gaussian_filter():
    for b in (B, NEAR):
        scores = SSIM(A, b, data_range=1.0)
        np.testing.assert_allclose(scores, filtered(A, b), rtol=1e-4, atol=1e-6)


def test_equal_images_are_alike_and_inverted_ones_unlike():
    for image in (A, 0 * A, 0 * A + 1):
        np.testing.assert_allclose(SSIM(image, image, data_range=1.0), 1.0, rtol=1e-6)
    assert (SSIM(A, 1 - A, data_range=1.0) < -0.8).all()
    assert (abs(SSIM(A, B, data_range=1.0)) < 0.2).all()


def test_flat_images_differ_by_their_level_alone():
    scores = SSIM(0 * A + 0.25, 0 * A + 0.75, data_range=1.0)
    expected = (2 * 0.25 * 0.75 + 1e-4) / (0.25**2 + 0.75**2 + 1e-4)
    np.testing.assert_allclose(scores, expected, rtol=1e-5)


def test_similarity_is_symmetric_and_of_no_unit():
    expected = SSIM(A, NEAR, data_range=1.0)
    np.testing.assert_allclose(SSIM(NEAR, A, data_range=1.0), expected, rtol=1e-5)
    scaled = SSIM(255 * A, 255 * NEAR, data_range=255)
    np.testing.assert_allclose(scaled, expected, rtol=1e-5)


def test_small_contrast_on_a_high_level_keeps_its_digits():
    a, b = 200 + 0.5 * A, 200 + 0.5 * NEAR
    scores = SSIM(a, b, data_range=1.0)
    np.testing.assert_allclose(scores, brute(a, b), rtol=1e-3)


def test_diversity_is_the_mean_over_the_pairs_of_a_set():
    few = np.concatenate([A[:2], NEAR[:1]])
    pairs = [(0, 1), (0, 2), (1, 2)]
    expected = np.mean([brute(few[[i]], few[[j]]) for i, j in pairs])
    score = DIVERSITY(few, jax.random.key(0), pairs=1600, data_range=1.0)
    np.testing.assert_allclose(score, expected, atol=4 * 0.5 / np.sqrt(1600))


def test_no_image_is_paired_with_itself():
    two = np.stack([A[0], 1 - A[0]])
    expected = SSIM(two[:1], two[1:], data_range=1.0)[0]
    for seed in range(3):
        score = DIVERSITY(two, jax.random.key(seed), pairs=48, data_range=1.0)
        np.testing.assert_allclose(score, expected, rtol=1e-5)


def test_copies_of_one_image_score_one_and_of_few_in_between():
    key = jax.random.key(0)
    one, all_distinct = np.repeat(A[:1], 30, axis=0), images(2, 30, 14, 17, 2)
    score = DIVERSITY(one, key, pairs=96, data_range=1.0)
    np.testing.assert_allclose(score, 1.0, rtol=1e-5)
    few = all_distinct[np.arange(30) % 3]  # 9 of 29 others are equal
    score = DIVERSITY(few, key, pairs=96, data_range=1.0)
    assert abs(float(score) - 9 / 29) < 4 * 0.5 / np.sqrt(96)
    assert abs(float(DIVERSITY(all_distinct, key, pairs=96, data_range=1.0))) < 0.05


def test_the_key_alone_draws_the_pairs():
    several = images(3, 30, 14, 17, 2)
    draw = [
        float(DIVERSITY(several, jax.random.key(seed), pairs=96, data_range=1.0))
        for seed in (0, 0, 1)
    ]
    assert draw[0] == draw[1] != draw[2]


def test_bad_input_is_refused_by_name():
    key = jax.random.key(0)
    small = images(4, 3, 8, 9, 1)
    for window in (11, 9, 1):
        with pytest.raises(ValueError, match=f"window={window}: expected 2 to 8"):
            ssim(small, small, 1.0, window=window)
    with pytest.raises(ValueError, match="data_range=0"):
        ssim(A, B, data_range=0.0)
    with pytest.raises(ValueError, match="sigma=-1"):
        ssim(A, B, data_range=1.0, sigma=-1.0)
    with pytest.raises(ValueError, match="images has 1 rows"):
        ssim_diversity(A[:1], key, 5, 1.0)
    with pytest.raises(ValueError, match="pairs=0"):
        ssim_diversity(A, key, 0, 1.0)
