"""All pairs at once: the plainest attention, and the oracle of the others."""

from dataclasses import dataclass

from jaxgen.arrays import Array
from jaxgen.attention.case import Case
from jaxgen.attention.cost import (
    FORWARD,
    OF_KEYS,
    OF_QUERIES,
    OF_VALUES,
    OF_WEIGHTS,
    Cost,
    Shaped,
    products,
    sizes_of,
    tile_bytes,
)
from jaxgen.attention.tiles import (
    Attended,
    attended_tile,
    heads_first,
    logits,
)


@dataclass(frozen=True)
class Dense:
    """Softmax of the whole matrix of logits, its gradient by JAX: O(n²) memory."""

    def refusal(self, case: Case) -> str:
        """Nothing is refused."""
        return ""

    def __call__(self, query: Array, key: Array, value: Array, case: Case) -> Attended:
        """Attention of (b, t, n, h) queries to (b, s, k, h) keys."""
        scores = logits(
            heads_first(query), key, case.of_query, case.of_key, case.score, case.rules
        )
        found = heads_first(attended_tile(scores, value))
        return found._replace(output=found.output.astype(query.dtype))

    def cost(self, query: Shaped, key: Shaped, value: Shaped, case: Case) -> Cost:
        """Every pair, allowed or not."""
        sizes, pairs = sizes_of(query, key, value), (query.shape[1], key.shape[1])
        # JAX keeps the cotangent of the output as the sum that it is
        of_output = (x._replace(query="sum_bytes") for x in (OF_WEIGHTS, OF_VALUES))
        return Cost(
            products(sizes, *pairs, *FORWARD),
            products(sizes, *pairs, OF_QUERIES, OF_KEYS, *of_output),
            tile_bytes(sizes, *pairs),
        )
