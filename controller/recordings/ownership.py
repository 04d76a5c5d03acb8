"""Whose recording it is: for everybody but its owner a recording does not exist.

Every view of the room comes through here, with every request.
"""

from __future__ import annotations

from flask import abort
from sqlalchemy.orm import Session

from controller.auth.access import signed_in
from controller.recordings import policy, repo
from controller.recordings.models import Ownership, Recording, RecordingState
from controller.recordings.playback import Source


def require_named(session: Session, recording: str) -> Recording:
    """Give a recording of which the person who is signed in is the owner, asked or not; 404 for everything else."""
    row = repo.find_owned(session, recording, signed_in().id)
    if row is None or row.state is RecordingState.DESTROYED:
        abort(404)
    return row


def require_owned(session: Session, recording: str) -> Recording:
    """Give a recording that the person who is signed in said is theirs, deleted ones included; 404 for all else."""
    row = require_named(session, recording)
    if row.ownership is not Ownership.CONFIRMED:
        abort(404)
    return row


def require_playable(session: Session, recording: str) -> Source:
    """Give what is needed to play a recording of the person who is signed in; 404 when it is locked or not there."""
    row = require_owned(session, recording)
    if not policy.may_play(row.state, row.ownership):
        abort(404)
    return source_of(session, row)


def source_of(session: Session, row: Recording) -> Source:
    """Give what is needed to read a recording's manifest."""
    return Source(recording=row.id, recorder_key=row.recorder_key)
