"""Ticks of logarithmic axes: powers of two for lengths, powers of ten for the rest."""

import math

from jaxgen.report.series import Number

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def length_ticks(low: Number, high: Number, most: int) -> tuple[list[int], list[str]]:
    """Powers of two between two lengths, evenly thinned.

    Args:
        low: log₂ of the least length.
        high: log₂ of the largest length.
        most: ticks that fit, at least 1.

    Returns:
        The log₂ of the ticks, and their labels.

    Example:
        >>> length_ticks(8, 14, most=4)
        ([8, 10, 12, 14], ['256', '1K', '4K', '16K'])
    """
    powers = _thinned(low, high, most)
    return powers, [_length(power) for power in powers]


def decimal_ticks(
    low: Number, high: Number, most: int
) -> tuple[list[float], list[str]]:
    """Powers of ten between two numbers, evenly thinned; with 2 and 5 times if few.

    Args:
        low: log₁₀ of the least number.
        high: log₁₀ of the largest number, at least ``low + 1``.
        most: ticks that fit, at least 3.

    Returns:
        The log₁₀ of the ticks, and their labels, all in one notation.

    Example:
        >>> decimal_ticks(5.5, 9, most=6)
        ([6.0, 7.0, 8.0, 9.0], ['10⁶', '10⁷', '10⁸', '10⁹'])
        >>> decimal_ticks(-0.4, 1.2, most=6)[1]
        ['0.5', '1', '2', '5', '10']
    """
    ticks = [(1, power) for power in _thinned(low, high, most)]
    if len(ticks) < 3:
        powers = range(math.floor(low), math.floor(high) + 1)
        near = [(digit, power) for power in powers for digit in (1, 2, 5)]
        ticks = [(d, p) for d, p in near if low <= math.log10(d) + p <= high]
    at = [math.log10(digit) + power for digit, power in ticks]
    write = _plain if all(-3 <= power <= 3 for _, power in ticks) else _scientific
    return at, [write(digit, power) for digit, power in ticks]


def power_of_n(exponent: Number) -> str:
    """How a law of growth is written.

    Example:
        >>> [power_of_n(p) for p in (0, 1, 1.5, 2.0)]
        ['1', 'n', 'n^1.5', 'n²']
    """
    if exponent % 1:
        return f"n^{exponent:g}"
    whole = int(exponent)
    return {0: "1", 1: "n"}.get(whole, f"n{_superscript(whole)}")


def _thinned(low: Number, high: Number, most: int) -> list[int]:
    powers = range(math.ceil(low), math.floor(high) + 1)
    return list(powers[:: max(1, -(-len(powers) // most))])


def _length(power: int) -> str:
    for unit, letter in ((30, "G"), (20, "M"), (10, "K")):
        if power >= unit:
            return f"{2 ** (power - unit)}{letter}"
    return f"{2.0**power:g}"


def _plain(digit: int, power: int) -> str:
    return f"{digit * 10**power:,}" if power >= 0 else f"{digit / 10**-power:g}"


def _scientific(digit: int, power: int) -> str:
    return f"{digit}·" * (digit > 1) + f"10{_superscript(power)}"


def _superscript(number: int) -> str:
    return str(number).translate(_SUPERSCRIPTS)
