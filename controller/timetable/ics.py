"""Reads the calendar of one room (RFC 5545): events with times become lessons, whatever way they repeat.

Repetitions are followed for a little more than a year and no further; only those by days, weeks and months are, and of
parts that come true, so that no file can keep the controller busy. A calendar's own definitions of zones are not
followed; a zone counts by its name. A repetition goes by the clock of its event's zone, as RFC 5545 wants it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, tzinfo
from itertools import islice
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import icalendar
from dateutil.rrule import rrulestr
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from controller.calendar.properties import FOLD, ZONES, each_of, lasts_of, moment_of, spell, spelled
from controller.calendar.repeats import frequency_of, is_followed, is_sound
from controller.roster.flaws import Flawed, Flaws, UnreadableError, flaw
from controller.timetable.finding import Directory
from controller.timetable.found import FoundTimetable, Meant, Passed, Place, Reading
from controller.timetable.models import RuleSource
from controller.timetable.occurrences import Occurrence, make_rules

HORIZON = timedelta(days=400)
OLDEST = timedelta(days=366 * 5)
LONGEST_LINE = 64 * 1024
MOST_EVENTS = 5_000
MOST_RULES = 500
MOST_LESSONS = 20_000
SUMMARY_CHARS = 120
MOST_MONTHLY = 20
"""One that never comes true is followed for thousands of years by the library: a second of work each."""
FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY")
MOST_LINES = 100_000
"""The library takes its time for each line, whatever stands in it."""
MOST_NAMED_DAYS = 20_000
_DAY = timedelta(days=1)
_ZONE_OF = re.compile(rb"^((?:DT|RECURRENCE-ID|EXDATE|RDATE)[^:\r\n]*?);TZID=", re.MULTILINE | re.IGNORECASE)
_KEPT_ZONE = "X-BACKROW-ZONE"
_NAMED_DAYS = re.compile(rb"^(?:EXDATE|RDATE)\b[^\n]*", re.MULTILINE | re.IGNORECASE)
_APART = re.compile(r"[,;/|·–—:()\n]|\s-\s")


@dataclass
class _Calendar:
    """One file while it is read. `last`: the last day that is looked at."""

    file: str
    first: date
    last: date
    zone: tzinfo
    flaws: Flaws
    passed: Counter[str] = field(default_factory=Counter)
    zones: dict[str, tzinfo | None] = field(default_factory=dict)


class _WrongError(Exception):
    """Something is wrong with one event."""

    def __init__(self, flawed: Flawed, column: str, got: str) -> None:
        super().__init__(flawed)
        self.flawed, self.column, self.got = flawed, column, got


@dataclass(frozen=True, kw_only=True)
class RoomFrame:
    """What a calendar is read by: its room, the first day, the school's zone, and who is known."""

    place: Place
    starts_on: date
    zone: tzinfo
    directory: Directory


def read_room_calendar(data: bytes, file: str, frame: RoomFrame) -> Reading:
    """Read a room's calendar from a day on. Never raises for what is in it: all that is wrong is in the reading."""
    flaws = Flaws()
    place = frame.place
    calendar = _Calendar(file, frame.starts_on, frame.starts_on + HORIZON, frame.zone, flaws)
    found: list[Occurrence] = []
    try:
        for occurrence in _read(calendar, _parse(data, file)):
            found.append(occurrence)
            if len(found) > MOST_LESSONS:
                raise UnreadableError(flaw(Flawed.TOO_MANY_EVENTS, file, most=MOST_LESSONS))
    except UnreadableError as error:
        flaws.add(error.flaw)
    if not flaws.count and not found:
        flaws.add(flaw(Flawed.FILE_EMPTY, file))
    if flaws.count:
        return Reading(found=None, flaws=tuple(flaws.told), flaws_in_all=flaws.count)
    summaries = sorted({each.summary for each in found})
    guesses = ((summary, guess_meaning(summary, frame.directory, place.site)) for summary in summaries)
    return Reading(
        found=FoundTimetable(
            source=RuleSource.CALENDAR,
            places=(place,),
            lessons=tuple(make_rules(place, found, calendar.last)),
            passed_over=dict(calendar.passed),
            meant={summary: meant for summary, meant in guesses if meant.classes or meant.teachers},
        )
    )


def guess_meaning(summary: str, directory: Directory, site: str) -> Meant:
    """Propose what a summary stands for: whole parts of it that mean one class or one teacher alone."""
    classes, teachers = list[str](), list[str]()
    for part in (summary, *_APART.split(summary)):
        in_class, by = directory.find_classes(part, site), directory.find_teachers(part)
        classes += [each.id for each in in_class if len(in_class) == 1]
        teachers += [each.id for each in by if len(by) == 1]
    return Meant(tuple(dict.fromkeys(classes)), tuple(dict.fromkeys(teachers)))


