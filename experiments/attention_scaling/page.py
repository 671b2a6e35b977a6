"""The words of the claim's page."""

from experiments.report import Words

CLAIM = (
    "Text encoders cost the square of the sequence length through self-attention: long "
    "sequences pay in time and memory. Sparse attention, such as Longformer's, brings "
    "the cost down to a line, at some price in what the encoder can answer."
)
HOW = (
    "Three things were measured by length: attention of given vectors (operator), a "
    "pre-norm block around it (layer), and a classifier of bytes with several of them "
    "(model); forward, and with the gradient by all vectors and parameters. Every program "
    "was compiled ahead of time, in a random order; then all were timed in turn, in a "
    "random order that changes from round to round, so that whatever slows the machine "
    "for a while slows all of them. Of a short call the best of three series counts. A "
    "round is the unit of every interval (95 %, "
    "bootstrap). On a CPU, time is CPU time of one thread on one pinned core; on an "
    "accelerator, time until the result is there. The batch is the same at every length. "
    "FLOPs are those of products of matrices, exact by formula; memory is what the "
    "compiler planned. Dense attention holds the matrix of all pairs; full attention "
    "computes the same a tile at a time; the others attend to a number of keys that does "
    "not grow. Every other mixer was measured with its projections and its gradient. "
    "Quality: encoders of equal size, with each of these mixers, were trained alike on "
    "each task, all tasks and seeds of a mixer in one program; a seed is the unit of "
    "every interval, and mixers are compared seed by seed. Tasks: which of ten domains a "
    "window of text is from; the value of a needle in noise, asked for at the end of the "
    "row; what followed each key of a row; the value of a nested expression. Thresholds "
    "of cost were fixed after a pilot of three rounds, those of quality after one with "
    "other seeds and sizes, before any run that is reported."
)

WORDS = Words("Attention and length", CLAIM, HOW)
