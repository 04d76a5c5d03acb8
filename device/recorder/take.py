"""One take: the camera's thread fills a bounded queue, one writer thread muxes, seals and flushes what is in it.

It tells the main loop what is durable and how it ended, and decides nothing else. Media exist in memory and, sealed,
on the disk; nowhere else. When the writer ends, for whatever reason, TAKE_ENDED is said exactly once.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from device.hardware.ports import (
    AudioFrame,
    Camera,
    CameraEnd,
    Clock,
    EndReason,
    HardwareError,
    VideoPacket,
)
from device.media.errors import MediaError, TakeBroken
from device.media.levels import Verdict
from device.media.timeline import CameraTimeline
from device.recorder.media import MediaWriter
from device.recorder.sound import Hearing, Listener
from device.recorder.states import Event, Kind, TakeEnd
from protocol.envelope import EnvelopeError

QUEUE_ITEMS = 2048  # about half a minute of pictures and sound: what a card that hesitates may cost
REMEMBERED_PICTURES = 256
LEAVE_S = 10.0
PATIENCE_S = 0.1
BATCH_ITEMS = 256


@dataclass(frozen=True)
class _End:
    """The last item of the queue: why no more media come."""

    cause: TakeEnd
    detail: str = ""


@dataclass(frozen=True)
class _Heard:
    """Sound of the unit's own microphone, in the unit's own time."""

    frame: AudioFrame


@dataclass(frozen=True)
class _Word:
    """What the manifest shall say of the microphone."""

    detail: str


_Item = VideoPacket | AudioFrame | _Heard | _Word | _End


class _Inbox:
    """The bounded queue between camera and writer; a full one holds the source back until the writer is gone.

    The writer is woken for a batch, not for each picture: waking up costs a small computer more than the work does.
    """

    def __init__(self) -> None:
        self._items: list[_Item] = []
        self._changed = threading.Condition()
        self._abandoned = False

    def put(self, item: _Item) -> None:
        """Add an item; waits while the queue is full."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._items) < QUEUE_ITEMS or self._abandoned)
            if not self._abandoned:
                self._items.append(item)
            if self._is_pressing():
                self._changed.notify_all()

    def offer(self, item: _Item) -> None:
        """Add an item unless the queue is full: a microphone is never held back, silence stands in its place."""
        with self._changed:
            if len(self._items) < QUEUE_ITEMS and not self._abandoned:
                self._items.append(item)

    def take(self) -> list[_Item]:
        """Give what has come, in order, within PATIENCE_S or as soon as it presses."""
        with self._changed:
            self._changed.wait_for(self._is_pressing, PATIENCE_S)
            taken, self._items = self._items, []
            if len(taken) >= QUEUE_ITEMS:
                self._changed.notify_all()
            return taken

    def abandon(self) -> None:
        """Nobody reads any more: whoever waits to put something is let go."""
        with self._changed:
            self._abandoned = True
            self._changed.notify_all()

    def _is_pressing(self) -> bool:
        return len(self._items) >= BATCH_ITEMS or (bool(self._items) and isinstance(self._items[-1], _End))


class _CameraSink:
    """What the camera calls: put it into the queue, nothing else; its own sound only when `hears` says so."""

    def __init__(self, inbox: _Inbox, clock: Clock, *, hears: bool) -> None:
        self._inbox = inbox
        self._hears = hears
        self._clock = clock
        self._lock = threading.Lock()
        self._pictures: deque[tuple[float, int]] = deque(maxlen=REMEMBERED_PICTURES)

    def on_video(self, packet: VideoPacket) -> None:
        now_s = self._clock.monotonic_s()
        with self._lock:
            self._pictures.append((now_s, packet.dts))
        self._inbox.put(packet if packet.captured_s is not None else replace(packet, captured_s=now_s))

    def on_audio(self, frame: AudioFrame) -> None:
        if self._hears:
            self._inbox.put(frame)

    def on_end(self, reason: CameraEnd) -> None:
        detail = reason.detail if reason.reason is EndReason.CUT_OFF else ""
        self._inbox.put(_End(TakeEnd.FINISHED, detail))

    def on_fault(self, error: HardwareError) -> None:
        self._inbox.put(_End(TakeEnd.CAMERA_FAILED, str(error)))

    def source_ticks_at(self, at_s: float) -> int | None:
        """Give the source's time of the last picture that had come by monotonic `at_s`."""
        with self._lock:
            before = [ticks for seen_s, ticks in self._pictures if seen_s <= at_s]
            first = self._pictures[0][1] if self._pictures else None
        return before[-1] if before else first


