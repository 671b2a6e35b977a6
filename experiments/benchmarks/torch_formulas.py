"""Mixers in a few lines of PyTorch, of the parameters of jaxgen's.

Heads are (1, heads, length, features); parameters are Flax's, as tensors.
"""

from collections.abc import Callable
from functools import partial
from math import pi, sqrt
from typing import Any

import numpy as np
import torch  # pyright: ignore[reportMissingImports]
from torch import Tensor  # pyright: ignore[reportMissingImports]
from torch.nn import functional as F  # pyright: ignore[reportMissingImports]

from experiments.benchmarks.mixer_tasks import MixerTask
from experiments.benchmarks.mixer_works import module_of

Parameters = dict[str, Any]
Formula = Callable[[MixerTask, Tensor, Parameters], Tensor]


def to_heads(task: MixerTask, x: Tensor, p: Parameters, name: str) -> Tensor:
    """A projection to heads."""
    projected = x @ p[name]["kernel"].flatten(1)
    return projected.unflatten(2, (task.heads, -1)).transpose(1, 2)


def from_heads(heads: Tensor, p: Parameters) -> Tensor:
    """The projection of all heads' features."""
    return heads.transpose(1, 2).flatten(2) @ p["out"]["kernel"]


def three(task: MixerTask, x: Tensor, p: Parameters) -> list[Tensor]:
    """Queries, keys and values."""
    return [to_heads(task, x, p, name) for name in ("query", "key", "value")]


def full(task: MixerTask, x: Tensor, p: Parameters) -> Tensor:
    """Softmax attention by its fused kernel."""
    return from_heads(F.scaled_dot_product_attention(*three(task, x, p)), p)


def masked(mask: Tensor, task: MixerTask, x: Tensor, p: Parameters) -> Tensor:
    """Softmax attention of the pairs that a mask of all of them allows."""
    found = F.scaled_dot_product_attention(*three(task, x, p), attn_mask=mask)
    return from_heads(found, p)


