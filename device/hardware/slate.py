"""Draws the synthetic camera's picture: a running clock, a sweeping bar, a flash at each full second, fine texture.

Plain bytes in YUV 4:2:0 planes, so that a unit needs no drawing library. Knows no time: the caller says which picture.
"""

import random
from dataclasses import dataclass

_BLACK, _GREY, _WHITE = 16, 70, 235
_NOISE_SEED = 20260901
# Seven segments, each as left, top, width, height in units of a digit that is 4 wide and 7 high.
_SEGMENTS = {
    "a": (0, 0, 4, 1),
    "b": (3, 0, 1, 4),
    "c": (3, 3, 1, 4),
    "d": (0, 6, 4, 1),
    "e": (0, 3, 1, 4),
    "f": (0, 0, 1, 4),
    "g": (0, 3, 4, 1),
}
_DIGITS = ("abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcfgd")


@dataclass(frozen=True, slots=True)
class Plane:
    """The shape of one plane of samples: `stride` bytes from one row to the next."""

    width: int
    height: int
    stride: int


class Slate:
    """Draws pictures of one size; `luma` and `chroma` are the shapes of the encoder's planes."""

    def __init__(self, luma: Plane, chroma: Plane, *, fps: int) -> None:
        self._luma = luma
        self._fps = fps
        self._unit = max(1, min(luma.width // 56, luma.height // 20))
        self._base = self._draw_base()
        self._noise = random.Random(_NOISE_SEED).randbytes(luma.width * 2)  # noqa: S311  a picture, not a secret
        self.blue_difference = bytes([118]) * (chroma.stride * chroma.height)
        self.red_difference = bytes([122]) * (chroma.stride * chroma.height)

    def draw(self, number: int) -> bytes:
        """Return the luma plane of picture `number`, counted from 0."""
        canvas = bytearray(self._base)
        self._draw_texture(canvas, number)
        self._draw_bar(canvas, number)
        self._draw_clock(canvas, number)
        if number % self._fps < max(1, self._fps // 10):
            size = 6 * self._unit
            self._fill(canvas, (self._unit, self._unit, size, size), _WHITE)
        return bytes(canvas)

    def _draw_base(self) -> bytes:
        """A ramp from dark to grey, so that wrong strides and rotations are seen at once."""
        rows = []
        for row in range(self._luma.height):
            value = _BLACK + (_GREY - _BLACK) * row // self._luma.height
            rows.append(bytes([value]) * self._luma.stride)
        return b"".join(rows)

    def _draw_texture(self, canvas: bytearray, number: int) -> None:
        """A strip at the foot moves like people do, enough to make an encoder work."""
        width, stride = self._luma.width, self._luma.stride
        for row in range(self._luma.height * 8 // 9, self._luma.height):
            offset = (row * 131 + number * (1 + row % 3)) % width
            canvas[row * stride : row * stride + width] = self._noise[offset : offset + width]

    def _draw_bar(self, canvas: bytearray, number: int) -> None:
        period = 4 * self._fps
        left = (self._luma.width - 2 * self._unit) * (number % period) // period
        self._fill(canvas, (left, self._luma.height // 2, 2 * self._unit, self._luma.height // 5), _WHITE)

    def _draw_clock(self, canvas: bytearray, number: int) -> None:
        seconds, picture = divmod(number, self._fps)
        hours, minutes = seconds // 3600 % 100, seconds // 60 % 60
        left, top = 9 * self._unit, 2 * self._unit
        for pair in (hours, minutes, seconds % 60, picture % 100):
            for digit in divmod(pair, 10):
                self._draw_digit(canvas, digit, (left, top))
                left += 5 * self._unit
            left += self._unit

    def _draw_digit(self, canvas: bytearray, digit: int, corner: tuple[int, int]) -> None:
        unit = self._unit
        for segment in _DIGITS[digit]:
            x, y, width, height = _SEGMENTS[segment]
            self._fill(canvas, (corner[0] + x * unit, corner[1] + y * unit, width * unit, height * unit), _WHITE)

    def _fill(self, canvas: bytearray, box: tuple[int, int, int, int], value: int) -> None:
        left, top, width, height = box
        width = max(0, min(width, self._luma.width - left))
        line = bytes([value]) * width
        for row in range(top, min(top + height, self._luma.height)):
            start = row * self._luma.stride + left
            canvas[start : start + width] = line
