"""How well what a strategy left tells the domains, those of its stages and unseen ones."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.domain_generalization.continual_settings import (
    Continual,
    StrategyName,
)
from experiments.domain_generalization.corpora import CONTEXT, Windows
from experiments.domain_generalization.text_models import (
    bits_of_domains,
    calibration_error,
    guesses_of_rows,
    logits_of,
)
from jaxgen.arrays import Array, Float, Metrics, PyTree
from jaxgen.data.stages import latin_square
from jaxgen.metrics.calibration import Guess
from jaxgen.models.language_model import LanguageModel
from jaxgen.models.low_rank import lora
from jaxgen.training.learner import State
from jaxgen.training.stage_adapters import routed


class Ends(NamedTuple):
    """Of the model at the end of a run; NaN where no domain is unseen.

    Attributes:
      learned_error: the calibration error of the domains of all stages.
      unseen: bits per byte of those that none was of.
      unseen_error: the calibration error of these.
    """

    learned_error: Float[Array | np.ndarray, "*w"]
    unseen: Float[Array | np.ndarray, "*w"]
    unseen_error: Float[Array | np.ndarray, "*w"]


def scores_of(
    name: StrategyName, model: LanguageModel, settings: Continual, count: int
) -> Callable[[State, Windows], Metrics]:
    """``(state, windows) -> scores`` of the parameters that a strategy looks at.

    Bits of every domain that is learned, at each evaluation, and `Ends` at the last.
    """

    def scores(state: State, windows: Windows) -> Metrics:
        test, validation = map(jnp.asarray, (windows.test, windows.validation))
        params = params_of(name, state, settings, count)
        context = (test.shape[-1] - 1) // CONTEXT

        def bits(domain: Array) -> Array:
            both = jnp.stack([test[domain], validation[domain]])
            return bits_of_domains(model, params(domain), both, context)

        def guessed(domain: Array) -> Guess:
            own = params(domain)

            def logits(rows: Array) -> Array:
                return logits_of(model, own, rows)

            return guesses_of_rows(logits, test[domain], context)

        def ends() -> Ends:
            learned = jax.lax.map(guessed, jnp.arange(count))
            if len(test) == count:
                return Ends(calibration_error(learned), *jnp.full(2, jnp.nan))
            unseen = jax.lax.map(guessed, jnp.arange(count, len(test)))
            told = unseen.nats.mean() / jnp.log(2), calibration_error(unseen)
            return Ends(calibration_error(learned), *told)

        each = jax.lax.map(bits, jnp.arange(count))
        due = state.step == count * settings.updates
        last = jax.lax.cond(due, ends, lambda: Ends(*jnp.full(3, jnp.nan)))
        return {"test": each[:, 0], "validation": each[:, 1], **last._asdict()}

    return scores


def params_of(
    name: StrategyName, state: State, settings: Continual, count: int
) -> Callable[[Array], PyTree]:
    """``domain -> parameters`` that a strategy tells it by.

    One that no stage was of has no adapter, and is told by the first stage's model.
    """
    if name != "lora_per_domain":
        owner = {"ema": "ema", "average": "segment_average"}.get(name)
        looked = state.extra[owner] if owner else state.params
        return lambda domain: looked
    hyper = state.extra["hyper"]
    line = jnp.asarray(latin_square(count))[hyper["order"].astype(jnp.int32)]
    adaptation = lora(settings.rank, hyper["weight"])

    def own(domain: Array) -> PyTree:
        stage = jnp.where(domain < count, (line == domain).argmax(), 0)
        return routed(adaptation, state.params, stage)

    return own
