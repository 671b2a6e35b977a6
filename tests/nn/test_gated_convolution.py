"""Gated convolutions against sums token by token."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.nn.gated_convolution import GatedConvolution
from jaxgen.nn.mixer import Context
from mixers import FEATURES, LENGTH, X, close

SEGMENTS = np.array([[1, 1, 1, 1, 1, 1], [7, 7, 2, 2, 2, 7]])
PADDING = np.array([[False] * 5 + [True], [False, False, False, True, False, False]])


@pytest.mark.parametrize(
    "mixer, offsets",
    [
        (GatedConvolution(5), range(-2, 3)),
        (GatedConvolution(2, causal=True), range(-1, 1)),
        (GatedConvolution(9, causal=True), range(-8, 1)),
        (GatedConvolution(1), range(1)),
    ],
    ids=["centred", "causal", "wider than the row", "alone"],
)
def test_it_is_a_sum_over_the_tokens_of_its_sequence(mixer, offsets, key):
    context = Context(jnp.asarray(PADDING), jnp.asarray(SEGMENTS))
    found, variables = mixer.init_with_output(key, X, context)
    params = variables["params"]
    value = np.asarray(X @ params["value"]["kernel"])
    run = np.cumsum(np.diff(SEGMENTS, axis=1, prepend=0) != 0, axis=1)
    summed = np.zeros_like(value)
    for row, place, tap in np.ndindex(2, LENGTH, len(offsets)):
        other = place + offsets[tap]
        if 0 <= other < LENGTH and run[row, other] == run[row, place]:
            weight = params["kernel"][tap] * (not PADDING[row, other])
            summed[row, place] += weight * value[row, other]
    gate = 1 / (1 + np.exp(-X @ params["gate"]["kernel"]))
    expected = (gate * summed) @ params["out"]["kernel"]
    close(found[~PADDING], expected[~PADDING])


@pytest.mark.parametrize(
    "mixer, message",
    [
        (GatedConvolution(4), "width=4, causal=False.*odd number, to have a middle"),
        (GatedConvolution(0, causal=True), "width=0, causal=True.*1 or more"),
    ],
    ids=["even", "none"],
)
def test_widths_that_cannot_be_are_refused(mixer, message, key):
    with pytest.raises(ValueError, match=message):
        mixer.init(key, X, Context())
    with pytest.raises(ValueError, match=message):
        mixer.cost(1, LENGTH, FEATURES)
