"""A page with a picture of each proof: memory by what it is for, bytes by link."""

from collections.abc import Mapping, Sequence
from typing import Any

from jaxgen.report.canvas import canvas, house_style, inline_svg
from jaxgen.report.page import Fragment, figure, page, paragraph, section, table
from tpu.tables import GIB, HEAD, needed, row, troubles

Proof = Mapping[str, Any]
TITLE = "Proofs for TPU pods"
CAPTION = (
    "Left: memory of a device in an update, GiB. The state is what lies there between "
    "updates; temporaries at their peak. Right: megabytes that a device sends in an "
    "update, by kind and axis, DCN between slices."
)


def report(proofs: Sequence[Proof]) -> str:
    """The page, with a table of all and a section for each."""
    return page(
        TITLE,
        paragraph(
            "Compiled by the TPU's compiler on a machine without one. Proven: the "
            "operations exist, a program fits, what it sends over which link. Not proven: "
            "numbers, speed, networks. Cycles are the compiler's estimate without links "
            "and kernels, to compare programs by."
        ),
        table(HEAD, [row(one) for one in proofs], "Of one device and one update."),
        *map(of_proof, proofs),
    )


def of_proof(proof: Proof) -> Fragment:
    """Picture, versions and what is wrong."""
    versions = ", ".join(f"{name} {told}" for name, told in proof["versions"].items())
    wrong = [paragraph(line) for line in troubles([proof]).splitlines()]
    drawing = [figure(picture(proof), CAPTION)] if "update" in proof["parts"] else []
    title = f"{proof['program']} on {proof['target']}"
    words = f"{proof['parameters']:,} parameters; by {versions}."
    return section(title, paragraph(words), *wrong, *drawing)


def memory(proof: Proof) -> dict[str, float]:
    """GiB of a device by what they are for, in an update."""
    update, state = proof["parts"]["update"], proof["state"]
    known = sum(state.values())
    found = {
        "parameters": state["params"],
        "optimizer": state["opt"],
        "carried": state["extra"],
        "data": max(0, update["arguments"] - known),
        "temporaries": max(0, update["peak"] - update["arguments"]),
        "reserved": proof["reserved"],
    }
    return {name: size / GIB for name, size in found.items()}


def links(proof: Proof) -> dict[str, float]:
    """Megabytes that a device sends in an update."""
    return {
        f"{one['kind']}, {'+'.join(one['axes'])} ({one['link']})": one["bytes"]
        / proof["steps"]
        / 1e6
        for one in proof["parts"]["update"]["collectives"]
    }


def picture(proof: Proof) -> str:
    """Two panels of bars."""
    sent = dict(sorted(links(proof).items(), key=lambda one: -one[1])[:8])
    with house_style():
        drawing = canvas(260, layout="constrained")
        left, right = drawing.subplots(1, 2)
        used = (proof["needs"] or needed(proof)) / GIB
        title = f"{used:.2f} of {proof['limit'] / GIB:.2f} GiB"
        for axes, bars, words in (
            (left, memory(proof), title),
            (right, sent or {"nothing": 0.0}, "MB sent"),
        ):
            axes.barh(list(bars), list(bars.values()), height=0.6)
            axes.invert_yaxis()
            axes.set_title(words, loc="left")
            axes.spines[["top", "right"]].set_visible(False)
            for place, size in enumerate(bars.values()):
                axes.text(size, place, f" {size:,.2f}", va="center")
            axes.set_xlim(0, 1.3 * max(max(bars.values()), 1e-3))
        return inline_svg(drawing)
