"""A language model in PyTorch, to be timed: the one of nanoGPT, written anew.

Learned positions, norms before each part, gelu perceptrons four times as wide, output
weights tied to the embeddings, no bias and no dropout; AdamW in its fused form, of
gradients clipped to a length of one. Texts are drawn with keys and values kept in
tensors of one size, so that one compiled function serves every token.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch  # pyright: ignore[reportMissingImports]
from torch import Tensor, nn  # pyright: ignore[reportMissingImports]
from torch.nn import functional as F  # pyright: ignore[reportMissingImports]

from experiments.benchmarks.language_tasks import LanguageTask
from experiments.benchmarks.processes import Ready
from experiments.benchmarks.torch_ring import ready


class Kept(NamedTuple):
    """Keys and values of one layer, (b, n, t, h) each, with room for all tokens."""

    key: Tensor
    value: Tensor

    def put(self, at: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Both with one token more."""
        return self.key.index_copy_(2, at, key), self.value.index_copy_(2, at, value)


class Attention(nn.Module):
    """Causal attention, its three projections in one product."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.inputs = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)

    def forward(
        self, x: Tensor, at: Tensor | None = None, kept: Kept | None = None
    ) -> Tensor:
        query, key, value = (
            part.unflatten(2, (self.heads, -1)).transpose(1, 2)
            for part in self.inputs(x).chunk(3, dim=2)
        )
        if at is None or kept is None:
            found = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        else:
            key, value = kept.put(at, key, value)
            seen = (torch.arange(key.shape[2]) <= at)[None, None, None]
            found = F.scaled_dot_product_attention(query, key, value, attn_mask=seen)
        return self.out(found.transpose(1, 2).flatten(2))


class Block(nn.Module):
    """Attention and a perceptron, each beside a straight path."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width, bias=False) for _ in range(2))
        self.attention = Attention(width, heads)
        self.hidden = nn.Linear(width, 4 * width, bias=False)
        self.out = nn.Linear(4 * width, width, bias=False)

    def forward(self, x: Tensor, *memory) -> Tensor:
        x = x + self.attention(self.norms[0](x), *memory)
        hidden = F.gelu(self.hidden(self.norms[1](x)), approximate="tanh")
        return x + self.out(hidden)


class Transformer(nn.Module):
    """Logits of the next token; with a memory, of one token behind those it holds."""

    def __init__(self, task: LanguageTask):
        super().__init__()
        self.tokens = nn.Embedding(task.vocabulary, task.width)
        self.positions = nn.Embedding(task.length, task.width)
        blocks = (Block(task.width, task.heads) for _ in range(task.layers))
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.LayerNorm(task.width, bias=False)
        for one in self.parameters():
            if one.ndim > 1:
                nn.init.normal_(one, std=0.02)

    def forward(
        self, tokens: Tensor, at: Tensor | None = None, memory: tuple[Kept, ...] = ()
    ) -> Tensor:
        places = torch.arange(tokens.shape[1]) if at is None else at
        x = self.tokens(tokens) + self.positions(places)
        for layer, block in enumerate(self.blocks):
            x = block(x, at, memory[layer]) if memory else block(x)
        return F.linear(self.norm(x), self.tokens.weight)


def nanogpt_loss(task: LanguageTask, compiled: bool) -> tuple[nn.Module, Callable]:
    """A model, and its mean cross-entropy of tokens told from those before them."""
    net = Transformer(task)

    def loss(inputs: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(net(inputs).flatten(0, 1), targets.flatten())

    return net, torch.compile(loss, fullgraph=True) if compiled else loss


def training(task: LanguageTask, of: Callable, threads: int, compiled: bool) -> Ready:
    """Steps of training, batches drawn at random from a text of random tokens."""
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)  # as XLA does
    net, loss = of(task, compiled)
    text = torch.randint(task.vocabulary, (100_000,))
    weights = list(net.parameters())
    decayed = [w for w in weights if w.ndim > 1]
    groups = [
        {"params": decayed, "weight_decay": 0.1},
        {"params": [w for w in weights if w.ndim == 1], "weight_decay": 0.0},
    ]
    adam = torch.optim.AdamW(groups, 1e-3, (0.9, 0.99), fused=True)
    ahead = torch.arange(task.length + 1)

    def advance(calls: int) -> None:
        for _ in range(calls):
            first = torch.randint(len(text) - task.length, (task.batch, 1))
            rows = text[first + ahead]
            adam.zero_grad()
            loss(rows[:, :-1], rows[:, 1:]).backward()
            nn.utils.clip_grad_norm_(weights, 1.0)
            adam.step()

    return ready(advance, task.tokens)


def nanogpt_training(task: LanguageTask, threads: int, compiled: bool) -> Ready:
    """Training of `Transformer`."""
    return training(task, nanogpt_loss, threads, compiled)


def nanogpt_sampling(task: LanguageTask, threads: int, compiled: bool) -> Ready:
    """Texts drawn a token at a time, from a first token to the last position."""
    torch.set_num_threads(threads)
    net = Transformer(task).eval()
    shape = task.batch, task.heads, task.length, task.width // task.heads
    memory = tuple(
        Kept(torch.zeros(shape), torch.zeros(shape)) for _ in range(task.layers)
    )

    def following(token: Tensor, at: Tensor) -> Tensor:
        shares = net(token, at, memory)[:, 0].softmax(-1)
        # the smallest of exponential times: a draw that a compiler can fuse
        return (torch.empty_like(shares).exponential_() / shares).argmin(-1, True)

    step = torch.compile(following, fullgraph=True) if compiled else following

    @torch.no_grad()
    def advance(calls: int) -> None:
        for _ in range(calls):
            token = torch.zeros(task.batch, 1, dtype=torch.long)
            for at in range(task.drawn):
                token = step(token, torch.tensor([at]))

    return ready(advance, task.batch * task.drawn)
