"""What a PC lacks beside the Pi's camera, and nothing more: loaded by pytest in the lab (`-p tests.pi_lab.stand_in`).

Replaced are: the screen library that picamera2 imports, the kernel's DMA heap (memory files instead), the list of raw
sensor modes, and the sensor's pace, which libcamera's virtual camera does not keep. libcamera, picamera2 with its event
loop, its requests, its allocator and its libx264 encoder are the shipped code.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import types
from collections import deque
from typing import Any

USUAL_FRAME_US = 33_333


class Sensor:
    """The virtual camera's clock: exposes a picture each frame time, as `FrameDurationLimits` asks, if one is wanted.

    `exposed_s` are the moments of exposure, `starved` the frame times at which nobody had queued a request. A test may
    let it `stall`, as with a cable that was pulled.
    """

    def __init__(self, expose: Any) -> None:
        self.exposed_s: list[float] = []
        self.starved = 0
        self._expose = expose
        self._waiting: deque[tuple[Any, Any]] = deque()
        self._lock = threading.Lock()
        self._running = threading.Event()
        self._flowing = threading.Event()
        self._flowing.set()
        self._frame_s = USUAL_FRAME_US / 1e6
        threading.Thread(target=self._run, name="virtual-sensor", daemon=True).start()

    def start(self, frame_us: int) -> None:
        """Begin to expose."""
        with self._lock:
            self._frame_s = frame_us / 1e6
            self.exposed_s, self.starved = [], 0
            self._waiting.clear()
        self._running.set()

    def stop(self) -> None:
        """Expose nothing more; what was queued is forgotten, as libcamera cancels it."""
        self._running.clear()
        with self._lock:
            self._waiting.clear()

    def queue(self, camera: Any, request: Any) -> None:
        """Take a request for the next free frame time."""
        with self._lock:
            self._waiting.append((camera, request))

    def stall(self) -> None:
        """Give no more pictures, without a word."""
        self._flowing.clear()

    def resume(self) -> None:
        """Give pictures again."""
        self._flowing.set()

    def _run(self) -> None:
        due_s = time.monotonic()
        while True:
            self._running.wait()
            self._flowing.wait()
            due_s = max(due_s + self._frame_s, time.monotonic())  # a frame time that was missed is lost
            time.sleep(max(0.0, due_s - time.monotonic()))
            with self._lock:
                if self._running.is_set() and self._flowing.is_set():
                    self._expose_next()

    def _expose_next(self) -> None:
        if not self._waiting:
            self.starved += bool(self.exposed_s)
            return
        camera, request = self._waiting.popleft()
        self.exposed_s.append(time.monotonic())
        self._expose(camera, request)


class MemoryHeap:
    """The kernel's DMA heap, with memory files for buffers."""

    def alloc(self, name: str, size: int) -> Any:
        """Give a buffer as the heap does: an owner of a file descriptor."""
        descriptor = os.memfd_create(name)
        os.ftruncate(descriptor, size)
        return types.SimpleNamespace(get=lambda: descriptor, isValid=lambda: True)

    def close(self) -> None:
        """Nothing is held open."""


class _Shown:
    """A module as another module sees it, with some names replaced."""

    def __init__(self, module: Any, **replaced: Any) -> None:
        self._module = module
        self.__dict__.update(replaced)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


def _install_screens() -> None:
    for name in ("kms", "pykms"):
        screens = types.ModuleType(name)
        screens.PixelFormat = screens.PixelFormats = types.SimpleNamespace(  # type: ignore[attr-defined]
            **dict.fromkeys(("RGB888", "BGR888", "XRGB8888", "XBGR8888", "YUV420", "YVU420", "NV12", "NV21"), 0)
        )
        sys.modules[name] = screens


def _install_memory(libcamera: Any) -> None:
    """Buffers are memory files, and NV12's two planes are said to be two, as the virtual camera writes them."""
    from picamera2.allocators import dmaallocator

    def two_planes(planes: list[Any]) -> Any:
        (luma,) = planes  # kept, since the allocator knows the buffer by this plane's descriptor
        colour = libcamera.FrameBuffer.Plane()
        colour.fd, colour.offset, colour.length = luma.fd, luma.length * 2 // 3, luma.length // 3
        luma.length = colour.offset
        return libcamera.FrameBuffer([luma, colour])

    buffers = types.SimpleNamespace(Plane=libcamera.FrameBuffer.Plane)
    dmaallocator.DmaHeap = MemoryHeap
    dmaallocator.libcamera = _Shown(libcamera, FrameBuffer=_Callable(buffers, two_planes))
    dmaallocator.fcntl = _Shown(dmaallocator.fcntl, ioctl=lambda *_: 0)  # memory files need no cache flushed


class _Callable(_Shown):
    """A class as another module sees it: its names, and a call of our own."""

    def __init__(self, shown: Any, call: Any) -> None:
        super().__init__(shown)
        self._call = call

    def __call__(self, *arguments: Any) -> Any:
        return self._call(*arguments)


def _install_sensor(libcamera: Any) -> Sensor:
    camera = libcamera.Camera
    generate, start, stop, queue = camera.generate_configuration, camera.start, camera.stop, camera.queue_request
    sensor = Sensor(queue)

    def generate_or_video(self: Any, roles: list[Any]) -> Any:
        raw = roles == [libcamera.StreamRole.Raw]
        return generate(self, [libcamera.StreamRole.VideoRecording] if raw else roles)

    def start_paced(self: Any, controls: dict[Any, Any]) -> None:
        limits = controls.get(libcamera.controls.FrameDurationLimits, (USUAL_FRAME_US,))
        start(self, controls)
        sensor.start(limits[0])

    def stop_paced(self: Any) -> None:
        sensor.stop()
        stop(self)

    camera.generate_configuration = generate_or_video
    camera.start, camera.stop = start_paced, stop_paced
    camera.queue_request = lambda self, request: sensor.queue(self, request)
    return sensor


_sensor: list[Sensor] = []


def sensor() -> Sensor:
    """Give the virtual camera's sensor; there is one."""
    return _sensor[0]


def install() -> None:
    """Put everything in its place, once, before picamera2 is imported by anything else."""
    if _sensor:
        return
    os.environ.setdefault("LIBCAMERA_LOG_LEVELS", "*:ERROR")
    _install_screens()
    import libcamera

    _install_memory(libcamera)
    _sensor.append(_install_sensor(libcamera))


def pytest_configure() -> None:
    """Called by pytest, before it collects any test."""
    install()