def _parse(data: bytes, file: str) -> list[icalendar.Event]:
    """Parse bytes, never text: the library takes a text of one line for the name of a file."""
    try:
        data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, byte = data.count(b"\n", 0, error.start) + 1, f"0x{data[error.start]:02x}"
        raise UnreadableError(flaw(Flawed.ENCODING, file, line, got=byte)) from None
    if b"\0" in data:
        raise UnreadableError(flaw(Flawed.NOT_TEXT, file))
    bare = _ZONE_OF.sub(rb"\1;" + _KEPT_ZONE.encode() + b"=", ZONES.sub(b"", FOLD.sub(b"", data)))
    _require_bounded(bare, file)
    try:
        calendars = icalendar.Calendar.from_ical(bare, multiple=True)
    except (ValueError, IndexError, RecursionError) as error:
        raise UnreadableError(flaw(Flawed.CALENDAR_UNREADABLE, file, why=str(error))) from None
    if not calendars:
        raise UnreadableError(flaw(Flawed.CALENDAR_UNREADABLE, file, why="END:VCALENDAR"))
    events = [event for calendar in calendars for event in calendar.walk("VEVENT")]
    monthly = sum(frequency_of(event.get("RRULE")) == "MONTHLY" for event in events)
    for number, most in ((sum("RRULE" in event for event in events), MOST_RULES), (monthly, MOST_MONTHLY)):
        if number > most:
            raise UnreadableError(flaw(Flawed.TOO_MANY_EVENTS, file, most=most))
    return events  # type: ignore[return-value]  # VEVENTs are events


def _require_bounded(bare: bytes, file: str) -> None:
    """Refuse what the library would be busy with for minutes; folds are undone already."""
    if max(map(len, bare.split(b"\n"))) > LONGEST_LINE:
        raise UnreadableError(flaw(Flawed.LINE_TOO_LONG, file, most=LONGEST_LINE))
    named = sum(1 + line.group().count(b",") for line in _NAMED_DAYS.finditer(bare))
    for number, most, flawed in (
        (bare.count(b"\n"), MOST_LINES, Flawed.TOO_MANY_LINES),
        (bare.upper().count(b"BEGIN:VEVENT"), MOST_EVENTS, Flawed.TOO_MANY_EVENTS),
        (named, MOST_NAMED_DAYS, Flawed.TOO_MANY_DAYS),
    ):
        if number > most:
            raise UnreadableError(flaw(flawed, file, most=most))


def _read(calendar: _Calendar, events: Sequence[icalendar.Event]) -> Iterator[Occurrence]:
    moved: dict[str, set[date]] = {}
    for number, event in enumerate(events, start=1):
        if "RECURRENCE-ID" in event:
            with _telling(calendar, number):
                moved.setdefault(_uid(event), set()).update(_days_named(calendar, event, "RECURRENCE-ID"))
    for number, event in enumerate(events, start=1):
        gone = set() if "RECURRENCE-ID" in event else moved.get(_uid(event), set())
        with _telling(calendar, number):
            yield from _occurrences(calendar, event, gone)


@dataclass
class _telling:  # noqa: N801 - a context manager that reads like a word
    """Tell what is wrong with an event, and go on with the next."""

    calendar: _Calendar
    number: int

    def __enter__(self) -> None:
        """Begin with an event."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        """Tell what was wrong."""
        if not isinstance(error, _WrongError):
            return False
        told = flaw(error.flawed, self.calendar.file, self.number, error.column, got=error.got)
        self.calendar.flaws.add(told)
        return True


def _occurrences(calendar: _Calendar, event: icalendar.Event, gone: set[date]) -> Iterator[Occurrence]:
    if str(event.get("STATUS", "")).upper() == "CANCELLED":
        calendar.passed[Passed.CANCELLED.value] += 1
        return
    begins = _moment(event, "DTSTART")
    if not isinstance(begins, datetime):
        calendar.passed[Passed.WHOLE_DAY.value] += 1
        return
    zone = _zone(calendar, event["DTSTART"])
    lasts = _length(event, begins)
    without = gone | _days_named(calendar, event, "EXDATE")
    why: Passed | None = Passed.OVER
    for local in _follow(calendar, event, begins.replace(tzinfo=None), begins.tzinfo or zone):
        first = _by_school(calendar, local, "DTSTART")
        last = _by_school(calendar, local, "DTEND", lasts)
        if first.date() > calendar.last:
            why = Passed.FAR
            break
        if first.date() < calendar.first:
            continue
        why = None
        if first.date() in without:
            continue
        if last.date() != first.date() or last <= first:
            calendar.passed[Passed.WHOLE_DAY.value] += 1
            return
        yield Occurrence(first.date(), _minute(first), _minute(last), _summary(event))
    if why:
        calendar.passed[why.value] += 1


def _by_school(calendar: _Calendar, at: datetime, column: str, later: timedelta = timedelta(0)) -> datetime:
    """Give an instant, or one that much later, by the school's clock; refuse one that no clock shows."""
    try:
        return (at + later).astimezone(calendar.zone)
    except OverflowError:
        got = f"{at.isoformat()} + {later}" if later else at.isoformat()
        raise _WrongError(Flawed.MOMENT_MALFORMED, column, got) from None


def _minute(at: datetime) -> time:
    return at.time().replace(second=0, microsecond=0)


