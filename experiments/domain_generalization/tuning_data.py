"""What a tuning starts from, what it sees, and by which windows it is judged."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.domain_generalization.corpora import CONTEXT, Domains
from experiments.domain_generalization.fine_tuning_settings import FineTuning
from experiments.domain_generalization.text_models import (
    Logits,
    calibration_error,
    guesses_of_rows,
)
from jaxgen.arrays import Array, Int, Key, Metrics, PyTree, Shaped

AT_ONCE = 8
"""Windows at a time, of each of the many rows of a study."""

Bytes = Array | np.ndarray


class Known(NamedTuple):
    """What is there before a tuning, and stays as it is.

    Attributes:
      bases: parameters of models that never saw a target, of which those of the first
        target lead, a seed each.
      prompts: bytes of each target.
    """

    bases: PyTree
    prompts: Shaped[Bytes, "j m"]


class Shown(NamedTuple):
    """Windows to tune on, and by which it is judged.

    Attributes:
      train: of each target.
      own: of other documents of each target, half as long and a byte more.
      others: likewise, of all domains.
    """

    train: Shaped[Bytes, "j n t"]
    own: Shaped[Bytes, "j m u"]
    others: Shaped[Bytes, "k l u"]


Data = tuple[Known, Shown]


def shown_of(domains: Domains, settings: FineTuning) -> Shown:
    """Windows for a number of targets, those that are judged cut in halves."""
    test = np.asarray(domains.windows.test)
    halves = halved(test[: len(domains.train)])
    targets = settings.targets
    train = np.asarray(domains.windows.train)[:targets, : settings.shots[-1]]
    own, others = (
        halves[:targets, : 2 * settings.judged],
        halves[:, : 2 * settings.others],
    )
    return Shown(train, own, others)


def halved(windows: Shaped[np.ndarray, "k m t"]) -> Shaped[np.ndarray, "k n u"]:
    """Windows half as long that hold the same bytes, the middle one twice.

    Example:
      >>> halved(np.arange(5)[None, None]).tolist()
      [[[0, 1, 2], [2, 3, 4]]]
    """
    half = windows.shape[-1] // 2
    cut = np.stack([windows[..., : half + 1], windows[..., half : 2 * half + 1]], 2)
    return cut.reshape(len(windows), -1, half + 1)


def rows_of_target(
    target: Array, shots: Array, size: int
) -> Callable[[Shown, Key, Array], Int[Array, "b t"]]:
    """Draws so many of a target's windows in turn, all before any comes again."""

    def rows(shown: Shown, key: Key, step: Array) -> Int[Array, "b t"]:
        del key
        place = (step * size + jnp.arange(size)) % shots.astype(jnp.int32)
        return jnp.asarray(shown.train)[target, place].astype(jnp.int32)

    return rows


SIDES = "own", "others"
SCORES = *SIDES, "own_error", "others_error"
"""Bits per byte, and calibration errors."""


def told_of_target(
    logits: Logits, target: Array, shown: Shown, prompt: int = 0
) -> Metrics:
    """`SCORES` of a target, and of all other domains together.

    Args:
      logits: of each byte of rows but the first.
      target: its number.
      shown: windows.
      prompt: bytes that stand before each window, of another one of those to tune on: what
        is told is then the mean over prompts.
    """
    count = len(shown.others)
    others = (target + 1 + jnp.arange(count - 1)) % count
    sides = jnp.asarray(shown.own)[target][None], jnp.asarray(shown.others)[others]
    rows = jnp.concatenate([side.reshape(-1, side.shape[-1]) for side in sides])
    places = jnp.arange(len(rows)) % shown.train.shape[1]
    before = jnp.asarray(shown.train)[target, places, :prompt]
    rows = jnp.concatenate([before, rows], axis=1).astype(jnp.int32)
    context = prompt + (shown.own.shape[-1] - 1) // CONTEXT
    every, own = guesses_of_rows(logits, rows, context, AT_ONCE), shown.own.shape[1]
    halves = [
        jax.tree.map(lambda leaf, part=part: leaf[part], every)
        for part in (slice(own), slice(own, None))
    ]
    bits = [half.nats.mean() / jnp.log(2) for half in halves]
    errors = [calibration_error(half) for half in halves]
    return dict(zip(SCORES, (*bits, *errors), strict=True))


def require_targets(targets: int, train: Sequence[str]) -> None:
    """Raises:
    ValueError: more targets than there are domains to train on.
    """
    if targets > len(train):
        raise ValueError(
            f"--fine-tuning.targets {targets}: expected {len(train)} or fewer, as many as "
            "there are domains to train on"
        )
