"""AdamW as language models are trained by it: clipped, scheduled, decayed in part."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax

from jaxgen.arrays import Array, PyTree
from jaxgen.training.rate_shapes import Shape, constant

MATRICES = ("kernel", "output", "convolution")
"""How the names of parameters end that are weights of inputs."""


def matrices(params: PyTree) -> PyTree:
    """Which parameters decay: weights of inputs, but no norm, bias, table or embedding.

    Told by their names, since layers that are scanned have one axis more: a norm's scale
    is then a matrix too. Embeddings decay in GPT-2's reproductions, where every matrix
    does, and not in OLMo 2, as short embeddings make early gradients large.

    References:
      OLMo Team, 2025, *2 OLMo 2 Furious*, section 3.

    Example:
      >>> matrices({"Dense_0": {"kernel": 1.0, "bias": 2.0}})
      {'Dense_0': {'bias': False, 'kernel': True}}
    """
    return named_so(params, MATRICES)


def matrices_and_embeddings(params: PyTree) -> PyTree:
    """Which parameters decay: as `matrices`, and embeddings.

    References:
      Karpathy, 2022, nanoGPT, whose rule is two axes or more.
    """
    return named_so(params, (*MATRICES, "embedding"))


def named_so(params: PyTree, ends: tuple[str, ...]) -> PyTree:
    """True where the last name of a parameter's path ends so."""

    def one(path, leaf) -> bool:
        del leaf
        name = jax.tree_util.keystr(path[-1:], simple=True)
        return name.endswith(ends)

    return jax.tree_util.tree_map_with_path(one, params)


def adamw(
    rate: int | float | Array,
    shape: Shape = constant,
    decay: int | float | Array = 0.1,
    decayed: Callable[[PyTree], PyTree] = matrices,
    b1: float = 0.9,
    b2: float = 0.95,
    eps: float = 1e-8,
    clip: int | float | Array = 1.0,
) -> optax.GradientTransformation:
    """Adam with a decay of its own, of gradients that are clipped.

    Computes, for gradients g that are first made ``min(1, clip / |g|)`` times as long::

        m <- b1 m + (1 - b1) g,    v <- b2 v + (1 - b2) g^2
        w <- w - rate shape(step) (m' / (sqrt(v') + eps) + decay w)

    where m' and v' are m and v without their start at zero, and only some w decay. The
    rate, the decay and the clip may be traced: studies have a row for each.

    Args:
      rate: the highest.
      shape: of the rate; see `jaxgen.training.rate_shapes`.
      decay: share of a weight that a rate of one would take away.
      decayed: ``params -> which``: `matrices`, `matrices_and_embeddings`.
      b1: how long the mean of gradients lasts.
      b2: how long the mean of their squares lasts.
      eps: of the quotient.
      clip: largest length of all gradients together; infinite for none.

    References:
      Loshchilov and Hutter, 2019, *Decoupled weight decay regularization*, algorithm 2;
      values as in Brown et al., 2020, *Language models are few-shot learners*, appendix
      B.

    Example:
      >>> optimizer, params = adamw(0.1), {"kernel": jnp.ones(())}
      >>> updates, _ = optimizer.update(params, optimizer.init(params), params)
      >>> round(float(updates["kernel"]), 3)  # -0.1 (1 + 0.1)
      -0.11
    """
    return optax.chain(
        optax.clip_by_global_norm(clip),  # pyright: ignore[reportArgumentType]
        optax.scale_by_adam(b1, b2, eps),
        optax.add_decayed_weights(decay, mask=decayed),
        optax.scale_by_schedule(lambda step: -rate * shape(jnp.asarray(step))),
    )
