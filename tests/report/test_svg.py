"""An SVG made inline: nothing of the standalone document is left, nothing is lost."""

from jaxgen.report.svg import inline

RAW = """<?xml version="1.0"?>
<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/svg11.dtd">
<svg xmlns="http://www.w3.org/2000/svg" width="90pt" height="9pt" viewBox="0 0 90 9">
 <metadata><title>http://example.org</title></metadata>
 <defs>
  <style type="text/css">*{stroke-linecap: butt}</style>
 </defs>
 <g id="axes_1">
  <defs><path id="m1" d="M 0 1.123456
L -2.000001 -0.001
" style="fill: #fe00fe"/></defs>
  <g clip-path="url(#p1)">
   <use xlink:href="#m1" x="1.55555" y="2" style="fill: #fe01fe"/>
   <use xlink:href="#m1" x="3" y="4" style="fill: #fe01fe"/>
  </g>
  <text style="font-size: 9px; font-family: 'A', b; fill: #fe00fe" x="1" y="2"
   transform="rotate(-0 1 2)">id="m1" 0.12345  #fe00fe</text>
 </g>
 <defs><clipPath id="p1"><rect x="1" y="2"/></clipPath></defs>
</svg>
"""
COLOURS = {"#fe00fe": "var(--ink)", "#fe01fe": "var(--c0)"}


def test_what_a_page_supplies_is_gone():
    made = inline(RAW, COLOURS)
    assert made.startswith('<svg width="90"') and made.endswith("</svg>")
    for gone in ("http", "xmlns", "<?xml", "DOCTYPE", "metadata", "<style", "pt\"",
                 "font-family", "xlink", "rotate(-0", "axes_1", "\n"):  # fmt: skip
        assert gone not in made


def test_words_of_a_label_are_left_alone():
    assert '>id="m1" 0.12345  #fe00fe</text>' in inline(RAW, COLOURS)


def test_lengths_are_rounded_and_paths_closed_up():
    made = inline(RAW, COLOURS)
    assert 'd="M0 1.12L-2.00 0.00"' in made
    assert 'x="1.56" y="2"' in made


def test_a_shared_style_is_written_once_and_coloured():
    made = inline(RAW, COLOURS)
    assert made.count("fill: var(--c0)") == 1
    assert made.count("<use ") == 2
    assert 'style="fill: var(--c0)"><use ' in made


def test_ids_are_named_after_the_whole():
    one, other = inline(RAW, COLOURS), inline(RAW.replace("1.5", "1.6"), COLOURS)
    name = one.split('<path id="')[1].split('"')[0]
    assert one.count(f'href="#{name}"') == 2
    assert (
        name not in other
        and name == inline(RAW, COLOURS).split('id="')[1].split('"')[0]
    )


def test_marks_of_two_styles_keep_their_own():
    two = RAW.replace('y="4" style="fill: #fe01fe"', 'y="4" style="fill: #fe00fe"')
    made = inline(two, COLOURS)
    assert 'y="2" style="fill: var(--c0)"' in made
    assert 'y="4" style="fill: var(--ink)"' in made
