"""Changes of the calendar: each is one transaction with its line of history, and holds from the next tick on.

Schedules follow by themselves (schedules.py). Who may change it is the door's question. Nothing here knows of
recordings.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from controller.calendar.models import CalendarEvent, FreeDays, OtherHours, SiteHours, UploadPause
from controller.calendar.policy import Cap, FreeDay, Hours, OtherDay, Trickle
from controller.calendar.rates import spell_rate
from controller.calendar.refusals import CalendarRefusedError, Fault
from controller.calendar.repo import SCHOOL, also_paused, free_days_of, read_hours, sites_in_use, write_hours
from controller.calendar.window import DayHours, spell_day
from controller.devices.history import Deed, Happening, note_event
from controller.devices.life import find_unit
from controller.devices.models import Device
from controller.devices.policies import renew_all
from controller.services import Services

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "free_day")
"""The days of a site's row in their order; the last are the hours of free days."""


class Changed(StrEnum):
    """What a line of the calendar's history can say."""

    HOURS = "hours"
    HOURS_DROPPED = "hours_dropped"
    CAPS = "caps"
    TRICKLE = "trickle"
    FREE_DAYS_ADDED = "free_days_added"
    FREE_DAYS_REMOVED = "free_days_removed"
    OTHER_DAY = "other_day"
    OTHER_DAY_REMOVED = "other_day_removed"
    PAUSED = "paused"
    RESUMED = "resumed"


@contextmanager
def changing(services: Services, site: str) -> Iterator[Session]:
    """Open one transaction for a change of a site's calendar; raise `CalendarRefusedError` for an unknown site."""
    with services.database.writing() as session:
        require_site(session, site)
        yield session


def require_site(session: Session, site: str) -> None:
    """Refuse a site that no unit has and for which nothing is entered: it would be a slip of the pen."""
    known = sites_in_use(session) | set(session.scalars(select(SiteHours.site))) | {SCHOOL}
    if site not in known:
        named = ", ".join(sorted(f"“{each}”" for each in known if each)) or "-"
        raise CalendarRefusedError(Fault.SITE_UNKNOWN, "site", got=site[:80], known=named)


def note_change(session: Session, site: str, what: Changed, deed: Deed, detail: str = "") -> None:
    """Write one line of the calendar's history."""
    session.add(CalendarEvent(site=site, at=deed.at, what=what.value, by=deed.by, detail=detail))


def set_hours(services: Services, site: str, days: Mapping[str, DayHours], deed: Deed) -> None:
    """Give some days of `DAYS` other windows; the others stay as they are."""
    with _changing_hours(services, site, deed) as (session, row, before):
        held = dict(zip(DAYS, (*before.weekly, before.free_day), strict=True))
        other = [name for name in DAYS if days.get(name, held[name]) != held[name]]
        told = [f"{name}: {spell_day(held[name])} -> {spell_day(days[name])}" for name in other]
        if not told:
            raise CalendarRefusedError(Fault.NOTHING_CHANGES, "hours")
        *weekly, free_day = ({**held, **days}[name] for name in DAYS)
        write_hours(row, replace(before, weekly=tuple(weekly), free_day=free_day))
        note_change(session, site, Changed.HOURS, deed, "; ".join(told))


@contextmanager
def _changing_hours(services: Services, site: str, deed: Deed) -> Iterator[tuple[Session, SiteHours, Hours]]:
    """Open a change of a site's row; one that has none begins with what has held for it so far."""
    with changing(services, site) as session:
        row = session.get(SiteHours, site)
        before = read_hours(row or session.get(SiteHours, SCHOOL), services.config)
        row = row or SiteHours(site=site)
        row.changed_at, row.changed_by = deed.at, deed.by
        yield session, row, before
        session.add(row)


def drop_hours(services: Services, site: str, deed: Deed) -> None:
    """Let a site follow the school's hours, caps and allowance again; the school itself those of `controller.toml`."""
    with changing(services, site) as session:
        row = session.get(SiteHours, site)
        if row is None:
            raise CalendarRefusedError(Fault.NOTHING_CHANGES, "hours")
        days = ", ".join(f"{name}: {text}" for name, text in zip(DAYS, json.loads(row.weekly), strict=True))
        session.delete(row)
        note_change(session, site, Changed.HOURS_DROPPED, deed, days)


def set_caps(services: Services, site: str, caps: Sequence[Cap], deed: Deed) -> None:
    """Say how much a site may send at certain hours; none: as much as the school's line allows."""
    with _changing_hours(services, site, deed) as (session, row, before):
        if tuple(caps) == before.caps:
            raise CalendarRefusedError(Fault.NOTHING_CHANGES, "caps")
        write_hours(row, replace(before, caps=tuple(caps)))
        note_change(session, site, Changed.CAPS, deed, f"{_tell_caps(before.caps)} -> {_tell_caps(caps)}")


def _tell_caps(caps: Sequence[Cap]) -> str:
    return ", ".join(f"{cap.hours}={spell_rate(cap.rate_bps)}" for cap in caps) or "-"


