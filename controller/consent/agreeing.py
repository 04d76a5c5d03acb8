"""Decides whether a teacher or a principal agrees on a day, out of everything they ever said. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

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
