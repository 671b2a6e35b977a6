"""Heads of critics: from the features of each sample to its logit.

A head is called ``(features, *conditions) -> logits``. Those that look across the
batch add what they see to the features, and hand them to a head of their own.
"""

from typing import ClassVar

import flax.linen as nn
import jax.numpy as jnp
from jax.nn.initializers import Initializer, lecun_normal, normal, zeros

from jaxgen.arrays import Array, Float, Int


class Linear(nn.Module):
    """One logit for each sample: ``w . h + b``.

    Attributes:
      kernel_init: how ``w`` starts.

    Raises:
      ValueError: it is given conditions.
    """

    kernel_init: Initializer = lecun_normal()

    @nn.compact
    def __call__(
        self, features: Float[Array, "n f"], *conditions: Array
    ) -> Float[Array, " n"]:
        if conditions:
            raise ValueError(
                "Linear: a logit that knows no conditions was given some; give the "
                "critic head=Projection(classes)"
            )
        return nn.Dense(1, kernel_init=self.kernel_init)(features)[:, 0]


class Projection(nn.Module):
    """A logit that depends on the sample's class: ``w . h + b + v_y . h``.

    ``v`` starts at zero, so training starts at the head that knows no classes.

    Attributes:
      classes: how many there are.
      kernel_init: how ``w`` starts.

    References:
      Miyato and Koyama, 2018, *cGANs with projection discriminator*, equation 5.
    """

    classes: int
    kernel_init: Initializer = lecun_normal()

    @nn.compact
    def __call__(
        self, features: Float[Array, "n f"], labels: Int[Array, " n"]
    ) -> Float[Array, " n"]:
        size = features.shape[1]
        classes = nn.Embed(self.classes, size, embedding_init=zeros, name="classes")
        return Linear(self.kernel_init)(features) + (classes(labels) * features).sum(1)


class MinibatchStddev(nn.Module):
    """Adds to the features how much they vary within a group of the batch.

    With the batch in groups of g, computes one number for each group,
    ``mean_f sqrt(var_g(h_f) + 1e-8)``, the variance over the group's samples, and
    appends it to the features of all of them: a batch of copies shows a zero.

    Attributes:
      head: what makes logits of features.
      group: samples in a group, g; it must divide the batch.

    Raises:
      ValueError: the batch does not divide into groups.

    References:
      Karras et al., 2018, *Progressive growing of GANs*, section 3; groups as in
      Karras et al., 2020, *Analyzing and improving the image quality of StyleGAN*.

    Example:
      >>> import jax
      >>> head = MinibatchStddev(Linear(), group=4)
      >>> head.init_with_output(jax.random.key(0), jnp.ones((8, 3)))[0].shape
      (8,)
    """

    over_batch: ClassVar[bool] = True

    head: nn.Module = Linear()
    group: int = 4

    def __call__(
        self, features: Float[Array, "n f"], *conditions: Array
    ) -> Float[Array, " n"]:
        count, size = features.shape
        if self.group < 2 or count % self.group:
            raise ValueError(
                f"MinibatchStddev(group={self.group}): expected groups of 2 or more that "
                f"divide the batch of {count} samples"
            )
        groups = features.reshape(count // self.group, self.group, size)
        spread = jnp.sqrt(groups.var(axis=1) + 1e-8).mean(axis=1)
        column = jnp.repeat(spread, self.group)[:, None]
        return self.head(jnp.concatenate([features, column], axis=1), *conditions)


class MinibatchDiscrimination(nn.Module):
    """Adds to the features how near the batch's other samples are.

    With ``M_i = T h_i``, of shape (kernels, size), computes for each kernel b
    ``o_ib = sum_{j != i} exp(-||M_ib - M_jb||_1)`` and appends it to the features.

    Attributes:
      head: what makes logits of features.
      kernels: features that are added.
      size: dimensions in which each kernel compares.

    References:
      Salimans et al., 2016, *Improved techniques for training GANs*, section 3.2.

    Example:
      >>> import jax
      >>> head = MinibatchDiscrimination(kernels=2, size=3)
      >>> head.init_with_output(jax.random.key(0), jnp.ones((8, 3)))[0].shape
      (8,)
    """

    over_batch: ClassVar[bool] = True

    head: nn.Module = Linear()
    kernels: int = 16
    size: int = 8

    @nn.compact
    def __call__(
        self, features: Float[Array, "n f"], *conditions: Array
    ) -> Float[Array, " n"]:
        shape = (self.kernels, self.size)
        compared = nn.DenseGeneral(shape, use_bias=False, kernel_init=normal(0.05))
        places = compared(features)
        apart = jnp.abs(places[:, None] - places[None]).sum(axis=-1)
        near = jnp.exp(-apart).sum(axis=1) - 1  # each sample is at 0 from itself
        return self.head(jnp.concatenate([features, near], axis=1), *conditions)
