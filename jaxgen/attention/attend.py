"""Attention: one function, whatever the pattern, the score and the implementation."""

from typing import Protocol, runtime_checkable

import jax
import jax.numpy as jnp

from jaxgen.arrays import Array, Bool, Float, Int
from jaxgen.attention.blocks import Blocks
from jaxgen.attention.case import Case, case_of
from jaxgen.attention.checks import require_sinks, require_values
from jaxgen.attention.chunked import Chunked
from jaxgen.attention.cost import Cost, Shaped
from jaxgen.attention.cudnn import CuDNN
from jaxgen.attention.expressions import FULL
from jaxgen.attention.patterns import Pattern
from jaxgen.attention.scores import Score, unchanged
from jaxgen.attention.sharded import Sharded
from jaxgen.attention.splash import Splash
from jaxgen.attention.tiles import Attended, finite


@runtime_checkable
class Implementation(Protocol):
    """A way to compute attention; all of them compute the same."""

    def refusal(self, case: Case) -> str:
        """What of a case it does not support; empty where it supports all."""
        ...

    def __call__(self, query: Array, key: Array, value: Array, case: Case) -> Attended:
        """Attention of (b, t, n, h) queries to (b, s, k, h) keys."""
        ...

    def cost(self, query: Shaped, key: Shaped, value: Shaped, case: Case) -> Cost:
        """What that costs."""
        ...


def attend(
    query: Float[Array, "b t n h"],
    key: Float[Array, "b s k h"],
    value: Float[Array, "b s k v"],
    *,
    pattern: Pattern = FULL,
    score: Score = unchanged,
    segments: Int[Array, "_ t"] | None = None,
    key_segments: Int[Array, "_ s"] | None = None,
    padding: Bool[Array, "_ s"] | None = None,
    positions: Int[Array, "_ t"] | None = None,
    key_positions: Int[Array, "_ s"] | None = None,
    sinks: Float[Array, " n"] | None = None,
    scale: float | None = None,
    offset: int | Int[Array, ""] | Int[Array, " b"] = 0,
    implementation: Implementation | None = None,
) -> Attended:
    """Softmax attention, over the pairs that may attend.

    For query i and key j of one head::

        l_ij = score(scale q_i . k_j)            where i may attend to j, else -inf
        L_i  = log Σ_j exp(l_ij)                 and the head's sink, where there is one
        o_i  = Σ_j exp(l_ij - L_i) v_j

    A query that may attend to nothing gets zeros, and minus infinity for its ``L``;
    gradients are zero there. Sums are made in float32 at least.

    Second derivatives are had by ``jax.jvp`` of ``jax.grad`` from `Dense`, `Blocks` and
    `Chunked`; by ``jax.grad`` of ``jax.grad`` from the first two alone, as JAX refuses
    the loops of the third.

    Args:
      query: t queries of n heads, h features each; there is one or more of each.
      key: s keys of k heads; k divides n, and each serves n / k heads in a row.
      value: as many, of v features. Where the dtypes of the three differ, products are
        made in the wider.
      pattern: which query index may attend to which key index.
      score: what changes the logits; see `jaxgen.attention.scores`. An array to be
        learned is held by it: one that a plain function closes over has no gradient.
      segments: of each query; it attends to keys of its own segment only.
      key_segments: of each key; those of the queries where there are as many.
      padding: true for keys that are none; their vectors must be finite all the same.
      positions: of queries, for the score; their indices unless told.
      key_positions: of keys, likewise.
      sinks: a logit for each head, of a key without a value.
      scale: of the products, a number; ``h ** -0.5`` unless told.
      offset: index of the first query among the keys, of all or of each example; an
        array where a trace decides it, and then no block is left out. A query of a
        negative index attends to nothing.
      implementation: how; the first of `implementations` that supports the case unless
        told.

    Returns:
      The output, (b, t, n, v) in the queries' dtype, and ``L``, (b, t, n).

    Raises:
      ValueError: shapes that do not fit one another, or without an element; arrays of
        another kind of numbers; a pattern that does not fit the lengths; a score that
        returns something else than logits; a negative offset; or an implementation that
        does not support the case.

    References:
      Vaswani et al., 2017, *Attention is all you need*, equation 1; sinks: Xiao et al.,
      2024, *Efficient streaming language models with attention sinks*.

    Example:
        >>> from jaxgen.attention.expressions import causal, window
        >>> x = jax.random.normal(jax.random.key(0), (2, 100, 4, 16))
        >>> attend(x, x, x, pattern=causal() & window(8)).output.shape
        (2, 100, 4, 16)
    """
    case = case_of(
        query,
        key,
        pattern,
        score,
        segments,
        key_segments,
        padding,
        positions,
        key_positions,
        scale,
        offset,
    )
    require_values(key, value)
    if sinks is not None:
        require_sinks(sinks, query.shape[2])
    found = supporting(implementation, case)(query, key, value, case)
    return found if sinks is None else with_sinks(found, sinks)


