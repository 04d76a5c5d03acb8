"""One recording that is being made: its segments one after the other, and every line of its manifest.

The order is the promise: `opened` is durable before a segment's media, `sealed` says what is on the disk already.
The media writer's thread and the main loop both write lines, one at a time. Grammar: docs/protocol/manifest.md.
"""

from __future__ import annotations

import threading

from device.spool.manifest import ManifestWriter
from device.spool.sealing import SegmentWriter
from device.spool.store import SpoolStore
from protocol.envelope import Recipient, parse_recipient
from protocol.manifest import Closed, CloseReason, Content, Event, EventName, Manifest, Moment, Opened, Sealed


class OpenRecording:
    """A recording whose manifest is not closed. `manifest` tells how far it had come when it was taken up.

    `paused`: when the pause began in which it was taken up, if it was.
    """

    def __init__(self, store: SpoolStore, manifest: Manifest, writer: ManifestWriter) -> None:
        self.name = manifest.begun.recording
        self.begun = manifest.begun
        self.began = manifest.began
        self.paused = _find_pause(manifest)
        self._recipient: Recipient = parse_recipient(manifest.begun.recipient)
        self._store = store
        self._writer = writer
        self._lock = threading.Lock()
        self._segments = len(manifest.segments)
        self._takes = manifest.segments[-1].opened.take if manifest.segments else 0
        self._ticks = sum(s.ended.duration_ticks for s in manifest.segments if isinstance(s.ended, Sealed))

    @property
    def next_take(self) -> int:
        """Number the take whose first segment is opened next."""
        return self._takes + 1

    def open_segment(self, take: int) -> SegmentWriter:
        """Begin the next segment: its header, then its `opened` line are durable, and no media yet."""
        number = self._segments + 1
        path = self._store.object_path(self.name, number)
        segment = SegmentWriter(path, number=number, recipient=self._recipient, files=self._store.files)
        try:
            self._append(Opened(index=number, take=take, header_digest=segment.header_digest))
        except OSError:
            segment.abandon()
            self._store.remove_object(self.name, number)  # it holds a header and no media, and no line names it
            raise
        self._segments, self._takes = number, take
        return segment

    def seal_segment(self, segment: SegmentWriter) -> None:
        """End a segment; its `sealed` line is durable on return."""
        sealed = segment.finish()
        self._append(sealed)
        self._ticks += sealed.duration_ticks

    def note(self, event: Event) -> None:
        """Write down something that happened."""
        self._append(event)

    def close(self, reason: CloseReason) -> None:
        """Write the last line; every segment must have ended."""
        self._append(Closed(reason=reason, segments=self._segments, duration_ticks=self._ticks))

    def _append(self, content: Content) -> None:
        with self._lock:
            self._writer.append(content)


def _find_pause(manifest: Manifest) -> Moment | None:
    """Give the moment of the last `pause`, unless a `resume` stands after it."""
    for line in reversed(manifest.events):
        if isinstance(line.content, Event) and line.content.name in (EventName.PAUSE, EventName.RESUME):
            return line.moment if line.content.name is EventName.PAUSE else None
    return None
