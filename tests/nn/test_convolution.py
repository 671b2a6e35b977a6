"""Two ways to convolve, one result; layers that take either."""

from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.models.image_critic import DCGANCritic, ResidualCritic
from jaxgen.models.image_generator import DCGANGenerator, ResidualGenerator
from jaxgen.nn.convolution import convolved, convolved_by_patches

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("height, width", [(5, 8), (7, 4), (1, 3)])
@pytest.mark.parametrize(
    "side, stride", [(3, 1), (4, 1), (4, 2), (3, 2), (1, 1), (2, 3)]
)
def test_patches_give_the_values_and_slopes_of_xla(height, width, side, stride):
    with jax.enable_x64(True):
        images = jnp.asarray(RNG.normal(size=(3, height, width, 2)))
        kernel = jnp.asarray(RNG.normal(size=(side, side, 2, 5)))

        @jax.jit
        def told(images, kernel):
            def value_and_slopes(convolve):
                value, pull = jax.vjp(partial(convolve, stride=stride), images, kernel)
                return value, pull(jnp.cos(value))

            return value_and_slopes(convolved), value_and_slopes(convolved_by_patches)

        chex.assert_trees_all_close(*told(images, kernel), rtol=1e-11, atol=1e-12)


NETS = {
    "DCGAN": (DCGANGenerator(7, 2, (3, 2), kernel=3), DCGANCritic((2, 3), kernel=3)),
    "residual": (ResidualGenerator(8, 2, (3, 2)), ResidualCritic((2, 3))),
}


@pytest.mark.parametrize("name", NETS)
def test_nets_take_either(name, key):
    generator, critic = NETS[name]
    z = jnp.asarray(RNG.normal(size=(4, 3)), jnp.float32)

    @jax.jit
    def logits(key):
        made = []
        for convolve in (convolved, convolved_by_patches):
            g, c = (net.clone(convolve=convolve) for net in (generator, critic))
            images, variables = g.init_with_output(key, z, False)
            assert not variables.keys() - {"params", "batch_stats"}
            made.append((images, c.init_with_output(key, images)[0]))
        return made

    chex.assert_trees_all_close(*logits(key), rtol=1e-4, atol=1e-6)
