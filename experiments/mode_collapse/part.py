"""What a part of the claim hands to the report."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from jaxgen.report.page import Fragment


class Part(NamedTuple):
    """One part of the claim, measured.

    Attributes:
      results: every row with its keys, and what was found, as JSON could hold it.
      sections: of the page.
      drawings: figures that also stand alone, SVG elements by name.
    """

    results: dict[str, Any]
    sections: list[Fragment]
    drawings: Mapping[str, str] = {}
