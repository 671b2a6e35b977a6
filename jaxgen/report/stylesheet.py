"""How a page looks: one column of text, wider figures, two sets of colours."""

LIGHT = {
    "paper": "#fdfdfb",
    "ink": "#1b1c1e",
    "muted": "#5f6368",
    "grid": "#dcdcd6",
    "c0": "#005fb0",
    "c1": "#b2450e",
    "c2": "#508d78",
    "c3": "#66256e",
    "c4": "#0397e3",
    "c5": "#a69000",
    "c6": "#860b13",
    "c7": "#665c68",
}
"""Colours on white, at least 3:1 from it, told apart by the colour-blind too."""

DARK = {
    "paper": "#15171a",
    "ink": "#e7e7e3",
    "muted": "#a0a5ab",
    "grid": "#34383d",
    "c0": "#3777cc",
    "c1": "#e88e34",
    "c2": "#35d0a3",
    "c3": "#cd8ce5",
    "c4": "#a4d3ff",
    "c5": "#eccd4a",
    "c6": "#c35740",
    "c7": "#829398",
}
"""The same hues where the system is dark."""

SENTINELS = {f"#fe{i:02x}fe": f"var(--{name})" for i, name in enumerate(LIGHT)}
"""What a figure is drawn in, and the colour of the page that takes its place."""

_PAPER, _INK, _MUTED, _GRID, *_ = SENTINELS

FIGURE_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "jaxgen",
    "text.parse_math": False,
    "font.size": 11,
    "figure.dpi": 72,
    **dict.fromkeys(("figure.facecolor", "axes.facecolor"), "none"),
    **dict.fromkeys(("text.color", "axes.titlecolor"), _INK),
    **dict.fromkeys(("axes.labelcolor", "xtick.color", "ytick.color"), _MUTED),
    "axes.edgecolor": _MUTED,
    "axes.labelsize": 11,
    "axes.titlesize": 12,
    "axes.titlelocation": "left",
    **dict.fromkeys(("axes.spines.top", "axes.spines.right"), False),
    **dict.fromkeys(("axes.linewidth", "grid.linewidth", "xtick.major.width"), 0.75),
    "axes.axisbelow": True,
    "grid.color": _GRID,
    "axes.xmargin": 0.02,
    "figure.constrained_layout.h_pad": 0.09,
    "lines.linewidth": 2,
    "lines.dashed_pattern": (4, 3),
    "lines.scale_dashes": False,
    "legend.frameon": False,
}
"""The same look in the words of matplotlib."""


def _variables(colours: dict[str, str]) -> str:
    return ":root{" + ";".join(f"--{name}:{c}" for name, c in colours.items()) + "}"


COLOURS = f"""
{_variables(LIGHT)}
@media screen and (prefers-color-scheme: dark) {{ {_variables(DARK)} }}
"""
"""The colours by name, for a page or a drawing of its own."""

STYLESHEET = (
    COLOURS
    + """
:root {
  color-scheme: light dark;
  --serif: Charter, "Bitstream Charter", "Iowan Old Style", "Palatino Linotype",
    "Source Serif 4", Georgia, "DejaVu Serif", serif;
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial,
    sans-serif;
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 1.0625rem/1.6 var(--serif); font-kerning: normal;
  font-variant-numeric: oldstyle-nums; overflow-wrap: break-word;
}
main { max-width: 48rem; margin: 0 auto; padding: 4rem 1rem 6rem; }
h1, h2, p, details, figcaption { max-width: 38rem; margin-inline: auto; }
h1 {
  margin-block: 0 2rem; font-size: clamp(1.7rem, 1.2rem + 2.2vw, 2.3rem);
  font-weight: 600; line-height: 1.15; letter-spacing: -0.012em; text-wrap: balance;
}
h2 {
  margin-block: 3.5rem 0.75rem; font-size: 1.35rem; font-weight: 600;
  line-height: 1.25; text-wrap: balance;
}
p { margin-block: 0 1rem; hyphens: auto; text-wrap: pretty; }
.verdict {
  display: flex; gap: 0.25rem 1rem; align-items: baseline; hyphens: manual;
  margin-block: 1.75rem; padding: 0.9rem 1.1rem; border-left: 3px solid var(--accent);
  background: color-mix(in srgb, var(--accent) 7%, transparent);
}
.verdict + .verdict { margin-top: -0.75rem; }
.verdict strong {
  flex: none; min-width: 6rem;
  color: var(--accent); font: 600 0.8rem/1.6 var(--sans); letter-spacing: 0.06em;
  text-transform: uppercase;
}
.supported { --accent: light-dark(#1d6f4f, #4cc796); }
.refuted { --accent: light-dark(#a3271c, #f0806f); }
.undecided { --accent: var(--muted); }
figure { margin: 2.25rem 0; }
figcaption {
  margin-top: 0.6rem; color: var(--muted); font: 0.875rem/1.5 var(--sans);
  text-wrap: pretty;
}
.scroll { overflow-x: auto; }
.scroll:focus-visible, summary:focus-visible {
  outline: 2px solid var(--c0); outline-offset: 4px;
}
svg {
  display: block; width: 100%; min-width: 40rem; height: auto;
  font-family: var(--sans); font-variant-numeric: tabular-nums lining-nums;
}
table {
  margin-inline: auto; border-block: 1.5px solid var(--ink); border-collapse: collapse;
  font: 0.85rem/1.4 var(--sans); font-variant-numeric: tabular-nums lining-nums;
}
th, td { padding: 0.4rem 0.65rem; text-align: left; font-weight: 400; }
th[scope="row"] { white-space: nowrap; }
th:first-child { padding-left: 0.15rem; }
th:last-child, td:last-child { padding-right: 0.15rem; }
thead th {
  border-bottom: 0.75px solid var(--ink); font-weight: 600; vertical-align: bottom;
}
tbody tr + tr > * { border-top: 0.75px solid var(--grid); }
.number { text-align: right; white-space: nowrap; }
details { margin-block: 1.5rem; font: 0.875rem/1.5 var(--sans); }
summary { color: var(--muted); cursor: pointer; }
dl { margin: 0.6rem 0 0; columns: 17rem 2; column-gap: 2.5rem; }
dl div {
  display: flex; justify-content: space-between; gap: 1rem; padding: 0.25rem 0;
  border-bottom: 0.75px solid var(--grid); break-inside: avoid;
}
dt { color: var(--muted); }
dd { margin: 0; text-align: right; overflow-wrap: anywhere; }
@media (max-width: 34rem) {
  body { font-size: 1rem; }
  main { padding-top: 2rem; }
  .verdict { display: block; }
  th[scope="row"], thead th:first-child {
    position: sticky; left: 0; max-width: 8rem; background: var(--paper);
    white-space: normal;
  }
}
@media print {
  :root { color-scheme: light; }
  body { font-size: 10.5pt; }
  main { max-width: none; padding: 0; }
  figure, .verdict, tr { break-inside: avoid; }
  h2 { break-after: avoid; }
  .scroll { overflow: visible; }
  svg { min-width: 0; }
  details::details-content { content-visibility: visible; height: auto; }
}
"""
)
