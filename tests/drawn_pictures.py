"""Uncompressed pictures for tests of masks: the synthetic camera's, and flat or shifted ones."""

from __future__ import annotations

from device.hardware.slate import Plane, Slate
from device.masking.framing import Framing, agree, read_framing
from device.masking.stencil import Picture, make_stencil
from protocol.masks import Area, Corner, Mask

WIDTH, HEIGHT, FPS = 1280, 720, 25
LEFT_FRONT = Area(corners=(Corner(0, 600), Corner(300, 600), Corner(300, 1000), Corner(0, 1000)))


def picture_of(luma: bytes, width: int = WIDTH, height: int = HEIGHT) -> Picture:
    """A picture with these samples of brightness, and no colour."""
    quarter = width * height // 4
    planes = [memoryview(bytearray(each)) for each in (luma, bytes(quarter), bytes(quarter))]
    return Picture(width, height, planes[0], planes[1], planes[2], luma_stride=width, chroma_stride=width // 2)


def drawn(number: int, *, shifted: int = 0, shine: float = 1.0) -> Picture:
    """The synthetic camera's picture `number`; `shifted` columns to the left, `shine` times as bright."""
    slate = Slate(Plane(WIDTH, HEIGHT, WIDTH), Plane(WIDTH // 2, HEIGHT // 2, WIDTH // 2), fps=FPS)
    luma = slate.draw(number)
    rows = (luma[at : at + WIDTH] for at in range(0, WIDTH * HEIGHT, WIDTH))
    moved = b"".join(row[shifted:] + row[:shifted] for row in rows) if shifted else luma
    return picture_of(bytes(min(255, round(value * shine)) for value in moved) if shine != 1.0 else moved)


def framing_of(mask: Mask) -> Framing:
    """The framing in which somebody confirms a mask before the synthetic camera."""
    stencil = make_stencil(mask, width=WIDTH, height=HEIGHT)
    return agree([read_framing(drawn(number), stencil) for number in range(0, 3 * FPS, 5)])
