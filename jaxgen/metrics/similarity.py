"""Structural similarity of images, and of the images of one set to each other."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.arrays import Array, Float, Key, Scalar
from jaxgen.keys import named

Images = Array | np.ndarray

PAIRS = 16  # pairs whose windows are held at once


def ssim(
    a: Float[Images, "n h w c"],
    b: Float[Images, "n h w c"],
    data_range: int | float,
    window: int = 11,
    sigma: int | float = 1.5,
) -> Float[Array, " n"]:
    """Structural similarity of each pair of images, at one scale.

    With means μ, variances σ² and covariance σ_ab under a Gaussian window, whose
    weights add up to one, C₁ = (0.01 L)², C₂ = (0.03 L)² and L the data range::

        (2 μ_a μ_b + C₁)(2 σ_ab + C₂) / ((μ_a² + μ_b² + C₁)(σ_a² + σ_b² + C₂))

    averaged over the windows that lie inside the image, and over channels. One for
    equal images, about zero for unrelated ones, negative for inverted ones. Images
    smaller than eleven pixels need a smaller window.

    Args:
        a: images with pixels in [0, data_range]; add one to those in [−1, 1].
        b: images to compare with those of a, one by one.
        data_range: L, the largest value of a pixel less the smallest: 1, 2 or 255.
        window: side of the window in pixels.
        sigma: standard deviation of the window in pixels.

    Raises:
        ValueError: if the window has fewer than two pixels a side or does not fit into
            the image, or sigma or the data range is not positive.

    References:
        Wang et al., "Image quality assessment: from error visibility to structural
        similarity", 2004, equation 13.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> image = jax.random.uniform(jax.random.key(0), (1, 8, 8, 1))
        >>> float(ssim(image, image, data_range=1.0, window=7)[0])
        1.0
    """
    _refuse_window(a.shape[1:3], data_range, window, sigma)
    rows, columns = (_window_sums(size, window, sigma) for size in a.shape[1:3])

    def blurred(images: Float[Array, "n h w c"]) -> Float[Array, "n y x c"]:
        sums = (rows, images, columns)
        return jnp.einsum("yh,nhwc,xw->nyxc", *sums, precision="highest")

    (level_a, a), (level_b, b) = _level_and_rest(a), _level_and_rest(b)
    rest_a, rest_b = blurred(a), blurred(b)
    mean_a, mean_b = rest_a + level_a, rest_b + level_b
    covariance = blurred(a * b) - rest_a * rest_b
    variances = blurred(a**2) - rest_a**2 + blurred(b**2) - rest_b**2
    first, second = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    luminance = (2 * mean_a * mean_b + first) / (mean_a**2 + mean_b**2 + first)
    structure = (2 * covariance + second) / (variances + second)
    return jnp.mean(luminance * structure, axis=(1, 2, 3))


def ssim_diversity(
    images: Float[Images, "n h w c"],
    key: Key,
    pairs: int,
    data_range: int | float,
    window: int = 11,
    sigma: int | float = 1.5,
) -> Scalar:
    """Mean `ssim` of random pairs of different images: the higher, the less diverse.

    One for a generator with a single output. Real images do not score zero: compare
    with their own mean, class by class where there are classes. Each pair is drawn
    evenly from all n (n − 1), with replacement.

    Args:
        images: with pixels in [0, data_range], at least two.
        key: of the draw of pairs.
        pairs: how many.
        data_range: as for `ssim`, like the rest.

    Raises:
        ValueError: for fewer than two images or less than one pair, or as `ssim` does.

    References:
        Odena, Olah and Shlens, "Conditional image synthesis with auxiliary classifier
        GANs", 2017, which takes several scales.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> key = jax.random.key(0)
        >>> float(ssim_diversity(jnp.ones((9, 16, 16, 1)), key, 20, data_range=1.0))
        1.0
    """
    images, size = jnp.asarray(images), images.shape[0]
    if size < 2:
        raise ValueError(f"images has {size} rows: expected two or more.")
    if pairs < 1:
        raise ValueError(f"pairs={pairs}: expected at least 1.")

    def similarity(pair: tuple[Array, Array]) -> Scalar:
        a, b = (images[i][None] for i in pair)
        return ssim(a, b, data_range, window, sigma)[0]

    drawn = _distinct_pairs(key, size, pairs)
    return jnp.mean(jax.lax.map(similarity, drawn, batch_size=PAIRS))


def _distinct_pairs(key: Key, size: int, pairs: int) -> tuple[Array, Array]:
    first = jax.random.randint(named(key, "first"), (pairs,), 0, size)
    step = jax.random.randint(named(key, "step"), (pairs,), 1, size)
    return first, (first + step) % size


def _level_and_rest(images: Float[Images, "n h w c"]) -> tuple[Array, Array]:
    # a variance is a difference of squares: small ones keep more of its digits
    images = jnp.asarray(images)
    level = jnp.mean(images, axis=(1, 2), keepdims=True)
    return level, images - level


def _window_sums(
    size: int, window: int, sigma: int | float
) -> Float[np.ndarray, "out size"]:
    offsets = np.arange(window) - (window - 1) / 2
    weights = np.exp(-((offsets / sigma) ** 2) / 2)
    sums = np.zeros((size - window + 1, size), np.float32)
    for row in range(len(sums)):
        sums[row, row : row + window] = weights / weights.sum()
    return sums


def _refuse_window(
    sides: tuple[int, ...], data_range: int | float, window: int, sigma: int | float
) -> None:
    if not 2 <= window <= min(sides):
        raise ValueError(
            f"window={window}: expected 2 to {min(sides)}, the smaller side of images of "
            f"{sides[0]} × {sides[1]} pixels; pass a smaller window."
        )
    for name, value in {"data_range": data_range, "sigma": sigma}.items():
        if not value > 0:
            raise ValueError(f"{name}={value}: expected a positive number.")
