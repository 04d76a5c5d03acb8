"""A camera that gives what the test wrote down, from a thread of its own, without waiting."""

import threading
from collections.abc import Iterable

from device.hardware.ports import (
    AudioFrame,
    CameraEnd,
    CameraFault,
    CameraSink,
    EndReason,
    PartFacts,
    PictureFacts,
    VideoPacket,
)


class FakeCamera:
    """Gives `items` at every start, then a fault if there is one, then the end unless `endless`."""

    def __init__(
        self,
        items: Iterable[VideoPacket | AudioFrame] = (),
        *,
        fault: CameraFault | None = None,
        refuses: CameraFault | None = None,
        endless: bool = False,
        picture: PictureFacts | None = None,
    ) -> None:
        self._items = tuple(items)
        self._fault = fault
        self._refuses = refuses
        self._endless = endless
        self.picture = picture or PictureFacts()
        self.starts = 0
        self._cancel = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def facts(self) -> PartFacts:
        """A fake, and it says so."""
        return PartFacts("FAKE camera of a test", is_production=False)

    @property
    def is_running(self) -> bool:
        """Whether a start has not been stopped yet."""
        return self._thread is not None

    def start(self, sink: CameraSink) -> None:
        """See `Camera.start`."""
        if self._refuses is not None:
            raise self._refuses
        if self._thread is not None and self._thread.is_alive():
            raise CameraFault("FAKE camera: is running already; stop it before starting it again")
        self.starts += 1
        self._cancel = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(sink, self._cancel), name="fake-camera", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """See `Camera.stop`."""
        self._cancel.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self, sink: CameraSink, cancel: threading.Event) -> None:
        for item in self._items:
            if cancel.is_set():
                return
            if isinstance(item, VideoPacket):
                sink.on_video(item)
            else:
                sink.on_audio(item)
        if self._fault is not None:
            sink.on_fault(self._fault)
        elif self._endless:
            cancel.wait()
        elif not cancel.is_set():
            sink.on_end(CameraEnd(EndReason.FINISHED, "the fake camera has nothing more"))
