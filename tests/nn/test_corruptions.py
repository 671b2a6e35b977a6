"""Corruptions: what is lost, how much, and on which scale."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.nn.corruptions import gaussian_noise, masking_noise


def test_masked_pixels_lose_all_channels(key):
    seen = np.asarray(masking_noise(0.3)(jnp.full((500, 4, 4, 3), 0.7), key))
    assert ((seen == 0).all(-1) | np.isclose(seen, 0.7).all(-1)).all()
    share = (seen[..., 0] == 0).mean()
    assert abs(share - 0.3) < 4 * np.sqrt(0.21 / 8000)


def test_noise_has_its_scale(key):
    noise = np.asarray(gaussian_noise(0.2)(jnp.ones((500, 4, 4, 1)), key)) - 1
    assert abs(noise.mean()) < 4 * 0.2 / 8000**0.5
    assert noise.std() == pytest.approx(0.2, rel=4 / 16000**0.5)
