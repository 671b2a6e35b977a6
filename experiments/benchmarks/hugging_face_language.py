"""The Llama of Hugging Face's transformers, as large as the model it is timed beside.

Its gated perceptrons have three matrices, 8/3 times as wide as the vectors, where the
other has two, four times as wide: as many parameters, and as many products.
"""

from collections.abc import Callable

import torch  # pyright: ignore[reportMissingImports]
from torch import Tensor, nn  # pyright: ignore[reportMissingImports]
from torch.nn.functional import cross_entropy  # pyright: ignore[reportMissingImports]
from transformers import (  # pyright: ignore[reportMissingImports]
    LlamaConfig,
    LlamaForCausalLM,
)

from experiments.benchmarks.language_tasks import LanguageTask
from experiments.benchmarks.processes import Ready
from experiments.benchmarks.torch_language import training
from experiments.benchmarks.torch_ring import ready


def llama(task: LanguageTask) -> LlamaForCausalLM:
    """A Llama of a task's size, its output tied to the embeddings."""
    config = LlamaConfig(
        vocab_size=task.vocabulary,
        hidden_size=task.width,
        intermediate_size=round(8 * task.width / 3),
        num_hidden_layers=task.layers,
        num_attention_heads=task.heads,
        max_position_embeddings=task.length,
        tie_word_embeddings=True,
        pad_token_id=None,
        bos_token_id=None,
        eos_token_id=None,
    )
    return LlamaForCausalLM(config)


def llama_loss(task: LanguageTask, compiled: bool) -> tuple[nn.Module, Callable]:
    """A model, and its mean cross-entropy of tokens told from those before them."""
    net = llama(task)

    def loss(inputs: Tensor, targets: Tensor) -> Tensor:
        logits = net(input_ids=inputs, use_cache=False).logits
        return cross_entropy(logits.flatten(0, 1), targets.flatten())

    return net, torch.compile(loss) if compiled else loss


def llama_training(task: LanguageTask, threads: int, compiled: bool) -> Ready:
    """Training of a Llama."""
    return training(task, llama_loss, threads, compiled)


def llama_sampling(task: LanguageTask, threads: int, compiled: bool) -> Ready:
    """Texts drawn by its own ``generate``, from a first token to the last position.

    Raises:
      ValueError: compiled, which is left to `torch_language`.
    """
    if compiled:
        raise ValueError("llama_sampling(compiled=True): expected False")
    torch.set_num_threads(threads)
    net = llama(task).eval()
    first = torch.zeros(task.batch, 1, dtype=torch.long)
    how = {"do_sample": True, "top_k": 0, "max_new_tokens": task.drawn}

    @torch.no_grad()
    def advance(calls: int) -> None:
        for _ in range(calls):
            net.generate(first, attention_mask=torch.ones_like(first), **how)

    return ready(advance, task.batch * task.drawn)
