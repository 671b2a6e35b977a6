"""Generators of images: from latents to pixels in [-1, 1], ``(n, h, w, c)``."""

from math import prod

import flax.linen as nn
import jax.numpy as jnp
from jax.nn.initializers import Initializer, lecun_normal, normal

from jaxgen.arrays import Array, Float
from jaxgen.nn.convolution import (
    Convolution,
    Convolve,
    ResidualBlock,
    TransposedConvolution,
    convolved,
)


class DCGANGenerator(nn.Module):
    """Transposed convolutions after batch normalization and ReLU, then tanh.

    A dense layer makes a small map of ``widths[0]`` channels; each further width, and
    the image, is a layer of stride 2: the transpose of a convolution with ``"SAME"``
    padding. So k layers before the image a side has ceil(size / 2^k) pixels; 28 are
    reached over 4, 7 and 14. Layers that are normalized have no bias. The population's
    statistics are moving averages, 0.9 old and 0.1 new.

    In stacked MNIST's study Unrolled GAN and PacGAN have
    ``DCGANGenerator(28, 3, (64, 32, 16, 8), kernel=3, last_stride=1)``.

    Attributes:
      size: side of an image in pixels.
      channels: of an image.
      widths: channels of each hidden map, the smallest map first.
      kernel: side of the kernels in pixels.
      last_stride: of the layer that makes the image; 1 where the last hidden map is to
        have the size of the image.
      kernel_init: how the matrix and the kernels start.
      convolve: ``convolved``, or on a CPU ``convolved_by_patches``.

    Raises:
      ValueError: so small an image cannot be doubled so often, or kernels are smaller
        than a stride.

    References:
      Radford et al., 2016, *Unsupervised representation learning with deep
      convolutional generative adversarial networks*, figure 1; Lin et al., 2018,
      *PacGAN*, the authors' code of the study of stacked MNIST.

    Example:
      >>> import jax
      >>> net = DCGANGenerator(size=8, channels=1, widths=(4,))
      >>> images = lambda key: net.init_with_output(key, jnp.zeros((2, 3)), False)[0]
      >>> jax.eval_shape(images, jax.random.key(0)).shape
      (2, 8, 8, 1)
    """

    size: int = 64
    channels: int = 3
    widths: tuple[int, ...] = (1024, 512, 256, 128)
    kernel: int = 4
    last_stride: int = 2
    kernel_init: Initializer = normal(0.02)
    convolve: Convolve = convolved

    @nn.compact
    def __call__(
        self, latents: Float[Array, "n z"], train: bool
    ) -> Float[Array, "n {self.size} {self.size} {self.channels}"]:
        strides = (2,) * (len(self.widths) - 1) + (self.last_stride,)
        self._require_growth(strides)
        sides = _sides(self.size, strides)
        shape = (sides[0], sides[0], self.widths[0])
        init, last = self.kernel_init, len(strides) - 1
        x = nn.DenseGeneral(shape, use_bias=False, kernel_init=init)(latents)
        for layer, width in enumerate((*self.widths[1:], self.channels)):
            x = nn.BatchNorm(use_running_average=not train, momentum=0.9)(x)
            how = self.kernel, strides[layer], layer == last, init, self.convolve
            x = TransposedConvolution(width, sides[layer + 1], *how)(nn.relu(x))
        return jnp.tanh(x)

    def _require_growth(self, strides: tuple[int, ...]) -> None:
        if self.size < prod(strides):
            raise ValueError(
                f"DCGANGenerator(size={self.size}, widths={self.widths}): layers of "
                f"strides {strides} make at least {prod(strides)} pixels a side; give "
                "fewer widths"
            )
        if self.kernel < max(strides):
            raise ValueError(
                f"DCGANGenerator(kernel={self.kernel}): expected at least the largest "
                f"stride, {max(strides)}, or pixels are left out"
            )


class ResidualGenerator(nn.Module):
    """Residual blocks, with each pixel made two by two between them, then tanh.

    A dense layer makes a map of ``size / 2^(len(widths) - 1)`` pixels a side, and each
    width is a block. There is no normalization: a sample depends on its latent alone.

    Attributes:
      size: side of an image in pixels.
      channels: of an image.
      widths: channels of each block, the smallest map first.
      kernel_init: how the matrix and the kernels start.
      convolve: ``convolved``, or on a CPU ``convolved_by_patches``.

    Raises:
      ValueError: the size cannot be halved so often.

    References:
      Mescheder et al., 2018, *Which training methods for GANs do actually converge?*,
      appendix G and the authors' code.

    Example:
      >>> import jax
      >>> net = ResidualGenerator(size=28, channels=1, widths=(8, 4, 2))
      >>> images = lambda key: net.init_with_output(key, jnp.zeros((2, 3)), False)[0]
      >>> jax.eval_shape(images, jax.random.key(0)).shape
      (2, 28, 28, 1)
    """

    size: int = 32
    channels: int = 3
    widths: tuple[int, ...] = (256, 256, 128, 64)
    kernel_init: Initializer = lecun_normal()
    convolve: Convolve = convolved

    @nn.compact
    def __call__(
        self, latents: Float[Array, "n z"], train: bool
    ) -> Float[Array, "n {self.size} {self.size} {self.channels}"]:
        base, rest = divmod(self.size, 2 ** (len(self.widths) - 1))
        if rest:
            raise ValueError(
                f"ResidualGenerator(size={self.size}, widths={self.widths}): expected a "
                f"multiple of {2 ** (len(self.widths) - 1)} pixels, which is one "
                "doubling between two widths: give fewer of them"
            )
        init, (first, *later) = self.kernel_init, self.widths
        x = nn.DenseGeneral((base, base, first), kernel_init=init)(latents)
        how = {"kernel_init": init, "convolve": self.convolve}
        x = ResidualBlock(first, **how)(x)
        for width in later:
            x = ResidualBlock(width, **how)(x.repeat(2, axis=1).repeat(2, axis=2))
        x = Convolution(self.channels, **how)(nn.leaky_relu(x, 0.2))
        return jnp.tanh(x)


def _sides(size: int, strides: tuple[int, ...]) -> list[int]:
    """Of the maps, the first one first, and of the image."""
    sides = [size]
    for stride in reversed(strides):
        sides = [-(-sides[0] // stride), *sides]
    return sides
