"""Every order, weight and seed of one strategy, in one compiled program."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from experiments.domain_generalization.continual_scores import Ends, scores_of
from experiments.domain_generalization.continual_settings import (
    FISHER_BATCH,
    Continual,
    StrategyName,
)
from experiments.domain_generalization.corpora import Domains, Windows
from experiments.domain_generalization.settings import DomainGeneralization
from experiments.domain_generalization.text_models import language_model
from experiments.domain_generalization.text_runs import FIRST
from experiments.training import Run, trained
from jaxgen.arrays import Array, Float, Int, Key, PyTree
from jaxgen.data.passes import in_passes
from jaxgen.data.stages import latin_square, one_after_the_other
from jaxgen.models.language_model import LanguageModel
from jaxgen.models.low_rank import lora
from jaxgen.objectives.parameter_importance import (
    Predict,
    Prediction,
    batched_fisher,
    mean_nats_of,
    sampled_fisher,
)
from jaxgen.training.adamw import adamw
from jaxgen.training.anchoring import ewc, l2_sp, lwf, mas, separate_ewc, si
from jaxgen.training.continual import Strategy, consolidated, continual, naive
from jaxgen.training.dispatch import feed_by_step
from jaxgen.training.learner import Learner
from jaxgen.training.rate_shapes import Shape, trapezoid
from jaxgen.training.rehearsal import a_gem, dark_replay, replay
from jaxgen.training.replicate import grid
from jaxgen.training.segment_average import segment_average
from jaxgen.training.stage_adapters import adapter_per_stage
from jaxgen.training.transforms import ema, guard

WEIGHTS: dict[StrategyName, tuple[float, ...]] = {
    "naive": (0.0,),
    "joint": (0.0,),
    "replay": (0.0,),
    "a_gem": (0.0,),
    "ema": (0.98,),
    "average": (0.0,),
    "dark_replay": (0.1, 0.5),
    "ewc": (0.1, 1.0, 10.0),
    "ewc_batched": (1.0, 10.0, 100.0),
    "separate_ewc": (0.1, 1.0, 10.0),
    "mas": (1e-4, 1e-3),
    "si": (0.01, 0.1),
    "l2_sp": (1e-4, 1e-3),
    "lwf": (0.3, 1.0),
    "lora_per_domain": (4.0, 16.0, 64.0),
}
"""Of each strategy, among which other orders choose; of ``ema`` the decay, of LoRA alpha,
and of those that have none a zero. In a first run EWC of 100 and more, and L2-SP of 0.01
and more, were worse than nothing at all; LoRA's 64 was added, as all orders chose 16."""


class StrategyRuns(NamedTuple):
    """Bits per byte of one strategy, means over seeds.

    Attributes:
      weights: that were tried.
      test: of every domain, (orders, weights, times, domains); time 0 is before training.
      validation: on other documents, likewise.
      steps: updates made by each time.
      died: the step at which a run's parameters ceased to be finite, by run.
      ends: what else is told of the last models.
    """

    weights: tuple[float, ...]
    test: Float[np.ndarray, "o w e k"]
    validation: Float[np.ndarray, "o w e k"]
    steps: Int[np.ndarray, " e"]
    died: dict[int, int]
    ends: Ends


def trained_with(
    name: StrategyName,
    experiment: DomainGeneralization,
    domains: Domains,
    folder: Path,
) -> StrategyRuns:
    """What a strategy comes to, whichever order is learned; trains what is missing."""
    settings, weights = experiment.continual, WEIGHTS[name]
    count = number_of_domains(settings, domains)
    model = language_model("attention", experiment.net)
    orders = range(1 if name == "joint" else count)  # to learn all at once has none,
    replicates = settings.seeds * count // len(orders)  # and has other seeds for each
    seeds = range(FIRST, FIRST + replicates)
    found = trained(
        Run(
            name,
            maker_of(name, experiment, model, count),
            grid(seed=seeds, order=orders, weight=weights),
            windows_of_continual(domains, count, settings),
            scores_of(name, model, settings, count),
            count * settings.updates,
            settings.updates // settings.evaluations,
        ),
        folder,
    )

    def by_order(values: np.ndarray) -> np.ndarray:
        shape = len(orders), len(weights), -1, settings.seeds, *values.shape[1:]
        means = np.moveaxis(values.reshape(shape).mean(3), 2, 1)
        return means.reshape(count, len(weights), *values.shape[1:])

    return StrategyRuns(
        weights,
        by_order(found.scores["test"]),
        by_order(found.scores["validation"]),
        found.steps,
        dict(found.died),
        Ends(*(by_order(found.last(which)) for which in Ends._fields)),
    )


