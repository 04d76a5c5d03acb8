"""Calendars read: whole days, repetitions, what is passed over, what is wrong, and files that mean harm."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.calendar.entries import Found, Skip
from controller.calendar.importing import MOST_BYTES, MOST_ENTRIES, read_file
from controller.calendar.policy import FreeDay
from controller.calendar.refusals import CalendarRefusedError, Fault

TODAY = date(2026, 11, 23)
FIRST = "DTSTART;VALUE=DATE:20261208"
MADRID = ZoneInfo("Europe/Madrid")


def event(*lines: str, uid: str = "1", summary: str = "Feast") -> str:
    """Write one event."""
    return "\r\n".join(("BEGIN:VEVENT", f"UID:{uid}", f"SUMMARY:{summary}", *lines, "END:VEVENT"))


def write(*events: str) -> bytes:
    """Write a calendar of some events."""
    return "\r\n".join(("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//x//y//EN", *events, "END:VCALENDAR", "")).encode()


def read(*events: str) -> Found:
    """Read a calendar of some events."""
    return read_file(write(*events), today=TODAY, zone=MADRID)


def fault_of(*lines: str) -> Fault:
    """Give what is wrong with the only event."""
    (wrong,) = read(event(*lines)).wrong
    return wrong.wrong.fault


def test_whole_days_are_taken_with_their_last_day_and_name() -> None:
    """DTEND is the day after; without it an event is one day; a duration in days counts as well."""
    found = read(
        event("DTSTART;VALUE=DATE:20261224", "DTEND;VALUE=DATE:20270107", summary="Christmas\\, long"),
        event("DTSTART;VALUE=DATE:20261208", uid="2"),
        event("DTSTART;VALUE=DATE:20270301", "DURATION:P5D", uid="3"),
    )
    assert found.days == (
        FreeDay(date(2026, 12, 8), date(2026, 12, 8), "Feast"),
        FreeDay(date(2026, 12, 24), date(2027, 1, 6), "Christmas, long"),
        FreeDay(date(2027, 3, 1), date(2027, 3, 5), "Feast"),
    )
    assert (found.skipped, found.wrong) == ((), ())


def test_event_from_midnight_to_midnight_is_whole_days() -> None:
    """Some programs export days as instants: by the school's clock, in their own zone's words, or in UTC."""
    days = read(
        event("DTSTART;TZID=Europe/Madrid:20261208T000000", "DTEND;TZID=Europe/Madrid:20261209T000000"),
        event('DTSTART;TZID="My zone":20261209T000000', 'DTEND;TZID="My zone":20261211T000000', uid="2"),
        event("DTSTART:20261211T230000Z", "DTEND:20261212T230000Z", uid="3"),
    ).days
    assert [(day.first_day.day, day.last_day.day) for day in days] == [(8, 8), (9, 10), (12, 12)]


def test_what_is_passed_over_is_told() -> None:
    """Hours, cancelled, over, very far: none is a mistake, each is named with its reason."""
    found = read(
        event("DTSTART:20261208T090000", "DTEND:20261208T170000", summary="Fair"),
        event("DTSTART:20261208T090000", uid="2", summary="Bell"),
        event("DTSTART;VALUE=DATE:20261208", "STATUS:CANCELLED", uid="3", summary="Off"),
        event("DTSTART;VALUE=DATE:20261101", uid="4", summary="Saints"),
        event("DTSTART;VALUE=DATE:20401101", uid="5", summary="Later"),
    )
    assert [(each.label, each.why) for each in found.skipped] == [
        ("Fair", Skip.TIMED),
        ("Bell", Skip.TIMED),
        ("Off", Skip.CANCELLED),
        ("Saints", Skip.OVER),
        ("Later", Skip.FAR),
    ]
    assert found.days == ()


def test_repetition_is_followed_to_the_horizon_without_what_was_taken_out() -> None:
    """Every year, without an excluded day, and with the one that was moved on its new day."""
    found = read(
        event("DTSTART;VALUE=DATE:19700106", "RRULE:FREQ=YEARLY", "EXDATE;VALUE=DATE:20280106"),
        event("RECURRENCE-ID;VALUE=DATE:20270106", "DTSTART;VALUE=DATE:20270107"),
    )
    assert [day.first_day for day in found.days] == [date(2027, 1, 7), date(2029, 1, 6)]


def test_repetition_ends_by_count_and_by_until() -> None:
    """COUNT counts from the first day; UNTIL is inclusive, as a day or as an instant."""
    start = "DTSTART;VALUE=DATE:20261130"
    assert len(read(event(start, "RRULE:FREQ=WEEKLY;COUNT=3")).days) == 3
    assert len(read(event(start, "RRULE:FREQ=DAILY;UNTIL=20261202")).days) == 3
    assert len(read(event(start, "RRULE:FREQ=DAILY;UNTIL=20261202T120000Z")).days) == 3
    assert len(read(event("DTSTART;VALUE=DATE:20261109", "RRULE:FREQ=WEEKLY;COUNT=3")).days) == 1


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (("DTSTART:garbage",), Fault.DAY_MALFORMED),
        (("DTSTART;VALUE=DATE:20261301",), Fault.DAY_MALFORMED),
        ((), Fault.DAY_MISSING),
        (("DTSTART;VALUE=DATE:20261208", "DTEND;VALUE=DATE:20261201"), Fault.DAYS_REVERSED),
        (("DTSTART;VALUE=DATE:20261208", "DTEND;VALUE=DATE:20280101"), Fault.TOO_LONG),
        (("DTSTART;VALUE=DATE:20261208", "RDATE;VALUE=DATE:20261215"), Fault.EXTRA_DATES),
        (("DTSTART;VALUE=DATE:20261208", "RRULE:FREQ=SECONDLY"), Fault.RULE_TOO_FINE),
        (("DTSTART;VALUE=DATE:20261208", "RRULE:FREQ=DAILY;BYHOUR=1,2"), Fault.RULE_TOO_FINE),
        (("DTSTART;VALUE=DATE:20261208", "RRULE:FREQ=YEARLY;INTERVAL=0"), Fault.RULE_MALFORMED),
        (("DTSTART;VALUE=DATE:20261208", "RRULE:FREQ=DAILY;COUNT=-5"), Fault.RULE_MALFORMED),
        (("DTSTART;VALUE=DATE:20261208", "RRULE:FREQ=DAILY;INTERVAL=7;BYDAY=MO"), Fault.RULE_MALFORMED),
        (("DTSTART;VALUE=DATE:20261208", "RRULE:FREQ=DAILY;BYDAY=MO;BYSETPOS=2"), Fault.RULE_MALFORMED),
        (("DTSTART;VALUE=DATE:20261208", "RRULE:FREQ=YEARLY;BYYEARDAY=366"), Fault.RULE_MALFORMED),
        (("DTSTART;VALUE=DATE:20261208", "RRULE:FREQ=YEARLY;BYMONTH=2;BYDAY=6MO"), Fault.RULE_MALFORMED),
        (("DTSTART;VALUE=DATE:20261208", "RRULE:FREQ=YEARLY", "RRULE:FREQ=DAILY"), Fault.RULE_MALFORMED),
        (("DTSTART;VALUE=DATE:00010101", "RRULE:FREQ=DAILY"), Fault.RULE_MALFORMED),
        (("DTSTART;VALUE=DATE:20261208", "EXDATE:x"), Fault.DAY_MALFORMED),
        (("DTSTART;VALUE=DATE:20261208", "RECURRENCE-ID:x"), Fault.DAY_MALFORMED),
        (("DTSTART;VALUE=DATE:99991231", "DURATION:P9999D"), Fault.DAY_MALFORMED),
    ],
)
def test_wrong_event_is_named_with_what_is_wrong(lines: tuple[str, ...], fault: Fault) -> None:
    """Nothing is guessed: each is an entry with its number and its fault, and endless ones end at once."""
    assert fault_of(*lines) is fault


def test_all_wrong_entries_are_told_at_once() -> None:
    """Whoever mends a file learns of every mistake in one go."""
    found = read(*(event("DTSTART:nothing", uid=str(n)) for n in range(5)), event("DTSTART;VALUE=DATE:20261208"))
    assert [wrong.number for wrong in found.wrong] == [1, 2, 3, 4, 5]
    assert len(found.days) == 1


@pytest.mark.parametrize(
    "rule", ["FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "FREQ=DAILY;COUNT=999999999"]
)
def test_rule_that_never_ends_is_cut_at_the_horizon(rule: str) -> None:
    """A rule that never comes true, or far too often, is followed three years and no further."""
    found = read(event("DTSTART;VALUE=DATE:20261130", f"RRULE:{rule}"))
    assert len(found.days) <= 1_101
    assert all(day.last_day <= TODAY + timedelta(days=1_101) for day in found.days)


def test_zone_of_the_file_itself_is_not_followed() -> None:
    """A zone with a rule for every second would keep the reader busy for ever; it is left away unread."""
    zone = "\r\n".join(
        (
            "BEGIN:VTIMEZONE",
            "TZID:Bomb",
            "BEGIN:STANDARD",
            "DTSTART:19700101T000000",
            "RRULE:FREQ=SECONDLY",
            "TZOFFSETFROM:+0100",
            "TZOFFSETTO:+0100",
            "END:STANDARD",
            "END:VTIMEZONE",
        )
    )
    found = read(zone, event("DTSTART;TZID=Bomb:20261208T000000", "DTEND;TZID=Bomb:20261209T000000"))
    assert [day.first_day for day in found.days] == [date(2026, 12, 8)]


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"x" * (MOST_BYTES + 1), Fault.FILE_TOO_LARGE),
        (b"BEGIN:VCALENDAR\n" + b"BEGIN:VEVENT\nEND:VEVENT\n" * (MOST_ENTRIES + 1), Fault.TOO_MANY_ROWS),
        (write(*[event(FIRST, "RRULE:FREQ=MONTHLY;INTERVAL=12;BYMONTH=3;BYDAY=1MO")] * 21), Fault.RULES_TOO_MANY),
        (write(*[event(FIRST, "RRULE:FREQ=YEARLY")] * 201), Fault.RULES_TOO_MANY),
        (b"BEGIN:VCALENDAR\nBEGIN:VEVENT\n", Fault.FILE_UNREADABLE),
        (b"BEGIN:VCALENDAR\nnonsense\nEND:VCALENDAR\n", Fault.FILE_UNREADABLE),
        (b"/etc/passwd", Fault.HEADER_MISSING),
        (b"", Fault.HEADER_MISSING),
        (b"\xff\xfe\x00", Fault.FILE_NOT_UTF8),
        (b"first_day,last_day,label\n" + b"2026-12-08,,x\n" * MOST_ENTRIES, Fault.TOO_MANY_ROWS),
        (b'first_day,last_day,label\n"2026', Fault.QUOTES_BROKEN),
    ],
)
def test_file_that_cannot_be_read_is_refused_as_a_whole(data: bytes, fault: Fault) -> None:
    """Too large, too many, no calendar, no table, no UTF-8; the name of a file is never opened."""
    with pytest.raises(CalendarRefusedError) as refused:
        read_file(data, today=TODAY, zone=MADRID)
    assert refused.value.wrong.fault is fault


def test_table_is_read_with_commas_or_semicolons() -> None:
    """What a spreadsheet writes, byte order mark and all; a row that is over is passed over, others are named."""
    table = (
        "\ufefffirst_day;last_day;label\r\n2026-12-08;;Feast\r\n\r\n2026-12-24;2027-01-06;Christmas\r\n"
        "2026-01-06;;Kings\r\n8.12.2026;;Feast\r\n2026-12-09;2026-12-01;\r\na;b\r\n"
    )
    found = read_file(table.encode(), today=TODAY, zone=MADRID)
    assert [(day.first_day.day, day.last_day.day, day.label) for day in found.days] == [
        (8, 8, "Feast"),
        (24, 6, "Christmas"),
    ]
    assert [each.label for each in found.skipped] == ["Kings"]
    assert [(wrong.number, wrong.wrong.fault) for wrong in found.wrong] == [
        (5, Fault.DAY_MALFORMED),
        (6, Fault.DAYS_REVERSED),
        (7, Fault.COLUMNS),
    ]


PIECES = st.sampled_from(
    b"""BEGIN:VEVENT|END:VEVENT|BEGIN:VALARM|END:VALARM|END:VCALENDAR|DTSTART;VALUE=DATE:20261208|RRULE:|EXDATE:,
