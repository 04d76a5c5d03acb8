"""Opens recordings for their player: plans the stream, finds the bookmarks, decrypts what is asked for.

The recording's identity is taken from the key store with each request, lives in memory for as long as it takes, and is
written nowhere. Who may ask is decided before (controller/recordings/streaming.py). Formats: docs/protocol/manifest.md.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from controller.recordings import policy, repo
from controller.recordings.boxes import BoxError, FoundFragments, find_fragments
from controller.recordings.hls import PlayableSegment, Stream, plan_stream
from controller.recordings.keystore import KeyStore
from controller.recordings.manifests import Manifests
from controller.recordings.store import ObjectStore
from controller.services import Services
from protocol.envelope import EnvelopeError, HeaderTruncatedError, RandomAccessReader, Tail
from protocol.errors import ProtocolError
from protocol.manifest import Event, EventName, Manifest, Recovered, Sealed, Segment

PIECE_BYTES = 1024 * 1024
log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Bookmark:
    """A moment that the teacher tapped: its line in the manifest, where it plays, and its name if it has one."""

    line: int
    position_s: float
    name: str


@dataclass(frozen=True, kw_only=True)
class Source:
    """Which recording, and the key that its manifest has to be signed with."""

    recording: str
    recorder_key: str


class NotHeldError(LookupError):
    """Something that is asked for was never held, or is not held any more: manifest, key or segment."""


@dataclass(frozen=True)
class Playback:
    """The parts that playing needs."""

    objects: ObjectStore
    key_store: KeyStore
    manifests: Manifests
    may_open: Callable[[str], bool]
    """Asked each time before a key is taken out of the store, whatever was asked before: deny by default."""

    def plan(self, source: Source) -> Stream:
        """Plan the stream of everything that is held; what a power cut ended is opened to find its fragments."""
        manifest = self._load(source)
        found = (self._describe(source, segment) for segment in manifest.segments)
        return plan_stream(segment for segment in found if segment)

    def find_bookmarks(self, source: Source, stream: Stream, names: dict[int, str]) -> list[Bookmark]:
        """Give the bookmarks that play somewhere, in order of the recording; `names` goes by manifest line."""
        bookmarks = []
        for line in self._load(source).events:
            event = line.content
            if not isinstance(event, Event) or event.name is not EventName.BOOKMARK:
                continue
            position = stream.position_s(event.take, event.at_ticks)
            if position is not None:
                bookmarks.append(Bookmark(line=line.number, position_s=position, name=names.get(line.number, "")))
        return sorted(bookmarks, key=lambda bookmark: bookmark.position_s)

    def has_bookmark(self, source: Source, line: int) -> bool:
        """Tell whether a line of the manifest is a bookmark."""
        contents = [found.content for found in self._load(source).events if found.number == line]
        return any(isinstance(event, Event) and event.name is EventName.BOOKMARK for event in contents)

    @contextmanager
    def open_segment(self, source: Source, index: int) -> Iterator[RandomAccessReader]:
        """Open a segment's plaintext for reading anywhere; raise `NotHeldError`."""
        segments = self._load(source).segments
        if not 0 < index <= len(segments):
            raise NotHeldError(f"recording {source.recording} has {len(segments)} segments, asked for {index}")
        with self._open(source, segments[index - 1]) as reader:
            yield reader

    def _require_open(self, source: Source) -> None:
        if not self.may_open(source.recording):
            raise NotHeldError(f"recording {source.recording} is locked: nobody may open it now")

    def _load(self, source: Source) -> Manifest:
        self._require_open(source)
        try:
            return self.manifests.load(source.recording, source.recorder_key)
        except (FileNotFoundError, ProtocolError):
            raise NotHeldError(f"recording {source.recording} has no manifest here that can be read") from None

    @contextmanager
    def _open(self, source: Source, segment: Segment) -> Iterator[RandomAccessReader]:
        self._require_open(source)
        tail = Tail.TORN if isinstance(segment.ended, Recovered) else Tail.WHOLE
        try:
            identity = self.key_store.get(source.recording)
            file = self.objects.open(source.recording, segment.index)
        except (FileNotFoundError, EnvelopeError, ValueError) as error:  # gone, or an entry that does not open
            raise NotHeldError(f"segment {segment.index} of recording {source.recording}: {error}") from None
        with closing(file):
            yield RandomAccessReader(file, [identity], tail=tail)

    def _describe(self, source: Source, segment: Segment) -> PlayableSegment | None:
        """Give a segment as far as it can be played; None when nothing of it can."""
        if segment.ended is None or self.objects.size_bytes(source.recording, segment.index) is None:
            return None
        if isinstance(segment.ended, Sealed):
            found = FoundFragments(init_bytes=segment.ended.init_bytes, fragments=segment.ended.fragments)
        else:
            found = self._search(source, segment)
        return PlayableSegment(
            index=segment.index, take=segment.opened.take, init_bytes=found.init_bytes, fragments=found.fragments
        )

    def _search(self, source: Source, segment: Segment) -> FoundFragments:
        """Find the fragments of a segment that was cut off; none when the cut was before the first."""
        try:
            with self._open(source, segment) as reader:
                return find_fragments(reader.read_at, reader.size)
        except (NotHeldError, HeaderTruncatedError, BoxError) as error:
            log.warning("a segment cannot be played; at the level DEBUG it is said which one and why")
            log.debug("segment %d of recording %s: %s", segment.index, source.recording, error)  # names a recording
            return FoundFragments(init_bytes=0, fragments=())


def make_playback(services: Services) -> Playback:
    """Put playing together; whether a recording may be opened is read from its row at each opening."""

    def may_open(recording: str) -> bool:
        standing = repo.find_standing(services.database, recording)
        return standing is not None and policy.may_play(*standing)

    return Playback(services.objects, services.key_store, services.manifests, may_open)


def read_pieces(reader: RandomAccessReader, start: int, stop: int) -> Iterator[bytes]:
    """Decrypt the range from `start` to before `stop`, a piece at a time."""
    for offset in range(start, stop, PIECE_BYTES):
        yield reader.read_at(offset, min(PIECE_BYTES, stop - offset))
