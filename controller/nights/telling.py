"""What the command line says of nights, in English: plan, report, calculator. Pure; the figures are told.py's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo

from controller.nights.calculator import School, what_ifs
from controller.nights.outcomes import WORDS
from controller.nights.policy import FEWEST_ROOMS
from controller.nights.reasons import WORDS as GROUPS
from controller.nights.told import NightTold, PartTold, Phase, ReportTold
from controller.nights.words import CHANGES, about, hours_and_minutes, size_of

NO_FIGURES = f"Fewer than {FEWEST_ROOMS} rooms: no figures are shown."


def spell_size(count: int) -> str:
    """Spell bytes as `141 GB`."""
    number, unit = size_of(count)
    return f"{number:g} {unit}"


def tell_plan(night: NightTold | None, zone: tzinfo) -> Iterator[str]:
    """Say what the night that runs or comes next is expected to be."""
    if night is None:
        yield "No night is known: is `backrow controller jobs` running, and is the line open in the next two days?"
        return
    yield f"Night of {night.day:%a %Y-%m-%d}: open {_span(night.opens_at, night.closes_at, zone)}."
    if night.total is None:
        fits = "fit" if night.has_room else "do NOT fit"
        yield f"Five lessons of every room {fits} into it. {NO_FIGURES}"
        return
    yield f"All {night.total.rooms} rooms: {_expectation(night.total, night.phase, zone)}"
    if not night.is_followed:
        yield f"At the moment fewer than {FEWEST_ROOMS} rooms of a part can send: what these bring is not counted here."
    for group, number in night.total.reasons.items():
        yield f"  {GROUPS[group] % {'num': number}}"
    for part in night.parts:
        yield f"  {name_of(part)} ({part.rooms} rooms): {_expectation(part, night.phase, zone)}"


def name_of(part: PartTold) -> str:
    """Name the sites of a part."""
    return ", ".join(site or "no site" for site in part.sites)


def _span(begins: datetime, ends: datetime, zone: tzinfo) -> str:
    return f"{begins.astimezone(zone):%H:%M}-{ends.astimezone(zone):%H:%M}"


def _expectation(part: PartTold, phase: Phase, zone: tzinfo) -> str:
    done = f"{spell_size(part.taken_bytes)} of " if phase is Phase.RUNNING else ""
    due = f", {spell_size(part.due_bytes)} of it before the next school day" if part.due_bytes else ""
    return f"{done}{spell_size(part.planned_bytes)}{due}; {_end(part, zone)}."


def _end(part: PartTold, zone: tzinfo) -> str:
    if part.expected_end_at is None or part.margin is None:
        return "NOT everything fits into this night; what is due goes first, the rest stays safe on its cards"
    hours, minutes = hours_and_minutes(part.margin)
    return f"ready by about {about(part.expected_end_at).astimezone(zone):%H:%M}, {hours} h {minutes} min to spare"


def tell_report(report: ReportTold, zone: tzinfo) -> Iterator[str]:
    """Say what became of the newest night that is over."""
    if report.full_since:
        yield f"The server's disk is FULL since {report.full_since.astimezone(zone):%Y-%m-%d %H:%M}: see status."
    if report.night is None:
        yield "No night is over yet."
    else:
        yield from _tell_over(report.night, zone)
        yield f"{report.normal} rooms deliver normally."
    for fault in report.faults:
        yield f"  {fault.label}{f' ({fault.site})' if fault.site else ''}: {WORDS[fault.outcome]}"
    for room in report.space:
        yield f"  {room.label}{f' ({room.site})' if room.site else ''}: space for {room.days_left} more school days."
    if report.least_days is not None:
        yield f"Every room has space for {report.least_days} more school days at least."


def _tell_over(night: NightTold, zone: tzinfo) -> Iterator[str]:
    yield f"Night of {night.day:%a %Y-%m-%d}, {_span(night.opens_at, night.closes_at, zone)}."
    if night.total is None:
        yield NO_FIGURES
        return
    yield f"All {night.total.rooms} rooms: {_result(night.total, zone)}"
    for part in night.parts:
        yield f"  {name_of(part)} ({part.rooms} rooms): {_result(part, zone)}"


def _result(part: PartTold, zone: tzinfo) -> str:
    ended = f", the last at {part.ended_at.astimezone(zone):%H:%M}" if part.ended_at else ""
    left = f"{spell_size(part.left_bytes)} left" if part.left_bytes else "nothing left"
    return f"{spell_size(part.taken_bytes)} came{ended}; {left}; {part.unusable} unusable recordings."


def tell_school(school: School) -> Iterator[str]:
    """Say what a line carries for a school."""
    yield f"A lesson is {spell_size(school.lesson_bytes)}, a school day {spell_size(school.day_bytes)}."
    hours = timedelta(hours=school.hours)
    if school.fits:
        yield f"It takes {school.needs_hours:.1f} hours of {school.hours:g}: it fits."
    else:
        yield (
            f"It takes {school.needs_hours:.1f} hours and does NOT fit into {hours.total_seconds() / 3600:g}: a night "
            f"carries {school.most_lessons} lessons; {school.needs_bps / 1e6:.1f} Mbit/s would be enough."
        )
    for one in what_ifs(school):
        fits = "" if one.school.fits else ", does not fit"
        yield f"  {CHANGES[one.change]}: {one.school.needs_hours:.1f} hours of {one.school.hours:g}{fits}"
