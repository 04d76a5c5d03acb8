"""Decides whether a teacher or a principal agrees on a day, out of everything they ever said. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from controller.consent.models import Agreement, Who


def agrees(said: Sequence[Agreement], day: date) -> bool:
    """Tell whether the newest word that has begun to hold is a yes that has not ended; nothing said is a no."""
    newest = _newest(said, day)
    return newest is not None and newest.agrees and (newest.holds_until is None or day <= newest.holds_until)


def principal_agrees(said: Mapping[tuple[Who, str], Sequence[Agreement]], site: str, day: date) -> bool:
    """Tell whether recording is agreed to at a site: a word about the site counts before one about the whole school."""
    own = said.get((Who.PRINCIPAL, site), ()) if site else ()
    counts = own if _newest(own, day) else said.get((Who.PRINCIPAL, ""), ())
    return agrees(counts, day)


def _newest(said: Sequence[Agreement], day: date) -> Agreement | None:
    return max((each for each in said if each.holds_from <= day), key=lambda each: each.number, default=None)


@dataclass(frozen=True)
class Outlook:
    """Whether somebody agrees on a day, and the day on which that turns into the other, if it does."""

    agrees: bool
    turns_on: date | None


def outlook(said: Iterable[Agreement], day: date, agrees_on: Callable[[date], bool]) -> Outlook:
    """Give what holds on a day and when it turns, of the words that `agrees_on` decides by."""
    words = list(said)
    ends = (word.holds_until + timedelta(days=1) for word in words if word.holds_until)
    turns = sorted(turn for turn in {*(word.holds_from for word in words), *ends} if turn > day)
    now = agrees_on(day)
    return Outlook(now, next((turn for turn in turns if agrees_on(turn) != now), None))