def supporting(implementation: Implementation | None, case: Case) -> Implementation:
    """The implementation, where it supports a case; the one `chosen` where none is told.

    Raises:
      ValueError: it is none, or does not support the case.
    """
    how = implementation or chosen(case, platform())
    if isinstance(how, type) or not isinstance(how, Implementation):
        raise ValueError(f"an implementation {how}: expected one such as Chunked()")
    if refusal := how.refusal(case):
        raise ValueError(f"{how} does not support {refusal}; leave implementation out")
    return how


def platform() -> str:
    """Of the devices of the mesh, which need not be here; without one, of those here.

    Example:
        >>> platform() == jax.default_backend()
        True
    """
    device = jax.sharding.get_abstract_mesh().abstract_device
    return device.platform if device else jax.default_backend()


def with_sinks(attended: Attended, sinks: Float[Array, " n"]) -> Attended:
    """Attention as if each head had one more key, of this logit and without a value."""
    total = jnp.logaddexp(attended.log_sum_exp, sinks[None, None])
    share = jnp.exp(attended.log_sum_exp - finite(total))[..., None]
    return Attended((attended.output * share).astype(attended.output.dtype), total)


SPARSE = 1 / 4
"""Share of live blocks up to which gathering them beats going over them in turn.

Measured on a CPU alone, in float32. It decides on accelerators alone, where it was not
measured.
"""


def implementations(case: Case, platform: str) -> tuple[Implementation, ...]:
    """What is tried on a platform ("cpu", "gpu", "tpu"), the fastest first.

    On a CPU a tile at a time stays in its caches, sparse or not; an accelerator has a
    kernel for many cases, and else would have all blocks at once, where they are few.
    """
    if platform == "cpu":
        return (Chunked(),)
    gathered = Blocks(size=128, rows=None)
    sparse = case.live(case.grid(gathered.size)).mean() <= SPARSE
    last = gathered if sparse else Chunked(256)
    if platform == "tpu":
        kernel = Splash(gathered.size) if sparse else Splash()
        return kernel, Sharded(kernel), last
    return (CuDNN(), last) if platform == "gpu" else (last,)


def chosen(case: Case, platform: str) -> Implementation:
    """The first of `implementations` that supports a case."""
    return next(x for x in implementations(case, platform) if not x.refusal(case))


def explained(case: Case, platform: str) -> str:
    """Which implementation is `chosen`, and why those before it are not.

    Example:
        >>> x = jnp.ones((1, 3, 1, 8))
        >>> print(explained(case_of(x, x), "gpu"))
        CuDNN() does not support queries of float32, only of half precision
        Chunked(size=256) supports all
    """
    lines = []
    for how in implementations(case, platform):
        refusal = how.refusal(case)
        if not refusal:
            return "\n".join([*lines, f"{how} supports all"])
        lines.append(f"{how} does not support {refusal}")
    raise ValueError("nothing supports the case:\n" + "\n".join(lines))


def attention_cost(
    query: Shaped,
    key: Shaped,
    value: Shaped,
    *,
    pattern: Pattern = FULL,
    implementation: Implementation | None = None,
    offset: int = 0,
) -> Cost:
    """What `attend` costs: exact for its products of matrices, and nothing is computed.

    Padded pairs of tiles are counted, as they are computed; what is not counted is
    linear in the pairs too: exponentials, masks and the score.

    Args:
      query: arrays, or ``jax.ShapeDtypeStruct``; as for `attend`, all of one dtype.
      key: likewise.
      value: likewise.
      pattern: as for `attend`.
      implementation: as for `attend`.
      offset: as for `attend`.

    Raises:
      ValueError: as `attend`; and `CuDNN`, which a GPU may choose, tells no cost.

    Example:
        >>> from jaxgen.attention.expressions import window
        >>> def flops(n):
        ...     x = jax.ShapeDtypeStruct((1, n, 4, 64), "float32")
        ...     return attention_cost(x, x, x, pattern=window(64)).forward.flops
        >>> flops(8192) / flops(4096)
        2.0...
    """
    case = case_of(query, key, pattern, offset=offset)
    require_values(key, value)
    return supporting(implementation, case).cost(query, key, value, case)
