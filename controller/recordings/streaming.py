"""What the player asks for: the playlist, and ranges of segments, decrypted as they leave.

Login and ownership are checked with every request, and every view is written down before the first byte. Range
requests are defined by RFC 9110, section 14; only single ranges are honoured, others are answered whole.
"""

from __future__ import annotations

from contextlib import ExitStack

from flask import Blueprint, Response, abort, request
from werkzeug.datastructures import ContentRange

from controller.accounts.models import Role
from controller.audit.services import note_view
from controller.auth.access import for_roles, signed_in
from controller.recordings.hls import render_playlist
from controller.recordings.ownership import require_playable
from controller.recordings.playback import NotHeldError, Playback, Source, read_pieces
from controller.services import Services

PLAYLIST_TYPE = "application/vnd.apple.mpegurl"


class StreamPages:
    """The player's requests."""

    def __init__(self, services: Services, playback: Playback) -> None:
        self._services = services
        self._playback = playback

    def add_to(self, room: Blueprint) -> None:
        """Add the addresses."""
        room.add_url_rule("/recordings/<recording>/stream.m3u8", view_func=self.playlist)
        room.add_url_rule("/recordings/<recording>/media/<int:index>", view_func=self.media)

    @for_roles(Role.TEACHER)
    def playlist(self, recording: str) -> Response:
        """Give the playlist of a recording; this is a view and is written down."""
        source = self._require(recording)
        try:
            stream = self._playback.plan(source)
        except NotHeldError:
            abort(404)
        return Response(render_playlist(stream, lambda index: f"media/{index}"), mimetype=PLAYLIST_TYPE)

    @for_roles(Role.TEACHER)
    def media(self, recording: str, index: int) -> Response:
        """Give a segment's plaintext, or the one range of it that is asked for."""
        source = self._require(recording)
        with ExitStack() as stack:
            try:
                reader = stack.enter_context(self._playback.open_segment(source, index))
            except NotHeldError:
                abort(404)
            asked = _asked_range(reader.size)
            start, stop = asked or (0, reader.size)
            answer = Response(read_pieces(reader, start, stop), mimetype="video/mp4")
            answer.headers["Accept-Ranges"] = "bytes"
            answer.content_length = stop - start
            if asked:
                answer.status_code = 206
                answer.content_range = ContentRange("bytes", start, stop, reader.size)
            answer.call_on_close(stack.pop_all().close)
        return answer

    def _require(self, recording: str) -> Source:
        services = self._services
        with services.database.reading() as session:
            source = require_playable(session, recording)
        note_view(services.database, recording=recording, viewer=signed_in().id, now=services.clock())
        return source


def _asked_range(size: int) -> tuple[int, int] | None:
    """Give start and stop of the single range that is asked for; None for the whole; 416 when it lies outside."""
    asked = request.range
    if asked is None or asked.units != "bytes" or len(asked.ranges) != 1 or "If-Range" in request.headers:
        return None
    found = asked.range_for_length(size)
    if found is None:
        abort(Response(status=416, headers={"Content-Range": f"bytes */{size}", "Accept-Ranges": "bytes"}))
    return found