def _follow(calendar: _Calendar, event: icalendar.Event, first: datetime, zone: tzinfo) -> Iterator[datetime]:
    """Give when an event begins, again and again, in its own zone."""
    extra = [_in_zone(calendar, value, named) for named, value in _values(event, "RDATE")]
    if "RRULE" not in event:
        yield from sorted({first.replace(tzinfo=zone), *extra})
        return
    rule = event["RRULE"]
    if not isinstance(rule, icalendar.vRecur):
        raise _WrongError(Flawed.REPEAT_MALFORMED, "RRULE", spelled(rule))
    days = (moment.replace(tzinfo=zone) for moment in _repeat(calendar, icalendar.vRecur(rule), first, zone))
    yield from extra
    yield from days


def _repeat(calendar: _Calendar, rule: icalendar.vRecur, first: datetime, zone: tzinfo) -> Iterator[datetime]:
    told = spelled(rule)
    if frequency_of(rule) not in FREQUENCIES or not is_followed(rule):
        raise _WrongError(Flawed.REPEATS_TOO_OFTEN, "RRULE", told)
    if not is_sound(rule) or first.date() < calendar.first - OLDEST:
        raise _WrongError(Flawed.REPEAT_MALFORMED, "RRULE", told)
    count = rule.pop("COUNT", [None])[0]
    until = moment_of(next(iter(rule.pop("UNTIL", [])), None))
    horizon = datetime.combine(calendar.last, time(23, 59))
    rule["UNTIL"] = [min(horizon, _until(until, zone)) if until else horizon]
    try:
        found = rrulestr(spell(rule), dtstart=first)
    except (ValueError, TypeError, KeyError) as error:
        raise _WrongError(Flawed.REPEAT_MALFORMED, "RRULE", str(error)) from None
    return islice(found, count)


def _until(until: date, zone: tzinfo) -> datetime:
    """Give the end of a repetition by its event's clock; a day counts as a whole."""
    if not isinstance(until, datetime):
        return datetime.combine(until, time(23, 59, 59))
    try:
        return (until.astimezone(zone) if until.tzinfo else until).replace(tzinfo=None)
    except OverflowError:  # at the end of all clocks, as some programs write *for ever*: hours do not matter there
        return until.replace(tzinfo=None)


def _length(event: icalendar.Event, begins: datetime) -> timedelta:
    if "DTEND" in event:
        ends = _moment(event, "DTEND")
        if not isinstance(ends, datetime) or (ends.tzinfo is None) != (begins.tzinfo is None):
            raise _WrongError(Flawed.MOMENT_MALFORMED, "DTEND", spelled(event["DTEND"]))
        return ends - begins
    lasts = lasts_of(event["DURATION"]) if "DURATION" in event else None
    if lasts is None:
        raise _WrongError(Flawed.MOMENT_MALFORMED, "DTEND", "")
    return lasts


def _moment(event: icalendar.Event, name: str) -> date:
    moment = moment_of(event[name]) if name in event else None
    if moment is None:
        raise _WrongError(Flawed.MOMENT_MALFORMED, name, spelled(event[name]) if name in event else "")
    return moment


def _values(event: icalendar.Event, name: str) -> Iterator[tuple[object, object]]:
    """Give the values of a property with what holds its parameters."""
    named = event.get(name, [])
    for one in named if isinstance(named, list) else [named]:
        for value in each_of(one):
            yield one, value


def _days_named(calendar: _Calendar, event: icalendar.Event, name: str) -> set[date]:
    """Give the days of the school that a property lists."""
    found = set()
    for named, value in _values(event, name):
        moment = moment_of(value)
        if moment is None or "RANGE" in getattr(named, "params", {}):
            raise _WrongError(Flawed.MOMENT_MALFORMED, name, spelled(value))
        if isinstance(moment, datetime):
            moment = _by_school(calendar, _in_zone(calendar, value, named), name).date()
        found.add(moment)
    return found


def _in_zone(calendar: _Calendar, value: object, named: object) -> datetime:
    moment = moment_of(value)
    if not isinstance(moment, datetime):
        raise _WrongError(Flawed.MOMENT_MALFORMED, "RDATE", spelled(value))
    return moment if moment.tzinfo else moment.replace(tzinfo=_zone(calendar, named))


def _zone(calendar: _Calendar, named: object) -> tzinfo:
    """Give the zone that a property names; without one it is the school's."""
    name = str(getattr(named, "params", {}).get(_KEPT_ZONE, ""))
    if not name:
        return calendar.zone
    if name not in calendar.zones:
        calendar.zones[name] = find_zone(name)
    found = calendar.zones[name]
    if found is None:
        raise _WrongError(Flawed.ZONE_UNKNOWN, "TZID", name)
    return found


def find_zone(name: str) -> tzinfo | None:
    """Give a time zone by its name in the tz database or in Windows."""
    try:
        return ZoneInfo(WINDOWS_TO_OLSON.get(name, name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _uid(event: icalendar.Event) -> str:
    return str(event.get("UID", ""))


def _summary(event: icalendar.Event) -> str:
    words = " ".join(str(event.get("SUMMARY", "")).split())
    return "".join(sign for sign in words if sign.isprintable())[:SUMMARY_CHARS]
