"""What chips cost, by a table of the user's: prices change, and are not ours to know."""

import tomllib
from pathlib import Path

from tpu.chips import CHIPS, Machines

EXAMPLE = "[v5litepod]\nspot = 0.50\non_demand = 1.20\nreserved = 0.80\n"
"""A table of prices in dollars a chip-hour. The numbers are invented."""


def hourly_price(prices: Path | None, wanted: Machines, capacity: str) -> float:
    """Dollars an hour for all chips that are asked for.

    Args:
      prices: a TOML file with a table for each kind of chip, as in ``EXAMPLE``.
      wanted: the slices.
      capacity: ``spot``, ``on_demand`` or ``reserved``.

    Raises:
      ValueError: no file, no such price in it, or one that is no positive number.

    Example:
      >>> import tempfile
      >>> from tpu.chips import machines
      >>> file = Path(tempfile.mkdtemp()) / "prices.toml"
      >>> _ = file.write_text(EXAMPLE)
      >>> hourly_price(file, machines("2xv5litepod-16"), "spot")
      16.0
    """
    if prices is None:
        raise ValueError(
            "max_usd is a limit in money, and prices is no file: write the prices a "
            f"chip-hour of your region into one and give --prices FILE, such as\n{EXAMPLE}"
        )
    family = wanted.slice.generation
    table = _table(prices)
    rows = table.get(family)
    price = rows.get(capacity) if isinstance(rows, dict) else None
    if isinstance(price, bool) or not isinstance(price, int | float) or not price > 0:
        raise ValueError(
            f"{prices}: [{family}] {capacity} is {price!r}: expected dollars a "
            f"chip-hour, for the kinds of chips {', '.join(CHIPS)}"
        )
    return price * wanted.slice.chips * wanted.slices


def _table(prices: Path) -> dict:
    try:
        return tomllib.loads(prices.read_text())
    except OSError as error:
        raise ValueError(f"{prices}: {error.strerror}: no table of prices") from error
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{prices}: {error}, in a table of prices") from error
