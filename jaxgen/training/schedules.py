"""When each player steps: ``(game, state, batch) -> (state, metrics)``."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from jaxgen.arrays import Array, Data, Metrics
from jaxgen.data.batches import examples
from jaxgen.sharding.mesh import spread
from jaxgen.training.gradients import whole_batch
from jaxgen.training.learner import State, key_for
from jaxgen.training.players import (
    Game,
    critic_loss,
    generator_loss,
    kept,
    parted,
    sampled,
    stepped,
    turn_key,
)

Schedule = Callable[[Game, State, Data], tuple[State, Metrics]]


def alternating(critic_steps: int = 1, generator_steps: int = 1) -> Schedule:
    """Steps of the critic, each on examples of its own, then steps of the generator.

    A batch of ``critic_steps * n`` examples is split into parts of n. For each part x,
    and fresh latents z of as many samples, and then for each step of the generator,
    with fresh z' and the last part,

        d <- d - opt( grad_d  mean pair.critic(D_d(x), D_d(G_g(z))) + penalty )
        g <- g - opt( grad_g  mean pair.generator(D_d(x), D_d(G_g(z'))) )

    Raises:
      ValueError: a number of steps is not positive, or does not divide the batch.

    References:
      Goodfellow et al., 2014, *Generative adversarial nets*, algorithm 1.
    """
    _require_positive("alternating", critic_steps, generator_steps)

    def update(game, state, batch):
        parts = _parts(batch, critic_steps)
        last = jax.tree.map(lambda leaf: leaf[-1], parts)

        def critic_turn(state, turn):
            return _critic_step(game, state, *turn)

        def generator_turn(state, turn):
            return _generator_step(game, state, turn, last, state.params["critic"])

        turns = jnp.arange(critic_steps), parts
        state, critic_values = _in_turn(critic_turn, state, turns)
        turns = jnp.arange(generator_steps)
        state, generator_values = _in_turn(generator_turn, state, turns)
        return _ended(state, critic_values.mean(), generator_values.mean())

    return update


def simultaneous(game: Game, state: State, batch: Data) -> tuple[State, Metrics]:
    """Both players step at once, from one pass forward: the same fakes for both.

    Computes the two losses as one function of both players' parameters, and pulls
    back each of them alone: ``d <- d - opt(grad_d L_d(d, g))`` and
    ``g <- g - opt(grad_g L_g(d, g))``.

    Raises:
      ValueError: gradients are to be gathered over parts of the batch.

    References:
      Mescheder et al., 2017, *The numerics of GANs*, algorithm 1.
    """
    _require_whole_batch(game, "simultaneous")
    z = _latents(game, state, batch, 0, "latents of both players")
    key = key_for(state, "both players")

    def losses(params):
        _, conditions = parted(batch)
        fake, stats = sampled(
            game.generator, state, z, *conditions, params=params["generator"]
        )
        critic_value, new = critic_loss(game, state)(
            params["critic"], (batch, fake), key
        )
        generator_value, _ = generator_loss(game, state, params["critic"])(
            params["generator"], (batch, z), key
        )
        return (critic_value, generator_value), (stats, new)

    values, pull, (stats, new) = jax.vjp(losses, state.params, has_aux=True)
    one, none = jnp.ones(()), jnp.zeros(())
    slope = {
        "critic": pull((one, none))[0]["critic"],
        "generator": pull((none, one))[0]["generator"],
    }
    for player, optimizer in (
        ("critic", game.critic_optimizer),
        ("generator", game.generator_optimizer),
    ):
        state = stepped(state, player, optimizer, slope[player])
    state = kept(kept(state, "critic", new), "generator", stats)
    return _ended(state, *values)


def unrolled(steps: int) -> Schedule:
    """The generator steps against the critic as it would be some steps later.

    The critic steps once. The generator then descends

        L_g(d_k(g), g),   d_0 = d,   d_{i+1} = d_i - opt( grad_d L_d(d_i, g) )

    and its gradient goes through all ``d_i``, which see the same batch and latents;
    the unrolled critic is then forgotten. ``unrolled(0)`` is ``alternating()``.

    Args:
      steps: k. The critic's optimizer must be differentiable: Adam with an
        ``eps_root`` above zero, for the slope of a square root at zero is infinite.

    Raises:
      ValueError: ``steps`` is negative, or gradients are to be gathered over parts of
        the batch.

    References:
      Metz et al., 2017, *Unrolled generative adversarial networks*, equations 7 to 10.
    """
    if steps < 0:
        raise ValueError(f"unrolled(steps={steps}): expected 0 or more")

    def update(game, state, batch):
        _require_whole_batch(game, f"unrolled({steps})")
        state, critic_value = _critic_step(game, state, jnp.zeros((), jnp.int32), batch)
        z = _latents(game, state, batch, 0, "latents of the generator's step")
        key = key_for(state, "generator")
        _, conditions = parted(batch)

        def loss(params, batch_and_z, key):
            fake, _ = sampled(game.generator, state, z, *conditions, params=params)
            slopes = jax.grad(critic_loss(game, state), has_aux=True)

            def ahead(later, turn):
                slope, _ = slopes(
                    later.params["critic"], (batch, fake), turn_key(key, turn)
                )
                return stepped(later, "critic", game.critic_optimizer, slope), ()

            later, _ = lax.scan(ahead, state, jnp.arange(steps))
            value = generator_loss(game, state, later.params["critic"])
            return value(params, batch_and_z, key)

        gradient = jax.value_and_grad(loss, has_aux=True)
        (value, stats), slope = gradient(state.params["generator"], (batch, z), key)
        state = stepped(state, "generator", game.generator_optimizer, slope)
        return _ended(kept(state, "generator", stats), critic_value, value)

    return update


def _critic_step(game: Game, state: State, turn: Array, batch: Data):
    z = _latents(game, state, batch, turn, "latents of the critic's step")
    _, conditions = parted(batch)
    fake, _ = sampled(game.generator, state, z, *conditions)
    key = turn_key(key_for(state, "critic"), turn)
    gradient = game.value_and_grad(critic_loss(game, state))
    (value, new), slope = gradient(state.params["critic"], (batch, fake), key)
    state = stepped(state, "critic", game.critic_optimizer, slope)
    return kept(state, "critic", new), value


def _generator_step(game: Game, state: State, turn: Array, batch: Data, critic):
    z = _latents(game, state, batch, turn, "latents of the generator's step")
    key = turn_key(key_for(state, "generator"), turn)
    gradient = game.value_and_grad(generator_loss(game, state, critic))
    (value, stats), slope = gradient(state.params["generator"], (batch, z), key)
    state = stepped(state, "generator", game.generator_optimizer, slope)
    return kept(state, "generator", stats), value


def _in_turn(turn: Callable, state: State, turns: Data) -> tuple[State, Array]:
    """``lax.scan``; a single turn is no loop, which is sooner compiled."""
    if examples(turns) > 1:
        return lax.scan(turn, state, turns)
    state, value = turn(state, jax.tree.map(lambda leaf: leaf[0], turns))
    return state, value[None]


def _latents(game: Game, state: State, batch: Data, turn: int | Array, name: str):
    key = turn_key(key_for(state, name), turn)
    return spread(game.latents(key, examples(batch)))


def _ended(state: State, critic_value: Array, generator_value: Array):
    metrics = {"critic_loss": critic_value, "generator_loss": generator_value}
    return state._replace(step=state.step + 1), metrics


def _parts(batch: Data, parts: int) -> Data:
    count = examples(batch)
    if count % parts:
        raise ValueError(
            f"alternating(critic_steps={parts}): the batch of {count} examples does not "
            f"divide into so many; draw {parts} times what one step is to see"
        )
    return spread(
        jax.tree.map(lambda leaf: leaf.reshape(parts, -1, *leaf.shape[1:]), batch),
        leading=1,
    )


def _require_whole_batch(game: Game, name: str) -> None:
    if game.value_and_grad is not whole_batch:
        raise ValueError(
            f"{name} takes its gradients from the whole batch: use "
            "value_and_grad=whole_batch, or the schedule alternating(...)"
        )


def _require_positive(name: str, *steps: int) -> None:
    if min(steps) < 1:
        raise ValueError(f"{name}{steps}: expected 1 or more steps of each player")


IN_TURN = alternating()
"""One step of the critic, then one of the generator."""
