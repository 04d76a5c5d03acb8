"""A drawing as SVG 1.1: one file, no style sheet, no script, nothing loaded; its words are text.

Each line of text is given the length that it was fitted to, so that a font with other widths does not overflow.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import singledispatch
from xml.sax.saxutils import escape, quoteattr

from protocol.room.drawing import Box, Disc, Drawing, Shape, Stroke, Text
from protocol.room.helvetica import Weight

_FAMILY = "Helvetica, Arial, 'Liberation Sans', 'Nimbus Sans', sans-serif"


def encode_svg(drawing: Drawing) -> bytes:
    """Write a drawing as an SVG file in UTF-8."""
    width, height = drawing.paper.value
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}mm" height="{height:g}mm" '
        f'viewBox="0 0 {width:g} {height:g}" role="img" lang={quoteattr(drawing.language)} '
        f'aria-labelledby="title" font-family="{_FAMILY}">'
    )
    paper = f'<rect width="{width:g}" height="{height:g}" fill="#ffffff"/>'
    lines = [
        head,
        f'<title id="title">{escape(drawing.title)}</title>',
        paper,
        *map(_element, drawing.shapes),
        "</svg>",
    ]
    return ("\n".join(lines) + "\n").encode()


def encode_shapes(shapes: Iterable[Shape]) -> str:
    """Write shapes as elements for an `svg` of somebody's own, which says how large a millimetre is."""
    return "".join(map(_element, shapes))


@singledispatch
def _element(shape: Shape) -> str:
    raise TypeError(f"no way to write {shape!r} as SVG")


@_element.register
def _box(shape: Box) -> str:
    place = f'x="{shape.x:.3f}" y="{shape.y:.3f}" width="{shape.width:.3f}" height="{shape.height:.3f}"'
    sharp = "" if shape.edge else ' shape-rendering="crispEdges"'
    return f"<rect {place} {_paint(shape)}{sharp}/>"


@_element.register
def _disc(shape: Disc) -> str:
    return f'<circle cx="{shape.x:.3f}" cy="{shape.y:.3f}" r="{shape.radius:.3f}" {_paint(shape)}/>'


@_element.register
def _stroke(shape: Stroke) -> str:
    ends = f'x1="{shape.x:.3f}" y1="{shape.y:.3f}" x2="{shape.to_x:.3f}" y2="{shape.to_y:.3f}"'
    return f'<line {ends} stroke="{shape.colour}" stroke-width="{shape.line:g}"/>'


@_element.register
def _text(shape: Text) -> str:
    weight = ' font-weight="bold"' if shape.weight is Weight.BOLD else ""
    place = f'x="{shape.x:.3f}" y="{shape.y:.3f}" font-size="{shape.size:.3f}" text-anchor="{shape.anchor.value}"'
    fitted = f'textLength="{shape.width:.3f}" lengthAdjust="spacingAndGlyphs"'
    return f'<text {place} {fitted} fill="{shape.colour}"{weight}>{escape(shape.words)}</text>'


def _paint(shape: Box | Disc) -> str:
    edge = f' stroke="{shape.edge}" stroke-width="{shape.line:g}"' if shape.edge else ""
    return f'fill="{shape.fill or "none"}"{edge}'
