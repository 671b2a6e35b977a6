"""Attention through landmarks: all pairs, told by pairs with a few."""

from functools import partial

import jax
import jax.numpy as jnp

from jaxgen.arrays import Array, Bool, Float
from jaxgen.attention.attend import Implementation, attend, attention_cost
from jaxgen.attention.cost import Shaped, Work, matrix_product
from jaxgen.attention.landmarks import Landmarks, landmark_means
from jaxgen.attention.pseudo_inverse import inverse_cost, pseudo_inverse


def attended_through_landmarks(
    query: Float[Array, "b t n h"],
    key: Float[Array, "b t n h"],
    value: Float[Array, "b t n v"],
    landmarks: int,
    iterations: int = 6,
    padding: Bool[Array, "b t"] | None = None,
    implementation: Implementation | None = None,
) -> Float[Array, "b t n v"]:
    """An estimate of softmax attention, in linear time and memory.

    With the means q~ and k~ of slots of queries and of keys, see `landmark_means`::

        y = softmax(q k~^T) softmax(q~ k~^T)^+ softmax(q~ k^T) v

    where products are scaled by ``h ** -0.5``, and ``^+`` is the `pseudo_inverse`. With
    as many landmarks as tokens or more this is ``S S^+ S v``: attention, ``S v``, as far
    as the inverse is one.

    Args:
      query: of each token.
      key: of each token.
      value: of each token.
      landmarks: slots, m.
      iterations: of the pseudo-inverse.
      padding: true where there is no token.
      implementation: of attention by landmarks and to them; see `attend`.

    Returns:
      The output, in the queries' dtype; what is between is in float32 or more.

    References:
      Xiong et al., 2021, *Nyströmformer: a Nyström-based algorithm for approximating
      self-attention*, equation 13.
    """
    few = landmark_means(query, padding, landmarks)
    few_keys = landmark_means(key, padding, landmarks)
    attended = partial(attend, implementation=implementation)
    means = attended(few.means, key, value, padding=padding).output
    inverse = pseudo_inverse(weights(few, few_keys), iterations)
    mixed = jnp.einsum("bnqk,bknv->bqnv", inverse, means, precision="highest")
    return attended(query, few_keys.means, mixed, padding=few_keys.empty).output


def weights(query: Landmarks, key: Landmarks) -> Float[Array, "b n m m"]:
    """Softmax of all pairs of landmarks; zero where one of the two is empty."""
    logits = query.means.shape[-1] ** -0.5 * jnp.einsum(
        "bqnh,bknh->bnqk", query.means, key.means, precision="highest"
    )
    if query.empty is None or key.empty is None:
        return jax.nn.softmax(logits)
    empty = (query.empty[:, :, None] | key.empty[:, None, :])[:, None]
    return jax.nn.softmax(logits, where=jnp.broadcast_to(~empty, logits.shape))


def cost_through_landmarks(
    query: Shaped,
    value: Shaped,
    landmarks: int,
    iterations: int = 6,
    implementation: Implementation | None = None,
) -> Work:
    """Work of `attended_through_landmarks` in float32, of keys like the queries."""
    batch, _, heads, features = query.shape
    few, mixed = (
        jax.ShapeDtypeStruct((batch, landmarks, *x.shape[2:]), x.dtype)
        for x in (query, value)
    )
    small = (
        matrix_product(landmarks, features, landmarks)
        + inverse_cost(landmarks, landmarks, iterations)
        + matrix_product(landmarks, landmarks, value.shape[-1])
    )
    return (
        small * (batch * heads)
        + attention_cost(few, query, value, implementation=implementation).forward
        + attention_cost(query, few, mixed, implementation=implementation).forward
    )
