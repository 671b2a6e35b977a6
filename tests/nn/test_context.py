"""What belongs to a batch beside its vectors."""

import jax.numpy as jnp
import pytest

from jaxgen.nn.mixer import Context, led, places, require_fit


def test_a_context_of_another_shape_is_refused():
    require_fit(Context(positions=jnp.zeros((1, 5), int)), 2, 5)
    with pytest.raises(ValueError, match=r"padding of shape \(1, 5\).*\(2, 5\)"):
        require_fit(Context(padding=jnp.zeros((1, 5), bool)), 2, 5)


@pytest.mark.parametrize(
    "context, message",
    [
        (Context(padding=jnp.zeros((2, 5))), "padding of float32: expected bool"),
        (Context(padding=jnp.zeros((2, 5), int)), "padding of int32: expected bool"),
        (Context(segments=jnp.zeros((2, 5))), "segments of float32: expected integers"),
        (
            Context(positions=jnp.zeros((1, 5))),
            "positions of float32: expected integers",
        ),
    ],
)
def test_a_context_of_other_numbers_is_refused(context, message):
    with pytest.raises(ValueError, match=message):
        require_fit(context, 2, 5)


def test_a_leading_token_is_real_and_at_position_zero():
    padding = jnp.array([[False, True]])
    context = led(Context(padding, positions=jnp.array([[3, 4]])), 2)
    assert context.padding.tolist() == [[False, False, True]]
    assert context.positions.tolist() == [[0, 4, 5]]
    with pytest.raises(ValueError, match="only the first sequence of a row"):
        led(Context(segments=jnp.zeros((1, 2), int)), 2)


def test_places_restart_where_a_segment_does():
    rows = jnp.array([[1, 1, 2, 2, 2, 1], [0, 0, 0, 0, 0, 0], [1, 2, 3, 3, 4, 1]])
    assert places(rows).tolist() == [
        [0, 1, 0, 1, 2, 0],
        [0, 1, 2, 3, 4, 5],
        [0, 0, 0, 1, 0, 0],
    ]
