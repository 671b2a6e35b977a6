"""Attention to slots, beside its formula in double precision and beside all tokens."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.attention.dense import Dense
from jaxgen.nn.attention import SelfAttention
from jaxgen.nn.mixer import Context

TIME = np.arange(64) / 64
WAVES = np.stack([np.sin(np.pi * k * TIME + k) for k in range(1, 9)], -1)[None]
"""A smooth row, (1, 64, 8): neighbours are alike."""


def slot_means(row, padding, count):
    """The mean of each slot of a row that has a token, by the number of the slot."""
    tokens = np.float64(row)[~np.asarray(padding)]
    members = {}
    for rank, token in enumerate(tokens):
        members.setdefault(rank * count // len(tokens), []).append(token)
    return {slot: np.mean(found, 0) for slot, found in members.items()}


def heads_of(layer, vectors):
    """Vectors (t, d), projected to (n, t, h)."""
    found = np.einsum("td,dnh->nth", vectors, layer["kernel"])
    return found + layer["bias"][:, None] if "bias" in layer else found


def softmax_of(query, key):
    """Weights (n, q, k) of queries (n, q, h) for keys (n, k, h)."""
    powers = np.exp(query @ key.swapaxes(1, 2) / np.sqrt(key.shape[-1]))
    return powers / powers.sum(-1, keepdims=True)


def out_of(layer, found):
    """Heads (n, t, h) joined and projected, (t, d)."""
    joined = found.swapaxes(0, 1).reshape(found.shape[1], -1)
    return joined @ layer["kernel"] + layer.get("bias", 0)


def error_beside_attention(mixer, params, x):
    """The largest, as a share of the largest output; with padding between tokens."""
    padding = jnp.broadcast_to(jnp.arange(x.shape[1])[None] % 5 == 3, x.shape[:2])
    plain = SelfAttention(mixer.heads, implementation=Dense())
    found, expected = (
        jax.jit(m.apply)({"params": params}, x, Context(padding))[~padding]
        for m in (mixer, plain)
    )
    return float(jnp.abs(found - expected).max() / jnp.abs(expected).max())
