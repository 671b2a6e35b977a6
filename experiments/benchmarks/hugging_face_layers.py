"""The self-attention of Hugging Face's Longformer and BigBird, to be timed."""

from typing import Any

import numpy as np
import torch  # pyright: ignore[reportMissingImports]
from torch import Tensor, nn  # pyright: ignore[reportMissingImports]
from transformers.models.big_bird import (  # pyright: ignore[reportMissingImports]
    BigBirdConfig,
    modeling_big_bird,
)
from transformers.models.longformer import (  # pyright: ignore[reportMissingImports]
    LongformerConfig,
    modeling_longformer,
)

from experiments.benchmarks.attention_tasks import Task, Work, weights


def longformer_work(task: Task) -> Work:
    """Hugging Face's layer, the first token global, and a projection after it.

    It projects keys and values once more for its global tokens, with weights of their
    own; here they are the same.
    """
    layer = modeling_longformer.LongformerSelfAttention(
        LongformerConfig(
            hidden_size=task.heads * task.features,
            num_attention_heads=task.heads,
            attention_window=[2 * task.window],
            attention_probs_dropout_prob=0.0,
        ),
        layer_id=0,
    )
    first = torch.arange(task.length)[None] == 0
    options = {
        "attention_mask": torch.where(first, 10_000.0, 0.0),
        "is_index_masked": torch.zeros_like(first),
        "is_index_global_attn": first,
        "is_global_attn": True,
    }
    return _layer(_weighted(layer, task), options, task)


def bigbird_work(task: Task) -> Work:
    """Hugging Face's block-sparse layer, and a projection after it.

    As in training, where its blocks are random: in evaluation all are the first.
    """
    layer, options = bigbird_layer(task)
    return _layer(layer, options, task)


def bigbird_layer(task: Task) -> tuple[nn.Module, dict[str, Tensor]]:
    """The layer, and the masks that its model makes once for all layers."""
    layer = modeling_big_bird.BigBirdBlockSparseAttention(
        BigBirdConfig(
            hidden_size=task.heads * task.features,
            num_attention_heads=task.heads,
            block_size=task.window,
            num_random_blocks=3,
            max_position_embeddings=task.length,
        ),
        seed=0,
    )
    masks = modeling_big_bird.BigBirdModel.create_masks_for_block_sparse_attn(
        torch.ones(1, task.length), task.window
    )
    names = "from_blocked_mask", "band_mask", "from_mask", "to_mask"
    options = dict(zip(names, masks, strict=True)) | {"to_blocked_mask": masks[0]}
    return _weighted(layer.train(), task), options


def _layer(layer: nn.Module, options: dict[str, Any], task: Task) -> Work:
    tokens, matrices = weights(task)
    out = nn.Linear(task.heads * task.features, task.heads * task.features)
    _set(out, matrices["out"])

    def call(x: Tensor, *_: Tensor) -> Tensor:
        return out(layer(x, **options)[0])

    learned = (*layer.parameters(), *out.parameters())
    return Work(call, (torch.from_numpy(tokens), *learned))


def _weighted(layer: nn.Module, task: Task) -> nn.Module:
    """The layer with the weights of the task, for its global tokens too."""
    matrices = weights(task)[1]
    for name, linear in layer.named_children():
        _set(linear, matrices[name.removesuffix("_global")])
    return layer


@torch.no_grad()
def _set(linear: Any, matrix: np.ndarray) -> None:
    linear.weight.copy_(torch.from_numpy(matrix.T))
    linear.bias.zero_()
