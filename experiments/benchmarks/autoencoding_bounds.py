"""Bounds by many codes, beside pythae's: what they take, and whether they agree."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from experiments.benchmarks.autoencoding_tasks import Scored, agreement, decoding_flops
from experiments.benchmarks.autoencoding_works import bounded
from experiments.benchmarks.processes import Contender, Ready
from experiments.benchmarks.results import by_contender, ratio, spread_text
from experiments.benchmarks.study_rows import LIMIT, OURS, limit_of
from experiments.benchmarks.timing import gemm, interleaved, spread
from experiments.devices import usable_cores

THEIRS = "pythae"


def pythae_bounded(scored: Scored, threads: int) -> Ready:
    """pythae's bounds, to be timed in this process."""
    from experiments.benchmarks import pythae_autoencoding

    return pythae_autoencoding.bounded(scored, threads)


def bound_rows(
    scored: Scored, fewer: int, there: bool, rounds: int, say: Callable[[str], None]
) -> dict[str, Any]:
    """What was measured of the bounds, ready for JSON.

    Args:
      scored: what jaxgen bounds.
      fewer: images that pythae bounds.
      there: whether it is installed.
      rounds: how often each is measured.
      say: is told what goes on.
    """
    cores = usable_cores()
    contenders = [
        Contender(LIMIT, (partial(gemm, cores),)),
        Contender(OURS, (partial(bounded, scored),)),
    ]
    if there:
        few = scored._replace(images=fewer)
        contenders.append(Contender(THEIRS, (partial(pythae_bounded, few, cores),)))
    measured, compiling = interleaved(contenders, rounds, 0.01, say)
    of = by_contender(measured)
    flops = decoding_flops(scored.sizes) * scored.codes
    found: dict[str, Any] = {
        "codes": scored.codes,
        "limit_gflops": limit_of(measured),
        "compile_seconds": compiling[OURS],
        "measurements": [one._asdict() for one in measured],
    }
    estimates = {}
    for name in (OURS, THEIRS) if there else (OURS,):
        estimates[name] = nats(scored.folder / f"{name}.json")
        share = [
            a.rate * flops / b.rate for a, b in zip(of[name], of[LIMIT], strict=True)
        ]
        found[name] = {
            "images": len(estimates[name]),
            "nats": float(estimates[name].mean()),
            "error": float(estimates[name].std(ddof=1) / len(estimates[name]) ** 0.5),
            "seconds": spread(one.wall_seconds for one in of[name])._asdict(),
            "images_per_second": spread(one.rate for one in of[name])._asdict(),
            "share_of_limit": spread(share)._asdict(),
        }
    if there:
        rates = ([one.rate for one in of[name]] for name in (OURS, THEIRS))
        found["jaxgen_is_faster_by"] = ratio(*rates)
        found["agreement"] = agreement(estimates[OURS], estimates[THEIRS])
    return found


def nats(file: Path) -> np.ndarray:
    """Bounds of each image that a contender has left."""
    return np.array(json.loads(file.read_text()))


LINE = "{:<8} {:>7} {:>24} {:>26} {:>9}  {}"


def bound_table(found: Mapping[str, Any]) -> str:
    """The results for a person."""
    lines = [
        f"Bounds by {found['codes']:,} codes of each image; the products of decoding them "
        f"against {spread_text(found['limit_gflops'], '.0f')} GFLOP/s.",
        "",
        LINE.format(
            "", "images", "seconds", "images/s", "of limit", "nats of an image"
        ),
        *(_line(name, found[name]) for name in (OURS, THEIRS) if name in found),
    ]
    if THEIRS not in found:
        return "\n".join(lines)
    same = found["agreement"]
    word = "agree" if same["agree"] else "do not agree"
    return "\n".join(
        [
            *lines,
            "",
            "An image takes jaxgen less time by "
            f"{spread_text(found['jaxgen_is_faster_by'], '.1f')}. On the same "
            f"{same['images']} images the estimates differ by {same['difference']:+.3f} "
            f"nats, standard error {same['error']:.3f}: they {word}.",
        ]
    )


def _line(name: str, one: Mapping[str, Any]) -> str:
    return LINE.format(
        name,
        f"{one['images']:,}",
        spread_text(one["seconds"], ".3g"),
        spread_text(one["images_per_second"], ".3g"),
        f"{one['share_of_limit']['median']:.0%}",
        f"{one['nats']:.2f}, standard error {one['error']:.2f}",
    )