class Take:
    """One start of the camera. `start`, `stop` and `dispose` are called by the main loop's thread.

    Of the camera's own sound nothing is taken unless `sound` is None.
    """

    def __init__(
        self,
        camera: Camera,
        sound: Hearing | None,
        *,
        writer: MediaWriter,
        clock: Clock,
        post: Callable[[Event], None],
    ) -> None:
        self._camera = camera
        self._sound = sound
        self._writer = writer
        self._clock = clock
        self._post = post
        self._inbox = _Inbox()
        self._sink = _CameraSink(self._inbox, clock, hears=sound is None)
        self._timeline = CameraTimeline()
        self._warning: Verdict | None = None
        self._thread = threading.Thread(target=self._run, name="media-writer", daemon=True)

    def start(self) -> None:
        """Start writer and camera; a camera that cannot start ends the take like one that fails later."""
        self._thread.start()
        try:
            self._camera.start(self._sink)
        except HardwareError as error:
            self._sink.on_fault(error)
            return
        self._start_sound()

    def stop(self) -> None:
        """Stop the camera; what it gave until then is sealed by the writer, which says so."""
        self._stop_sources()
        self._inbox.put(_End(TakeEnd.STOPPED))

    def dispose(self) -> None:
        """After TAKE_ENDED, or when the process leaves: let go of the camera and of the thread, if it lets go."""
        self.stop()
        self._thread.join(LEAVE_S)

    def ticks_at(self, at_s: float) -> int:
        """Give the media time (1/90000 s since the take began) of a monotonic instant."""
        source, origin = self._sink.source_ticks_at(at_s), self._writer.origin_ticks
        return max(0, source - origin) if source is not None and origin is not None else 0

    def _start_sound(self) -> None:
        if self._sound is not None:
            inbox = self._inbox
            self._sound.begin(Listener(lambda frame: inbox.offer(_Heard(frame)), lambda it: inbox.offer(_Word(it))))

    def _stop_sources(self) -> None:
        if self._sound is not None:
            self._sound.end()  # first, since it returns at once: a camera may take seconds to let go
        self._camera.stop()

    def _run(self) -> None:
        end = _End(TakeEnd.DISK_FAILED, "the media writer ended without a word")
        try:
            end = self._pump()
            self._writer.finish(end.detail)
        except (OSError, EnvelopeError, MediaError) as error:
            end = _End(TakeEnd.DISK_FAILED, f"sealing failed: {error}")
        finally:
            self._writer.abandon()
            self._inbox.abandon()
            self._say(Kind.TAKE_ENDED, end)

    def _pump(self) -> _End:
        """Write until the last item; what the source gives against its word ends the take as the source's fault."""
        try:
            while (end := self._write(self._inbox.take())) is None:
                pass
        except TakeBroken as error:
            return _End(TakeEnd.CAMERA_FAILED, str(error))
        return end

    def _write(self, items: list[_Item]) -> _End | None:
        for item in items:
            if isinstance(item, _End):
                return item
            if isinstance(item, _Word):
                self._writer.note_fault(item.detail)
            elif (media := self._in_step(item)) is not None and self._writer.add(media):
                self._say(Kind.DURABLE, _End(TakeEnd.STOPPED))
        self._warn()
        return None

    def _in_step(self, item: VideoPacket | AudioFrame | _Heard) -> VideoPacket | AudioFrame | None:
        """Give media in the camera's time; None for sound that belongs to no picture."""
        if isinstance(item, _Heard):
            return self._timeline.place(item.frame)
        if isinstance(item, VideoPacket) and item.captured_s is not None:
            self._timeline.note(item.pts, item.captured_s)
        return item

    def _warn(self) -> None:
        """Tell the machine when the sound has become bad, and when it is good again."""
        warning = self._writer.sound_warning
        if warning is not self._warning:
            self._warning = warning
            kind = Kind.SOUND_BAD if warning else Kind.SOUND_GOOD
            self._say(kind, _End(TakeEnd.STOPPED, warning.value if warning else ""))

    def _say(self, kind: Kind, end: _End) -> None:
        self._post(Event(kind=kind, at_s=self._clock.monotonic_s(), cause=end.cause, reason=end.detail))
