"""A thousand modes: convolutional GANs on three digits stacked as colours."""

from collections.abc import Mapping
from pathlib import Path

import jax
import numpy as np

from experiments.digit_classifier import classifier
from experiments.digits import digits_of
from experiments.mode_collapse.claim import ModeCollapse
from experiments.mode_collapse.digit_protocols import (
    DigitProtocol,
    digit_protocol,
)
from experiments.mode_collapse.digit_scores import (
    CONFIDENCES,
    MODES,
    THRESHOLDS,
    Probabilities,
    probabilities_of,
    reference_digit_scores,
    state_digit_scores,
)
from experiments.mode_collapse.findings import Arms
from experiments.mode_collapse.methods import METHODS, axis_of, learner_of
from experiments.mode_collapse.results import arm_rows
from experiments.mode_collapse.symptoms import typical_seed
from experiments.mode_collapse.tables import (
    baseline_table,
    by_title,
    ends,
    score_table,
)
from experiments.report import Part
from experiments.tables import mean_table
from experiments.training import Run, numbers, trained
from jaxgen.data.images import Labelled, stacked_minibatch
from jaxgen.metrics.modes import kl_floor
from jaxgen.report.figures import outcomes
from jaxgen.report.page import (
    Fragment,
    figure,
    interval_text,
    paragraph,
    section,
)
from jaxgen.report.pictures import image_rows
from jaxgen.stats.intervals import Interval, proportion_interval

COUNTS = {
    "covered": ("modes covered", "z.0f"),
    "effective": ("effective modes", "z.0f"),
    "high_quality": ("confident", ".1%"),
}
LOOKS = {
    "classifier_score": ("classifier score", "z.2f"),
    "ssim": ("SSIM of pairs", "z.3f"),
    "downstream": ("downstream accuracy", ".1%"),
}


def thousand_modes(experiment: ModeCollapse, folder: Path) -> Part:
    """Trains what is missing, and counts."""
    settings = experiment.digits
    protocol = digit_protocol(settings.source)
    train, test = digits_of("digits", settings.source, settings.file)
    params = classifier(train, test, folder / "classifier")
    probabilities = probabilities_of(params)
    accuracy = accuracy_of(probabilities, test)
    references = reference_digit_scores(
        test, settings.samples, probabilities, experiment.seeds
    )
    arms = Arms(
        {
            method: trained(
                run_of(experiment, protocol, method, train, test, probabilities),
                folder / method,
            )
            for method in settings.methods
        },
        *jax.tree.map(numbers, references),
    )
    return Part(
        {"classifier_accuracy": accuracy._asdict(), "rows": arm_rows({}, arms)},
        [digits_section(protocol, arms, accuracy)],
        {"digits": drawn(arms)},
    )


def run_of(
    experiment: ModeCollapse,
    protocol: DigitProtocol,
    method: str,
    train: Labelled,
    test: Labelled,
    probabilities: Probabilities,
) -> Run:
    """The run of one method on stacked digits."""
    settings, recipe = experiment.digits, protocol.recipe
    return Run(
        f"digits, {method}",
        learner_of(recipe, METHODS[method], stacked_minibatch),
        axis_of(recipe, experiment.seeds, penalty=settings.penalty),
        train,
        state_digit_scores(recipe, settings.samples, probabilities, test),
        settings.steps,
        settings.dispatch,
        experiment.tensorboard,
    )


def accuracy_of(probabilities: Probabilities, test: Labelled) -> Interval:
    """Share of held-out digits that the classifier names rightly."""
    few = len(test.labels) // 3 * 3
    threes = np.asarray(test.images)[:few].reshape(-1, 3, *test.images.shape[1:3])
    stacked = jax.numpy.asarray(np.moveaxis(threes, 1, -1))
    told = np.asarray(probabilities(stacked)).argmax(-1).ravel()
    return proportion_interval(int((told == test.labels[:few]).sum()), few)


