"""Whole days out of a calendar file (RFC 5545), repetitions followed up to three years ahead.

A calendar's own time zones are not followed: a day is the day that is written there; only instants in UTC are turned
into the school's. Repetitions finer than a day are refused, and every one is cut at the horizon before it is followed,
so that no file can keep the controller busy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta, tzinfo
from itertools import islice

import icalendar
from dateutil.rrule import rrulestr

from controller.calendar.entries import Skip, Skipped, WrongEntry
from controller.calendar.models import LABEL_CHARS
from controller.calendar.policy import DAY, FreeDay
from controller.calendar.properties import FOLD, ZONES, each_of, lasts_of, moment_of, spell, spelled
from controller.calendar.reading import FARTHEST, require_sensible
from controller.calendar.refusals import CalendarRefusedError, Fault
from controller.calendar.repeats import can_come_true, frequency_of, is_followed, is_slow, is_sound

MOST_RULES = 200
MOST_SLOW_RULES = 20
"""One that never comes true is followed for thousands of years by the library: seconds of work each."""
OLDEST_RULE = timedelta(days=366 * 20)
FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY")
_ZONE_OF = re.compile(rb'^((?:DT|RECURRENCE-ID|EXDATE)[^:\r\n]*?);TZID=(?:"[^"\r\n]*"|[^:;\r\n]*)', re.MULTILINE)
Entry = FreeDay | Skipped | WrongEntry


def read_events(data: bytes, *, today: date, zone: tzinfo) -> Iterator[Entry]:
    """Give what each event of a calendar says; raise `CalendarRefusedError` when it is no calendar."""
    events = _parse(data)
    rules = [event["RRULE"] for event in events if "RRULE" in event]
    for number, most in ((len(rules), MOST_RULES), (sum(map(is_slow, rules)), MOST_SLOW_RULES)):
        if number > most:
            raise CalendarRefusedError(Fault.RULES_TOO_MANY, "file", most=most)
    reader = _Reader(today, zone)
    moved: dict[str, list[icalendar.Event]] = {}
    for event in events:
        moved.setdefault(_uid(event), []).extend([event] if "RECURRENCE-ID" in event else [])
    for number, event in enumerate(events, start=1):
        try:
            yield from reader.read(event, moved[_uid(event)])
        except CalendarRefusedError as error:
            yield WrongEntry(number, _label(event), error.wrong)


def _parse(data: bytes) -> list[icalendar.Event]:
    """Parse bytes, never text: the library takes a text of one line for the name of a file."""
    bare = _ZONE_OF.sub(rb"\1", ZONES.sub(b"", FOLD.sub(b"", data)))
    try:
        calendars = icalendar.Calendar.from_ical(bare, multiple=True)
    except ValueError as error:
        raise CalendarRefusedError(Fault.FILE_UNREADABLE, "file", why=str(error)[:80]) from None
    if not calendars:
        raise CalendarRefusedError(Fault.FILE_UNREADABLE, "file", why="END:VCALENDAR is missing")
    return [event for calendar in calendars for event in calendar.walk("VEVENT")]  # type: ignore[misc]


def _uid(event: icalendar.Event) -> str:
    return str(event.get("UID", ""))


def _label(event: icalendar.Event) -> str:
    words = " ".join(str(event.get("SUMMARY", "")).split())
    return "".join(sign for sign in words if sign.isprintable())[:LABEL_CHARS]


class _Reader:
    """Reads one event at a time; `today` and the school's zone stay the same."""

    def __init__(self, today: date, zone: tzinfo) -> None:
        self._today = today
        self._zone = zone

    def read(self, event: icalendar.Event, moved: list[icalendar.Event]) -> Iterator[Entry]:
        """Give the days of an event that are to come, or why there are none; days of it that were `moved` are not."""
        label = _label(event)
        if str(event.get("STATUS", "")).upper() == "CANCELLED":
            yield Skipped(label, Skip.CANCELLED)
            return
        first, length = self._first(event), self._length(event)
        if length is None:
            yield Skipped(label, Skip.TIMED)
            return
        gone = self._days_named(event, "EXDATE")
        left = [self._days_named(one, "RECURRENCE-ID") for one in moved]
        if "RECURRENCE-ID" not in event:
            gone = gone.union(*left)
        days = (FreeDay(day, day + length - DAY, label) for day in self._follow(event, first) if day not in gone)
        yield from self._choose(days, label)

    def _choose(self, days: Iterator[FreeDay], label: str) -> Iterator[Entry]:
        """Give what is to come within the horizon; of what repeats, nothing is told about the days that are over."""
        why: Skip | None = Skip.OVER
        for day in days:
            if day.first_day > self._today + FARTHEST:
                why = Skip.FAR
            elif day.last_day >= self._today:
                require_sensible(day, self._today)
                yield day
                why = None
        if why:
            yield Skipped(label, why)

    def _first(self, event: icalendar.Event) -> date:
        if "RDATE" in event:
            raise CalendarRefusedError(Fault.EXTRA_DATES, "first_day")
        return self._shown(self._moment(event, "DTSTART")).date()

    def _length(self, event: icalendar.Event) -> timedelta | None:
        """Give how many whole days an event lasts; None for one that begins or ends within a day."""
        begins = self._moment(event, "DTSTART")
        ends = self._end(event, begins)
        first, last = self._shown(begins), self._shown(ends)
        if first.time() != time() or last.time() != time() or (isinstance(begins, datetime) and last == first):
            return None
        if last < first:
            facts = {"first": first.date().isoformat(), "last": last.date().isoformat()}
            raise CalendarRefusedError(Fault.DAYS_REVERSED, "last_day", **facts)
        return max(last - first, DAY)

    def _end(self, event: icalendar.Event, begins: date) -> date:
        if "DTEND" in event:
            return self._moment(event, "DTEND")
        if "DURATION" in event and (lasts := lasts_of(event["DURATION"])) is not None:
            try:
                return begins + lasts
            except OverflowError:
                raise CalendarRefusedError(Fault.DAY_MALFORMED, "last_day", got=str(lasts)[:40]) from None
        return begins if isinstance(begins, datetime) else begins + DAY

    def _moment(self, event: icalendar.Event, name: str) -> date:
        field = "first_day" if name == "DTSTART" else "last_day"
        if name not in event:
            raise CalendarRefusedError(Fault.DAY_MISSING, field)
        moment = moment_of(event[name])
        if moment is None:
            raise CalendarRefusedError(Fault.DAY_MALFORMED, field, got=spelled(event[name]))
        return moment

    def _shown(self, moment: date) -> datetime:
        """Give what the school's clock shows; a day is its midnight."""
        if not isinstance(moment, datetime):
            return datetime.combine(moment, time())
        return (moment.astimezone(self._zone) if moment.tzinfo else moment).replace(tzinfo=None)

    def _days_named(self, event: icalendar.Event, name: str) -> set[date]:
        """Give the days that a property lists, once or in many lines."""
        named = event.get(name, [])
        listed = [value for one in (named if isinstance(named, list) else [named]) for value in each_of(one)]
        moments = {spelled(value): moment_of(value) for value in listed}
        for told, moment in moments.items():
            if moment is None:
                raise CalendarRefusedError(Fault.DAY_MALFORMED, "first_day", got=told)
        return {self._shown(moment).date() for moment in moments.values() if moment}

    def _follow(self, event: icalendar.Event, first: date) -> Iterator[date]:
        """Give the days on which an event begins: one, or those of its rule up to the horizon."""
        rule = event.get("RRULE")
        if rule is None:
            return iter([first])
        if not isinstance(rule, icalendar.vRecur):
            raise CalendarRefusedError(Fault.RULE_MALFORMED, "first_day", got=spelled(rule))
        return self._repeat(icalendar.vRecur(rule), first)

    def _repeat(self, rule: icalendar.vRecur, first: date) -> Iterator[date]:
        self._require_bounded(rule, first)
        if not can_come_true(rule):
            return iter(())
        count = rule.pop("COUNT", [None])[0]
        horizon = datetime.combine(self._today + FARTHEST, time())
        until = moment_of(next(iter(rule.pop("UNTIL", [])), None))
        rule["UNTIL"] = [min(horizon, self._shown(until)) if until else horizon]
        try:
            days = rrulestr(spell(rule), dtstart=datetime.combine(first, time()))
        except (ValueError, TypeError, KeyError) as error:
            raise CalendarRefusedError(Fault.RULE_MALFORMED, "first_day", got=str(error)[:60]) from None
        return (day.date() for day in islice(days, count))

    def _require_bounded(self, rule: icalendar.vRecur, first: date) -> None:
        told = spelled(rule)
        frequency = frequency_of(rule)
        fine = {"BYHOUR", "BYMINUTE", "BYSECOND"} & rule.keys()
        if frequency not in FREQUENCIES or fine:
            raise CalendarRefusedError(Fault.RULE_TOO_FINE, "first_day", got=told)
        too_old = frequency in ("WEEKLY", "DAILY") and first < self._today - OLDEST_RULE
        if too_old or not is_followed(rule) or not is_sound(rule):
            raise CalendarRefusedError(Fault.RULE_MALFORMED, "first_day", got=told)