RRULE:FREQ=YEARLY;BYDAY=;COUNT=x|DURATION:-P1D|DTEND;TZID=:20261209T000000|RECURRENCE-ID:x|SUMMARY;=:|\tfolded|STATUS
DTSTART;TZID=/a/b:20261208T000000|:|UID:\xff|RRULE:FREQ=WEEKLY;UNTIL=20200101;WKST=XX|RRULE:INTERVAL=2|DURATION:x
RRULE:FREQ=MONTHLY;BYSETPOS=0;BYDAY=99MO|RRULE:FREQ=DAILY;COUNT=2.5|DTSTART:10000|SUMMARY:a|SUMMARY:b|DTEND:x""".replace(
        b"\n", b"|"
    ).split(b"|")
)


@given(st.lists(PIECES | st.binary(max_size=30), max_size=12))
def test_no_calendar_makes_the_reader_stumble(pieces: list[bytes]) -> None:
    """Whatever a file holds, it is read or refused in words; nothing else is raised."""
    data = b"\r\n".join((b"BEGIN:VCALENDAR", b"BEGIN:VEVENT", *pieces, b"END:VEVENT", b"END:VCALENDAR", b""))
    try:
        found = read_file(data, today=TODAY, zone=MADRID)
    except CalendarRefusedError:
        return
    assert all(day.last_day >= TODAY for day in found.days)
