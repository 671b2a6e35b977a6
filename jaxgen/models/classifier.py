"""A classifier of images, small enough to judge a generator as it trains."""

import flax.linen as nn

from jaxgen.arrays import Array, Float
from jaxgen.nn.convolution import Convolution, Convolve, convolved


class ImageClassifier(nn.Module):
    """Convolutions of stride 2, a hidden layer, and a logit for each class.

    Attributes:
      classes: how many there are.
      widths: channels of each convolution, three pixels a side.
      hidden: units of the dense layer.
      convolve: ``convolved``, or on a CPU ``convolved_by_patches``.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> net = ImageClassifier(classes=10, widths=(4, 8), hidden=16)
      >>> net.init_with_output(jax.random.key(0), jnp.zeros((2, 8, 8, 1)))[0].shape
      (2, 10)
    """

    classes: int
    widths: tuple[int, ...] = (32, 64)
    hidden: int = 128
    convolve: Convolve = convolved

    @nn.compact
    def __call__(
        self, images: Float[Array, "n h w c"]
    ) -> Float[Array, "n {self.classes}"]:
        x = images
        for width in self.widths:
            x = nn.relu(Convolution(width, stride=2, convolve=self.convolve)(x))
        x = nn.relu(nn.Dense(self.hidden)(x.reshape(len(x), -1)))
        return nn.Dense(self.classes)(x)
