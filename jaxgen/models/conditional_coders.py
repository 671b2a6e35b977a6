"""Trunks of autoencoders of images of given classes."""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from jaxgen.arrays import Array, Float, Int


class ConditionedEncoder(nn.Module):
    """An encoder of images and their classes.

    Computes ``E([x, M_y])``: the image with one channel more, a learned map of its class.

    Attributes:
      encoder: of images with that channel.
      classes: how many there are.

    References:
      Sohn et al., 2015, *Learning structured output representation using deep conditional
      generative models*, section 4.1.

    Example:
      >>> import jax
      >>> from jaxgen.models.image_coders import PerceptronEncoder
      >>> encoder = ConditionedEncoder(PerceptronEncoder(8), classes=10)
      >>> inputs = jnp.zeros((4, 2, 2, 1)), jnp.arange(4)
      >>> encoder.init_with_output(jax.random.key(0), *inputs)[0].shape
      (4, 8)
    """

    encoder: Any
    classes: int

    @nn.compact
    def __call__(
        self, images: Float[Array, "n h w c"], labels: Int[Array, " n"]
    ) -> Float[Array, "n f"]:
        _, height, width, _ = images.shape
        maps = nn.Embed(self.classes, height * width, name="classes")(labels)
        maps = maps.reshape(-1, height, width, 1)
        return self.encoder(jnp.concatenate([images, maps], axis=-1))


class ConditionedDecoder(nn.Module):
    """A decoder of codes under classes.

    Computes ``D([z, e_y])``: the code joined by a learned vector of its class.

    Attributes:
      decoder: of the joined codes.
      classes: how many there are.
      size: of a class's vector.

    References:
      Sohn et al., 2015, *Learning structured output representation using deep conditional
      generative models*, section 4.1.

    Example:
      >>> import jax
      >>> from jaxgen.models.image_coders import PerceptronDecoder
      >>> decoder = ConditionedDecoder(PerceptronDecoder((2, 2, 1), 8), classes=10)
      >>> inputs = jnp.zeros((4, 3)), jnp.arange(4)
      >>> decoder.init_with_output(jax.random.key(0), *inputs)[0].shape
      (4, 2, 2, 1)
    """

    decoder: Any
    classes: int
    size: int = 16

    @nn.compact
    def __call__(
        self, codes: Float[Array, "m z"], labels: Int[Array, " m"]
    ) -> Float[Array, "m h w p"]:
        vectors = nn.Embed(self.classes, self.size, name="classes")(labels)
        return self.decoder(jnp.concatenate([codes, vectors], axis=1))
