"""Critics of images ``(n, h, w, c)``."""

import flax.linen as nn
from jax.nn.initializers import Initializer, lecun_normal, normal

from jaxgen.arrays import Array, Float
from jaxgen.nn.convolution import (
    BatchNormalization,
    Convolution,
    Convolve,
    ResidualBlock,
    convolved,
)
from jaxgen.nn.heads import Linear


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
      convolve: ``convolved``, or on a CPU ``convolved_by_patches``.

    Raises:
      ValueError: more layers are to be normalized than there are.

    References:
      Radford et al., 2016, *Unsupervised representation learning with deep
      convolutional generative adversarial networks*, section 3; Lin et al., 2018,
      *PacGAN*, the authors' code of the study of stacked MNIST.

    Example:
      >>> import jax, jax.numpy as jnp
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
    convolve: Convolve = convolved

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
            how = self.kernel, 2, bias, self.kernel_init, self.convolve
            x = Convolution(width, *how)(x)
            x = x if bias else BatchNormalization()(x)
            x = nn.leaky_relu(x, self.slope)
        return self.head(x.reshape(len(x), -1), *conditions)


class ResidualCritic(nn.Module):
    """Residual blocks, with the mean of each two by two pixels between them.

    There is no normalization: a logit depends on its sample alone, as penalties on the
    critic's slope want it.

    Attributes:
      widths: channels of each block, the largest map first.
      kernel_init: how the kernels start.
      head: from the last map, flat, and conditions, to logits.
      convolve: ``convolved``, or on a CPU ``convolved_by_patches``.

    Raises:
      ValueError: the image's sides cannot be halved so often.

    References:
      Mescheder et al., 2018, *Which training methods for GANs do actually converge?*,
      appendix G; Huang et al., 2024, *The GAN is dead; long live the GAN! A modern
      baseline GAN*, section 3, for a critic without normalization.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> images = jnp.zeros((6, 8, 8, 1))
      >>> critic = ResidualCritic(widths=(2, 4))
      >>> jax.eval_shape(critic.init_with_output, jax.random.key(0), images)[0].shape
      (6,)
    """

    widths: tuple[int, ...] = (64, 128, 256)
    kernel_init: Initializer = lecun_normal()
    head: nn.Module = Linear()
    convolve: Convolve = convolved

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
        how = {"kernel_init": self.kernel_init, "convolve": self.convolve}
        x = ResidualBlock(first, **how)(Convolution(first, **how)(samples))
        for width in later:
            x = ResidualBlock(width, **how)(_halved(x))
        return self.head(nn.leaky_relu(x, 0.2).reshape(len(x), -1), *conditions)


def _halved(x: Float[Array, "n h w c"]) -> Float[Array, "n y x c"]:
    count, height, width, channels = x.shape
    blocks = x.reshape(count, height // 2, 2, width // 2, 2, channels)
    return blocks.mean(axis=(2, 4))
