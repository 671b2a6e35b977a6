"""Features of queries and keys whose products stand for weights of attention."""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.arrays import Array, Float, Int
from jaxgen.attention.cost import Work, matrix_product
from jaxgen.attention.patterns import require_whole
from jaxgen.attention.tiles import accumulator


class Features(NamedTuple):
    """Features ``exp(log_scale) values`` of vectors, in float32 or more.

    Attributes:
      values: (b, t, n, m).
      log_scale: (b, t, n), without slope: sums of large features are made by it.
    """

    values: Float[Array, "b t n m"]
    log_scale: Float[Array, "b t n"]


@runtime_checkable
class FeatureMap(Protocol):
    """From vectors to features: a query weighs a key by ``phi(q) phi(k)``."""

    @property
    def exact(self) -> bool:
        """Whether the weights are their own definition, not an estimate of others."""
        ...

    def __call__(
        self, vectors: Float[Array, "b t n h"], positions: Int[Array, "_ t"]
    ) -> Features:
        """Features of vectors at these positions."""
        ...

    def width(self, features: int) -> int:
        """How many features a vector of so many has."""
        ...

    def cost(self, vectors: int, features: int) -> Work:
        """Work of products of matrices, for so many vectors."""
        ...


@dataclass(frozen=True)
class EluPlusOne:
    """``phi(x) = elu(x) + 1``: ``x + 1`` above zero and ``exp(x)`` below.

    References:
      Katharopoulos et al., 2020, *Transformers are RNNs*, equation 7.

    Example:
      >>> EluPlusOne()(jnp.zeros((1, 1, 1, 2)), jnp.zeros((1, 1), int)).values.tolist()
      [[[[1.0, 1.0]]]]
    """

    exact = True

    def __call__(
        self, vectors: Float[Array, "b t n h"], positions: Int[Array, "_ t"]
    ) -> Features:
        del positions
        x = vectors.astype(accumulator(vectors))
        # elu(x) + 1 would round exp(x) to nothing
        return unscaled(jnp.where(x > 0, x + 1, jnp.exp(jnp.minimum(x, 0))))

    def width(self, features: int) -> int:
        """As many."""
        return features

    def cost(self, vectors: int, features: int) -> Work:
        """No product."""
        return Work()


@dataclass(frozen=True)
class CosFormer:
    """ReLU, turned by the position: weights fade with the distance, as a cosine.

    Computes ``phi(x, i) = relu(x) (cos a, sin a)`` with ``a = pi i / (2 furthest)``, so
    that ``phi(q, i) phi(k, j) = relu(q) relu(k) cos(pi (i - j) / (2 furthest))``.

    Attributes:
      furthest: distance at which weights are zero; no row may be longer.

    Raises:
      ValueError: a row that is: its furthest weights would be negative. Positions that
        are told cannot be looked at: they too must differ by less.

    References:
      Qin et al., 2022, *cosFormer: rethinking softmax in attention*, equation 10.
    """

    furthest: int

    exact = True

    def __post_init__(self):
        require_count("CosFormer", "furthest", self.furthest)

    def __call__(
        self, vectors: Float[Array, "b t n h"], positions: Int[Array, "_ t"]
    ) -> Features:
        length = vectors.shape[1]
        if length > self.furthest:
            raise ValueError(
                f"CosFormer(furthest={self.furthest}): a row of {length} tokens has "
                "weights below zero; make furthest as large or larger"
            )
        x = jax.nn.relu(vectors.astype(accumulator(vectors)))
        angle = jnp.pi / 2 / self.furthest * positions.astype(x.dtype)[..., None, None]
        turned = jnp.concatenate([x * jnp.cos(angle), x * jnp.sin(angle)], -1)
        return unscaled(turned)

    def width(self, features: int) -> int:
        """Twice as many."""
        return 2 * features

    def cost(self, vectors: int, features: int) -> Work:
        """No product."""
        return Work()


@dataclass(frozen=True)
class PositiveRandomFeatures:
    """FAVOR+: an estimate of softmax weights, without a bias whatever its draw.

    Computes ``phi(x) = exp(W x - |x|^2 / 2) / sqrt(m)`` of ``x / h^(1/4)``, of which
    the mean of ``phi(q) phi(k)`` over draws of W is ``exp(q k / sqrt(h))``. The
    largest exponent of each vector is set apart, so that no feature overflows.

    Attributes:
      count: features, m: the error shrinks by ``1 / sqrt(m)``.
      seed: of W, which is drawn once: it is no parameter.

    References:
      Choromanski et al., 2021, *Rethinking attention with Performers*, lemma 1 and
      section 2.4.
    """

    count: int
    seed: int = 0

    exact = False

    def __post_init__(self):
        require_count("PositiveRandomFeatures", "count", self.count)
        require_whole(seed=self.seed)
        if self.seed < 0:
            raise ValueError(f"a seed of {self.seed}: expected 0 or more")

    def __call__(
        self, vectors: Float[Array, "b t n h"], positions: Int[Array, "_ t"]
    ) -> Features:
        del positions
        width = vectors.shape[-1]
        x = vectors.astype(accumulator(vectors)) / width**0.25
        drawn = orthogonal_normal(self.count, width, self.seed)
        exponents = x @ jnp.asarray(drawn.T, x.dtype)
        exponents -= (x**2).sum(-1, keepdims=True) / 2
        highest = jax.lax.stop_gradient(exponents.max(-1))
        values = jnp.exp(exponents - highest[..., None]) / self.count**0.5
        return Features(values, highest)

    def width(self, features: int) -> int:
        """As many as told."""
        return self.count

    def cost(self, vectors: int, features: int) -> Work:
        """The product with W."""
        return matrix_product(vectors, features, self.count)


def unscaled(values: Float[Array, "b t n m"]) -> Features:
    """Features whose values are all there is to them."""
    return Features(values, jnp.zeros(values.shape[:-1], values.dtype))


@lru_cache
def orthogonal_normal(count: int, width: int, seed: int) -> np.ndarray:
    """Rows that are each normal, and in blocks of ``width`` orthogonal: (count, width).

    References:
      Yu et al., 2016, *Orthogonal random features*, section 3.

    Example:
      >>> rows = orthogonal_normal(6, 4, seed=0)
      >>> bool(np.allclose(rows[0] @ rows[1], 0)), bool(np.allclose(rows[0] @ rows[4], 0))
      (True, False)
    """
    rng = np.random.default_rng(seed)
    blocks, triangles = np.linalg.qr(
        rng.normal(size=(-(-count // width), width, width))
    )
    # without these signs the directions would not be uniform
    signs = np.sign(np.diagonal(triangles, axis1=1, axis2=2))
    directions = (blocks * signs[:, None]).swapaxes(1, 2).reshape(-1, width)[:count]
    norms = np.linalg.norm(rng.normal(size=(count, width)), axis=1, keepdims=True)
    return directions * norms


def require_count(name: str, field: str, value: int) -> None:
    """Raises:
    ValueError: what is no whole number, or less than 1.
    """
    require_whole(**{field: value})
    if value < 1:
        raise ValueError(f"{name}({field}={value}): expected 1 or more")
