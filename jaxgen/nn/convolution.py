"""Convolutions and the layers around them, with the convolution itself as a plug."""

from collections.abc import Callable
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax
from jax.nn.initializers import Initializer, lecun_normal, ones, zeros

from jaxgen.arrays import Array, Float

Convolve = Callable[[Float[Array, "n h w c"], Float[Array, "k k c d"], int], Array]
"""``(images, kernel, stride) -> images``, with "SAME" padding, linear in the images."""


def convolved(
    x: Float[Array, "n h w c"], kernel: Float[Array, "k k c d"], stride: int
) -> Float[Array, "n y x d"]:
    """The product of kernels with the patches under them, by XLA's convolution.

    Computes ``y_nijd = sum_uvc x_{n, si + u, sj + v, c} k_uvcd`` of x padded by zeros,
    as much behind as before, so that a side of n pixels becomes ceil(n / stride).

    Example:
      >>> convolved(jnp.ones((1, 5, 5, 2)), jnp.ones((3, 3, 2, 4)), 2).shape
      (1, 3, 3, 4)
    """
    numbers = ("NHWC", "HWIO", "NHWC")
    strides = stride, stride
    return lax.conv_general_dilated(
        x, kernel, strides, "SAME", dimension_numbers=numbers
    )


def convolved_by_patches(
    x: Float[Array, "n h w c"], kernel: Float[Array, "k k c d"], stride: int
) -> Float[Array, "n y x d"]:
    """``convolved``, by one matrix product with the patches side by side.

    On a CPU XLA's convolutions are slow inside loops and under ``vmap``: there this is
    some thirty times as fast. It takes memory for k k times the pixels, and on a TPU
    or GPU it is the slower one.

    Example:
      >>> convolved_by_patches(jnp.ones((1, 5, 5, 2)), jnp.ones((3, 3, 2, 4)), 2).shape
      (1, 3, 3, 4)
    """
    side, places = len(kernel), [-(-n // stride) for n in x.shape[1:3]]
    around = [
        max((count - 1) * stride + side - n, 0)
        for count, n in zip(places, x.shape[1:3], strict=True)
    ]
    x = jnp.pad(x, ((0, 0), *((p // 2, p - p // 2) for p in around), (0, 0)))
    parts = [
        x[:, row::stride, column::stride][:, : places[0], : places[1]]
        for row in range(side)
        for column in range(side)
    ]
    return jnp.concatenate(parts, axis=3) @ kernel.reshape(-1, kernel.shape[3])


class Convolution(nn.Module):
    """A convolution with ``"SAME"`` padding: a side of n pixels becomes ceil(n / stride).

    Attributes:
      width: channels of the output.
      kernel: side of the kernels in pixels.
      stride: pixels from one place of the kernels to the next.
      use_bias: whether a number is added to each channel.
      kernel_init: how the kernels, (kernel, kernel, inputs, width), start.
      convolve: ``convolved`` or ``convolved_by_patches``.
    """

    width: int
    kernel: int = 3
    stride: int = 1
    use_bias: bool = True
    kernel_init: Initializer = lecun_normal()
    convolve: Convolve = convolved

    @nn.compact
    def __call__(self, x: Float[Array, "n h w c"]) -> Float[Array, "n y x d"]:
        shape = (self.kernel, self.kernel, x.shape[-1], self.width)
        kernel = self.param("kernel", self.kernel_init, shape)
        x = self.convolve(x, kernel, self.stride)
        if not self.use_bias:
            return x
        return x + self.param("bias", zeros, (self.width,))[None, None, None]


class TransposedConvolution(nn.Module):
    """The transpose of a convolution with ``"SAME"`` padding, as a linear map.

    Attributes:
      width: channels of the output.
      side: of the output in pixels; the input's is ceil(side / stride).
      kernel: side of the kernels in pixels.
      stride: of the convolution.
      use_bias: whether a number is added to each channel.
      kernel_init: how the kernels, (kernel, kernel, inputs, width), start.
      convolve: ``convolved`` or ``convolved_by_patches``.
    """

    width: int
    side: int
    kernel: int = 4
    stride: int = 2
    use_bias: bool = True
    kernel_init: Initializer = lecun_normal()
    convolve: Convolve = convolved

    @nn.compact
    def __call__(
        self, x: Float[Array, "n h w c"]
    ) -> Float[Array, "n {self.side} {self.side} {self.width}"]:
        shape = (self.kernel, self.kernel, x.shape[-1], self.width)
        kernel = self.param("kernel", self.kernel_init, shape).swapaxes(2, 3)
        image = jax.ShapeDtypeStruct(
            (len(x), self.side, self.side, self.width), x.dtype
        )

        def down(image):
            return self.convolve(image, kernel, self.stride)

        (x,) = jax.linear_transpose(down, image)(x)
        if not self.use_bias:
            return x
        return x + self.param("bias", zeros, (self.width,))[None, None, None]


class BatchNormalization(nn.Module):
    """Batch normalization by the statistics of each call: nothing is carried along.

    Computes ``(x - m) / sqrt(v + 1e-5) s + b`` with mean m and variance v of each
    channel over samples and pixels. A critic is called in training alone, so it needs
    no statistics of the population.

    References:
      Ioffe and Szegedy, 2015, *Batch normalization*, algorithm 1.
    """

    @nn.compact
    def __call__(self, x: Float[Array, "n h w c"]) -> Float[Array, "n h w c"]:
        scale = self.param("scale", ones, x.shape[-1:])
        bias = self.param("bias", zeros, x.shape[-1:])
        mean, variance = (f(x, (0, 1, 2), keepdims=True) for f in (jnp.mean, jnp.var))
        normalized = (x - mean) * jax.lax.rsqrt(variance + 1e-5)
        return normalized * scale[None, None, None] + bias[None, None, None]


class ResidualBlock(nn.Module):
    """Two convolutions beside a straight path.

    Computes ``P x + 0.1 conv(a(conv(a(x))))``, where a is leaky ReLU of slope 0.2,
    kernels have three pixels a side, and P is a matrix of the channels, or the identity
    where their number stays. The branch starts small, so depth does not hurt, and
    nothing needs normalization.

    Attributes:
      width: channels of the output.
      kernel_init: how the kernels start.
      convolve: ``convolved`` or ``convolved_by_patches``.

    References:
      Mescheder et al., 2018, *Which training methods for GANs do actually converge?*,
      appendix G and the authors' code.
    """

    width: int
    kernel_init: Initializer = lecun_normal()
    convolve: Convolve = convolved

    @nn.compact
    def __call__(
        self, x: Float[Array, "n h w c"]
    ) -> Float[Array, "n h w {self.width}"]:
        channels, init = x.shape[-1], self.kernel_init
        branch = x
        for width in (min(channels, self.width), self.width):
            branch = nn.leaky_relu(branch, 0.2)
            conv = partial(Convolution, kernel_init=init, convolve=self.convolve)
            branch = conv(width)(branch)
        if channels != self.width:
            x = nn.Dense(self.width, use_bias=False, kernel_init=init)(x)
        return x + 0.1 * branch
