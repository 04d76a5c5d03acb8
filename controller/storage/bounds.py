"""By when nothing anywhere opens a recording that its owner deletes: what is known of file, rotation and epoch."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from controller.epochs import policy as epochs
from controller.epochs import repo
from controller.epochs.services import wait_of
from controller.recordings.models import Recording
from controller.services import Services
from controller.storage.policy import Bound, find_bound, rotated_by
from controller.storage.rotation import rotation_of
from protocol.errors import ProtocolError


def bound_of(services: Services, session: Session, row: Recording, *, file_at: datetime) -> Bound:
    """Give the bound of a recording whose key entry is destroyed at `file_at`."""
    now = services.clock()
    return find_bound(
        file_at=file_at,
        rotation_at=rotated_by(rotation_of(services), file_at=file_at, now=now),
        epoch_at=_epoch_ends_by(services, session, row, now),
    )


def _epoch_ends_by(services: Services, session: Session, row: Recording, now: datetime) -> datetime | None:
    try:
        name = services.manifests.load(row.id, row.recorder_key).begun.epoch
    except (FileNotFoundError, ProtocolError):
        return None
    end, span = repo.find_end(session, name), repo.find_span(session, name) or _listed(services, name)
    return epochs.ends_by(span, ended_at=end.ended_at if end else None, now=now, wait=wait_of(services))


def _listed(services: Services, name: str) -> epochs.Span | None:
    """Find an epoch in the newest list of recipients, before the jobs have written it down."""
    for epoch in services.keys.recipients.epochs:
        if epoch.name == name:
            return epochs.Span(name=name, begins_at=epoch.begins_at, ends_at=epoch.ends_at)
    return None
