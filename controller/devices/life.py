"""What people do to units: find one, move it, put a spare in its place, accept, retire, declare it lost.

Every change asks the law (policy.py), is one transaction with its line of history, and is told to the unit by a signed
document. Nothing here knows of recordings; what a lost unit held is breach.py's, which seals what it finds (losing.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from controller.accounts.models import Account, Role
from controller.accounts.roles import roles_of
from controller.devices.counters import forget_counters
from controller.devices.history import PLACING, Deed, Happening, newest_of, note_event
from controller.devices.models import LIVING, Device, DeviceState
from controller.devices.policies import issue_policy
from controller.devices.policy import BLINK_HOLDS, RETIREMENT_HOLDS, RULES, WIPES_AFTER, Change, is_allowed
from controller.devices.refusals import ChangeRefusedError, Fault
from controller.devices.unit_commands import Wish, issue_command
from controller.enrollment.models import EnrollmentRequest, EnrollmentSecret
from controller.enrollment.revocation import revoke_unit
from controller.services import Services
from controller.timetable.repo import require_room
from controller.uploads.models import LeaseRow
from protocol.commands import Task
from protocol.room.facts import LONGEST_LABEL, require_label

INSTEAD = {
    (Change.RETIRE, DeviceState.PENDING): Fault.NEVER_JOINED,
    (Change.REMOVE, DeviceState.ACTIVE): Fault.HAS_JOINED,
    (Change.REMOVE, DeviceState.QUARANTINED): Fault.HAS_JOINED,
}
"""Where a person means another change of the two ways out of the registry."""
TELLING = ("owner:", "room_name:", "site:")
"""What of a place its policy hangs on: whose it is, and in which room it stands."""
LONGEST_SITE, LONGEST_ROOM, LONGEST_TAG, MOST_TAGS = 80, 120, 40, 20


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a unit shall be and whose it shall be; None leaves as it is."""

    label: str | None = None
    room_name: str | None = None
    site: str | None = None
    owner: str | None = None
    tags: Sequence[str] | None = None


def find_unit(session: Session, unit: str) -> Device:
    """Give a unit by its id, or by a label that one living unit alone has; raise `ChangeRefusedError`.

    A label that only a unit which is gone has names that one: whoever declared it lost says so once more by its name.
    """
    row = session.get(Device, unit)
    if row is not None:
        return row
    called = session.scalars(select(Device).where(Device.label == unit)).all()
    meant = [row for row in called if row.state in LIVING] or called
    if len(meant) == 1:
        return meant[0]
    if meant:
        raise ChangeRefusedError(Fault.UNIT_AMBIGUOUS, "unit", unit=unit, number=len(meant))
    raise ChangeRefusedError(Fault.UNIT_UNKNOWN, "unit", unit=unit[:40])


@contextmanager
def changing(services: Services, unit: str, change: Change, deed: Deed) -> Iterator[tuple[Session, Device]]:
    """Open one transaction for a change that the law allows to a unit, and lead it to its next state at the end."""
    with services.database.writing() as session:
        row = _find_theirs(session, unit, deed)
        require_allowed(change, row)
        yield session, row
        if (leads_to := RULES[change].leads_to) is not None:
            row.state = leads_to


def _find_theirs(session: Session, unit: str, deed: Deed) -> Device:
    """Give a unit of a site that whoever acts runs, as it is in this transaction; any other does not exist for them."""
    row = find_unit(session, unit)
    if deed.within is not None and row.site not in deed.within:
        raise ChangeRefusedError(Fault.UNIT_UNKNOWN, "unit", unit=unit[:40])
    return row


def _require_site_within(site: str | None, deed: Deed) -> None:
    if site is not None and deed.within is not None and site.strip() not in deed.within:
        raise ChangeRefusedError(Fault.SITE_FOREIGN, "site", expected=", ".join(sorted(deed.within)), got=site[:80])


def require_allowed(change: Change, row: Device) -> None:
    """Raise `ChangeRefusedError` unless the law allows a change to a unit as it is."""
    if not is_allowed(change, row.state):
        allowed = tuple(sorted(RULES[change].allowed_in))
        fault = INSTEAD.get((change, row.state), Fault.STATE_FORBIDS)
        raise ChangeRefusedError(fault, "state", expected=allowed, label=row.label, state=row.state)


