"""Layers of Hugging Face's that mix tokens, to be timed."""

from typing import Any

import numpy as np
import torch  # pyright: ignore[reportMissingImports]
from torch import Tensor, nn  # pyright: ignore[reportMissingImports]
from transformers.models.big_bird import (  # pyright: ignore[reportMissingImports]
    BigBirdConfig,
    modeling_big_bird,
)
from transformers.models.fnet import (  # pyright: ignore[reportMissingImports]
    FNetConfig,
    modeling_fnet,
)
from transformers.models.longformer import (  # pyright: ignore[reportMissingImports]
    LongformerConfig,
    modeling_longformer,
)
from transformers.models.nystromformer import (  # pyright: ignore[reportMissingImports]
    NystromformerConfig,
    modeling_nystromformer,
)
from transformers.models.reformer import (  # pyright: ignore[reportMissingImports]
    ReformerConfig,
    modeling_reformer,
)

from experiments.benchmarks.attention_tasks import Task, Work, weights


def longformer_work(task: Task) -> Work:
    """Hugging Face's layer, the first token global, and a projection after it.

    It projects keys and values once more for its global tokens, with weights of their
    own; here they are the same.
    """
    first = torch.arange(task.length)[None] == 0
    return _layer(longformer_layer(task), longformer_options(first), task)


def window_work(task: Task) -> Work:
    """Its layer without a global token, and a projection after it."""
    layer, nowhere = longformer_layer(task), torch.zeros(1, task.length) > 0
    for name in ("query_global", "key_global", "value_global"):
        delattr(layer, name)
    return _layer(layer, longformer_options(nowhere), task)


def longformer_layer(task: Task) -> nn.Module:
    """The layer, with the weights of the task."""
    layer = modeling_longformer.LongformerSelfAttention(
        LongformerConfig(
            hidden_size=task.heads * task.features,
            num_attention_heads=task.heads,
            attention_window=[2 * task.window],
            attention_probs_dropout_prob=0.0,
        ),
        layer_id=0,
    )
    return _weighted(layer, task)


def longformer_options(all_seen: Tensor) -> dict[str, Any]:
    """What its model tells all layers, from which tokens are global."""
    return {
        "attention_mask": torch.where(all_seen, 10_000.0, 0.0),
        "is_index_masked": torch.zeros_like(all_seen),
        "is_index_global_attn": all_seen,
        "is_global_attn": bool(all_seen.any()),
    }


def nystrom_work(task: Task) -> Work:
    """Nyströmformer's, with two landmarks for each token of a window.

    Each head scales the start of its inverse by itself, as the paper has it.
    """
    layer = modeling_nystromformer.NystromformerSelfAttention(
        NystromformerConfig(
            hidden_size=task.heads * task.features,
            num_attention_heads=task.heads,
            num_landmarks=2 * task.window,
            segment_means_seq_len=task.length,
            attention_probs_dropout_prob=0.0,
        )
    )
    layer.init_option, layer.conv_kernel_size = "exact", None
    del layer.conv
    return _layer(_weighted(layer, task), {}, task)


def reformer_work(task: Task) -> Work:
    """Reformer's, with as many rounds and buckets, and chunks of a window."""
    layer = modeling_reformer.LSHSelfAttention(
        ReformerConfig(
            hidden_size=task.heads * task.features,
            num_attention_heads=task.heads,
            attention_head_size=task.features,
            lsh_attn_chunk_length=task.window,
            lsh_num_chunks_before=1,
            lsh_num_chunks_after=1,
            num_hashes=4,
            num_buckets=32,
            hash_seed=0,
            is_decoder=False,
        )
    )
    return _layer(_weighted(layer, task), {}, task)


def fourier_work(task: Task) -> Work:
    """FNet's transform, which has no weights."""
    layer = modeling_fnet.FNetBasicFourierTransform(FNetConfig())
    return Work(lambda x: layer(x)[0], (torch.from_numpy(weights(task)[0]),))


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
    """The layer with the weights of the task, for its global tokens or its keys too."""
    matrices = weights(task)[1]
    for name, child in layer.named_children():
        if isinstance(child, nn.Linear):
            _set(child, matrices[name.split("_")[0]])  # query_global, query_key
    return layer


@torch.no_grad()
def _set(linear: Any, matrix: np.ndarray) -> None:
    linear.weight.copy_(torch.from_numpy(matrix.T))
    if linear.bias is not None:
        linear.bias.zero_()
