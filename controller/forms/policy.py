"""Decides what an answer on a form means, for which days it holds, and which forms are old. Pure.

A form has one box for each `Choice`, and whoever enters it presses the key that is printed beside the box. Defined in
docs/runbooks/forms.md ("Entering").
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from controller.consent.answers import NOTHING, Giver, Scope
from controller.consent.rules import Rules

HOLDS_DAYS = 365
"""For how long a yes holds when nothing else is written on the form; the form says so."""
MOST_HOLDS_DAYS = 3660
EARLIEST_DAYS = 366
FARTHEST_DAYS = 550


class Choice(StrEnum):
    """One box of the form."""

    GRANTED = "granted"
    PICTURE = "picture"
    VOICE = "voice"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


KEYS: Mapping[Choice, str] = {
    Choice.GRANTED: "g",
    Choice.PICTURE: "p",
    Choice.VOICE: "v",
    Choice.REFUSED: "n",
    Choice.WITHDRAWN: "w",
}
GIVER_KEYS: Mapping[Giver, str] = {Giver.GUARDIAN_1: "1", Giver.GUARDIAN_2: "2", Giver.SELF: "3"}


def choices_of(*, asks_voice: bool) -> tuple[Choice, ...]:
    """Give the boxes of a form: where no voice is recorded nobody is asked about it."""
    apart = (Choice.PICTURE, Choice.VOICE) if asks_voice else ()
    return (Choice.GRANTED, *apart, Choice.REFUSED, Choice.WITHDRAWN)


@dataclass(frozen=True)
class Grants:
    """The scopes that are granted for picture and voice."""

    picture: frozenset[Scope]
    voice: frozenset[Scope]


def grants_of(choice: Choice, asked: Collection[Scope], *, asks_voice: bool) -> Grants:
    """Give what a box grants: everything that the form asks for, of what is said yes to."""
    everything = frozenset(asked)
    return Grants(
        picture=everything if choice in (Choice.GRANTED, Choice.PICTURE) else NOTHING,
        voice=everything if asks_voice and choice in (Choice.GRANTED, Choice.VOICE) else NOTHING,
    )


def choice_of(grants: Grants, *, is_withdrawal: bool) -> Choice:
    """Name what a statement says as the box that says it, by whether picture and voice may be recorded at all."""
    if is_withdrawal:
        return Choice.WITHDRAWN
    picture, voice = (Scope.RECORD in scopes for scopes in (grants.picture, grants.voice))
    if picture and voice:
        return Choice.GRANTED
    return Choice.PICTURE if picture else Choice.VOICE if voice else Choice.REFUSED


def may_end(choice: Choice) -> bool:
    """Tell whether a statement ends by itself: a no does not, so that no silence comes after it."""
    return choice not in (Choice.REFUSED, Choice.WITHDRAWN)


def default_days(rules: Rules, today: date) -> tuple[date, date]:
    """Give from when until when a yes holds that is entered today: a day where the school asks each time."""
    return (today, today) if rules.each_time else (today, today + timedelta(days=HOLDS_DAYS - 1))


def are_possible(first: date, last: date | None, today: date) -> bool:
    """Tell whether the days of a statement can be meant: no slip in the year, and the last one not before the first."""
    begins = today - timedelta(days=EARLIEST_DAYS) <= first <= today + timedelta(days=FARTHEST_DAYS)
    return begins and (last is None or first <= last <= first + timedelta(days=MOST_HOLDS_DAYS))


def givers_of(*, is_adult: bool, of_age_on: date | None, today: date) -> tuple[Giver, ...]:
    """Give who can answer for somebody today, the usual one first."""
    if is_adult or (of_age_on is not None and of_age_on <= today):
        return (Giver.SELF,)
    return (Giver.GUARDIAN_1, Giver.GUARDIAN_2, Giver.SELF)
