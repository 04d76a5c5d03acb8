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

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from controller.accounts.models import Account, Role
from controller.devices.counters import forget_counters
from controller.devices.history import Deed, Happening, note_event
from controller.devices.models import LIVING, Device, DeviceState
from controller.devices.policies import issue_policy
from controller.devices.policy import BLINK_HOLDS, RETIREMENT_HOLDS, RULES, WIPES_AFTER, Change, is_allowed
from controller.devices.unit_commands import Wish, issue_command
from controller.enrollment.models import EnrollmentSecret
from controller.enrollment.revocation import revoke_unit
from controller.errors import OperatorError
from controller.services import Services
from controller.uploads.models import LeaseRow
from protocol.commands import Task
from protocol.room.facts import require_label

LONGEST_SITE, LONGEST_ROOM, LONGEST_TAG, MOST_TAGS = 80, 120, 40, 20


class ChangeRefusedError(OperatorError):
    """A change that cannot be made: the field that is wrong, why, and what to do."""

    def __init__(self, field: str, detail: str, remedy: str) -> None:
        super().__init__(f"{field}: {detail}; {remedy}")
        self.field = field
        self.detail = detail
        self.remedy = remedy


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
    detail = f"{len(meant)} units are called {unit!r}" if meant else f"there is no unit {unit[:40]!r}"
    raise ChangeRefusedError("unit", detail, "name one by its id, as `backrow controller device list --all` shows it")


@contextmanager
def changing(services: Services, unit: str, change: Change) -> Iterator[tuple[Session, Device]]:
    """Open one transaction for a change that the law allows to a unit, and lead it to its next state at the end."""
    with services.database.writing() as session:
        row = find_unit(session, unit)
        require_allowed(change, row)
        yield session, row
        if (leads_to := RULES[change].leads_to) is not None:
            row.state = leads_to


def require_allowed(change: Change, row: Device) -> None:
    """Raise `ChangeRefusedError` unless the law allows a change to a unit as it is."""
    if not is_allowed(change, row.state):
        allowed = ", ".join(sorted(RULES[change].allowed_in))
        raise ChangeRefusedError(
            "state", f"expected a unit that is {allowed}, got {row.label}, which is {row.state}", "choose another unit"
        )


def identify(services: Services, unit: str, deed: Deed) -> Device:
    """Let a unit's lamp blink for ten seconds, when it is at rest within two minutes."""
    with changing(services, unit, Change.IDENTIFY) as (session, row):
        issue_command(services, session, row.id, Wish(task=Task.IDENTIFY, holds=BLINK_HOLDS))
        note_event(session, row.id, Happening.IDENTIFIED, deed)
    return row


def move(services: Services, unit: str, place: Place, deed: Deed) -> Device:
    """Give a unit another place or owner; a new owner's policy goes out with it."""
    with changing(services, unit, Change.MOVE) as (session, row):
        told = _put(services, session, row, place)
        if not told:
            raise ChangeRefusedError("place", "nothing would change", "name a label, room, site, owner or tags")
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
    if any(line.startswith("owner:") for line in told):
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
    except ValueError as error:
        raise ChangeRefusedError("label", str(error), "choose another one") from None
    return label.strip()


def _require_short(field: str, text: str, longest: int) -> str:
    trimmed = text.strip()
    if len(trimmed) > longest or not trimmed.isprintable():
        raise ChangeRefusedError(
            field, f"expected one line of at most {longest} characters, got {len(trimmed)}", "shorten it"
        )
    return trimmed


def _require_tags(tags: Sequence[str]) -> list[str]:
    if len(tags) > MOST_TAGS:
        raise ChangeRefusedError("tags", f"expected at most {MOST_TAGS}, got {len(tags)}", "name fewer")
    return sorted({tag for each in tags if (tag := _require_short("tags", each, LONGEST_TAG))})


def _require_teacher(session: Session, owner: str) -> str:
    account = (
        session.get(Account, owner)
        or session.scalars(select(Account).where(Account.email == owner.strip().lower())).first()
    )
    if account is None or account.role is not Role.TEACHER:
        raise ChangeRefusedError(
            "owner", f"{owner[:80]!r} is no teacher's account or address", "make the teacher's account first"
        )
    return account.id


def swap(services: Services, unit: str, spare: str, deed: Deed) -> Device:
    """Put a spare in the place of a unit, in one step: label, room, site, tags and owner; give the spare.

    A unit that still lives gets the spare's place. The room card stays each unit's own: it tells of the pins and times
    in that unit's device.toml, which do not change by this.
    """
    with changing(services, spare, Change.SWAP) as (session, new):
        old = find_unit(session, unit)
        if old.id == new.id:
            raise ChangeRefusedError("spare", "expected another unit, got the same one", "name the spare")
        here, there = _place_of(old), _place_of(new)
        _put(services, session, new, here)
        if old.state in LIVING:
            _put(services, session, old, there)
        note_event(session, new.id, Happening.TOOK_OVER, deed, f"{new.label}, from {old.id}")
        note_event(session, old.id, Happening.REPLACED, deed, f"{new.label}, by {new.id}")
    return new


def _place_of(row: Device) -> Place:
    return Place(
        label=row.label, room_name=row.room_name, site=row.site, owner=row.owner, tags=json.loads(row.tags or "[]")
    )


def accept(services: Services, unit: str, why: str, deed: Deed) -> Device:
    """Let a quarantined unit deliver again, a person having looked at it; `why` is what was found."""
    found = _require_short("why", why, 200)
    if not found:
        raise ChangeRefusedError("why", "expected what was found when somebody looked, got nothing", "say it")
    with changing(services, unit, Change.ACCEPT) as (session, row):
        row.state_reason = ""
        forget_counters(session, row.id)
        note_event(session, row.id, Happening.ACCEPTED, deed, found)
    return row


def retire(services: Services, unit: str, deed: Deed) -> Device:
    """Take a unit out of use: it records no more, delivers what it holds, and wipes itself after a day or more."""
    with changing(services, unit, Change.RETIRE) as (session, row):
        wish = Wish(task=Task.RETIRE, holds=RETIREMENT_HOLDS, not_before=deed.at + WIPES_AFTER)
        issue_command(services, session, row.id, wish)
        _end_secrets(session, row.id, deed.at)
        row.state_reason = ""
        note_event(session, row.id, Happening.RETIRED, deed)
    return row


def declare_lost(services: Services, unit: str, deed: Deed) -> Device:
    """Let a unit in no more, by certificate, secret or lease, from this transaction on; `losing.py` does the rest."""
    with changing(services, unit, Change.LOSE) as (session, row):
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


def deed_of(services: Services, by: str) -> Deed:
    """Say who acts, now."""
    now: datetime = services.clock()
    return Deed(by, now)
