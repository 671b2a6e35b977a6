"""The learner of two players."""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import optax

from jaxgen.arrays import Array, Float, Key, PyTree
from jaxgen.keys import named
from jaxgen.objectives.adversarial import Pair
from jaxgen.objectives.penalties import Penalty, unpenalized
from jaxgen.sharding.mesh import spread
from jaxgen.training.gradients import whole_batch
from jaxgen.training.learner import Learner, State, fresh, key_for, own

Latents = Callable[[Key, int], Float[Array, "n z"]]


def normal_latents(size: int) -> Latents:
    """Draws standard normal latents, (n, size) of float32."""
    return lambda key, count: jax.random.normal(key, (count, size))


def gan(
    generator: nn.Module,
    critic: nn.Module,
    pair: Pair,
    latents: Latents,
    generator_optimizer: optax.GradientTransformation,
    critic_optimizer: optax.GradientTransformation,
    penalty: Penalty = unpenalized,
    value_and_grad: Callable = whole_batch,
) -> Learner:
    """Generator and critic in turn: one step of the critic, then one of the generator.

    For a batch x of n real samples and fresh latents z, z' computes

        d <- d - opt( grad_d  mean pair.critic(D_d(x), D_d(G_g(z))) + penalty )
        g <- g - opt( grad_g  mean pair.generator(D_d(x), D_d(G_g(z'))) )

    where the second line sees the new critic. Parameters and optimizer states are
    kept under ``"generator"`` and ``"critic"``; the population statistics of a
    generator with batch normalization in ``extra["batch_stats"]``.

    Args:
      generator: ``(latents, train) -> samples``.
      critic: ``samples -> logits``, one for each sample or pack of samples.
      pair: the losses of the two.
      latents: ``(key, n) -> (n, z)``.
      generator_optimizer: of the generator.
      critic_optimizer: of the critic.
      penalty: added to the critic's loss.
      value_and_grad: how gradients are gathered: ``whole_batch``, ``microbatched(4)``.

    Returns:
      A learner of batches (n, ...) with metrics ``critic_loss``, ``generator_loss``.

    Raises:
      ValueError: a generator with batch statistics, and gradients gathered over parts
        of the batch: its loss on a part would be another loss.

    References:
      Goodfellow et al., 2014, *Generative adversarial nets*, algorithm 1 with k = 1.
    """

    def init(key, real):
        z = latents(named(key, "latents"), len(real))
        variables = dict(generator.init(named(key, "generator"), z, train=False))
        params = {
            "generator": variables.pop("params"),
            "critic": critic.init(named(key, "critic"), real)["params"],
        }
        opt = {
            "generator": generator_optimizer.init(params["generator"]),
            "critic": critic_optimizer.init(params["critic"]),
        }
        if variables and value_and_grad is not whole_batch:
            raise ValueError(
                f"{type(generator).__name__} has batch statistics, so its gradient is "
                "not a mean over parts of the batch: use value_and_grad=whole_batch"
            )
        return fresh(key, params, opt, **variables)

    def drawn(state, name, real):
        return spread(latents(key_for(state, name), len(real)))

    def critic_loss(params, batch, key):
        real, fake = batch
        judge = critic_of(critic, params)
        losses = pair.critic(judge(real), judge(fake))
        return losses.mean() + penalty(judge, real, fake, key), ()

    def update_critic(state, real):
        z = drawn(state, "latents of the critic's step", real)
        fake, _ = sampled(generator, state, z)
        gradient = value_and_grad(critic_loss)
        (loss, _), slope = gradient(
            state.params["critic"], (real, fake), key_for(state, "penalty")
        )
        return stepped(state, "critic", critic_optimizer, slope), loss

    def update_generator(state, real):
        def loss(params, batch, key):
            real, z = batch
            judge = critic_of(critic, state.params["critic"])
            fake, stats = sampled(generator, state, z, params)
            return pair.generator(judge(real), judge(fake)).mean(), stats

        z = drawn(state, "latents of the generator's step", real)
        gradient = value_and_grad(loss)
        (value, stats), slope = gradient(
            state.params["generator"], (real, z), key_for(state, "generator")
        )
        new = stepped(state, "generator", generator_optimizer, slope)
        return own(new, **stats), value

    def update(state, real):
        state, critic_value = update_critic(state, real)
        state, generator_value = update_generator(state, real)
        metrics = {"critic_loss": critic_value, "generator_loss": generator_value}
        return state._replace(step=state.step + 1), metrics

    return Learner(init, update)


def critic_of(critic: nn.Module, params: PyTree) -> Callable[[Array], Array]:
    """The critic with its parameters: ``samples -> logits``."""
    return lambda samples: critic.apply({"params": params}, samples)  # type: ignore


def stepped(
    state: State, player: str, optimizer: optax.GradientTransformation, slope: PyTree
) -> State:
    """The state after one player's step along its gradient."""
    updates, opt = optimizer.update(slope, state.opt[player], state.params[player])
    params = optax.apply_updates(state.params[player], updates)
    return state._replace(
        params={**state.params, player: params}, opt={**state.opt, player: opt}
    )


def statistics(state: State) -> dict[str, Any]:
    """The generator's population statistics; empty for one without."""
    return {key: state.extra[key] for key in ("batch_stats",) if key in state.extra}


def sampled(
    generator: nn.Module, state: State, latents: Array, params: PyTree | None = None
) -> tuple[Array, dict[str, Any]]:
    """Samples as in training, with the statistics of their batch, and new statistics.

    Args:
      generator: ``(latents, train) -> samples``.
      state: holds parameters and statistics.
      latents: (n, z).
      params: the generator's, by default those of the state.
    """
    params = state.params["generator"] if params is None else params
    old = statistics(state)
    samples, new = generator.apply(
        {"params": params, **old},  # pyright: ignore[reportArgumentType]
        latents,
        train=True,
        mutable=list(old),
    )
    return samples, dict(new)


def generated(generator: nn.Module, state: State, latents: Array) -> Array:
    """Samples as a user gets them, with the statistics of the population.

    Args:
      generator: ``(latents, train) -> samples``.
      state: holds parameters and statistics.
      latents: (n, z).
    """
    variables = {"params": state.params["generator"], **statistics(state)}
    return generator.apply(variables, latents, train=False)  # type: ignore[return-value]
