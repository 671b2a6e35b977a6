"""What the page shows of text."""

from collections.abc import Mapping, Sequence

import numpy as np

from experiments.criterion import Criterion, criterion_text, overall
from experiments.latent_spaces.latent_findings import reports
from experiments.latent_spaces.latent_tables import report_lines
from experiments.latent_spaces.settings import Text
from experiments.latent_spaces.text_findings import Coded, Told
from experiments.latent_spaces.text_models import BEFORE, TEXT_ARMS
from experiments.latent_spaces.text_scores import ORDER
from experiments.tables import Columns, difference_table, mean_table, score_texts
from jaxgen.report.page import Fragment, paragraph, section, table, verdict
from jaxgen.stats.intervals import paired_difference

COSTS: Columns = {
    "distortion": ("distortion, nats of a byte", "z.3f"),
    "rate": ("rate, nats", "z.2f"),
    "active": ("active units", ".1f"),
    "heard": ("heard, nats", "z.2f"),
}
WAYS: Columns = {
    "bits": ("bits of a byte", ".2f"),
    "back": ("bits of a real byte", ".2f"),
}
DIFFERENCES: Columns = {
    "distortion": ("distortion, nats of a byte", "+z.3f"),
    "bits": ("bits of a byte", "+z.2f"),
    "back": ("bits of a real byte", "+z.2f"),
}


def text_section(
    settings: Text,
    coded: Coded,
    told: Told,
    references: Mapping[str, Mapping[str, np.ndarray]],
    findings: tuple[Sequence[Criterion], Sequence[Criterion]],
    samples: Mapping[str, Sequence[str]],
) -> Fragment:
    """Verdict, what codes cost and tell, what is written, and some of it."""
    criteria, more = findings
    return section(
        "Text",
        paragraph(
            f"Windows of {settings.length} bytes of {', '.join(settings.domains)}. A "
            f"decoder is told the code and the {BEFORE} bytes before each, so that it can "
            "write without a code, and a posterior may fall onto the prior."
        ),
        verdict(overall(criteria), "Of text, too, only a distribution generates."),
        *(verdict(part.verdict, criterion_text(part)) for part in criteria),
        paragraph(
            "What the claim does not mean: that an autoencoder's decoder fails, or that a "
            "code is what writes. The next lines say so, and are to be refuted where that "
            "is not so."
        ),
        *(verdict(part.verdict, criterion_text(part)) for part in more),
        cost_table(settings, coded),
        *report_lines(
            {
                TEXT_ARMS[name].title: one
                for name, one in reports(coded, len(settings.domains)).items()
            },
            f"domains apart at least, log {len(settings.domains)} nats",
        ),
        written_table(settings, told, references),
        against_points(coded, told),
        table(
            ("model", *("text" for _ in next(iter(samples.values())))),
            [(name, *rows) for name, rows in samples.items()],
            "What the first seed writes for codes of the prior; bytes that are no plain "
            "character by their numbers.",
        ),
    )


def cost_table(settings: Text, coded: Coded) -> Fragment:
    """What codes of held-out windows cost, and what is known of log p(x)."""
    titles, forms = zip(*COSTS.values(), strict=True)
    lines = []
    for name, one in coded.items():
        cells = score_texts([one[score] for score in COSTS], forms)
        bound = score_texts([one["bound"]], [".3f"]) if "bound" in one else ["of none"]
        lines.append((TEXT_ARMS[name].title, *cells, *bound))
    return table(
        ("model", *titles, "bound, nats of a byte"),
        lines,
        "Held-out windows: distortion and rate of a drawn code; dimensions whose mean "
        "varies by more than 0.01; what the code of another window costs; and what "
        f"−log p(x) is at most, by {settings.codes} codes, which a point has not. "
        f"Means over {settings.seeds} seeds with 95 % intervals.",
    )


def written_table(
    settings: Text, told: Told, references: Mapping[str, Mapping[str, np.ndarray]]
) -> Fragment:
    """How near to real text is what is written, beside real text and shuffled bytes."""
    titles, forms = zip(*WAYS.values(), strict=True)
    lines = {
        f"{TEXT_ARMS[name].title}; {sampler}": one
        for (name, sampler), one in told.items()
    } | {"real text": references["perfect"], "shuffled bytes": references["trivial"]}
    return mean_table(
        ("model; codes of", *titles),
        {name: [one[way] for way in WAYS] for name, one in lines.items()},
        forms,
        f"{settings.texts} windows from codes of the prior, or of a mixture that was "
        f"fitted to the codes of learned windows. Bits by {ORDER}-grams of learned text "
        "of each written byte, which are few where all is alike; and bits by those of "
        "what was written of each held-out byte, which are many there. Perfect: held-out "
        "text. Trivial: every byte for itself. Means over "
        f"{settings.seeds} seeds with 95 % intervals.",
    )


def against_points(coded: Coded, told: Told) -> Fragment:
    """Every VAE less the autoencoder, seed by seed, from the prior."""
    every = {name: {**one, **told[name, "prior"]} for name, one in coded.items()}
    lines = {
        (TEXT_ARMS[name].title,): {
            score: paired_difference(one[score], every["point"][score])
            for score in DIFFERENCES
        }
        for name, one in every.items()
        if name != "point"
    }
    between = "Difference from the autoencoder, with codes of the prior"
    return difference_table(("model",), lines, DIFFERENCES, between)
