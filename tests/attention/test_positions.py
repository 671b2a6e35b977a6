"""Rotary and sinusoidal positions by their defining properties."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.attention.positions import rotary, sinusoidal


def products(queries, keys, at, other):
    turned = rotary(queries, at), rotary(keys, other)
    return jnp.einsum("bqnh,bknh->bnqk", *turned)


def test_products_depend_on_differences_alone():
    query, key = jax.random.normal(jax.random.key(0), (2, 1, 5, 2, 8))
    index = jnp.arange(5)[None]
    here = products(query, key, index, index)
    np.testing.assert_allclose(
        products(query, key, index + 99, index + 99), here, atol=1e-4
    )
    assert np.abs(products(query, key, index + 1, index) - here).max() > 0.1


def test_turning_keeps_lengths():
    x = jax.random.normal(jax.random.key(0), (2, 7, 3, 6))
    turned = rotary(x, jnp.arange(7)[None])
    np.testing.assert_allclose(
        jnp.linalg.norm(turned, axis=-1), jnp.linalg.norm(x, axis=-1), rtol=1e-5
    )


def test_planes_turn_as_complex_numbers_do():
    """``(x_i + i x_{i + h/2}) exp(i position base^(-2i/h))``."""
    x = np.random.default_rng(0).normal(size=(1, 4, 1, 6))
    turns = np.arange(4)[:, None] * 10_000.0 ** (-np.arange(3) / 3)
    expected = (x[..., :3] + 1j * x[..., 3:]) * np.exp(1j * turns)[None, :, None]
    found = rotary(jnp.asarray(x, jnp.float32), jnp.arange(4)[None])
    np.testing.assert_allclose(found[..., :3], expected.real, atol=1e-5)
    np.testing.assert_allclose(found[..., 3:], expected.imag, atol=1e-5)


def test_a_shift_of_waves_is_linear():
    """Vaswani et al., section 3.5: a fixed matrix takes any position to the next."""
    waves = np.asarray(sinusoidal(jnp.arange(50)[None], 8)[0], np.float64)
    shift, *_ = np.linalg.lstsq(waves[:-1], waves[1:])
    np.testing.assert_allclose(waves[:-1] @ shift, waves[1:], atol=1e-4)


@pytest.mark.parametrize(
    "make",
    [
        lambda: rotary(jnp.ones((1, 2, 1, 3)), jnp.zeros((1, 2))),
        lambda: sinusoidal(jnp.zeros((1, 2)), 5),
    ],
)
def test_odd_widths_are_refused(make):
    with pytest.raises(ValueError, match=r"[35] features: .* even"):
        make()
