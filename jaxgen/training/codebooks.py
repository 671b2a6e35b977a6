"""Codebooks that follow what is encoded, without a gradient."""

import jax
import jax.numpy as jnp
from flax.traverse_util import flatten_dict, unflatten_dict

from jaxgen.arrays import Array, Data, Float, PyTree
from jaxgen.models.autoencoder import Autoencoder
from jaxgen.training.learner import Learner, State, claim, own
from jaxgen.training.players import parted

TABLE = ("code", "codebook", "table")


def averaged(
    learner: Learner, model: Autoencoder, decay: float | Array = 0.99
) -> Learner:
    """Moves each place of the codebook to the moving mean of what is nearest to it.

    After each update, with the count n and the sum s of what the batch moved to a place::

        N <- decay N + (1 - decay) n,  S <- decay S + (1 - decay) s,  e <- S / N

    The averages are ``extra["codebook"]``. The objective should leave the codebook alone:
    ``vector_quantized(codebook=0.0)``.

    Args:
      learner: of the model.
      model: whose code is a `VectorQuantizedCode`.
      decay: in [0, 1), may be traced.

    Raises:
      ValueError: the model has no codebook.

    References:
      van den Oord et al., 2017, *Neural discrete representation learning*, appendix A.1.
    """

    def init(key, data):
        state = learner.init(key, data)
        table = table_of(state.params)
        return claim(state, codebook={"count": jnp.ones(len(table)), "sum": table})

    def update(state: State, data: Data):
        new, metrics = learner.update(state, data)
        images, conditions = parted(data)
        variables = {"params": new.params}
        posterior = model.apply(variables, images, *conditions, method="encode")
        old, table = state.extra["codebook"], table_of(new.params)
        encoded = posterior.encoded.reshape(-1, table.shape[1])  # type: ignore
        chosen = jax.nn.one_hot(posterior.index.reshape(-1), len(table))  # type: ignore
        count = decay * old["count"] + (1 - decay) * chosen.sum(0)
        total = decay * old["sum"] + (1 - decay) * chosen.T @ encoded
        # a place that nothing is near to for long stays where it is
        used = (count > 1e-6)[:, None]
        table = jnp.where(used, total / jnp.where(used, count[:, None], 1.0), table)
        moved = new._replace(params=with_table(new.params, table))
        return own(moved, codebook={"count": count, "sum": total}), metrics

    return Learner(init, update)


def table_of(params: PyTree) -> Float[Array, "m d"]:
    """The codebook among the parameters of a model.

    Raises:
      ValueError: there is none.
    """
    flat = flatten_dict(params)
    if TABLE not in flat:
        raise ValueError(
            "averaged: the model has no codebook; give it code=VectorQuantizedCode(...)"
        )
    return flat[TABLE]  # type: ignore[return-value]


def with_table(params: PyTree, table: Float[Array, "m d"]) -> PyTree:
    """The parameters with another codebook."""
    return unflatten_dict({**flatten_dict(params), TABLE: table})
