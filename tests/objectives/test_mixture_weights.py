"""Weights of mixtures against their formulas."""

import jax
import numpy as np
import pytest

from jaxgen.objectives.mixture_weights import temperature_weights, uniform_weights

SIZES = np.float32([1.0, 10.0, 1000.0])


def test_temperature_goes_from_sizes_to_equality():
    run = jax.jit(jax.vmap(temperature_weights, (None, 0)))
    temperatures = np.float32([1.0, 3.0, 1e9])
    powers = np.float64(SIZES) ** (1 / np.float64(temperatures[:, None]))
    expected = powers / powers.sum(1, keepdims=True)
    np.testing.assert_allclose(run(SIZES, temperatures), expected, rtol=1e-5)
    np.testing.assert_allclose(expected[0], SIZES / SIZES.sum(), rtol=1e-6)
    np.testing.assert_allclose(expected[2], uniform_weights(3), rtol=1e-5)


@pytest.mark.parametrize("temperature", [0.0, -1.0, np.nan, np.inf])
def test_a_temperature_that_is_none_is_refused(temperature):
    with pytest.raises(ValueError, match=rf"\(temperature\)={temperature}"):
        temperature_weights(jax.numpy.asarray(SIZES), temperature)


def test_no_domain_has_no_weights():
    with pytest.raises(ValueError, match=r"uniform_weights of 0 domain\(s\)"):
        uniform_weights(0)