def require_stages_of(count: int, domains: Sequence[str]) -> None:
    """Raises:
    ValueError: fewer domains to train on than stages are asked for.
    """
    if count > len(domains):
        raise ValueError(
            f"--continual.domains {count}: expected {len(domains)} or fewer, the domains "
            "of --corpus.train"
        )


def number_of_domains(settings: Continual, domains: Domains) -> int:
    """How many of the domains to train on are learned, the first ones."""
    return min(settings.domains, len(domains.train))


def windows_of_continual(domains: Domains, count: int, settings: Continual) -> Windows:
    """Windows of the domains that are learned, and as many to be judged by as is asked.

    Those to be tested by are of unseen domains, too, which come last.
    """
    windows = domains.windows
    most = min(settings.tested, windows.validation.shape[1], windows.test.shape[1])
    return Windows(
        windows.train[:count],
        windows.validation[:count, :most],
        windows.test[:, :most],
    )


def maker_of(
    name: StrategyName,
    experiment: DomainGeneralization,
    model: LanguageModel,
    count: int,
) -> Callable[..., Learner]:
    """``(order, weight) -> learner`` of a strategy."""
    settings, corpus = experiment.continual, experiment.corpus
    predict, every = prediction_of(model), settings.updates
    optimizer = adamw(experiment.net.rate, in_each_stage(every), decay=0.0)

    def start(key: Key, batch: Int[Array, "b t"]) -> PyTree:
        return model.init(key, batch)["params"]

    def make(order: Array, weight: Array) -> Learner:
        line = jnp.asarray(latin_square(count))[order.astype(jnp.int32)]
        loss, draw = (
            mean_nats_of(predict),
            one_after_the_other(corpus.batch, every, line),
        )
        if name == "lora_per_domain":
            change = lora(settings.rank, weight)
            parts = adapter_per_stage(start, change, loss, optimizer, count, every)
            return feed_by_step(guard(parts), rows_of(draw))
        strategy = strategy_of(name, predict, weight, settings)
        learner = continual(start, loss, strategy, optimizer)
        learner = looked_at(name, guard(learner), weight, count * every)
        if name == "joint":
            mixture = np.full(count, 1 / count)
            draw = in_passes(corpus.batch, corpus.batch * every * count, mixture)
        return consolidated(
            feed_by_step(learner, rows_of(draw)),
            strategy,
            every,
            stage_of(line, settings.fisher_windows),
        )

    return make


def in_each_stage(every: int) -> Shape:
    """Up over a tenth of a stage, down over its last half, and so in each."""
    shape = trapezoid(every, warm=every // 10, cool=every // 2)
    return lambda step: shape(step % every)


def strategy_of(
    name: StrategyName, predict: Predict, weight: Array, settings: Continual
) -> Strategy:
    """The strategy of a name."""
    rows, capacity = settings.replayed, settings.capacity
    made: Mapping[str, Callable[[], Strategy]] = {
        "replay": lambda: replay(rows, capacity),
        "a_gem": lambda: a_gem(rows, capacity),
        "dark_replay": lambda: dark_replay(predict, weight, rows, capacity),
        "ewc": lambda: ewc(predict, weight, sampled_fisher),
        "ewc_batched": lambda: ewc(predict, weight, batched_fisher(FISHER_BATCH)),
        "separate_ewc": lambda: separate_ewc(predict, weight, sampled_fisher),
        "mas": lambda: mas(predict, weight),
        "si": lambda: si(weight, damping=1e-3),
        "l2_sp": lambda: l2_sp(weight),
        "lwf": lambda: lwf(predict, weight),
    }
    return made.get(name, naive)()


def looked_at(
    name: StrategyName, learner: Learner, weight: Array, steps: int
) -> Learner:
    """The learner, with the averages of parameters that a strategy looks at."""
    if name == "ema":
        return ema(learner, weight)
    return segment_average(learner, steps) if name == "average" else learner


def rows_of(draw: Callable) -> Callable:
    """Windows of the domains and examples that are drawn."""

    def rows(windows: Windows, key: Key, step: Array) -> Int[Array, "b t"]:
        domain, example = draw(step, key)
        return jnp.asarray(windows.train)[domain, example].astype(jnp.int32)

    return rows


def stage_of(line: Array, count: int) -> Callable[[Windows, Array], Int[Array, "n t"]]:
    """The first windows of the domain of a stage."""

    def examples(windows: Windows, stage: Array) -> Int[Array, "n t"]:
        return jnp.asarray(windows.train)[line[stage], :count].astype(jnp.int32)

    return examples


def prediction_of(model: LanguageModel) -> Predict:
    """The logits of each byte of a window but the first."""

    def predict(params: PyTree, rows: Int[Array, "n t"]) -> Prediction:
        logits: Any = model.apply({"params": params}, rows[:, :-1])
        return Prediction(logits, rows[:, 1:])

    return predict
