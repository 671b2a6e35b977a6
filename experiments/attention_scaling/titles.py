"""What tables and figures call things."""

from typing import get_args

from experiments.attention_scaling.settings import ScopeName

SCOPES: tuple[str, ...] = get_args(ScopeName)
"""What is measured around attention; calibration and mixers are measured beside it."""

TITLES = {
    "dense": "dense",
    "full": "full, tiled",
    "window": "window",
    "longformer": "Longformer",
    "bigbird": "BigBird",
}
"""Of mechanisms."""

MIXERS = {
    **TITLES,
    "full": "full attention",
    "strided": "strided",
    "linear": "linear attention",
    "performer": "Performer",
    "cosformer": "cosFormer",
    "delta": "gated delta rule",
    "linformer": "Linformer",
    "nystrom": "Nyströmformer",
    "lsh": "Reformer",
    "sinkhorn": "Sinkhorn",
    "synthesizer": "Synthesizer",
    "fourier": "FNet",
    "state_space": "state space",
    "convolution": "convolution",
}
"""Of mixers."""

TASKS = {
    "text": "text",
    "needle": "needle",
    "recall": "recall",
    "list_operations": "ListOps",
}
"""Of quality."""


def scope_title(scope: str, gradient: bool) -> str:
    """Of a scope and a direction.

    Example:
      >>> scope_title("layer", False), scope_title("layer", True)
      ('layer', 'layer + grad')
    """
    return f"{scope} + grad" if gradient else scope


def bytes_text(count: float) -> str:
    """A number of bytes, in the unit that leaves three digits.

    Example:
      >>> bytes_text(3 * 2**20)
      '3.00 MiB'
    """
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1000 or unit == "GiB":
            break
        count /= 1024
    return f"{count:#.3g} {unit}" if count < 100 else f"{count:,.0f} {unit}"


def length_text(length: float) -> str:
    """A length to two digits.

    Example:
      >>> length_text(3210.0)
      '3,200'
    """
    return "any" if length == float("inf") else f"{float(f'{length:.2g}'):,.0f}"


def crossing_text(length: float, first: int, last: int) -> str:
    """Where lines cross that were measured at these lengths and between.

    Example:
      >>> [crossing_text(n, 128, 8192) for n in (0.0, 300.0, float("inf"))]
      ['≤ 128', '300', '> 8,192']
    """
    if length == 0:
        return f"≤ {first:,}"
    return f"> {last:,}" if length == float("inf") else length_text(length)