def set_trickle(services: Services, site: str, trickle: Trickle | None, deed: Deed) -> None:
    """Allow the rooms that may send by day so much together; None: nothing, which is how it begins."""
    with _changing_hours(services, site, deed) as (session, row, before):
        if trickle == before.trickle:
            raise CalendarRefusedError(Fault.NOTHING_CHANGES, "hours")
        write_hours(row, replace(before, trickle=trickle))
        note_change(
            session, site, Changed.TRICKLE, deed, f"{_tell_trickle(before.trickle)} -> {_tell_trickle(trickle)}"
        )


def _tell_trickle(trickle: Trickle | None) -> str:
    return f"{spell_day(trickle.hours)} {spell_rate(trickle.rate_bps)}" if trickle else "-"


class ByDay(StrEnum):
    """Whether a room may use the allowance by day."""

    ALLOWED = "allowed"
    NOT_ALLOWED = "not_allowed"


def let_send_by_day(services: Services, unit: str, wanted: ByDay, deed: Deed) -> Device:
    """Let a unit use the allowance by day, or no more; written into the unit's own history."""
    with services.database.writing() as session:
        row = find_unit(session, unit)
        if row.sends_by_day is (wanted is ByDay.ALLOWED):
            raise CalendarRefusedError(Fault.NOTHING_CHANGES, "unit")
        row.sends_by_day = wanted is ByDay.ALLOWED
        note_event(session, row.id, Happening.BY_DAY if row.sends_by_day else Happening.NOT_BY_DAY, deed)
    return row


def add_free_days(services: Services, site: str, days: Sequence[FreeDay], deed: Deed) -> None:
    """Enter days without school for a site, or with `SCHOOL` for all."""
    with changing(services, site) as session:
        held = {(row.first_day, row.last_day) for row in free_days_of(session, site, date.min)}
        if any((day.first_day, day.last_day) in held for day in days):
            raise CalendarRefusedError(Fault.HELD_ALREADY, "first_day")
        put_free_days(services, session, site, days)
        note_change(session, site, Changed.FREE_DAYS_ADDED, deed, tell_days(days))


def put_free_days(services: Services, session: Session, site: str, days: Sequence[FreeDay]) -> None:
    """Write rows of free days."""
    for day in days:
        row = FreeDays(id=services.new_id(), site=site, first_day=day.first_day, last_day=day.last_day, label=day.label)
        session.add(row)
    session.flush()
    renew_all(services, session)  # a day without school has no lessons: the units hear it with the change


def tell_days(days: Sequence[FreeDay]) -> str:
    """Spell free days for the history."""
    return "; ".join(f"{day.first_day}/{day.last_day} {day.label}".rstrip() for day in days)


def remove_free_days(services: Services, site: str, row: str, deed: Deed) -> None:
    """Take one entry of free days away, by its id or its first day."""
    with changing(services, site) as session:
        mine = free_days_of(session, site, date.min)
        found = [each for each in mine if row in (each.id, each.first_day.isoformat())]
        if not found:
            raise CalendarRefusedError(Fault.NOT_HELD, "first_day", got=row[:40])
        session.execute(delete(FreeDays).where(FreeDays.id.in_([each.id for each in found])))
        renew_all(services, session)
        gone = [FreeDay(each.first_day, each.last_day, each.label) for each in found]
        note_change(session, site, Changed.FREE_DAYS_REMOVED, deed, tell_days(gone))


def set_other_day(services: Services, site: str, other: OtherDay, deed: Deed) -> None:
    """Give one day other hours, or none; what was entered for it before is replaced."""
    row = OtherHours(site=site, day=other.day, window=spell_day(other.hours), label=other.label)
    with changing(services, site) as session:
        before = session.get(OtherHours, (site, row.day))
        if before and (before.window, before.label) == (row.window, row.label):
            raise CalendarRefusedError(Fault.NOTHING_CHANGES, "day")
        session.merge(row)
        note_change(session, site, Changed.OTHER_DAY, deed, f"{row.day}: {row.window} {row.label}".rstrip())


def remove_other_day(services: Services, site: str, day: date, deed: Deed) -> None:
    """Let a day have its ordinary hours again."""
    with changing(services, site) as session:
        row = session.get(OtherHours, (site, day))
        if row is None:
            raise CalendarRefusedError(Fault.NOT_HELD, "day", got=day.isoformat())
        session.delete(row)
        note_change(session, site, Changed.OTHER_DAY_REMOVED, deed, f"{row.day}: {row.window} {row.label}".rstrip())


def pause(services: Services, site: str, until: datetime | None, deed: Deed) -> None:
    """Let nobody of a site send, with `SCHOOL` nobody at all; from the next tick on until `until` or until resumed."""
    with changing(services, site) as session:
        session.merge(UploadPause(site=site, since=deed.at, until=until, by=deed.by))
        zone = services.config.controller.time_zone
        told = f"until {until.astimezone(zone):%Y-%m-%d %H:%M}" if until else ""
        note_change(session, site, Changed.PAUSED, deed, told)


def resume(services: Services, site: str, deed: Deed) -> Sequence[str]:
    """Lift a pause; raise `CalendarRefusedError` when there is none. Gives what is still paused (`also_paused`)."""
    with changing(services, site) as session:
        row = session.get(UploadPause, site)
        if row is None or (row.until is not None and row.until <= deed.at):
            raise CalendarRefusedError(Fault.NOTHING_CHANGES, "pause")
        session.delete(row)
        note_change(session, site, Changed.RESUMED, deed)
        session.flush()
        return also_paused(session, site, deed.at)
