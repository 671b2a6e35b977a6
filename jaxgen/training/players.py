"""What the two players of a GAN are made of: their samples, their losses, their steps."""

from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from jax import lax

from jaxgen.arrays import Array, Data, Float, Key, PyTree, Scalar
from jaxgen.keys import named
from jaxgen.objectives.adversarial import Pair
from jaxgen.objectives.generator_penalties import GeneratorPenalty
from jaxgen.objectives.penalties import Penalty
from jaxgen.training.learner import State, own

Latents = Callable[[Key, int], Float[Array, "n z"]]


class Game(NamedTuple):
    """All that stays the same in training; attributes as arguments of ``gan``."""

    generator: nn.Module
    critic: nn.Module
    pair: Pair
    latents: Latents
    generator_optimizer: optax.GradientTransformation
    critic_optimizer: optax.GradientTransformation
    penalty: Penalty
    penalty_every: int
    generator_penalty: GeneratorPenalty
    value_and_grad: Callable


def parted(batch: Data) -> tuple[Any, tuple[Any, ...]]:
    """The samples of a batch, and their conditions, if it has any.

    Example:
      >>> parted(("samples", "labels")), parted("samples")
      (('samples', ('labels',)), ('samples', ()))
    """
    samples, *conditions = batch if isinstance(batch, tuple) else (batch,)
    return samples, tuple(conditions)


def carried(state: State, player: str) -> dict[str, Any]:
    """A player's collections beside its parameters; empty for most."""
    return state.extra.get(player, {})


def kept(state: State, player: str, collections: dict[str, Any]) -> State:
    """The state with a player's collections renewed."""
    return own(state, **{player: dict(collections)}) if collections else state


def sampled(
    generator: nn.Module,
    state: State,
    latents: Float[Array, "n z"],
    *conditions: Array,
    params: PyTree | None = None,
) -> tuple[Array, dict[str, Any]]:
    """Samples as in training, with the statistics of their batch, and new statistics.

    Args:
      generator: ``(latents, train, *conditions) -> samples``.
      state: holds parameters and statistics.
      latents: (n, z).
      *conditions: of the samples, each (n, ...).
      params: the generator's, by default those of the state.
    """
    params = state.params["generator"] if params is None else params
    old = carried(state, "generator")
    samples, new = generator.apply(
        {"params": params, **old},  # pyright: ignore[reportArgumentType]
        latents,
        True,
        *conditions,
        mutable=list(old),
    )
    return samples, dict(new)


def judged(
    critic: nn.Module,
    params: PyTree,
    collections: dict[str, Any],
    samples: Array,
    conditions: tuple[Array, ...],
    key: Key,
) -> tuple[Float[Array, " logits"], dict[str, Any]]:
    """Logits as in training, and the critic's new collections."""
    logits, new = critic.apply(
        {"params": params, **collections},
        samples,
        *conditions,
        mutable=list(collections),
        rngs={"augmentation": key},
    )
    return logits, dict(new)  # type: ignore[return-value]


def judge(
    game: Game,
    params: PyTree,
    collections: dict[str, Any],
    conditions: tuple[Array, ...],
    key: Key,
) -> Callable[[Array], Float[Array, " logits"]]:
    """The critic as a function ``samples -> logits``, its vectors held fixed."""

    def logits(samples):
        # batch normalization wants to write what is thrown away here
        mutable = [name for name in collections if name == "batch_stats"]
        variables = {"params": params, **collections}
        rngs = {"augmentation": key}
        return game.critic.apply(
            variables, samples, *conditions, mutable=mutable, rngs=rngs
        )[0]

    return logits


def critic_loss(game: Game, state: State) -> Callable:
    """``(params, (batch, fake), key) -> (scalar, the critic's new collections)``."""

    def loss(params, batch, key):
        (real, conditions), fake = parted(batch[0]), batch[1]
        old = carried(state, "critic")
        reals, new = judged(
            game.critic, params, old, real, conditions, named(key, "real")
        )
        fakes, new = judged(
            game.critic, params, new, fake, conditions, named(key, "fake")
        )
        penalized = judge(game, params, new, conditions, named(key, "penalized"))
        value = game.pair.critic(reals, fakes).mean()
        return value + due(game, state, penalized, real, fake, key), new

    return loss


def due(game: Game, state: State, critic, real, fake, key: Key) -> Scalar:
    """The penalty, on the steps that have one, times how seldom they come."""
    if game.penalty_every == 1:
        return game.penalty(critic, real, fake, key)
    return lax.cond(
        state.step % game.penalty_every == 0,
        lambda: game.penalty_every * game.penalty(critic, real, fake, key),
        lambda: jnp.zeros(()),
    )


def generator_loss(game: Game, state: State, critic_params: PyTree) -> Callable:
    """``(params, (batch, latents), key) -> (scalar, the generator's collections)``."""

    def loss(params, batch, key):
        (real, conditions), z = parted(batch[0]), batch[1]

        def generate(z):
            return sampled(game.generator, state, z, *conditions, params=params)

        fake, stats = generate(z)
        old = carried(state, "critic")
        logits = [
            judge(game, critic_params, old, conditions, named(key, name))(samples)
            for name, samples in (("real", real), ("fake", fake))
        ]
        penalty = game.generator_penalty(lambda z: generate(z)[0], z, fake, key)
        return game.pair.generator(*logits).mean() + penalty, stats

    return loss


def stepped(
    state: State, player: str, optimizer: optax.GradientTransformation, slope: PyTree
) -> State:
    """The state after one player's step along its gradient."""
    updates, opt = optimizer.update(slope, state.opt[player], state.params[player])
    params = optax.apply_updates(state.params[player], updates)
    return state._replace(
        params={**state.params, player: params}, opt={**state.opt, player: opt}
    )


def turn_key(key: Key, turn: int | Array) -> Key:
    """The key of one of the turns that a player has in an update."""
    return jax.random.fold_in(key, turn)
