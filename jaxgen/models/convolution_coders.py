"""Trunks of autoencoders of images, made of convolutions: for 8 to 64 pixels a side."""

from collections.abc import Callable

import flax.linen as nn
from jax.nn.initializers import Initializer, lecun_normal, zeros

from jaxgen.arrays import Array, Float
from jaxgen.nn.convolution import (
    Convolution,
    Convolve,
    TransposedConvolution,
    convolved,
)


class ConvolutionEncoder(nn.Module):
    """Convolutions of stride 2; the last map, flat, is the features.

    With ``"SAME"`` padding a side of n pixels becomes ceil(n / 2) in each layer.

    Attributes:
      widths: channels of each layer.
      kernel: side of the kernels in pixels.
      activation: applied to each layer.
      kernel_init: how the kernels start.
      convolve: ``convolved``, or on a CPU ``convolved_by_patches``.

    References:
      Ghosh et al., 2020, *From variational to deterministic autoencoders*, appendix D;
      here without batch normalization, so that an image has a code of its own.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> encoder, images = ConvolutionEncoder((4, 8)), jnp.zeros((3, 28, 28, 1))
      >>> jax.eval_shape(encoder.init_with_output, jax.random.key(0), images)[0].shape
      (3, 392)
    """

    widths: tuple[int, ...] = (32, 64, 128)
    kernel: int = 4
    activation: Callable[[Array], Array] = nn.relu
    kernel_init: Initializer = lecun_normal()
    convolve: Convolve = convolved

    @nn.compact
    def __call__(self, images: Float[Array, "n h w c"]) -> Float[Array, "n f"]:
        x = images
        for width in self.widths:
            how = self.kernel, 2, True, self.kernel_init, self.convolve
            x = self.activation(Convolution(width, *how)(x))
        return x.reshape(len(x), -1)


class ConvolutionDecoder(nn.Module):
    """A dense layer to a small map, then transposed convolutions of stride 2.

    Its sides are those of the encoder, backwards: 28 pixels are reached over 4, 7 and 14.

    Attributes:
      shape: height, width and outputs of a pixel, as many as the likelihood needs.
      widths: channels of each hidden map, the smallest map first.
      kernel: side of the kernels in pixels.
      activation: applied to each hidden map.
      kernel_init: how matrix and kernels start.
      bias_init: how a bias of each output starts, ``(key, shape (h w p,), dtype)``.
      convolve: ``convolved``, or on a CPU ``convolved_by_patches``.

    Raises:
      ValueError: an image that is not square, or kernels smaller than a stride.

    References:
      Ghosh et al., 2020, *From variational to deterministic autoencoders*, appendix D.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> decoder, codes = ConvolutionDecoder((28, 28, 1), (8, 4)), jnp.zeros((3, 2))
      >>> jax.eval_shape(decoder.init_with_output, jax.random.key(0), codes)[0].shape
      (3, 28, 28, 1)
    """

    shape: tuple[int, int, int]
    widths: tuple[int, ...] = (128, 64, 32)
    kernel: int = 4
    activation: Callable[[Array], Array] = nn.relu
    kernel_init: Initializer = lecun_normal()
    bias_init: Initializer = zeros
    convolve: Convolve = convolved

    @nn.compact
    def __call__(self, codes: Float[Array, "m z"]) -> Float[Array, "m h w p"]:
        self._require_square()
        sides = [self.shape[0]]
        for _ in self.widths:
            sides = [-(-sides[0] // 2), *sides]
        smallest = sides[0], sides[0], self.widths[0]
        x = nn.DenseGeneral(smallest, kernel_init=self.kernel_init)(codes)
        widths = *self.widths[1:], self.shape[2]
        for layer, (side, width) in enumerate(zip(sides[1:], widths, strict=True), 1):
            hidden = layer < len(widths)  # the image has a bias for each pixel instead
            how = self.kernel, 2, hidden, self.kernel_init, self.convolve
            x = TransposedConvolution(width, side, *how)(self.activation(x))
        bias = self.param("bias", self.bias_init, (x[0].size,))
        return x + bias.reshape(1, *x.shape[1:])

    def _require_square(self) -> None:
        if self.shape[0] != self.shape[1] or self.kernel < 2:
            raise ValueError(
                f"ConvolutionDecoder(shape={self.shape}, kernel={self.kernel}): expected "
                "a square image and kernels of 2 pixels or more; crop or pad the images, "
                "or use PerceptronDecoder"
            )
