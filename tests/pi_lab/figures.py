"""What encoding costs: `python -m tests.pi_lab figures`. Prints shares of one core and their ratios; asserts nothing.

The virtual camera shows a real scene (people walking, seen from above by a fixed camera: Debian's `opencv-doc`) at the
unit's 720p25 and 2 Mbit/s, paced as a sensor, and the real picamera2 encodes it. What the virtual camera itself costs
is measured beside it and taken off. The ratio carries over to other machines better than the share does.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

SCENE_PICTURES = 250
FILM_S = 15.0
VARIANTS = {
    "ultrafast, constrained baseline, 2 threads": ("baseline", 2),
    "superfast, High, 2 threads (ours)": ("high", 2),
    "superfast, High, 1 thread": ("high", 1),
    "superfast, High, a thread a core": ("high", 0),
}
OURS = "superfast, High, 2 threads (ours)"
CAMERA = """%YAML 1.1
---
"classroom":
  supported_formats:
  - width: 1280
    height: 720
    frame_rates:
    - 10
    - 60
  frames:
    path: "/out/scene/"
  location: "CameraLocationBack"
  model: "virtual"
"""


def prepare(out: Path) -> Path:
    """Outside the lab: cut the scene into pictures; give the virtual camera's description. Needs ffmpeg."""
    from tests.footage import VTEST

    scene = out / "scene"
    scene.mkdir(exist_ok=True)
    film = ["-i", str(VTEST), "-vf", "scale=1280:720", "-frames:v", str(SCENE_PICTURES), "-q:v", "3"]
    subprocess.run(["ffmpeg", "-y", "-v", "error", *film, str(scene / "%04d.jpg")], check=True)
    description = out / "scene.yaml"
    description.write_text(CAMERA, "utf-8")
    return description


def main() -> int:
    """In the lab: film with each variant, and print."""
    from tests.pi_lab import stand_in

    stand_in.install()
    idle = measure(_film_without_encoder)
    shares = {name: measure(lambda v=variant: _film(*v)) for name, variant in VARIANTS.items()}
    print(f"\n{'720p25, 2 Mbit/s, a real scene':46} {'of a core':>9} {'encoder':>9} {'ratio':>6} {'kbit/s':>7}")
    print(f"{'the virtual camera and picamera2 alone':46} {idle[0]:9.1%}")
    for name, (share, rate) in shares.items():
        ratio = (share - idle[0]) / (shares[OURS][0] - idle[0])
        print(f"{name:46} {share:9.1%} {share - idle[0]:9.1%} {ratio:6.2f} {rate / 1000:7.0f}")
    return 0


def measure(film: Callable[[], int]) -> tuple[float, float]:
    """Give the share of one core that this process used while it filmed, and the bits a second."""
    began_s, used_s = time.monotonic(), time.process_time()
    size = film()
    took_s = time.monotonic() - began_s
    return (time.process_time() - used_s) / took_s, 8 * size / took_s


def _film(profile: str, threads: int) -> int:
    from device.hardware.picam import Encoder, load_library
    from tests.fakes.sink import CollectingSink
    from tests.pi_lab.test_picam import camera_with

    library = load_library()

    class Variant(library.encoders[Encoder.LIBX264]):  # type: ignore[misc]
        def __init__(self, **settings: Any) -> None:
            super().__init__(**{**settings, "profile": profile})

        def _start(self) -> None:
            self.threads = threads
            super()._start()

    camera, sink = camera_with(replace(library, encoders={Encoder.LIBX264: Variant})), CollectingSink()
    camera.start(sink)
    time.sleep(FILM_S)
    camera.stop()
    assert not sink.faults, sink.faults
    return sum(len(packet.data) for packet in sink.video)


def _film_without_encoder() -> int:
    from device.hardware.picam import load_library

    camera = load_library().camera()
    frame = {"FrameDurationLimits": (40_000, 40_000)}
    camera.configure(camera.create_video_configuration(main={"size": (1280, 720), "format": "YUV420"}, controls=frame))
    camera.start()
    time.sleep(FILM_S)
    camera.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
