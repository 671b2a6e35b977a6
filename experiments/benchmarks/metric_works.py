"""The scores of samples that are timed: jaxgen's, those of other packages, and numpy.

Packages are imported where they are used: each contender has a process of its own.
"""

import contextlib
import io
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np


class Work(NamedTuple):
    """A call that a contender makes, ready to be made.

    Attributes:
      call: returns the scores by name.
      compile_seconds: what making it ready took, imports left out.
      units: of work in a call.
    """

    call: Callable[[], dict[str, float]]
    compile_seconds: float = 0.0
    units: int = 1


def clouds(samples: int, features: int) -> tuple[np.ndarray, np.ndarray]:
    """Real and generated features, the latter a little too narrow."""
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(2, samples, features)).astype(np.float32)
    return real, fake * np.float32(0.98)


def kernel_of(samples: int, features: int) -> np.ndarray:
    """A Gaussian kernel of real samples, its width their mean squared distance."""
    real = clouds(samples, features)[0].astype(np.float64)
    norms = (real**2).sum(1)
    squares = np.maximum(norms[:, None] + norms - 2 * real @ real.T, 0)
    return np.exp(-squares / squares.mean()).astype(np.float32)


def our_neighbours(samples: int, features: int, k: int) -> Work:
    """Precision, recall, density and coverage by products of matrices."""
    from jaxgen.metrics.distances import by_products
    from jaxgen.metrics.neighbours import neighbour_scores

    scores = partial(neighbour_scores, k=k, distances=by_products)
    return _compiled(lambda *sets: scores(*sets)._asdict(), *clouds(samples, features))


def their_neighbours(
    samples: int, features: int, k: int, backend: str = "threading"
) -> Work:
    """The same by prdc, in the eight threads it starts, which a child must ask for."""
    import joblib
    from prdc import compute_prdc

    real, fake = clouds(samples, features)

    def call() -> dict[str, float]:
        quiet = contextlib.redirect_stdout(io.StringIO())
        with quiet, joblib.parallel_config(backend=backend):
            scores = compute_prdc(real, fake, k)
        return {name: float(score) for name, score in scores.items()}

    return Work(call)


def our_vendi_of_features(samples: int, features: int) -> Work:
    """The Vendi score of features, compared by their cosines."""
    from jaxgen.metrics.diversity import vendi_score_of_features

    real = clouds(samples, features)[0]
    return _compiled(lambda x: {"vendi": vendi_score_of_features(x)}, real)


def their_vendi_of_features(samples: int, features: int) -> Work:
    """The same by vendi-score."""
    from vendi_score.vendi import score_dual

    real = clouds(samples, features)[0]
    return Work(lambda: {"vendi": float(score_dual(real))})


def our_vendi_of_kernel(samples: int, features: int) -> Work:
    """The Vendi score of a kernel."""
    from jaxgen.metrics.diversity import vendi_score

    return _compiled(lambda x: {"vendi": vendi_score(x)}, kernel_of(samples, features))


def their_vendi_of_kernel(samples: int, features: int) -> Work:
    """The same by vendi-score's formula for a dense kernel."""
    from vendi_score.vendi import score_K

    kernel = kernel_of(samples, features)
    return Work(lambda: {"vendi": float(score_K(kernel))})


def numpy_products(size: int = 2048) -> Work:
    """A product of two square float32 matrices; a unit is one FLOP."""
    matrix = np.ones((size, size), np.float32)

    def call() -> dict[str, float]:
        return {"corner": float((matrix @ matrix)[0, 0])}

    return Work(call, units=2 * size**3)


def _compiled(function: Callable[..., Mapping[str, Any]], *arrays: np.ndarray) -> Work:
    import jax

    start = time.perf_counter()
    program = jax.jit(function).lower(*arrays).compile()
    took = time.perf_counter() - start
    placed = jax.device_put(arrays)

    def call() -> dict[str, float]:
        return {name: float(score) for name, score in program(*placed).items()}

    return Work(call, took)
