"""A drawing as PDF 1.4 (ISO 32000-1): one page of vectors and of Helvetica, which every reader brings.

Nothing is compressed, embedded, dated or random: the same drawing is the same bytes. Letters are those of WinAnsi
(western Europe); others are refused by name.
"""

from __future__ import annotations

from functools import singledispatch

from protocol.room.drawing import Box, Disc, Drawing, Shape, Stroke, Text
from protocol.room.helvetica import Weight, require_letters

_POINTS = 72 / 25.4
_ROUND = 0.5522847498
"""How far a Bézier curve's handles lie from its ends to draw a quarter of a circle, in radii."""
_FONTS = {Weight.REGULAR: ("F1", "Helvetica"), Weight.BOLD: ("F2", "Helvetica-Bold")}


def encode_pdf(drawing: Drawing) -> bytes:
    """Write a drawing as a PDF file; raises ValueError for letters that the font does not have."""
    content = _draw(drawing)
    width, height = (side * _POINTS for side in drawing.paper.value)
    fonts = " ".join(f"/{name} {5 + number} 0 R" for number, (name, _) in enumerate(_FONTS.values()))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /Lang " + _string(drawing.language) + b" >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width:.2f} {height:.2f}] /Contents 4 0 R "
        f"/Resources << /Font << {fonts} >> >> >>".encode(),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        *(_font(base) for _, base in _FONTS.values()),
        f"<< /Title <FEFF{drawing.title.encode('utf-16-be').hex()}> /Producer (Backrow) >>".encode(),
    ]
    return _assemble(objects)


def _font(base: str) -> bytes:
    return f"<< /Type /Font /Subtype /Type1 /BaseFont /{base} /Encoding /WinAnsiEncoding >>".encode()


def _assemble(objects: list[bytes]) -> bytes:
    """Number the objects and say where each begins; the last one is the document's information."""
    data = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(data)
    data += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    data += b"".join(b"%010d 00000 n \n" % place for place in places)
    size, last = len(objects) + 1, len(objects)
    data += b"trailer\n<< /Size %d /Root 1 0 R /Info %d 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, last, table)
    return bytes(data)


def _draw(drawing: Drawing) -> bytes:
    """Turn millimetres from above into points from below, once for all shapes; texts are turned upright again."""
    _, height = drawing.paper.value
    frame = f"{_POINTS:.6f} 0 0 {-_POINTS:.6f} 0 {height * _POINTS:.3f} cm\n".encode()
    return frame + b"\n".join(map(_operators, drawing.shapes))


@singledispatch
def _operators(shape: Shape) -> bytes:
    raise TypeError(f"no way to write {shape!r} as PDF")


@_operators.register
def _box(shape: Box) -> bytes:
    return _paint(shape, f"{shape.x:.3f} {shape.y:.3f} {shape.width:.3f} {shape.height:.3f} re")


@_operators.register
def _disc(shape: Disc) -> bytes:
    x, y, r, k = shape.x, shape.y, shape.radius, shape.radius * _ROUND
    corners = (
        (x + r, y + k, x + k, y + r, x, y + r),
        (x - k, y + r, x - r, y + k, x - r, y),
        (x - r, y - k, x - k, y - r, x, y - r),
        (x + k, y - r, x + r, y - k, x + r, y),
    )
    curves = " ".join(" ".join(f"{number:.3f}" for number in corner) + " c" for corner in corners)
    return _paint(shape, f"{x + r:.3f} {y:.3f} m {curves} h")


@_operators.register
def _stroke(shape: Stroke) -> bytes:
    ends = f"{shape.x:.3f} {shape.y:.3f} m {shape.to_x:.3f} {shape.to_y:.3f} l S"
    return f"{_colour(shape.colour)} RG {shape.line:g} w {ends}".encode()


@_operators.register
def _text(shape: Text) -> bytes:
    name, _ = _FONTS[shape.weight]
    place = f"1 0 0 -1 {shape.left:.3f} {shape.y:.3f} Tm"
    return (
        f"{_colour(shape.colour)} rg BT /{name} {shape.size:.3f} Tf {place} ".encode()
        + _string(shape.words)
        + b" Tj ET"
    )


def _paint(shape: Box | Disc, path: str) -> bytes:
    """Fill, edge, both, or nothing."""
    fill = f"{_colour(shape.fill)} rg " if shape.fill else ""
    edge = f"{_colour(shape.edge)} RG {shape.line:g} w " if shape.edge else ""
    operator = {(True, True): "B", (True, False): "f", (False, True): "S"}.get((bool(fill), bool(edge)), "n")
    return f"{fill}{edge}{path} {operator}".encode()


def _colour(code: str) -> str:
    return " ".join(f"{int(code[at : at + 2], 16) / 255:.3f}" for at in (1, 3, 5))


def _string(words: str) -> bytes:
    """A literal string in WinAnsi, whose brackets and backslashes are escaped."""
    data = require_letters(words)
    for mark in (b"\\", b"(", b")"):
        data = data.replace(mark, b"\\" + mark)
    return b"(" + data + b")"
