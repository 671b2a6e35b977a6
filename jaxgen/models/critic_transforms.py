"""What wraps a critic: critics to critics, which nest in any order."""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgen.arrays import Array, Float, Key, PyTree
from jaxgen.nn.spectral import first_vector, stretch, turned


class Packed(nn.Module):
    """A critic that judges several samples together.

    Computes ``D(x_1, ..., x_m)`` for each ``m`` neighbours of the batch, joined along
    their last axis: n samples give n/m logits. A generator that repeats itself is
    easily told from data that do not.

    Attributes:
      critic: the critic of packs.
      size: samples in a pack, m.

    Raises:
      ValueError: the batch does not divide into packs, or comes with conditions:
        samples of one pack would have different ones.

    References:
      Lin et al., 2018, *PacGAN: the power of two samples in generative adversarial
      networks*, section 3.

    Example:
      >>> from jaxgen.models.critic import PerceptronCritic
      >>> critic = Packed(PerceptronCritic(width=8), size=2)
      >>> critic.init_with_output(jax.random.key(0), jnp.zeros((6, 2)))[0].shape
      (3,)
    """

    critic: nn.Module
    size: int

    def __call__(
        self, samples: Float[Array, "n *d"], *conditions: Array
    ) -> Float[Array, " packs"]:
        count, *middle, last = samples.shape
        if self.size < 1 or count % self.size:
            raise ValueError(
                f"Packed(size={self.size}): a batch of {count} samples does not divide "
                f"into packs of {self.size}; make the batch a multiple of it"
            )
        if conditions:
            raise ValueError(
                "Packed: samples of one pack would have different conditions; leave "
                "out the conditions or the packing"
            )
        packs = samples.reshape(count // self.size, self.size, *middle, last)
        joined = jnp.moveaxis(packs, 1, -2)
        return self.critic(joined.reshape(-1, *middle, self.size * last))


class Augmented(nn.Module):
    """A critic that sees real and generated samples through random augmentations.

    Computes ``D(T(x))`` with a draw of T for each sample. Gradients reach the
    generator through T, which must be differentiable. Samples are packed after they
    are augmented: ``Augmented(Packed(critic, 2), T)``.

    Attributes:
      critic: the critic of augmented samples.
      augmentation: T, ``(samples, key) -> samples``, as in ``jaxgen.nn.augment``.

    References:
      Zhao et al., 2020, *Differentiable augmentation for data-efficient GAN training*,
      equations 5 and 6.
    """

    critic: nn.Module
    augmentation: Callable[[Array, Key], Array]

    def __call__(
        self, samples: Float[Array, "n *d"], *conditions: Array
    ) -> Float[Array, " logits"]:
        key = self.make_rng("augmentation")
        return self.critic(self.augmentation(samples, key), *conditions)


class SpectralNorm(nn.Module):
    """A critic each of whose matrices has a largest singular value of one.

    Computes ``D`` with every kernel W, all its axes but the last flattened, replaced by
    ``W / s``, where ``s = |W u|`` and the unit vector u takes a step of the power
    iteration ``u <- W' W u`` at each call that may change it. The vectors are the
    collection ``"spectral"``: explicit state, carried beside the parameters. Other
    parameters are left as they are.

    Attributes:
      critic: whose kernels are normalized.

    References:
      Miyato et al., 2018, *Spectral normalization for generative adversarial
      networks*, algorithm 1.

    Example:
      >>> from jaxgen.models.critic import PerceptronCritic
      >>> critic = SpectralNorm(PerceptronCritic(width=8))
      >>> sorted(critic.init(jax.random.key(0), jnp.zeros((6, 2))))
      ['params', 'spectral']
    """

    critic: nn.Module

    @nn.compact
    def __call__(
        self, samples: Float[Array, "n *d"], *conditions: Array
    ) -> Float[Array, " logits"]:
        if self.is_initializing():
            logits = self.critic(samples, *conditions)
            self.variable("spectral", "vectors", _starts, self.critic.variables)
            return logits
        vectors: Any = self.variable("spectral", "vectors", lambda: [])
        kernels = _kernels(self.critic.variables["params"])
        if self.is_mutable_collection("spectral"):
            vectors.value = list(map(turned, kernels, vectors.value))
        normalized = iter(list(map(_divided, kernels, vectors.value)))
        params = jax.tree.map(
            lambda leaf: next(normalized) if leaf.ndim > 1 else leaf,
            self.critic.variables["params"],
        )
        drawn = self.has_rng("augmentation")
        rngs = {"augmentation": self.make_rng("augmentation")} if drawn else {}
        inner = self.critic.clone(parent=None)
        variables = {"params": params}
        return inner.apply(variables, samples, *conditions, rngs=rngs)  # type: ignore


def over_batch(module: nn.Module) -> bool:
    """Whether a logit of the critic depends on other samples of the batch.

    Example:
      >>> from jaxgen.models.critic import PerceptronCritic
      >>> from jaxgen.nn.heads import MinibatchStddev
      >>> over_batch(Packed(PerceptronCritic(head=MinibatchStddev()), size=2))
      True
      >>> over_batch(Packed(PerceptronCritic(), size=2))
      False
    """
    parts = [part for part in vars(module).values() if isinstance(part, nn.Module)]
    return getattr(module, "over_batch", False) or any(map(over_batch, parts))


def _kernels(params: PyTree) -> list[Array]:
    return [leaf for leaf in jax.tree.leaves(params) if leaf.ndim > 1]


def _starts(variables: PyTree) -> list[Array]:
    if set(variables) != {"params"}:
        raise ValueError(
            f"SpectralNorm: its critic carries {sorted(set(variables) - {'params'})} "
            "beside its parameters; give it one without batch normalization"
        )
    return [first_vector(kernel) for kernel in _kernels(variables["params"])]


def _divided(kernel: Array, vector: Array) -> Array:
    norm = stretch(kernel, vector)
    return kernel / jnp.where(norm > 1e-12, norm, 1.0)  # zeros stay zeros
