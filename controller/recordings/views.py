"""Pages of the recordings, for their owner alone: the list, one recording, its bookmarks, its deletion.

Deletion locks at once and can be undone for some days; what that means is decided in controller/recordings/policy.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TypedDict

from flask import Blueprint, Flask, Response, abort, flash, jsonify, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from controller.accounts.models import Role
from controller.audit.services import list_watched
from controller.auth.access import for_roles, open_to, signed_in
from controller.auth.languages import gettext
from controller.claims.claiming import offered_to
from controller.claims.history import list_said
from controller.nights.owners import outlooks
from controller.nights.prospects import Outlook
from controller.recordings import late, policy, repo
from controller.recordings.models import Ownership, Recording, RecordingState
from controller.recordings.ownership import require_named, require_owned, require_playable, source_of
from controller.recordings.playback import Bookmark, Playback, make_playback
from controller.recordings.services import delete_recording, undo_deletion
from controller.recordings.streaming import StreamPages
from controller.recordings.titles import (
    DAMAGE,
    DAMAGE_MEANS,
    Verdict,
    clock_text,
    describe_sound,
    describe_state,
    round_length,
)
from controller.rest.operations import Instant, Operation
from controller.services import Services
from controller.storage.bounds import bound_of
from controller.uploads.wishes import find_today
from protocol.codec import format_instant


def register(app: Flask, services: Services) -> None:
    """Add the room's pages."""
    playback = make_playback(services)
    room = Blueprint("recordings", __name__)
    RecordingPages(services, playback).add_to(room)
    StreamPages(services, playback).add_to(room)
    app.register_blueprint(room)
    app.jinja_env.filters["clock"] = clock_text


NOTHING_KNOWN = Outlook()


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One recording as the pages show it."""

    row: Recording
    state: Verdict
    sound: Verdict
    length: tuple[int, str]
    may_undo: bool
    damage: policy.Damage | None = None
    outlook: Outlook = NOTHING_KNOWN

    @property
    def damage_words(self) -> str:
        """Give what is said of the damage, to be translated."""
        return DAMAGE_MEANS[self.damage] if self.damage else ""

    @property
    def opens(self) -> bool:
        """Tell whether there is something to play."""
        is_shut = self.damage in (policy.Damage.KEY_ASKED, policy.Damage.KEY_LOST)
        return policy.may_play(self.row.state, self.row.ownership) and not is_shut

    @property
    def asks(self) -> bool:
        """Tell whether its owner has to say first that it is theirs: until then nothing else is shown of it."""
        return self.row.ownership is Ownership.PROVISIONAL

    @property
    def is_short(self) -> bool:
        """Tell whether it is so short that it is offered to be discarded."""
        return policy.is_short(self.row.state, duration_ms=self.row.duration_ms, closed=self.row.closed)

    @property
    def id(self) -> str:
        """Give the recording's id."""
        return self.row.id


class RecordingTold(TypedDict):
    """One recording, as its owner's programs are told of it; all but its time only once they said that it is theirs."""

    id: str
    title: str
    state: RecordingState
    ownership: Ownership
    began_at: Instant
    duration_ms: int | None
    sound_verdict: str | None
    speech_permille: int | None
    segments: int | None


class RecordingsAnswer(TypedDict):
    """One's own recordings, the newest first."""

    recordings: list[RecordingTold]


OPERATIONS = (
    Operation(
        name="listing_for_programs",
        path="/api/v1/recordings",
        summary="List one's own recordings.",
        answer=RecordingsAnswer,
        roles=(Role.TEACHER,),
    ),
)


