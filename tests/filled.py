"""Variables of modules whose initial values nobody has to compile."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.training.learner import fresh


def filled(module, *inputs, scale=0.7, **how):
    """Nothing in them is zero: normal numbers, matrices as wide as their inputs ask."""
    rng = np.random.default_rng(0)

    def drawn(leaf):
        wide = np.sqrt(leaf.shape[0]) if leaf.ndim > 1 else 1.0
        return jnp.asarray(rng.normal(0, scale / wide, leaf.shape), leaf.dtype)

    shapes = jax.eval_shape(
        lambda key: module.init(key, *inputs, **how), jax.random.key(0)
    )
    return jax.tree.map(drawn, shapes)


def begun(module, optimizer, *inputs, **how):
    """The state of a learner of such a module before its first update."""
    params = filled(module, *inputs, **how)["params"]
    return fresh(jax.random.key(0), params, optimizer.init(params))
