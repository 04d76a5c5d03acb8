"""The QR code of a form is drawn as it was made."""

from __future__ import annotations

import re

import segno

from controller.forms.picture import draw_code


def test_picture_has_every_dark_module_and_no_other() -> None:
    """The path, read again, is the matrix with its quiet zone, and that holds the code in capital letters alone."""
    side, path = draw_code("BCDEFGH2")
    drawn = {
        (int(x) + step, int(y))
        for x, y, length, back in re.findall(r"M(\d+) (\d+)h(\d+)v1h-(\d+)z", path)
        for step in range(int(length))
        if length == back
    }
    made = segno.make("BCDEFGH2", error="q", micro=False)
    rows = list(made.matrix_iter(border=4))
    assert side == len(rows)
    assert drawn == {(x, y) for y, row in enumerate(rows) for x, dark in enumerate(row) if dark}
    assert made.mode == "alphanumeric"