def identify(services: Services, unit: str, deed: Deed) -> Device:
    """Let a unit's lamp blink for ten seconds, when it is at rest within two minutes."""
    with changing(services, unit, Change.IDENTIFY, deed) as (session, row):
        issue_command(services, session, row.id, Wish(task=Task.IDENTIFY, holds=BLINK_HOLDS))
        note_event(session, row.id, Happening.IDENTIFIED, deed)
    return row


def move(services: Services, unit: str, place: Place, deed: Deed) -> Device:
    """Give a unit another place or owner; the policy of the new room or owner goes out with it (promise P3)."""
    with changing(services, unit, Change.MOVE, deed) as (session, row):
        _require_site_within(place.site, deed)
        told = _put(services, session, row, place)
        if not told:
            raise ChangeRefusedError(Fault.NOTHING_CHANGES, "place")
        note_event(session, row.id, Happening.MOVED, deed, "; ".join(told))
    return row


def _put(services: Services, session: Session, row: Device, place: Place) -> list[str]:
    """Change what differs, and tell it for the history: accounts by their ids, which mean nothing without the names."""
    told = []
    for name, value in _read_place(session, place).items():
        before = getattr(row, name)
        if value != before:
            setattr(row, name, value)
            told.append(f"{name}: {before or '-'} -> {value or '-'}")
    if row.room_name:
        require_room(session, row.site, row.room_name, services.random_bytes)
    if any(line.startswith(TELLING) for line in told):
        issue_policy(services, session, row)
    return told


def _read_place(session: Session, place: Place) -> dict[str, str]:
    wanted: dict[str, str] = {}
    if place.label is not None:
        wanted["label"] = _require_label(place.label)
    if place.room_name is not None:
        wanted["room_name"] = _require_short("room", place.room_name, LONGEST_ROOM)
    if place.site is not None:
        wanted["site"] = _require_short("site", place.site, LONGEST_SITE)
    if place.owner is not None:
        wanted["owner"] = _require_teacher(session, place.owner)
    if place.tags is not None:
        wanted["tags"] = json.dumps(_require_tags(place.tags), ensure_ascii=False)
    return wanted


def _require_label(label: str) -> str:
    try:
        require_label(label.strip(), "label")
    except ValueError:
        raise ChangeRefusedError(Fault.LABEL_MALFORMED, "label", most=LONGEST_LABEL, got=label[:130]) from None
    return label.strip()


def _require_short(field: str, text: str, longest: int) -> str:
    trimmed = text.strip()
    if len(trimmed) > longest:
        raise ChangeRefusedError(Fault.TEXT_TOO_LONG, field, most=longest, got=len(trimmed))
    if not trimmed.isprintable():
        raise ChangeRefusedError(Fault.TEXT_NOT_PRINTABLE, field)
    return trimmed


def _require_tags(tags: Sequence[str]) -> list[str]:
    if len(tags) > MOST_TAGS:
        raise ChangeRefusedError(Fault.TOO_MANY_TAGS, "tags", most=MOST_TAGS, got=len(tags))
    return sorted({tag for each in tags if (tag := _require_short("tags", each, LONGEST_TAG))})


def _require_teacher(session: Session, owner: str) -> str:
    account = (
        session.get(Account, owner)
        or session.scalars(select(Account).where(Account.email == owner.strip().lower())).first()
    )
    if account is None or Role.TEACHER not in roles_of(session, account.id):
        raise ChangeRefusedError(Fault.OWNER_UNKNOWN, "owner", owner=owner[:80])
    return account.id


def swap(services: Services, unit: str, spare: str, deed: Deed) -> Device:
    """Put a spare in the place of a unit, in one step: label, room, site, tags and owner; give the spare.

    A unit that still lives gets the spare's place; the same swap once more is refused, for it would undo the first.
    The room card stays each unit's own: it tells of the pins and times in that unit's device.toml, which stay.
    """
    with changing(services, spare, Change.SWAP, deed) as (session, new):
        old = _find_theirs(session, unit, deed)
        if old.id == new.id:
            raise ChangeRefusedError(Fault.SAME_UNIT, "spare")
        if _has_taken_over(session, new, old):
            raise ChangeRefusedError(Fault.SWAPPED_ALREADY, "replaces", label=new.label)
        here, there = _place_of(old), _place_of(new)
        _put(services, session, new, here)
        if old.state in LIVING:
            _put(services, session, old, there)
        note_event(session, new.id, Happening.TOOK_OVER, deed, _took_over(new, old))
        note_event(session, old.id, Happening.REPLACED, deed, f"{new.label}, by {new.id}")
    return new


