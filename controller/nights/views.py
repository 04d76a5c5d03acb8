"""The pages of the nights, for admins: tonight's plan, how it goes, this morning's report, the line, the calculator.

Figures are those that told.py tells: sums of five rooms or more, and faults (promise P7). The parts that change by
themselves poll; the calculator is a plain form that works without scripts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Blueprint, Flask, abort, render_template, request
from flask_babel import format_decimal  # type: ignore[import-untyped]
from markupsafe import Markup
from sqlalchemy.orm import Session

from controller.accounts.models import Role
from controller.auth.access import for_roles, signed_in
from controller.auth.languages import format_amount, gettext
from controller.nights import calculator
from controller.nights.calculator import School, what_ifs
from controller.nights.chart import Words, by_hour, draw
from controller.nights.charting import chart_points
from controller.nights.line import SLOT
from controller.nights.measures import find_line
from controller.nights.outcomes import WORDS
from controller.nights.policy import FEWEST_ROOMS, may_read
from controller.nights.reasons import WORDS as GROUPS
from controller.nights.told import NightTold, PartTold, Phase, find_last, find_report, find_tonight
from controller.nights.words import CHANGES, about, hours_and_minutes, size_of
from controller.services import Services

QUALITIES = (1_000_000, calculator.VIDEO_BPS, 4_000_000)


def register(app: Flask, services: Services) -> None:
    """Add the room's pages."""
    room = Blueprint("nights", __name__)
    NightPages(services).add_to(room)
    app.register_blueprint(room)
    app.jinja_env.filters.update(
        size=word_size, about=about, span=word_span, tenths=word_tenths, mean_rate=word_mean_rate
    )


def word_size(count: int) -> str:
    """Write bytes in the language of the request."""
    number, unit = size_of(count)
    return gettext("%(number)s %(unit)s", number=format_decimal(number), unit=unit)


def word_tenths(number: float) -> str:
    """Write a number to a tenth in the language of the request."""
    return str(format_decimal(round(number, 1)))


def word_span(span: timedelta) -> str:
    """Write a span of time, rounded down to ten minutes."""
    hours, minutes = hours_and_minutes(span)
    words = [format_amount(hours, "hour")] if hours else []
    return " ".join([*words, *([format_amount(minutes, "minute")] if minutes or not hours else [])])


def word_mean_rate(rate_bps: float) -> str:
    """Write a measured rate in the language of the request, to a tenth."""
    return gettext("%(number)s Mbit/s", number=format_decimal(round(rate_bps / 1_000_000, 1)))


@dataclass(frozen=True)
class Fault:
    """A number that the calculator cannot use: the field, and from what to what it goes."""

    field: str
    least: float
    most: float