def digits_section(protocol: DigitProtocol, arms: Arms, accuracy: Interval) -> Fragment:
    """Samples, scores and counting rules."""
    return section(
        "A thousand modes",
        paragraph(protocol.source),
        paragraph(
            "Modes are counted by a classifier of single digits, which names "
            f"{interval_text(accuracy, '.1%')} of held-out digits rightly. Perfect: "
            "held-out digits, stacked. Trivial: one stack repeated for ever."
        ),
        figure(
            drawn(arms),
            "Samples of the seed that ended nearest to its method's median.",
        ),
        figure(
            outcomes(
                by_title(arms, "covered"),
                xlabel="modes covered at the end of training",
                levels=np.linspace(0, MODES, 41).tolist(),
                reference={"perfect": float(arms.perfect["covered"].mean())},
            ),
            "Modes with one sample or more, at any confidence: where every seed ended.",
        ),
        score_table(
            arms,
            COUNTS,
            "Diversity and quality: confident is a classifier's probability of 0.9 or "
            "more that it names all three digits rightly.",
        ),
        score_table(
            arms,
            LOOKS,
            "Classifier score of single digits, at most 10; mean SSIM of pairs of "
            "samples, low where they differ; accuracy on real digits of a nearest "
            "neighbour that learned from samples and the classifier's names for them.",
        ),
        *(rule_table(arms, i) for i in range(len(CONFIDENCES))),
        divergence_table(arms),
        *baseline_table(arms, {"covered": ("modes covered", "+z.0f")}),
    )


def drawn(arms: Arms) -> str:
    """Samples of a typical seed of each method, and real ones."""
    rows = {
        METHODS[m].title: one.scores["cloud"][typical_seed(one), -1]
        for m, one in arms.methods.items()
    }
    return image_rows({"held-out digits": arms.perfect["cloud"][0], **rows})


def rule_table(arms: Arms, confidence: int) -> Fragment:
    """Modes covered at one of the confidences, under every threshold."""
    lines = {**by_title(arms, "rule_covered"), "perfect": arms.perfect["rule_covered"]}
    return mean_table(
        ("method", *(f"{threshold} or more" for threshold in THRESHOLDS)),
        {
            name: [values[:, confidence, j] for j in range(len(THRESHOLDS))]
            for name, values in lines.items()
        },
        ["z.0f"] * len(THRESHOLDS),
        "Modes covered, where a mode is covered by so many samples whose digits are told "
        f"with a probability of {CONFIDENCES[confidence]:g} or more."
        + " Papers mostly count one or more, at any probability."
        * (not confidence),
    )


def divergence_table(arms: Arms) -> Fragment:
    """Reverse KL less what a perfect sampler's is expected to be."""
    lines = ends(arms)
    del lines["trivial"]
    return mean_table(
        ("method", *(f"confidence {least:g} or more" for least in CONFIDENCES)),
        {
            name: [corrected_kl(values, i) for i in range(len(CONFIDENCES))]
            for name, values in lines.items()
        },
        ["z.2f"] * len(CONFIDENCES),
        "Reverse KL to the uniform distribution over 1,000 modes, in nats, less "
        "(k - 1) / 2n for the k modes seen in the n samples that count: the first-order "
        "bias of an entropy, which for a perfect sampler is the floor (K - 1) / 2n.",
    )


def corrected_kl(values: Mapping[str, np.ndarray], confidence: int) -> np.ndarray:
    """Each seed's KL at one confidence, less its bias (Miller and Madow, 1955)."""
    kl, counted = (values[name][:, confidence] for name in ("rule_kl", "rule_counted"))
    seen = values["rule_covered"][:, confidence, THRESHOLDS.index(1)]
    biases = [
        kl_floor(max(1, int(k)), max(1, int(n)))
        for k, n in zip(seen, counted, strict=True)
    ]
    return kl - np.array(biases)
