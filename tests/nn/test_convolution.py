"""A convolution by patches is the convolution of XLA, and so are its slopes."""

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jaxgen.nn.convolution import patch_convolution

RNG = np.random.default_rng(0)
NUMBERS = lax.conv_dimension_numbers(
    (1, 1, 1, 1), (1, 1, 1, 1), ("NHWC", "HWIO", "NHWC")
)


def case(height, width, kernel, strides, padding, dilation=(1, 1)):
    return height, width, kernel, strides, padding, dilation


CASES = {
    "same": case(5, 8, (3, 3), (1, 1), "SAME"),
    "halved": case(8, 7, (4, 4), (2, 2), "SAME"),
    "valid": case(9, 6, (3, 2), (3, 2), "VALID"),
    "padded": case(6, 6, (4, 4), (2, 2), ((1, 1), (0, 3))),
    "transposed": case(4, 4, (4, 4), (1, 1), ((2, 2), (2, 2)), (2, 2)),
    "transposed and odd": case(4, 3, (3, 3), (1, 1), ((1, 1), (2, 0)), (2, 3)),
    "cropped": case(8, 8, (3, 3), (1, 1), ((-1, 0), (1, -2))),
}


@pytest.mark.parametrize("name", CASES)
def test_values_and_slopes_are_those_of_xla(name):
    height, width, size, strides, padding, dilation = CASES[name]
    with jax.enable_x64(True):
        images = jnp.asarray(RNG.normal(size=(3, height, width, 2)))
        kernel = jnp.asarray(RNG.normal(size=(*size, 2, 5)))

        def of(convolution):
            def outcome(images, kernel):
                return convolution(
                    images,
                    kernel,
                    strides,
                    padding,
                    lhs_dilation=dilation,
                    rhs_dilation=(1, 1),
                    dimension_numbers=NUMBERS,
                    feature_group_count=1,
                    precision=None,
                )

            value, pull = jax.vjp(outcome, images, kernel)
            return value, pull(jnp.cos(value))

        told = of(patch_convolution), of(lax.conv_general_dilated)
        chex.assert_trees_all_close(*told, rtol=1e-12, atol=1e-12)


def test_linen_takes_it(key):
    images = jnp.asarray(RNG.normal(size=(2, 8, 8, 3)), jnp.float32)
    ours = nn.Conv(4, (3, 3), 2, conv_general_dilated=patch_convolution)
    variables = ours.init(key, images)
    expected = nn.Conv(4, (3, 3), 2).apply(variables, images)
    np.testing.assert_allclose(ours.apply(variables, images), expected, atol=1e-5)


@pytest.mark.parametrize(
    "name, value",
    [
        ("rhs_dilation", (2, 1)),
        ("feature_group_count", 2),
        ("batch_group_count", 2),
        ("dimension_numbers", lax.conv_dimension_numbers((1,) * 4, (1,) * 4, None)),
    ],
)
def test_what_is_not_done_is_refused_by_name(name, value):
    images, kernel = jnp.zeros((2, 4, 4, 2)), jnp.zeros((3, 3, 2, 2))
    with pytest.raises(ValueError, match=f"patch_convolution: {name}"):
        patch_convolution(images, kernel, (1, 1), "SAME", **{name: value})
