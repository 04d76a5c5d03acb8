"""A camera's sink that keeps what it is given and can be waited for."""

import threading

from device.hardware.ports import AudioFrame, CameraEnd, HardwareError, VideoPacket

PATIENCE_S = 60.0


class CollectingSink:
    """Keeps pictures, sound, faults and the end, in order.

    `threads` are the names of the threads that called, `late_calls` the calls after the end or a fault (a defect).
    """

    def __init__(self) -> None:
        self.items: list[VideoPacket | AudioFrame] = []
        self.faults: list[HardwareError] = []
        self.ends: list[CameraEnd] = []
        self.threads: set[str] = set()
        self.late_calls = 0
        self._over = threading.Event()
        self._arrived = threading.Condition()

    @property
    def video(self) -> list[VideoPacket]:
        """The pictures so far."""
        return [item for item in self.items if isinstance(item, VideoPacket)]

    @property
    def audio(self) -> list[AudioFrame]:
        """The sound so far."""
        return [item for item in self.items if isinstance(item, AudioFrame)]

    def on_video(self, packet: VideoPacket) -> None:
        """See `CameraSink.on_video`."""
        self._keep(packet)

    def on_audio(self, frame: AudioFrame) -> None:
        """See `AudioSink.on_audio`."""
        self._keep(frame)

    def on_fault(self, error: HardwareError) -> None:
        """See `AudioSink.on_fault`."""
        self._note_call()
        self.faults.append(error)
        self._over.set()

    def on_end(self, reason: CameraEnd) -> None:
        """See `CameraSink.on_end`."""
        self._note_call()
        self.ends.append(reason)
        self._over.set()

    def wait_over(self) -> None:
        """Wait for the end or a fault; raises TimeoutError."""
        if not self._over.wait(PATIENCE_S):
            raise TimeoutError(f"no end after {PATIENCE_S} s; {len(self.items)} items came")

    def wait_items(self, count: int) -> None:
        """Wait for so many items; raises TimeoutError."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self.items) >= count, PATIENCE_S):
                raise TimeoutError(f"{len(self.items)} items after {PATIENCE_S} s, waited for {count}")

    def _keep(self, item: VideoPacket | AudioFrame) -> None:
        self._note_call()
        with self._arrived:
            self.items.append(item)
            self._arrived.notify_all()

    def _note_call(self) -> None:
        self.threads.add(threading.current_thread().name)
        self.late_calls += self._over.is_set()