def _took_over(new: Device, old: Device) -> str:
    return f"{new.label}, from {old.id}"


def _has_taken_over(session: Session, new: Device, old: Device) -> bool:
    """Tell whether this very swap was the last thing that gave both their places: done again it would be undone."""
    last, last_of_old = newest_of(session, new.id, PLACING), newest_of(session, old.id, PLACING)
    if last is None or last_of_old is None or last_of_old.what != Happening.REPLACED.value:
        return False
    return (last.what, last.detail) == (Happening.TOOK_OVER.value, _took_over(new, old))


def _place_of(row: Device) -> Place:
    return Place(
        label=row.label, room_name=row.room_name, site=row.site, owner=row.owner, tags=json.loads(row.tags or "[]")
    )


def accept(services: Services, unit: str, why: str, deed: Deed) -> Device:
    """Let a quarantined unit deliver again, a person having looked at it; `why` is what was found."""
    found = _require_short("why", why, 200)
    if not found:
        raise ChangeRefusedError(Fault.FINDING_MISSING, "why")
    with changing(services, unit, Change.ACCEPT, deed) as (session, row):
        row.state_reason = ""
        forget_counters(session, row.id)
        note_event(session, row.id, Happening.ACCEPTED, deed, found)
    return row


def retire(services: Services, unit: str, deed: Deed) -> Device:
    """Take a unit out of use: it records no more, delivers what it holds, and wipes itself after a day or more."""
    with changing(services, unit, Change.RETIRE, deed) as (session, row):
        wish = Wish(task=Task.RETIRE, holds=RETIREMENT_HOLDS, not_before=deed.at + WIPES_AFTER)
        issue_command(services, session, row.id, wish)
        _end_secrets(session, row.id, deed.at)
        row.state_reason = ""
        note_event(session, row.id, Happening.RETIRED, deed)
    return row


def remove(services: Services, unit: str, deed: Deed) -> Device:
    """Forget a unit that was prepared and never joined: its secret is void at once, its history alone stays.

    A key that a person had adopted as this unit and that has not fetched its certificate waits for a person again.
    """
    with changing(services, unit, Change.REMOVE, deed) as (session, row):
        _end_secrets(session, row.id, deed.at)
        session.execute(delete(EnrollmentRequest).where(EnrollmentRequest.device == row.id))
        row.policy_line, row.state_reason = None, ""
        note_event(session, row.id, Happening.REMOVED, deed, row.label)
    return row


def declare_lost(services: Services, unit: str, deed: Deed) -> Device:
    """Let a unit in no more, by certificate, secret or lease, from this transaction on; `losing.py` does the rest."""
    with changing(services, unit, Change.LOSE, deed) as (session, row):
        revoke_unit(session, row.id, why="lost", now=deed.at)
        _end_secrets(session, row.id, deed.at)
        running = LeaseRow.device == row.id, LeaseRow.revoked_at.is_(None)
        session.execute(update(LeaseRow).where(*running).values(revoked_at=deed.at))
        row.fence += 1
        if row.state is not DeviceState.LOST:
            note_event(session, row.id, Happening.LOST, deed)
        row.state_reason = ""
    return row


def _end_secrets(session: Session, device: str, now: datetime) -> None:
    """End the one-time secrets by which somebody could still enroll as this unit."""
    held = EnrollmentSecret.device == device, EnrollmentSecret.revoked_at.is_(None)
    session.execute(update(EnrollmentSecret).where(*held).values(revoked_at=now))


def deed_of(services: Services, by: str, within: frozenset[str] | None = None) -> Deed:
    """Say who acts, now, and on the units of which sites; None for all."""
    now: datetime = services.clock()
    return Deed(by, now, within)
