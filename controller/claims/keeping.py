"""What the jobs do for claims at each look: the beat that shows standstills, and what nobody answers for or claims.

The beat comes first: a look after a standstill knows of it before any deadline is judged. Everything is a transaction
of its own, judged anew inside it; killed between any two of them, the next look goes on. The key itself is destroyed by
the job that carries out deletions (controller/jobs).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from controller.accounts.models import AccountRole, Role
from controller.calendar.clock import Span
from controller.claims.models import THE_ROW, Claim, ClaimState, Heartbeat, Standstill, Unclaimed
from controller.claims.policy import Said
from controller.claims.school_days import DAY, deadline, judge_beat
from controller.claims.services import LIVING, Word, say
from controller.claims.whereabouts import school_days
from controller.consent.repo import newest_rules
from controller.consent.rules import Rules
from controller.devices.models import Device
from controller.recordings.models import Ownership, Recording, RecordingState
from controller.recordings.services import delete_recording
from controller.services import Services

NOBODYS = (Ownership.UNCLAIMED, Ownership.CLAIMED)


def keep_claims(services: Services) -> int:
    """Do all that is due; tell how many recordings nobody claimed in time."""
    beat(services)
    leave_gone(services)
    leave_unanswered(services)
    return end_unclaimed(services)


def beat(services: Services) -> None:
    """Write down that the controller runs, and since when it did not where it was down."""
    now = services.clock()
    with services.database.writing() as session:
        row = session.get(Heartbeat, THE_ROW)
        stood_still = judge_beat(row.at if row else None, now).stood_still
        if stood_still:
            session.add(Standstill(begins_at=stood_still[0], ends_at=stood_still[1]))
        # a clock that was set back: nothing has stood still that is still to come
        session.execute(delete(Standstill).where(Standstill.begins_at >= now))
        session.execute(update(Standstill).where(Standstill.ends_at > now).values(ends_at=now))
        if row is None:
            session.add(Heartbeat(id=THE_ROW, at=now))
        else:
            row.at = now


def leave_gone(services: Services) -> int:
    """Make nobody's what was asked of somebody who is no teacher any more; tell how many."""
    teachers = select(AccountRole.account).where(AccountRole.role == Role.TEACHER)
    asked = (Recording.ownership == Ownership.PROVISIONAL) & Recording.state.in_(LIVING)
    with services.database.reading() as session:
        gone = session.scalars(select(Recording.id).where(asked, Recording.owner.not_in(teachers))).all()
    return sum(_leave_one(services, recording) for recording in gone)


def _leave_one(services: Services, recording: str) -> bool:
    with services.database.writing() as session:
        row = session.get_one(Recording, recording, with_for_update=True)
        return say(session, row, Word(said=Said.OWNER_GONE, at=services.clock()))


def leave_unanswered(services: Services) -> int:
    """Make nobody's what whoever was asked did not answer for in time; tell how many. They are asked on."""
    with services.database.reading() as session:
        # so many school days take at least as many days, the first one counted: younger ones need no calendar
        latest = services.clock() - (rules_of(session).claim_days - 1) * DAY
        asked = (Recording.ownership == Ownership.PROVISIONAL) & (Recording.state == RecordingState.READY)
        rows = session.scalars(select(Recording).where(asked, Recording.ready_at <= latest)).all()
        over = [row.id for row in rows if _is_over(services, session, row)]
    return sum(_leave_unanswered_one(services, recording) for recording in over)


def _leave_unanswered_one(services: Services, recording: str) -> bool:
    """Leave one in a transaction of its own, unless its owner answered meanwhile; tell whether it was left."""
    with services.database.writing() as session:
        row = session.get_one(Recording, recording, with_for_update=True)
        if row.ownership is not Ownership.PROVISIONAL or row.state is not RecordingState.READY:
            return False
        if not _is_over(services, session, row):
            return False
        return say(session, row, Word(said=Said.UNANSWERED, at=services.clock()))


def end_unclaimed(services: Services) -> int:
    """Lock for good what nobody claimed in time; tell how many. Their keys are destroyed with the next deletions."""
    waiting = (Recording.ownership.in_(NOBODYS)) & (Recording.state == RecordingState.READY)
    with services.database.reading() as session:
        rows = session.scalars(select(Recording).where(waiting)).all()
        over = [row.id for row in rows if _is_over(services, session, row)]
    return sum(_end_one(services, recording) for recording in over)


def _end_one(services: Services, recording: str) -> bool:
    """End one in a transaction of its own, unless somebody claimed it meanwhile; tell whether it was ended."""
    with services.database.writing() as session:
        row = session.get_one(Recording, recording, with_for_update=True)
        now = services.clock()
        if row.state is not RecordingState.READY or not _is_over(services, session, row):
            return False
        if not say(session, row, Word(said=Said.OVER, at=now)):
            return False
        session.execute(delete(Unclaimed).where(Unclaimed.recording == recording))
        return delete_recording(row, now=now, undo_days=0)


def _is_over(services: Services, session: Session, row: Recording) -> bool:
    ends_at = deadline_of(services, session, row)
    return ends_at is not None and ends_at <= services.clock()


def deadline_of(services: Services, session: Session, row: Recording) -> datetime | None:
    """Tell by when a recording must be answered for or, nobody's, be claimed; None while not ready, or confirmed."""
    begins_at = _begins_at(session, row)
    if begins_at is None:
        return None
    zone = services.config.controller.time_zone
    site = session.get_one(Device, row.device).site
    school = school_days(session, zone, site, begins_at.astimezone(zone).date())
    return deadline(begins_at, rules_of(session).claim_days, school, _standstills(session, begins_at))


def _begins_at(session: Session, row: Recording) -> datetime | None:
    """Give from when on the days count: it is ready; once it is nobody's since then; and since its last claim."""
    if row.ownership is Ownership.PROVISIONAL:
        return row.ready_at
    waiting = session.get(Unclaimed, row.id)
    if row.ready_at is None or waiting is None or row.ownership not in NOBODYS:
        return None
    asked = select(Claim.said_at).where(Claim.recording == row.id, Claim.state == ClaimState.WAITING)
    said_at: Sequence[datetime] = session.scalars(asked).all()
    return max(row.ready_at, waiting.since, *said_at)


def _standstills(session: Session, since: datetime) -> Sequence[Span]:
    rows = session.scalars(select(Standstill).where(Standstill.ends_at > since)).all()
    return [(row.begins_at, row.ends_at) for row in rows]


def rules_of(session: Session) -> Rules:
    """Give the rules that hold; without rules of its own a school goes by the defaults."""
    found = newest_rules(session)
    return found[1] if found else Rules()