class NightPages:
    """What an admin reads of nights."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def add_to(self, room: Blueprint) -> None:
        """Add the pages' addresses."""
        room.add_url_rule("/nights", view_func=self.nights)
        room.add_url_rule("/nights/now", view_func=self.live)
        room.add_url_rule("/nights/calculator", view_func=self.calculator)

    @for_roles(Role.ADMIN)
    def nights(self) -> str:
        """Show plan or progress, the morning's report, and the chart of the line."""
        self._require_reader()
        with self._services.database.reading() as session:
            report = find_report(self._services, session)
            shown = self._shown(session)
            return render_template(
                "nights/nights.html",
                tonight=find_tonight(self._services, session),
                report=report,
                words=WORDS,
                fewest=FEWEST_ROOMS,
                groups=GROUPS,
                **self._chart(session, shown),
            )

    @for_roles(Role.ADMIN)
    def live(self) -> str:
        """Give the part of the page that changes by itself."""
        self._require_reader()
        with self._services.database.reading() as session:
            tonight = find_tonight(self._services, session)
        return render_template("nights/_now.html", tonight=tonight, fewest=FEWEST_ROOMS, groups=GROUPS)

    @for_roles(Role.ADMIN)
    def calculator(self) -> str:
        """Show the calculator, with an answer where something was asked."""
        self._require_reader()
        with self._services.database.reading() as session:
            line = find_line(self._services, session)
        typed = {name: request.args.get(name, default) for name, default in _defaults(line.line_bps, line.hours)}
        asked, faults = _read(typed)
        answer = asked if asked and "rooms" in request.args else None
        return render_template(
            "nights/calculator.html",
            typed=typed,
            line=line,
            faults={fault.field: fault for fault in faults} if "rooms" in request.args else {},
            answer=answer,
            what_ifs=what_ifs(answer) if answer else (),
            changes=CHANGES,
            qualities=QUALITIES,
        )

    def _require_reader(self) -> None:
        if not may_read(signed_in().roles):
            abort(404)

    def _shown(self, session: Session) -> NightTold | None:
        """Give the night of which the chart is: the one that runs, where it may be followed, or else the last."""
        tonight = find_tonight(self._services, session)
        if tonight and tonight.phase is Phase.RUNNING and tonight.is_followed:
            return tonight
        return find_last(self._services, session)

    def _chart(self, session: Session, night: NightTold | None) -> dict[str, Any]:
        part = _chosen(night, request.args.get("part")) if night else None
        if night is None or part is None:
            return {"chart": None, "charted": night, "hours": (), "part": None}
        points = chart_points(self._services, session, part)
        words = Words(
            title=gettext("Use of the line"),
            said=gettext("The table below has the same figures by the hour."),
            used=gettext("Used"),
            allowed=gettext("Allowed"),
            unit="Mbit/s",
        )
        drawn = draw(points, words, self._services.config.controller.time_zone, SLOT)
        return {"chart": Markup(drawn), "charted": night, "hours": by_hour(points), "part": part}  # noqa: S704 - words are escaped in chart.py


def _chosen(night: NightTold, name: str | None) -> PartTold | None:
    """Give the part that begins with a site, or all of them; one that is not shown does not exist."""
    if name is None:
        return night.total
    return next((part for part in night.parts if part.sites[0] == name), None) or abort(404)


def _defaults(line_bps: int, hours: float) -> tuple[tuple[str, str], ...]:
    school = School(rooms=40, line_bps=line_bps, hours=hours)
    return (
        ("rooms", str(school.rooms)),
        ("lessons", f"{school.lessons:g}"),
        ("minutes", f"{school.minutes:g}"),
        ("quality", str(school.video_bps)),
        ("line", f"{line_bps / 1_000_000:.1f}".rstrip("0").rstrip(".")),
        ("hours", f"{hours:g}"),
    )


_RANGES = {
    "rooms": (1, calculator.MOST_ROOMS),
    "lessons": (1, calculator.MOST_LESSONS),
    "minutes": (1, calculator.MOST_MINUTES),
    "quality": (calculator.LEAST_VIDEO_BPS, calculator.MOST_VIDEO_BPS),
    "line": (calculator.LEAST_BPS / 1_000_000, calculator.MOST_BPS / 1_000_000),
    "hours": (0.5, calculator.MOST_HOURS),
}


def _read(typed: dict[str, str]) -> tuple[School | None, tuple[Fault, ...]]:
    numbers = {name: _number(text) for name, text in typed.items()}
    faults = tuple(Fault(name, *_RANGES[name]) for name, value in numbers.items() if not _is_in(value, _RANGES[name]))
    if faults:
        return None, faults
    sound = {name: value for name, value in numbers.items() if value is not None}
    school = School(
        rooms=int(sound["rooms"]),
        lessons=sound["lessons"],
        minutes=sound["minutes"],
        video_bps=int(sound["quality"]),
        line_bps=int(sound["line"] * 1_000_000),
        hours=sound["hours"],
    )
    return school, ()


def _is_in(value: float | None, span: tuple[float, float]) -> bool:
    return value is not None and span[0] <= value <= span[1]


def _number(text: str) -> float | None:
    try:
        return float(text.strip().replace(",", "."))
    except ValueError:
        return None