class RecordingPages:
    """What an owner sees and does."""

    def __init__(self, services: Services, playback: Playback) -> None:
        self._services = services
        self._playback = playback

    def add_to(self, room: Blueprint) -> None:
        """Add the pages' addresses."""
        one = "/recordings/<recording>"
        room.add_url_rule("/recordings", view_func=self.listing)
        room.add_url_rule("/recordings/list", view_func=self.live_list)
        for asked in OPERATIONS:
            room.add_url_rule(asked.path, view_func=open_to(asked.roles, getattr(self, asked.name)))
        room.add_url_rule(one, view_func=self.show)
        room.add_url_rule(f"{one}/late/aside", view_func=self.put_late_aside, methods=["POST"])
        room.add_url_rule(f"{one}/title", view_func=self.rename, methods=["POST"])
        room.add_url_rule(f"{one}/bookmarks/<int:line>", view_func=self.name_bookmark, methods=["POST"])
        room.add_url_rule(f"{one}/delete", view_func=self.confirm_delete)
        room.add_url_rule(f"{one}/delete", view_func=self.delete, methods=["POST"])
        room.add_url_rule(f"{one}/undelete", view_func=self.undelete, methods=["POST"])

    @for_roles(Role.TEACHER)
    def listing(self) -> str:
        """Show one's own recordings."""
        return self._render_list("recordings/listing.html")

    @for_roles(Role.TEACHER)
    def live_list(self) -> str:
        """Give the part of the page that changes by itself."""
        return self._render_list("recordings/_list.html")

    def listing_for_programs(self) -> Response:
        """List one's own recordings as JSON."""
        with self._services.database.reading() as session:
            rows = repo.recordings_of(session, signed_in().id)
        return jsonify(RecordingsAnswer(recordings=[_describe_for_programs(row) for row in rows]))

    @for_roles(Role.TEACHER)
    def show(self, recording: str) -> AnyResponse | str:
        """Show one recording: its player and bookmarks when it is ready, and who has watched it.

        Of one whose owner was not asked yet nothing is shown but the question.
        """
        with self._services.database.reading() as session:
            row = require_named(session, recording)
            if row.ownership is Ownership.PROVISIONAL:
                return redirect(url_for("claims.ask", recording=recording))
            watched, said = list_watched(session, recording), list_said(session, recording)
            entry = self._describe(row, repo.damage_of(session, [row.id]))
            entry = replace(entry, outlook=self._look_out(session, [row]).get(row.id, NOTHING_KNOWN))
            bookmarks = self._find_bookmarks(session, row) if entry.opens else ()
            today = find_today(self._services, session, row) if row.state is RecordingState.ARRIVING else None
        shown = {"entry": entry, "watched": watched, "said": said, "bookmarks": bookmarks, "today": today}
        return render_template("recordings/recording.html", **shown)

    @for_roles(Role.TEACHER)
    def rename(self, recording: str) -> AnyResponse:
        """Give the recording a title; an empty one brings the date back."""
        with self._services.database.writing() as session:
            repo.rename_recording(require_owned(session, recording), request.form.get("title", ""))
        flash(gettext("Saved."))
        return redirect(url_for("recordings.show", recording=recording))

    @for_roles(Role.TEACHER)
    def name_bookmark(self, recording: str, line: int) -> AnyResponse | str:
        """Name a bookmark; htmx gets the one row back, a plain form the page."""
        name = request.form.get("name", "")
        with self._services.database.writing() as session:
            source = require_playable(session, recording)
            if not self._playback.has_bookmark(source, line):
                abort(404)
            repo.name_bookmark(session, recording=recording, line=line, name=name, now=self._services.clock())
        if "HX-Request" in request.headers:
            return gettext("Saved.")
        return redirect(url_for("recordings.show", recording=recording, _anchor=f"bookmark-{line}"))

    @for_roles(Role.TEACHER)
    def confirm_delete(self, recording: str) -> str:
        """Ask before deleting, and say what happens."""
        days = self._services.config.retention.delete_undo_days
        file_at = self._services.clock() + timedelta(days=days)
        with self._services.database.reading() as session:
            row = require_owned(session, recording)
            bound = bound_of(self._services, session, row, file_at=file_at)
        return render_template("recordings/delete.html", entry=self._describe(row), days=days, bound=bound)

    @for_roles(Role.TEACHER)
    def delete(self, recording: str) -> AnyResponse:
        """Lock the recording at once."""
        undo_days = self._services.config.retention.delete_undo_days
        with self._services.database.writing() as session:
            delete_recording(require_owned(session, recording), now=self._services.clock(), undo_days=undo_days)
        flash(gettext("Deleted. Nobody can watch it any more. You can undo this on this page."))
        return redirect(url_for("recordings.listing"))

    @for_roles(Role.TEACHER)
    def undelete(self, recording: str) -> AnyResponse:
        """Take a deletion back."""
        with self._services.database.writing() as session:
            undone = undo_deletion(require_owned(session, recording), now=self._services.clock())
        flash(gettext("The recording is back.") if undone else gettext("This can no longer be undone."))
        return redirect(url_for("recordings.listing"))

    @for_roles(Role.TEACHER)
    def put_late_aside(self, recording: str) -> AnyResponse:
        """Take the note of a recording that came too late off its owner's page."""
        with self._services.database.writing() as session:
            if not late.put_aside(session, recording, owner=signed_in().id, now=self._services.clock()):
                abort(404)
        return redirect(url_for("recordings.listing"))

    def _render_list(self, template: str) -> str:
        with self._services.database.reading() as session:
            rows = repo.recordings_of(session, signed_in().id)
            too_late = late.are_late(session, [row.id for row in rows if row.state is RecordingState.ARRIVING])
            notes = late.late_of(session, signed_in().id)
            damage = repo.damage_of(session, [row.id for row in rows])
            coming = self._look_out(session, [row for row in rows if row.id not in too_late])
            is_asked = bool(offered_to(self._services, session, signed_in().id))
        entries = [
            replace(self._describe(row, damage), outlook=coming.get(row.id, NOTHING_KNOWN))
            for row in rows
            if row.id not in too_late
        ]
        return render_template(
            template,
            late=notes,
            is_asked=is_asked,
            entries=[entry for entry in entries if entry.row.state is not RecordingState.LOCKED],
            deleted=[entry for entry in entries if entry.row.state is RecordingState.LOCKED],
        )

    def _describe(self, row: Recording, damaged: Mapping[str, tuple[datetime, int]] = MappingProxyType({})) -> Entry:
        now, found = self._services.clock(), damaged.get(row.id)
        damage = policy.judge_damage(since=found[0], lowest_index=found[1], now=now) if found else None
        is_told = damage is not None and row.state is RecordingState.READY
        return Entry(
            row=row,
            state=DAMAGE[damage] if damage and is_told else describe_state(row.state),
            sound=describe_sound(row.sound_verdict),
            length=round_length(row.duration_ms),
            may_undo=policy.may_undo(row.state, destroy_after=row.destroy_after, now=now),
            damage=damage if is_told else None,
        )

    def _look_out(self, session: Session, rows: Sequence[Recording]) -> Mapping[str, Outlook]:
        return outlooks(self._services, session, rows)

    def _find_bookmarks(self, session: Session, row: Recording) -> Sequence[Bookmark]:
        if not policy.may_play(row.state, row.ownership):
            return ()
        source = source_of(session, row)
        names = repo.bookmark_names(session, row.id)
        return self._playback.find_bookmarks(source, self._playback.plan(source), names)


def _describe_for_programs(row: Recording) -> RecordingTold:
    is_theirs = row.ownership is Ownership.CONFIRMED
    return {
        "id": row.id,
        "title": row.title if is_theirs else "",
        "state": row.state,
        "ownership": row.ownership,
        "began_at": format_instant(row.began_at),
        "duration_ms": row.duration_ms if is_theirs else None,
        "sound_verdict": row.sound_verdict if is_theirs else None,
        "speech_permille": row.speech_permille if is_theirs else None,
        "segments": row.segments if is_theirs else None,
    }
