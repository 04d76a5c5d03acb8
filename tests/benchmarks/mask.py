"""What hiding areas costs: a picture of 1280 by 720, encoded with and without a mask, side by side in one run.

Run it with `python -m tests.benchmarks mask`; it prints ratios and asserts nothing.
"""

from __future__ import annotations

import time

from device.hardware.clock import SystemClock
from device.hardware.synthetic import SyntheticCamera, SyntheticSettings
from device.masking.stencil import Picture, make_stencil
from protocol.masks import Area, Corner, Mask
from tests.fakes.sink import CollectingSink

SECONDS, ROUNDS = 4.0, 3
LEFT = Area(corners=(Corner(0, 600), Corner(300, 600), Corner(300, 1000), Corner(0, 1000)))
RIGHT = Area(corners=(Corner(700, 500), Corner(1000, 480), Corner(1000, 900), Corner(720, 860)))
MASK = Mask(room="b4xgq2ldnrwsa5dpnfxgkzlmoq", version=1, areas=(LEFT, RIGHT))


class Hidden:
    """Hides two areas, a quarter of the picture; adds up the time that it takes."""

    is_needed = True

    def __init__(self) -> None:
        self.stencil = make_stencil(MASK, width=1280, height=720)
        self.spent_s = 0.0

    def cover(self, picture: Picture) -> None:
        """See `Cover.cover`."""
        began_s = time.perf_counter()
        self.stencil.cover(picture)
        self.spent_s += time.perf_counter() - began_s


def film(cover: Hidden | None) -> float:
    """Film as fast as can be, and give the seconds that a picture took."""
    settings = SyntheticSettings(speed=float("inf"), seconds=SECONDS, own_sound=True)
    camera, sink = SyntheticCamera(clock=SystemClock(), settings=settings, cover=cover), CollectingSink()
    began_s = time.perf_counter()
    camera.start(sink)
    sink.wait_over()
    camera.stop()
    return (time.perf_counter() - began_s) / (SECONDS * settings.fps)


def main() -> None:
    """Print the best of some rounds."""
    hidden = Hidden()
    masked = min(film(hidden) for _ in range(ROUNDS))
    bare = min(film(None) for _ in range(ROUNDS))
    share = hidden.spent_s / (ROUNDS * SECONDS * 25)
    print(f"a picture with a mask: {masked / bare:.2f} of one without; hiding alone: {share / bare:.3f} of a picture")


if __name__ == "__main__":
    main()
