"""The FactorVAE score: whether the steadiest dimension tells which factor was held."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.arrays import Array, Float, Int, Key, Scalar

Points = Array | np.ndarray


def factor_vae_score(
    codes: Float[Points, "n z"],
    factors: Int[Points, "n f"],
    key: Key,
    votes: int = 800,
    batch: int = 64,
) -> Scalar:
    """Accuracy of naming the factor that examples share by the `factor_votes`.

    Each dimension names the factor for which it was most often voted; other votes are
    the test. One for codes with a dimension of its own for each factor, and about
    1 / factors for codes that know none. Factors that share a dimension cost one of them.

    Args:
        codes: means of the posterior, or draws.
        factors: of each example; all combinations should be there about equally often.
        key: of the votes.
        votes: for learning the names, and as many again for the test.
        batch: examples of a vote.

    References:
        Kim and Mnih, "Disentangling by factorising", 2018, section 4.

    Example:
        >>> import jax, jax.numpy as jnp, numpy as np
        >>> factors = np.array([[a, b] for a in range(4) for b in range(4)])
        >>> codes = factors.astype(np.float32)
        >>> float(jax.jit(factor_vae_score)(codes, factors, jax.random.key(0)))
        1.0
    """
    voted, held = factor_votes(codes, factors, key, 2 * votes, batch)
    counts = jnp.zeros((codes.shape[1], factors.shape[1]), jnp.int32)
    names = counts.at[voted[:votes], held[:votes]].add(1).argmax(1)
    return jnp.mean(names[voted[votes:]] == held[votes:])


def factor_votes(
    codes: Float[Points, "n z"],
    factors: Int[Points, "n f"],
    key: Key,
    votes: int,
    batch: int,
) -> tuple[Int[Array, "{votes}"], Int[Array, "{votes}"]]:
    """Dimensions that vary least where a factor is held, and which factor it was.

    A vote holds a factor, drawn evenly, at the value of an example, drawn evenly, and
    draws examples of that value with replacement. The dimension of least variance, over
    its variance in all examples, is voted for; one that does not vary at all, never.
    """
    codes, factors = jnp.asarray(codes), jnp.asarray(factors)
    spread = codes.var(0)

    def vote(key: Key) -> tuple[Int[Array, ""], Int[Array, ""]]:
        factor_key, example_key, batch_key = jax.random.split(key, 3)
        held = jax.random.randint(factor_key, (), 0, factors.shape[1])
        example = jax.random.randint(example_key, (), 0, len(factors))
        alike = jnp.cumsum(factors[:, held] == factors[example, held])
        ranks = jax.random.randint(batch_key, (batch,), 0, alike[-1])
        drawn = codes[jnp.searchsorted(alike, ranks, side="right")]
        share = jnp.where(spread > 0, drawn.var(0) / spread, jnp.inf)
        return share.argmin(), held

    return jax.lax.map(vote, jax.random.split(key, votes), batch_size=min(votes, 64))
