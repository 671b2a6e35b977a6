"""What is told of labels by next to nothing: how often they occur, and with what."""

import numpy as np

from jaxgen.arrays import Int, Shaped
from jaxgen.data.sequences import LabelledTokens


def most_frequent(labels: Int[np.ndarray, " n"]) -> int:
    """The label that occurs most often, the least of several.

    Example:
      >>> most_frequent(np.array([3, 1, 3, 2]))
      3
    """
    return int(np.bincount(labels).argmax())


def most_frequent_with(
    cues: Shaped[np.ndarray, " n"],
    labels: Int[np.ndarray, " n"],
    asked: Shaped[np.ndarray, " m"],
) -> Int[np.ndarray, " m"]:
    """For each cue, the label that occurs most often with it: a table.

    A cue that was not seen has the label that is most frequent of all. With the first
    token of a row of ListOps for a cue, it tells 36 % of the values.

    Example:
      >>> cues, labels = np.array([5, 5, 5, 8]), np.array([1, 2, 2, 0])
      >>> most_frequent_with(cues, labels, np.array([8, 5, 6])).tolist()
      [0, 2, 2]
    """
    guesses = np.full(asked.shape, most_frequent(labels), np.int32)
    for cue in np.unique(cues):
        guesses[asked == cue] = most_frequent(labels[cues == cue])
    return guesses


def naive_bayes(
    seen: LabelledTokens, asked: LabelledTokens, vocabulary: int
) -> Int[np.ndarray, " m"]:
    """The likeliest label if tokens were independent: what frequencies of tokens tell.

    Computes the c of the largest ``log p(c) + sum_i log p(x_i | c)``, with frequencies
    of labels and, each counted once more, of tokens among those seen.

    Args:
      seen: rows whose labels are known.
      asked: rows whose labels are not read.
      vocabulary: tokens are smaller than that.

    Example:
      >>> tokens = np.array([[0, 0, 1], [1, 1, 1]])
      >>> rows = LabelledTokens(tokens, tokens > 1, np.array([0, 1]))
      >>> naive_bayes(rows, rows, 2).tolist()
      [0, 1]
    """
    classes = np.bincount(seen.labels)
    counts = 1 + histograms(seen, seen.labels, len(classes), vocabulary)
    tokens = np.log(counts / counts.sum(axis=1, keepdims=True))
    with np.errstate(divide="ignore"):  # a label that was not seen is never guessed
        labels = np.log(classes / classes.sum())
    found = histograms(
        asked, np.arange(len(asked.tokens)), len(asked.tokens), vocabulary
    )
    return (labels[None] + found @ tokens.T).argmax(axis=1).astype(np.int32)


def histograms(
    rows: LabelledTokens, groups: Int[np.ndarray, " n"], count: int, vocabulary: int
) -> Int[np.ndarray, "g v"]:
    """How often each token occurs in each group of rows, padding left out.

    Args:
      rows: whose tokens are counted.
      groups: which group each row is of, from 0.
      count: of groups.
      vocabulary: tokens are smaller than that.
    """
    bins = (groups[:, None] * vocabulary + rows.tokens)[~rows.padding]
    counts = np.bincount(bins, minlength=count * vocabulary)
    return counts.reshape(count, vocabulary)