def by_features(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Means of values, weighted by products of features."""
    total = query @ key.sum(2)[..., None]
    return query @ (key.mT @ value) / total


def linear(task: MixerTask, x: Tensor, p: Parameters) -> Tensor:
    """Features ``elu(x) + 1``."""
    query, key, value = three(task, x, p)
    return from_heads(by_features(F.elu(query) + 1, F.elu(key) + 1, value), p)


def performer(drawn: Tensor, task: MixerTask, x: Tensor, p: Parameters) -> Tensor:
    """Positive random features, the largest exponents taken off."""
    query, key, value = three(task, x, p)
    query, key = (exponents(x, drawn) for x in (query, key))
    query = (query - query.detach().amax(-1, keepdim=True)).exp()
    key = (key - key.detach().amax((-2, -1), keepdim=True)).exp()
    return from_heads(by_features(query, key, value), p)


def exponents(x: Tensor, drawn: Tensor) -> Tensor:
    """``W x - |x|^2 / 2`` of ``x / h^(1/4)``."""
    x = x / x.shape[-1] ** 0.25
    return x @ drawn - (x**2).sum(-1, keepdim=True) / 2


def cosformer(turn: Tensor, task: MixerTask, x: Tensor, p: Parameters) -> Tensor:
    """ReLU, turned by the position."""
    query, key, value = three(task, x, p)

    def features(x: Tensor) -> Tensor:
        return torch.cat([F.relu(x) * turn.cos(), F.relu(x) * turn.sin()], -1)

    return from_heads(by_features(features(query), features(key), value), p)


def linformer(task: MixerTask, x: Tensor, p: Parameters) -> Tensor:
    """Attention to mixtures of the means of slots."""
    means = x.unflatten(1, (2 * task.window, -1)).mean(2)
    key, value = (
        to_heads(task, p[f"{name}_slots"] @ means, p, name) for name in ("key", "value")
    )
    found = F.scaled_dot_product_attention(to_heads(task, x, p, "query"), key, value)
    return from_heads(found, p)


def sinkhorn(task: MixerTask, x: Tensor, p: Parameters) -> Tensor:
    """Attention of blocks to themselves and to others, softly permuted."""
    means = x.unflatten(1, (-1, task.window)).mean(2)
    sort = (
        to_heads(task, means, p, "sort_query") @ to_heads(task, means, p, "sort_key").mT
    )
    sort = sort / (0.75 * sqrt(task.features))
    for _ in range(8):
        sort = sort - sort.logsumexp(-2, keepdim=True)
        sort = sort - sort.logsumexp(-1, keepdim=True)
    query, key, value = (x.unflatten(2, (-1, task.window)) for x in three(task, x, p))

    def both(blocks: Tensor) -> Tensor:
        beside = (sort.exp() @ blocks.flatten(3)).view_as(blocks)
        return torch.cat([blocks, beside], 3).flatten(1, 2)

    found = F.scaled_dot_product_attention(query.flatten(1, 2), both(key), both(value))
    return from_heads(found.view_as(query).flatten(2, 3), p)


def synthesizer(task: MixerTask, x: Tensor, p: Parameters) -> Tensor:
    """Attention to keys of places."""
    query, value = (to_heads(task, x, p, name) for name in ("query", "value"))
    key = p["key"].transpose(0, 1)[None]
    return from_heads(F.scaled_dot_product_attention(F.relu(query), key, value), p)


def convolution(task: MixerTask, x: Tensor, p: Parameters) -> Tensor:
    """A gate beside each feature's own convolution."""
    width = len(p["kernel"])
    value = convolved(x @ p["value"]["kernel"], p["kernel"], width // 2)
    return (torch.sigmoid(x @ p["gate"]["kernel"]) * value) @ p["out"]["kernel"]


def convolved(x: Tensor, kernel: Tensor, zeros: int) -> Tensor:
    """Each feature's convolution, with so many zeros at both ends."""
    of = {"padding": zeros, "groups": x.shape[-1]}
    return F.conv1d(x.mT, kernel.mT[:, None], **of)[..., : x.shape[1]].mT


def delta(task: MixerTask, x: Tensor, p: Parameters) -> Tensor:
    """Gated delta rules forth and back."""
    return one_way(task, x, p["forth"]) + one_way(task, x.flip(1), p["back"]).flip(1)


def one_way(task: MixerTask, x: Tensor, p: Parameters) -> Tensor:
    """A gated delta rule, by the chunks of Hugging Face's Qwen3-Next."""
    from transformers.models.qwen3_next import (  # pyright: ignore[reportMissingImports]
        modeling_qwen3_next,
    )

    def of_heads(name: str) -> Tensor:
        kernel = p[f"{name}_convolution"]
        projected = x @ p[name]["kernel"].flatten(1)
        found = F.silu(convolved(projected, kernel, len(kernel) - 1))
        return found.unflatten(2, (task.heads, -1))

    step = x @ p["step"]["kernel"] + p["step"]["bias"]
    found, _ = modeling_qwen3_next.torch_chunk_gated_delta_rule(
        *map(of_heads, ("query", "key", "value")),
        g=-p["speed"].exp() * F.softplus(step),
        beta=torch.sigmoid(x @ p["rate"]["kernel"]),
        use_qk_l2norm_in_kernel=True,
    )
    # it divides queries by the root of their features, which a norm takes away
    least = 1e-6 / task.features
    normed = F.rms_norm(found, (task.features,), p["norm"]["scale"], least).flatten(2)
    gate = F.silu(x @ p["gate"]["kernel"].flatten(1))
    return (normed * gate) @ p["out"]["kernel"]


def formula_of(task: MixerTask) -> Formula:
    """What a mixer computes; what it draws or knows of places is made once."""
    if task.mixer == "performer":
        from jaxgen.attention.features import orthogonal_normal

        drawn = orthogonal_normal(2 * task.window, task.features, 0)
        return partial(performer, torch.from_numpy(drawn.T.astype(np.float32)))
    if task.mixer == "cosformer":
        turn = torch.arange(task.length)[:, None] * (pi / 2 / task.length)
        return partial(cosformer, turn)
    if task.mixer == "strided":
        index = np.arange(task.length)
        allowed = module_of(task).pattern.allowed
        mask = allowed(index[:, None], index[None], task.length)
        return partial(masked, torch.from_numpy(mask))
    return FORMULAS[task.mixer]


FORMULAS: dict[str, Formula] = {
    "full": full,
    "linear": linear,
    "delta": delta,
    "linformer": linformer,
    "sinkhorn": sinkhorn,
    "synthesizer": synthesizer,
    "convolution": convolution,
}
