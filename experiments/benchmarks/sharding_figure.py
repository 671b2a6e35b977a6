"""A drawing of what a chip does, against the number of chips."""

from collections.abc import Callable, Sequence

import numpy as np

from experiments.benchmarks.weak_scaling import AIM, Row
from jaxgen.report.page import svg_file
from jaxgen.report.scaling import Curve, levels


def drawing(slices: Sequence[Row]) -> str:
    """The file of a figure; empty where no text of two slices could be read."""
    read = [row for row in slices if row["bounds"] is not None]
    panels = {}
    for kind in dict.fromkeys(row["kind"] for row in read):
        mine = [row for row in read if row["kind"] == kind]
        panels[f"{kind}: cycles"] = curves(mine, lambda row: row["cycles"])
        panels[f"{kind}: cycles and links, none hidden"] = curves(
            mine, lambda row: row["bounds"]["none_hidden"]
        )
    panels = {title: of for title, of in panels.items() if of}
    if not panels:
        return ""
    what = "of a chip, times the smallest slice"
    return svg_file(
        levels(
            panels,
            ylabel=what,
            xlabel="chips",
            reference={f"aim, {1 + AIM:g}": 1 + AIM},
        )
    )


def curves(rows: Sequence[Row], cost: Callable[[Row], float]) -> dict[str, Curve]:
    """Of each way on several slices: cost for each operation of the model."""
    found = {}
    for way in dict.fromkeys(row["way"] for row in rows):
        mine = [row for row in rows if row["way"] == way]
        each = np.array([cost(row) / row["model_flops"] for row in mine])
        if len(mine) > 1:
            values = each / each[0]
            chips = np.array([float(row["chips"]) for row in mine])
            found[way] = Curve(chips, values, values, values)
    return found
