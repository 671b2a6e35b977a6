"""Adapters that move some of a model's parameters, or all, from where they are."""

import jax.numpy as jnp

from jaxgen.arrays import Key, PyTree
from jaxgen.models.adaptation import (
    Adaptation,
    adaptation,
    changes_of,
    nested,
    replaced,
    selected,
)

ALL = ".*"
"""Full fine-tuning."""

NORMS_AND_BIASES = ".*(scale|bias)$"
"""Scales of norms and all biases: a thousandth of a model, or less."""

HEAD = "output$"
"""The last matrix of a language model, where it is not made of the embeddings."""


def offset(select: str = ALL) -> Adaptation:
    """Adds a number of its own to each of the parameters selected: ``w + d``.

    d starts at zero. With all parameters it is full fine-tuning, told as the difference
    from the model before: its decay pulls back there, and not to zero.

    Args:
      select: matches the paths of the parameters that move, from their starts: `ALL`,
        `NORMS_AND_BIASES`, `HEAD`.

    Raises:
      ValueError: a selection of nothing; an adapter of another model.

    References:
      Zaken et al., 2022, *BitFit: simple parameter-efficient fine-tuning for
      transformer-based masked language-models*; decay to the start: Li et al., 2018,
      *Explicit inductive bias for transfer learning with convolutional networks*.

    Example:
      >>> import jax
      >>> params = {"Dense_0": {"kernel": jnp.ones((2, 2)), "bias": jnp.ones(2)}}
      >>> init, apply = offset(NORMS_AND_BIASES)
      >>> adapter = init(jax.random.key(0), params)
      >>> adapter
      {'Dense_0': {'bias': Array([0., 0.], dtype=float32)}}
      >>> moved = jax.tree.map(lambda d: d + 0.5, adapter)
      >>> apply(params, moved)["Dense_0"]["bias"].tolist()
      [1.5, 1.5]
    """

    def init(key: Key, params: PyTree) -> PyTree:
        del key
        found = selected("offset", select, params)
        return nested(
            {path: jnp.zeros(leaf.shape, leaf.dtype) for path, leaf in found.items()}
        )

    def apply(params: PyTree, adapter: PyTree) -> PyTree:
        found = selected("offset", select, params)
        moved = changes_of(adapter).items()
        return replaced(params, {path: found[path] + by for path, by in moved})

    return adaptation("offset", init, apply)
