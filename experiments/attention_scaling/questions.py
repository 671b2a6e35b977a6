"""The tasks of quality: rows, questions about them, and what is right without reading."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from experiments.attention_scaling.answering import Questions
from experiments.attention_scaling.quality_training import Pools
from experiments.attention_scaling.settings import QualityOfLength, TaskName
from jaxgen.data.associative_recall import AssociativeRecall, associations
from jaxgen.data.baselines import most_frequent, most_frequent_with, naive_bayes
from jaxgen.data.list_operations import ListOperations, list_operations
from jaxgen.data.list_values import values
from jaxgen.data.needle import Needle, needles
from jaxgen.data.sequences import LabelledTokens
from jaxgen.data.text_domains import DOMAINS, documents, split_documents
from jaxgen.data.text_windows import labelled_windows

NOTHING = -1
"""No question; or no one token that answers, but the mean of all."""

ANSWERS = 16
"""Values that a needle can have."""

PAIRS = (2, 4, 8)
"""Of a row of recall."""


class Task(NamedTuple):
    """Questions of one kind.

    Attributes:
      train: to be learned from.
      test: of other rows.
      baselines: accuracies on the test of what does less than read the rows, the most
        trivial first.
    """

    train: Questions
    test: Questions
    baselines: Mapping[str, float]


def pools_of(tasks: Mapping[str, Task]) -> Pools:
    """All tasks, stacked: as many rows of each, and questions that are not asked."""
    most = max(task.train.places.shape[1] for task in tasks.values())

    def stacked(split: str) -> Questions:
        rows = [widened(getattr(task, split), most) for task in tasks.values()]
        least = min(len(each.tokens) for each in rows)
        return jax.tree.map(
            lambda *leaves: np.stack([x[:least] for x in leaves]), *rows
        )

    return Pools(stacked("train"), stacked("test"))


def tasks_of(settings: QualityOfLength) -> dict[str, Task]:
    """Each task with as many examples as the settings say.

    Raises:
      ValueError: rows too short for a task.
    """
    return {name: TASKS[name](settings) for name in settings.tasks}


def text(settings: QualityOfLength) -> Task:
    """Which of ten domains a window of bytes is from."""
    train, test = (
        labelled_windows(
            {name: split_documents(documents(name))[part] for name in DOMAINS},
            settings.length,
        )
        for part in (0, 1)
    )
    seen, asked = sampled(train, test, settings)
    frequencies = naive_bayes(seen, asked, 256)
    return about_rows(seen, asked, {"frequencies of bytes": frequencies})


def nested(settings: QualityOfLength) -> Task:
    """The value of a nested expression."""
    shortest = min(settings.length // 4, 32)  # of these depths few are longer
    sizes = ListOperations(4, 5, shortest, settings.length)
    train, test = sizes_of(settings)
    rows = list_operations(sizes, train + test, seed=0)
    seen, asked = (LabelledTokens(*each) for each in parted(rows, train))
    first = most_frequent_with(seen.tokens[:, 0], seen.labels, asked.tokens[:, 0])
    top = {
        f"exact value of the top {words}": values(asked.tokens, levels)
        for levels, words in ((1, "level"), (2, "two levels"))
    }
    return about_rows(seen, asked, {"the first operator": first, **top})


def needle(settings: QualityOfLength) -> Task:
    """The value of a needle, asked for at the end of a row; kinds are its distances."""
    sizes, counts = Needle(settings.length, ANSWERS, noise=ANSWERS), sizes_of(settings)
    draw = jax.jit(lambda key: needles(sizes, key, sum(counts)))
    found = draw(jax.random.key(0))
    last = np.full(sum(counts), settings.length - 1)
    asked = questions(found.tokens, found.labels, last, found.distances)
    train, test = parted(asked, counts[0])
    return Task(Questions(*train), Questions(*test), {"chance": sizes.chance})


def recall(settings: QualityOfLength) -> Task:
    """What followed a key before, asked for all keys; kinds are numbers of pairs."""
    sizes = [AssociativeRecall(pairs, settings.length, 34, 1.0) for pairs in PAIRS]
    counts = [count // len(sizes) for count in sizes_of(settings)]
    halves = [parted(recalled(one, sum(counts)), counts[0]) for one in sizes]
    train, test = (
        jax.tree.map(lambda *leaves: np.concatenate(leaves), *half)
        for half in zip(*halves, strict=True)
    )
    asked = [counts[1] * one.pairs for one in sizes]
    right = [count * one.chance_in_row for count, one in zip(asked, sizes, strict=True)]
    baselines = {
        "chance": sizes[0].chance,
        "any value of the row": sum(right) / sum(asked),
    }
    return Task(Questions(*train), Questions(*test), baselines)


def recalled(task: AssociativeRecall, rows: int) -> Questions:
    """Rows of one number of pairs, with room for questions about the most."""
    draw = jax.jit(lambda key: associations(task, key, rows))
    found = draw(jax.random.key(task.pairs))
    places = np.nonzero(np.asarray(found.asked))[1].reshape(rows, task.pairs)
    answers = np.take_along_axis(np.asarray(found.labels), places, axis=1)
    kinds = np.full(places.shape, task.pairs)
    return widened(questions(found.tokens, answers, places, kinds), max(PAIRS))


def parted(rows: tuple, count: int) -> tuple[tuple, tuple]:
    """Arrays cut in two, so many rows in the first part."""
    return tuple(x[:count] for x in rows), tuple(x[count:] for x in rows)


TASKS: dict[TaskName, Callable[[QualityOfLength], Task]] = {
    "text": text,
    "needle": needle,
    "recall": recall,
    "list_operations": nested,
}


def sizes_of(settings: QualityOfLength) -> tuple[int, int]:
    """How many examples to train on, and to be judged by."""
    return settings.examples, max(settings.examples // 4, 1)


def sampled(
    train: LabelledTokens, test: LabelledTokens, settings: QualityOfLength
) -> tuple[LabelledTokens, LabelledTokens]:
    """Examples drawn from what there is, without replacement while it lasts."""

    def some(rows: LabelledTokens, count: int) -> LabelledTokens:
        there = len(rows.labels)
        again = np.random.default_rng(0).choice(there, count, replace=count > there)
        return LabelledTokens(*(leaf[again] for leaf in rows))

    seen, asked = sizes_of(settings)
    return some(train, seen), some(test, asked)


def about_rows(
    seen: LabelledTokens,
    asked: LabelledTokens,
    guesses: Mapping[str, np.ndarray],
) -> Task:
    """A question about each row as a whole; kinds are the answers."""

    def of(rows: LabelledTokens) -> Questions:
        nowhere = np.full(len(rows.labels), NOTHING)
        found = questions(rows.tokens, rows.labels, nowhere, rows.labels)
        return found._replace(padding=rows.padding)

    guesses = {"majority": np.array(most_frequent(seen.labels)), **guesses}
    right = {
        name: float((guess == asked.labels).mean()) for name, guess in guesses.items()
    }
    return Task(of(seen), of(asked), right)


def questions(tokens, answers, places, kinds) -> Questions:
    """Rows without padding, of one question each or of several, in small integers."""
    tokens = np.asarray(tokens, np.uint8)
    each = (np.asarray(x, np.int16) for x in (places, answers, kinds))
    return Questions(
        tokens, np.zeros(tokens.shape, bool), *(x.reshape(len(x), -1) for x in each)
    )


def widened(asked: Questions, count: int) -> Questions:
    """The same with more questions in each row, none of which is asked."""
    more = count - asked.places.shape[1]

    def fill(x: Any, value: int) -> np.ndarray:
        return np.pad(x, ((0, 0), (0, more)), constant_values=value)

    return asked._replace(
        places=fill(asked.places, 0),
        answers=fill(asked.answers, NOTHING),
        kinds=fill(asked.kinds, 0),
    )
