"""What the page shows of codes."""

from collections import Counter
from collections.abc import Mapping, Sequence

from experiments.criterion import Criterion, criterion_text, overall
from experiments.latent_spaces.arms import TITLES
from experiments.latent_spaces.latent_findings import Found, reports
from experiments.tables import Columns, difference_table, mean_table
from jaxgen.metrics.collapse_report import CollapseReport
from jaxgen.report.latents import dimension_bars
from jaxgen.report.page import Fragment, figure, paragraph, section, table, verdict
from jaxgen.stats.intervals import paired_difference

KNOWS: Columns = {
    "distortion": ("distortion, nats", "z.2f"),
    "error": ("squared error", "z.2f"),
    "rate": ("rate, nats", "z.2f"),
    "probe": ("linear probe", ".1%"),
    "between": ("midpoints", ".2f"),
}
LIES: Columns = {
    "width": ("width", "z.2f"),
    "active": ("active units", ".1f"),
    "from_codes": ("codes to prior", "z.2f"),
    "from_prior": ("prior to codes", "z.2f"),
    "holes": ("hole ratio", "z.2f"),
}
DIFFERENCES: Columns = {
    "probe": ("linear probe", "+z.3f"),
    "between": ("midpoints", "+z.3f"),
    "error": ("squared error", "+z.2f"),
}


def latent_sections(
    found: Found, criteria: Sequence[Criterion], drawings: Mapping[str, str]
) -> list[Fragment]:
    """Verdict, pictures, and what codes are and know.

    Args:
      found: scores of every model, each (seeds, ...).
      criteria: of the claim's first half.
      drawings: by caption.
    """
    seeds = len(found["vae"]["rate"])
    means = f"Means over {seeds} seeds with 95 % intervals."
    return [
        section(
            "Points and distributions",
            verdict(
                overall(criteria), "Autoencoders learn points, VAEs distributions."
            ),
            *(verdict(part.verdict, criterion_text(part)) for part in criteria),
            *(figure(svg, caption) for caption, svg in drawings.items()),
        ),
        section(
            "What codes are",
            line_table(
                found,
                LIES,
                "Share of the spread of all codes that is within one; dimensions "
                "whose mean varies by more than 0.01; nats between the prior and all codes "
                "together, by their mean and covariance; median distance from a code of "
                "the prior to the nearest learned code, by that of a held-out one. "
                + means,
            ),
            figure(
                dimension_bars(
                    {
                        TITLES[name].title: one["rates"]
                        for name, one in found.items()
                        if TITLES[name].dense
                    },
                    ylabel="rate, nats",
                ),
                "What each dimension costs, KL to the prior: means over seeds of the "
                "sorted rates, with 95 % intervals.",
            ),
            *report_lines(
                {TITLES[name].title: one for name, one in reports(found).items()},
                "classes apart at least, log 10 nats",
            ),
        ),
        section(
            "What codes know",
            line_table(
                found,
                KNOWS,
                "Of held-out images: distortion and rate of a drawn code; squared error of "
                "the expected image, summed over pixels; accuracy of a linear classifier "
                "of codes; share of images half-way between two of different classes that "
                "look like digits (precision in the classifier's logits). " + means,
            ),
            *against_vae(found),
        ),
    ]


def line_table(found: Found, columns: Columns, caption: str) -> Fragment:
    """A line for each model."""
    titles, forms = zip(*columns.values(), strict=True)
    lines = {
        TITLES[name].title: [one[score] for score in columns]
        for name, one in found.items()
    }
    return mean_table(("model", *titles), lines, forms, caption)


def against_vae(found: Found) -> list[Fragment]:
    """Every model less the VAE, seed by seed."""
    lines = {
        (TITLES[name].title,): {
            score: paired_difference(one[score], found["vae"][score])
            for score in DIFFERENCES
        }
        for name, one in found.items()
        if name != "vae"
    }
    between = "Difference from the VAE"
    return [difference_table(("model",), lines, DIFFERENCES, between)] if lines else []


def report_lines(
    told: Mapping[str, Sequence[CollapseReport]], what: str
) -> list[Fragment]:
    """The collapse report of every model: verdicts over seeds, why, and what to do.

    Args:
      told: reports of all seeds, by the model's title.
      what: codes should tell at least.
    """
    lines, knobs = [], {}
    for name, seeds in told.items():
        counts = Counter(one.verdict for one in seeds)
        usual = counts.most_common(1)[0][0]
        one = next(one for one in seeds if one.verdict == usual)
        words = ", ".join(f"{count} {word}" for word, count in counts.items())
        lines.append((name, words, one.reason))
        knobs.setdefault(one.knob, []).append(name)
    caption = (
        "Collapse reports, verdicts of all seeds. Why: of the first seed of the "
        f"commonest verdict. Codes should tell {what}."
    )
    return [
        table(("model", "verdicts", "why"), lines, caption),
        *(
            paragraph(f"Which knob to turn, {', '.join(names)}: {knob}")
            for knob, names in knobs.items()
        ),
    ]
