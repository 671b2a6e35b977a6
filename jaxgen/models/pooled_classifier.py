"""A classifier of images by the mean of their last map, over which groups are normal."""

from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jax.nn.initializers import Initializer, variance_scaling

from jaxgen.arrays import Array, Float
from jaxgen.nn.convolution import Convolution, Convolve, convolved

UNIFORM = variance_scaling(1 / 3, "fan_in", "uniform")
"""Uniform up to one over the root of the inputs, as PyTorch's layers start."""


class Seen(NamedTuple):
    """Features of images, and the logits that are linear in them."""

    features: Float[Array, "n d"]
    logits: Float[Array, "n c"]


class PooledClassifier(nn.Module):
    """Convolutions, the mean over all pixels, and a logit for each class.

    Each layer computes ``x <- norm(relu(conv(x)))``, kernels of three pixels a side around
    each pixel, or each second one from the first, and channels normalized in groups of each
    image. The defaults are those of the classifier of MNIST in DomainBed, whose biases
    start at random; here at zero.

    Attributes:
      classes: how many there are.
      widths: channels of each layer.
      strides: of each layer, 1 or 2.
      groups: of the channels of each layer, over which and all pixels they are normalized.
      kernel_init: how kernels start.
      convolve: ``convolved``, or on a CPU ``convolved_by_patches``.

    Raises:
      ValueError: not a stride for each width, or a width that groups do not divide.

    References:
      Gulrajani and Lopez-Paz, 2021, *In search of lost domain generalization*, the
      authors' code.

    Example:
      >>> import jax
      >>> net = PooledClassifier(classes=10, widths=(8, 16), strides=(1, 2))
      >>> seen, _ = net.init_with_output(jax.random.key(0), jnp.zeros((5, 8, 8, 2)))
      >>> seen.features.shape, seen.logits.shape
      ((5, 16), (5, 10))
    """

    classes: int
    widths: tuple[int, ...] = (64, 128, 128, 128)
    strides: tuple[int, ...] = (1, 2, 1, 1)
    groups: int = 8
    kernel_init: Initializer = UNIFORM
    convolve: Convolve = convolved

    @nn.compact
    def __call__(self, images: Float[Array, "n h w c"]) -> Seen:
        self._require_layers()
        x = images
        for width, stride in zip(self.widths, self.strides, strict=True):
            height, across = (-(-side // stride) for side in x.shape[1:3])
            how = {"kernel_init": self.kernel_init, "convolve": self.convolve}
            x = Convolution(width, stride=stride, **how)(_around(x, stride))
            x = nn.relu(x[:, :height, :across])
            norm = nn.GroupNorm(self.groups, epsilon=1e-5, use_fast_variance=False)
            x = norm(x)
        features = x.mean((1, 2))
        return Seen(
            features, nn.Dense(self.classes, kernel_init=self.kernel_init)(features)
        )

    def _require_layers(self):
        alike = len(self.widths) == len(self.strides)
        if not alike or any(width % self.groups for width in self.widths):
            raise ValueError(
                f"PooledClassifier(widths={self.widths}, strides={self.strides}, "
                f"groups={self.groups}): expected a stride for each width, and widths that "
                "are multiples of the groups"
            )


def _around(x: Float[Array, "n h w c"], stride: int) -> Float[Array, "n y x c"]:
    """The images with a frame, so that kernels lie around the first pixel of each pair.

    With an even side "SAME" has them around the second.
    """
    frame = [
        (1, 1) if stride == 2 and side % 2 == 0 else (0, 0) for side in x.shape[1:3]
    ]
    return jnp.pad(x, ((0, 0), *frame, (0, 0)))
