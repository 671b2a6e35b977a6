"""Critics of images ``(n, h, w, c)``, and the layers they share with generators."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.nn.initializers import Initializer, lecun_normal, normal, ones, zeros

from jaxgen.arrays import Array, Float
from jaxgen.nn.heads import Linear


class Convolution(nn.Module):
    """A convolution with ``"SAME"`` padding: a side of n pixels becomes ceil(n / stride).

    Attributes:
      width: channels of the output.
      kernel: side of the kernels in pixels.
      stride: pixels from one place of the kernels to the next.
      use_bias: whether a number is added to each channel.
      kernel_init: how the kernels, (kernel, kernel, inputs, width), start.
    """

    width: int
    kernel: int = 3
    stride: int = 1
    use_bias: bool = True
    kernel_init: Initializer = lecun_normal()

    @nn.compact
    def __call__(self, x: Float[Array, "n h w c"]) -> Float[Array, "n y x d"]:
        shape = (self.kernel, self.kernel, x.shape[-1], self.width)
        x = convolved(x, self.param("kernel", self.kernel_init, shape), self.stride)
        if not self.use_bias:
            return x
        return x + self.param("bias", zeros, (self.width,))[None, None, None]


def convolved(
    x: Float[Array, "n h w c"], kernel: Float[Array, "k k c d"], stride: int
) -> Float[Array, "n y x d"]:
    """The product of kernels with the patches under them, by one matrix product."""
    # XLA's own convolutions are slow on a CPU inside loops, and wherever under vmap
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


class DCGANCritic(nn.Module):
    """Convolutions of stride 2 and leaky ReLU, then a head of all that is left.

    With ``"SAME"`` padding a side of n pixels becomes ceil(n / 2). The last
    ``normalized`` layers have batch normalization and no bias; real and generated
    samples come in calls of their own, and so each have their own statistics.

    In stacked MNIST's study Unrolled GAN and PacGAN have
    ``DCGANCritic((4, 8, 16), kernel=3, slope=0.3, normalized=3)``, and half the widths.

    Attributes:
      widths: channels of each layer.
      kernel: side of the kernels in pixels.
      slope: of the leaky ReLU below zero.
      normalized: how many layers, counted from the last one, are normalized: all but
        the first in the paper, none for penalties and spectral norm, which look at
        single samples.
      kernel_init: how the kernels start.
      head: from what the last layer sees, flat, and conditions, to logits.

    Raises:
      ValueError: more layers are to be normalized than there are.

    References:
      Radford et al., 2016, *Unsupervised representation learning with deep
      convolutional generative adversarial networks*, section 3; Lin et al., 2018,
      *PacGAN*, the authors' code of the study of stacked MNIST.

    Example:
      >>> critic = DCGANCritic(widths=(2, 4), normalized=1)
      >>> images = jnp.zeros((6, 8, 8, 1))
      >>> jax.eval_shape(critic.init_with_output, jax.random.key(0), images)[0].shape
      (6,)
    """

    widths: tuple[int, ...] = (128, 256, 512, 1024)
    kernel: int = 4
    slope: float = 0.2
    normalized: int = 0
    kernel_init: Initializer = normal(0.02)
    head: nn.Module = Linear(normal(0.02))

    @property
    def over_batch(self) -> bool:
        """Whether a logit depends on other samples of the batch."""
        return self.normalized > 0

    @nn.compact
    def __call__(
        self, samples: Float[Array, "n h w c"], *conditions: Array
    ) -> Float[Array, " n"]:
        plain = len(self.widths) - self.normalized
        if not 0 <= plain <= len(self.widths):
            raise ValueError(
                f"DCGANCritic(normalized={self.normalized}): expected 0 to "
                f"{len(self.widths)}, as many layers as widths={self.widths} makes"
            )
        x = samples
        for layer, width in enumerate(self.widths):
            bias = layer < plain
            x = Convolution(width, self.kernel, 2, bias, self.kernel_init)(x)
            x = x if bias else BatchNormalization()(x)
            x = nn.leaky_relu(x, self.slope)
        return self.head(x.reshape(len(x), -1), *conditions)


class ResidualBlock(nn.Module):
    """Two convolutions beside a straight path.

    Computes ``P x + 0.1 conv(a(conv(a(x))))``, where a is leaky ReLU of slope 0.2,
    kernels have three pixels a side, and P is a matrix of the channels, or the identity
    where their number stays. The branch starts small, so depth does not hurt, and
    nothing needs normalization.

    Attributes:
      width: channels of the output.
      kernel_init: how the kernels start.

    References:
      Mescheder et al., 2018, *Which training methods for GANs do actually converge?*,
      appendix G and the authors' code.
    """

    width: int
    kernel_init: Initializer = lecun_normal()

    @nn.compact
    def __call__(
        self, x: Float[Array, "n h w c"]
    ) -> Float[Array, "n h w {self.width}"]:
        channels = x.shape[-1]
        branch = x
        for width in (min(channels, self.width), self.width):
            branch = nn.leaky_relu(branch, 0.2)
            branch = Convolution(width, kernel_init=self.kernel_init)(branch)
        if channels != self.width:
            x = nn.Dense(self.width, use_bias=False, kernel_init=self.kernel_init)(x)
        return x + 0.1 * branch


class ResidualCritic(nn.Module):
    """Residual blocks, with the mean of each two by two pixels between them.

    There is no normalization: a logit depends on its sample alone, as penalties on the
    critic's slope want it.

    Attributes:
      widths: channels of each block, the largest map first.
      kernel_init: how the kernels start.
      head: from the last map, flat, and conditions, to logits.

    Raises:
      ValueError: the image's sides cannot be halved so often.

    References:
      Mescheder et al., 2018, *Which training methods for GANs do actually converge?*,
      appendix G; Huang et al., 2024, *The GAN is dead; long live the GAN! A modern
      baseline GAN*, section 3, for a critic without normalization.

    Example:
      >>> images = jnp.zeros((6, 8, 8, 1))
      >>> critic = ResidualCritic(widths=(2, 4))
      >>> jax.eval_shape(critic.init_with_output, jax.random.key(0), images)[0].shape
      (6,)
    """

    widths: tuple[int, ...] = (64, 128, 256)
    kernel_init: Initializer = lecun_normal()
    head: nn.Module = Linear()

    @nn.compact
    def __call__(
        self, samples: Float[Array, "n h w c"], *conditions: Array
    ) -> Float[Array, " n"]:
        parts = 2 ** (len(self.widths) - 1)
        if samples.shape[1] % parts or samples.shape[2] % parts:
            raise ValueError(
                f"ResidualCritic(widths={self.widths}): images of {samples.shape[1:3]} "
                f"pixels; expected multiples of {parts}, to be halved between the "
                "widths: give fewer of them"
            )
        first, *later = self.widths
        x = Convolution(first, kernel_init=self.kernel_init)(samples)
        x = ResidualBlock(first, self.kernel_init)(x)
        for width in later:
            x = _halved(x)
            x = ResidualBlock(width, self.kernel_init)(x)
        return self.head(nn.leaky_relu(x, 0.2).reshape(len(x), -1), *conditions)


def _halved(x: Float[Array, "n h w c"]) -> Float[Array, "n y x c"]:
    count, height, width, channels = x.shape
    blocks = x.reshape(count, height // 2, 2, width // 2, 2, channels)
    return blocks.mean(axis=(2, 4))
