"""Training, validation and a few lines drawn from the model."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.tiny_shakespeare.protocol import PUBLISHED, TinyShakespeare
from experiments.training import batch_mesh, watcher_of
from experiments.versions import versions
from jaxgen.arrays import Array, Int, Key, Metrics, PyTree
from jaxgen.attention.dense import Dense
from jaxgen.attention.expressions import causal
from jaxgen.attention.positions import rotary
from jaxgen.data.batches import Resident
from jaxgen.models.decoding import continuation
from jaxgen.models.language_model import LanguageModel
from jaxgen.models.text_encoder import TextEncoder
from jaxgen.nn.attention import SelfAttention
from jaxgen.nn.transformer_block import FeedForward, TransformerBlock
from jaxgen.objectives.language import cross_entropy
from jaxgen.sharding.rules import WHOLE
from jaxgen.training.adamw import adamw, matrices_and_embeddings
from jaxgen.training.compile import Program, compile
from jaxgen.training.directory import run_directory
from jaxgen.training.dispatch import feed, repeat
from jaxgen.training.language_modelling import language_modelling
from jaxgen.training.learner import Learner, State
from jaxgen.training.loop import fit
from jaxgen.training.processes import is_first, on_host
from jaxgen.training.rate_shapes import cosine
from jaxgen.training.record import recorded
from jaxgen.training.transforms import guard

EVERYWHERE = ((".*", WHOLE),)


class Text(NamedTuple):
    """Characters as numbers.

    Attributes:
      letters: what each number stands for, sorted.
      train: the first nine tenths.
      rows: of validation, one character longer than the model reads.
    """

    letters: str
    train: Int[np.ndarray, " n"]
    rows: Int[np.ndarray, "m t"]


def text_of(path: Path, length: int) -> Text:
    """The characters of a file, and the last tenth in rows that tell each but once.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: a tenth of it is no longer than a row.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"--text {path}: no such file; it is data/tinyshakespeare/input.txt of "
            "github.com/karpathy/char-rnn"
        )
    text = path.read_text(encoding="utf-8")
    letters = "".join(sorted(set(text)))
    tokens = np.array([letters.index(x) for x in text], np.int32)
    train, rest = np.split(tokens, [int(0.9 * len(tokens))])
    if len(rest) <= length:
        raise ValueError(
            f"--text {path}: expected more than {10 * length} characters, ten rows; "
            "shorten --length, or give a longer text"
        )
    first = np.arange(0, len(rest) - length, length)
    return Text(letters, train, rest[first[:, None] + np.arange(length + 1)[None]])


def model_of(e: TinyShakespeare, vocabulary: int) -> LanguageModel:
    """The sizes of nanoGPT, without biases where they are many."""
    mixer = SelfAttention(
        e.heads, pattern=causal(), rotation=rotary, implementation=Dense()
    )
    blocks = (TransformerBlock(mixer, FeedForward(use_bias=False)),) * e.layers
    return LanguageModel(TextEncoder(vocabulary, e.width, blocks, positions=None))


def learner_of(e: TinyShakespeare, model: LanguageModel) -> Learner:
    """AdamW on rows drawn anew at each step."""
    optimizer = adamw(
        1e-3,
        cosine(e.steps, e.warm, last=0.1),
        decayed=matrices_and_embeddings,
        b2=0.99,
    )

    def draw(text: Array, key: Key) -> Array:
        starts = (e.batch, 1)
        first = jax.random.randint(key, starts, 0, text.size - e.length)
        return text[first + jnp.arange(e.length + 1)[None]]

    return guard(feed(language_modelling(model, optimizer, chunk=e.length + 1), draw))


def validation(
    model: LanguageModel, rows: Int[np.ndarray, "m t"]
) -> Callable[[State, Any], Metrics]:
    """Nats a character of all rows, several at a time."""

    def evaluate(state: State, data: Any) -> Metrics:
        del data

        def nats(row: Array) -> Array:
            logits: Any = model.apply({"params": state.params}, row[None, :-1])
            return cross_entropy(logits[0], row[1:])

        return {
            "validation": jax.lax.map(nats, jnp.asarray(rows), batch_size=64).mean()
        }

    return evaluate


def trained(
    e: TinyShakespeare, program: Program, text: Text
) -> tuple[PyTree, list[dict[str, float]]]:
    """The last parameters, and the nats told along the way; trains what is missing."""
    dispatches = e.steps // e.every
    key, data = jax.random.key(e.seed), Resident(text.train)
    watcher = watcher_of("Shakespeare", dispatches)
    state = fit(program, key, data, dispatches, e.out, watcher=watcher)
    first, *lines = recorded(e.out / "record.jsonl")
    return on_host(state.params), [
        {
            "step": line["step"],
            "training": line["nats"],
            "validation": line["validation"],
            "seconds": line["wall_time"] - first["wall_time"],
        }
        for line in lines
    ]


def report(e: TinyShakespeare) -> str:
    """Trains, writes ``results.json``, and returns what it came to.

    Raises:
      ValueError: the folder belongs to another text, or to other settings.
      OSError: it cannot be written.
    """
    text = text_of(e.text, e.length)
    decided = asdict(e) | {"text": hashlib.sha256(e.text.read_bytes()).hexdigest()}
    del decided["out"]
    with run_directory(e.out, decided):
        return left(e, text)


def left(e: TinyShakespeare, text: Text) -> str:
    """As `report`, in a folder that is held."""
    model = model_of(e, len(text.letters))
    program = compile(
        repeat(learner_of(e, model), e.every),
        text.train,
        batch_mesh(e.batch),
        EVERYWHERE,
        evaluate=validation(model, text.rows),
    )
    params, told = trained(e, program, text)
    first = jnp.asarray(text.rows[: e.batch, :1])
    drawn = continuation(model, params, first, jax.random.key(e.seed), e.length - 1)
    results = {
        "settings": asdict(e) | {"out": str(e.out), "text": str(e.text)},
        "versions": versions(),
        "published": PUBLISHED,
        "evaluations": told,
        "drawn": ["".join(text.letters[x] for x in row) for row in np.asarray(drawn)],
    }
    if is_first():
        (e.out / "results.json").write_text(json.dumps(results, indent=1))
    return (
        f"validation: {told[-1]['validation']:.4f} nats a character after {e.steps:,} "
        f"steps; nanoGPT's README tells {PUBLISHED}\nresults and "
        f"{len(drawn)} rows drawn: {e.out / 'results.json'}"
    )
