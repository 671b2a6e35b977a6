"""Small models of text, each trained for several budgets by one compiled program."""

from collections.abc import Callable
from math import gcd
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.attention_scaling.settings import ScalingLaws, TextModelName
from experiments.training import KEY, is_done, replica_mesh, watcher_of
from jaxgen.arrays import Array, Int, Key, Metrics, PyTree, Scalar, Shaped
from jaxgen.attention.expressions import FULL, causal
from jaxgen.attention.positions import rotary
from jaxgen.data.batches import Resident
from jaxgen.keys import named
from jaxgen.models.text_encoder import TextEncoder
from jaxgen.models.text_heads import MaskedLanguageModel
from jaxgen.nn.attention import SelfAttention
from jaxgen.nn.transformer_block import TransformerBlock
from jaxgen.objectives.language import cross_entropy, masked, masked_cross_entropy
from jaxgen.sharding.rules import study
from jaxgen.training.compile import Program, compile
from jaxgen.training.descent import descent
from jaxgen.training.dispatch import feed, repeat
from jaxgen.training.learner import Learner, State
from jaxgen.training.loop import fit
from jaxgen.training.record import recorded
from jaxgen.training.replicate import each_row, grid, replicate
from jaxgen.training.transforms import guard

MASK = 256
"""The token of a hidden byte."""
SEEDS = 2
"""Runs of each budget, trained side by side."""


class Corpus(NamedTuple):
    """Bytes, and for how long they are learned from.

    Attributes:
      train: one after the other, uint8.
      test: rows of other documents, uint8.
      horizon: updates of the run; what is compiled does not depend on it.
    """

    train: Shaped[Array | np.ndarray, " n"]
    test: Shaped[Array | np.ndarray, "m t"]
    horizon: Shaped[Array | np.ndarray, ""]


def net_of(name: TextModelName, width: int) -> MaskedLanguageModel:
    """Two layers with heads of 8 features, the embeddings tied.

    Example:
      >>> net_of("language", 16).encoder.features
      16
    """
    pattern = causal() if name == "language" else FULL
    mixer = SelfAttention(max(1, width // 8), pattern=pattern, rotation=rotary)
    blocks = (TransformerBlock(mixer),) * 2
    return MaskedLanguageModel(TextEncoder(MASK + 1, width, blocks, positions=None))


def language_loss(
    net: MaskedLanguageModel, params: PyTree, rows: Int[Array, "b t"], key: Key
) -> Scalar:
    """Nats to tell the next byte."""
    del key
    logits: Any = net.apply(params, rows)
    return cross_entropy(logits[:, :-1], rows[:, 1:]).mean()


def masked_loss(
    net: MaskedLanguageModel, params: PyTree, rows: Int[Array, "b t"], key: Key
) -> Scalar:
    """Nats to tell hidden bytes, 15 of a hundred."""
    seen, chosen = masked(rows, key, MASK, MASK)
    logits: Any = net.apply(params, seen)
    return masked_cross_entropy(logits, rows, chosen)


LOSSES: dict[TextModelName, Callable[..., Scalar]] = {
    "language": language_loss,
    "masked_language": masked_loss,
}


def losses(
    settings: ScalingLaws, name: TextModelName, width: int, corpus: Corpus, folder: Path
) -> dict[int, list[float]]:
    """The test loss of each seed after each number of updates; trains what is missing."""
    folders = {steps: folder / f"{name}-{width}-{steps}" for steps in settings.steps}
    missing = [steps for steps in settings.steps if not is_done(folders[steps], steps)]
    if missing:
        program = program_of(settings, name, width, corpus)
        for steps in missing:
            train(program, corpus, steps, settings, folders[steps])
    return {
        steps: recorded(folders[steps] / "record.jsonl")[-1]["test_loss"]
        for steps in settings.steps
    }


def program_of(
    settings: ScalingLaws, name: TextModelName, width: int, corpus: Corpus
) -> Program:
    """All seeds of one net, for any number of updates."""
    net, loss = net_of(name, width), LOSSES[name]

    def evaluate(state: State, data: Corpus) -> Metrics:
        rows = data.test.astype(jnp.int32)
        key = named(jax.random.key(0), "test")
        return {"test_loss": loss(net, state.params, rows, key)}

    return compile(
        repeat(
            replicate(
                lambda: learner_of(net, loss, settings, width), grid(range(SEEDS))
            ),
            gcd(*settings.steps),
        ),
        corpus,
        replica_mesh(SEEDS, lambda text: None),
        study(),
        evaluate=each_row(evaluate),
    )


def learner_of(
    net: MaskedLanguageModel,
    loss: Callable[..., Scalar],
    settings: ScalingLaws,
    width: int,
) -> Learner:
    """AdamW with a schedule that ends with the run, on windows of the corpus."""
    adam = optax.chain(
        optax.clip_by_global_norm(1.0), optax.adamw(1.0, b2=0.98, weight_decay=0.01)
    )
    highest = settings.learning_rate * (32 / width) ** 0.5

    def start(key: Key, batch: tuple[Array, Array]) -> PyTree:
        return net.init(key, batch[0])

    def mean_loss(params, batch, key):
        return loss(net, params, batch[0], key), {}

    steps = descent(start, mean_loss, adam)
    size = settings.batch, settings.length
    return feed(guard(scaled(steps, highest)), lambda data, key: drawn(data, key, size))


def drawn(corpus: Corpus, key: Key, size: tuple[int, int]) -> tuple[Array, Array]:
    """Windows from anywhere in the corpus, int32, and for each how long the run is."""
    rows, length = size
    bytes = jnp.asarray(corpus.train)
    first = jax.random.randint(key, (rows, 1), 0, bytes.size - length + 1)
    windows = bytes[first + jnp.arange(length)[None]].astype(jnp.int32)
    return windows, jnp.broadcast_to(jnp.asarray(corpus.horizon), (rows,))


def scaled(learner: Learner, highest: float) -> Learner:
    """Goes as far as a schedule says of each update that a learner would make.

    The share is ``highest`` times a warm-up over a twentieth of the run and a cosine down
    to zero, of batches that tell how long the run is. Of updates that are linear in a
    rate this is that rate.
    """

    def update(state: State, batch: tuple[Array, Array]) -> tuple[State, Metrics]:
        new, metrics = learner.update(state, batch)
        done = (state.step + 1) / batch[1][0]
        rate = highest * jnp.minimum(20 * done, 0.5 + 0.5 * jnp.cos(jnp.pi * done))
        params = jax.tree.map(
            lambda old, far: old + rate * (far - old), state.params, new.params
        )
        return new._replace(params=params), metrics

    return Learner(learner.init, update)


def train(
    program: Program, corpus: Corpus, steps: int, settings: ScalingLaws, folder: Path
) -> None:
    """One run of all seeds, evaluated at its end."""
    dispatches = steps // gcd(*settings.steps)
    fit(
        program,
        KEY,
        Resident(corpus._replace(horizon=np.asarray(steps, np.float32))),
        dispatches,
        folder,
        evaluate_every=dispatches,
        keep=1,
        watcher=watcher_of(folder.name, dispatches),
    )


def parameters(name: TextModelName, width: int) -> int:
    """Of one net, embeddings included."""
    rows = jax.ShapeDtypeStruct((1, 8), jnp.int32)
    shapes = jax.eval_shape(net_of(name, width).init, jax.random.key(0), rows)
    return sum(leaf.size for leaf in jax.tree.leaves(shapes))
