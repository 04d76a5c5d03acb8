"""The calendar as it stands in the database, read into the values that controller/calendar/policy.py decides by.

What is older than a month is left away: it decides nothing any more. Texts in the tables were checked when they were
written; one that cannot be read is a damaged database, and raises.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from controller.calendar.models import CalendarEvent, FreeDays, OtherHours, SiteHours, UploadPause
from controller.calendar.policy import (
    WEEKDAYS,
    Cap,
    FreeDay,
    Hours,
    OtherDay,
    Pause,
    Standing,
    Trickle,
    default_hours,
    standings,
)
from controller.calendar.window import parse_day, parse_window, spell_day
from controller.config import Config
from controller.devices.models import LIVING, Device

SCHOOL = ""
"""The site of units for which none is named, and of what holds for the whole school."""
REMEMBERED = timedelta(days=31)
HISTORY_SHOWN = 30


@dataclass(frozen=True)
class Calendar:
    """The hours of every site that has units or hours of its own, and of any other."""

    sites: Mapping[str, Hours]
    otherwise: Hours

    def of(self, site: str) -> Hours:
        """Give the hours that hold for a site."""
        return self.sites.get(site, self.otherwise)


def read_calendar(session: Session, config: Config, now: datetime) -> Calendar:
    """Read the calendar of all sites."""
    today = now.astimezone(config.controller.time_zone).date()
    found = _Found.read(session, today - REMEMBERED)
    rows = {row.site: row for row in session.scalars(select(SiteHours))}
    whole = found.add_days(SCHOOL, read_hours(rows.get(SCHOOL), config))
    names = sites_in_use(session) | rows.keys() | {SCHOOL}
    own = {
        site: read_hours(rows[site], config) if site in rows else read_hours(rows.get(SCHOOL), config) for site in names
    }
    return Calendar({site: found.add_days(site, hours) for site, hours in own.items()}, whole)


def read_standings(session: Session, config: Config, now: datetime) -> dict[str, Standing]:
    """Give what holds at `now` for every site: open, how fast and until when; or closed, and why."""
    return standings(read_calendar(session, config, now).sites, config.controller.time_zone, now)


def sites_in_use(session: Session) -> set[str]:
    """Give the sites of the school's units."""
    return set(session.scalars(select(Device.site).where(Device.state.in_(LIVING)).distinct()))


def read_hours(row: SiteHours | None, config: Config) -> Hours:
    """Read a site's row; without one the window of `controller.toml` holds."""
    default = default_hours(config.uploads.window, config.uploads.rate_bps)
    if row is None:
        return default
    days = tuple(parse_day(text) for text in json.loads(row.weekly))
    caps = tuple(Cap(parse_window(hours), rate_bps) for hours, rate_bps in json.loads(row.rates))
    trickle = Trickle(parse_day(row.trickle_hours), row.trickle_bps) if row.trickle_bps else None
    return replace(default, weekly=days[:WEEKDAYS], free_day=days[WEEKDAYS], caps=caps, trickle=trickle)


def write_hours(row: SiteHours, hours: Hours) -> None:
    """Write what `read_hours` reads."""
    row.weekly = json.dumps([spell_day(day) for day in (*hours.weekly, hours.free_day)])
    row.rates = json.dumps([(str(cap.hours), cap.rate_bps) for cap in hours.caps])
    row.trickle_bps = hours.trickle.rate_bps if hours.trickle else 0
    row.trickle_hours = spell_day(hours.trickle.hours) if hours.trickle else ""


@dataclass(frozen=True)
class _Found:
    """The days that differ and the pauses, by site."""

    free: Sequence[FreeDays]
    other: Sequence[OtherHours]
    pauses: Sequence[UploadPause]

    @classmethod
    def read(cls, session: Session, since: date) -> _Found:
        return cls(
            session.scalars(select(FreeDays).where(FreeDays.last_day >= since).order_by(FreeDays.first_day)).all(),
            session.scalars(select(OtherHours).where(OtherHours.day >= since).order_by(OtherHours.day)).all(),
            session.scalars(select(UploadPause)).all(),
        )

    def add_days(self, site: str, hours: Hours) -> Hours:
        """Add what holds for the site: the school's and its own; its own other day goes before the school's."""
        mine = (SCHOOL, site)
        others = {row.day: row for own in mine for row in self.other if row.site == own}
        return replace(
            hours,
            free_days=tuple(FreeDay(row.first_day, row.last_day, row.label) for row in self.free if row.site in mine),
            other_days=tuple(OtherDay(day, parse_day(row.window), row.label) for day, row in sorted(others.items())),
            pauses=tuple(Pause(row.since, row.until, row.by) for row in self.pauses if row.site in mine),
        )


def free_days_of(session: Session, site: str, since: date) -> Sequence[FreeDays]:
    """Give the free days that were entered for one site (not the school's beside) and are not over, in order."""
    mine = select(FreeDays).where(FreeDays.site == site, FreeDays.last_day >= since)
    return session.scalars(mine.order_by(FreeDays.first_day, FreeDays.last_day)).all()


def other_days_of(session: Session, site: str, since: date) -> Sequence[OtherHours]:
    """Give the other days that were entered for one site and are not over, in order."""
    mine = select(OtherHours).where(OtherHours.site == site, OtherHours.day >= since)
    return session.scalars(mine.order_by(OtherHours.day)).all()


def also_paused(session: Session, site: str, now: datetime) -> Sequence[str]:
    """Give what is paused beside a site's own pause: for a site the whole school, for the school each site."""
    rows = session.scalars(select(UploadPause).order_by(UploadPause.site))
    holding = [row.site for row in rows if row.until is None or row.until > now]
    return [each for each in holding if each != site and SCHOOL in (each, site)]


def history(session: Session) -> Sequence[CalendarEvent]:
    """Give the newest changes, the newest first."""
    return session.scalars(select(CalendarEvent).order_by(CalendarEvent.id.desc()).limit(HISTORY_SHOWN)).all()
