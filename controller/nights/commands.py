"""`backrow controller night plan|report|calculate`: what a night will be, what it was, and what a line could carry.

Prints what told.py tells, which is sums of five rooms or more, and faults (promise P7).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from controller.nights.calculator import (
    LEAST_VIDEO_BPS,
    MOST_HOURS,
    MOST_LESSONS,
    MOST_MINUTES,
    MOST_ROOMS,
    MOST_VIDEO_BPS,
    VIDEO_BPS,
)
from controller.opening import config_option, opened


@click.command(name="plan")
@config_option
def plan(path: Path) -> None:
    """Show what the night that runs or comes next is expected to be: sums, expected end, margin."""
    from controller.nights.telling import tell_plan
    from controller.nights.told import find_tonight

    with opened(path) as services, services.database.reading() as session:
        _say(tell_plan(find_tonight(services, session), services.config.controller.time_zone))


@click.command(name="report")
@config_option
def report(path: Path) -> None:
    """Show what became of the last night: what came, which rooms did not deliver and why, what space is left."""
    from controller.nights.telling import tell_report
    from controller.nights.told import find_report

    with opened(path) as services, services.database.reading() as session:
        _say(tell_report(find_report(services, session), services.config.controller.time_zone))


@click.command(name="calculate")
@config_option
@click.option("--rooms", required=True, type=click.IntRange(1, MOST_ROOMS))
@click.option("--lessons", default=5.0, show_default=True, type=click.FloatRange(1, MOST_LESSONS), help="A room a day.")
@click.option("--minutes", default=45.0, show_default=True, type=click.FloatRange(1, MOST_MINUTES))
@click.option("--video-bps", default=VIDEO_BPS, show_default=True, type=click.IntRange(LEAST_VIDEO_BPS, MOST_VIDEO_BPS))
@click.option("--line", default="", metavar="RATE", help="Like 50M; without it what was measured, or else the limit.")
@click.option("--hours", default=None, type=click.FloatRange(0.5, MOST_HOURS), help="Without it those of tonight.")
def calculate(path: Path, line: str, hours: float | None, **asked: Any) -> None:
    """Calculate how long the line takes for a school day, whether that fits into a night, and what would help."""
    from controller.calendar.rates import parse_rate
    from controller.nights.calculator import School
    from controller.nights.measures import find_line
    from controller.nights.telling import tell_school

    with opened(path) as services, services.database.reading() as session:
        found = find_line(services, session)
    try:
        line_bps = parse_rate(line) if line else found.line_bps
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--line") from None
    school = School(line_bps=line_bps, hours=hours or found.hours, **asked)
    if not line:
        click.echo(f"Reckoned with {line_bps / 1e6:.1f} Mbit/s, {'as measured' if found.is_measured else 'the limit'}.")
    _say(tell_school(school))


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)
