"""Works out what a table of answers would change: which rows say something new, and what stood before. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple

from controller.consent.answers import Giver
from controller.forms.policy import Choice


class TableAnswer(NamedTuple):
    """One answer of a table, its person found and its days known.

    `version`: of the form whose code it has, or 0. `names_end`: the table says its last day; else it is the usual one.
    """

    person: str
    giver: Giver
    choice: Choice
    holds_from: date
    holds_until: date | None
    version: int
    names_end: bool


class Held(NamedTuple):
    """What a giver's newest line says, from when, and until when."""

    choice: Choice
    holds_from: date
    holds_until: date | None

    def holds_on(self, day: date) -> bool:
        """Tell whether it has begun and has not ended."""
        return self.holds_from <= day and (self.holds_until is None or day <= self.holds_until)


class Change(NamedTuple):
    """An answer that says something else than what stands; `before` None: nothing of this giver."""

    answer: TableAnswer
    before: Choice | None


class Difference(NamedTuple):
    """What would be written down, and how many rows say what stands already."""

    changes: tuple[Change, ...]
    unchanged: int

    def groups(self) -> list[tuple[Choice | None, Choice, int]]:
        """Count the changes by what stood and what would stand, the most first."""
        counted = Counter((each.before, each.answer.choice) for each in self.changes)
        return [(before, after, number) for (before, after), number in counted.most_common()]


def compare(answers: Iterable[TableAnswer], held: Mapping[tuple[str, Giver], Held], today: date) -> Difference:
    """Compare a table with what stands: a row changes something when its box or its last day differs.

    A row of no form that names no last day repeats what stands: only a new form, or a day, makes a yes last longer.
    What begins later than the row stands not yet: a no of today is written down before one of next month.
    """
    changes, unchanged = [], 0
    for answer in answers:
        before = held.get((answer.person, answer.giver))
        if before and _repeats(answer, before, today):
            unchanged += 1
        else:
            changes.append(Change(answer, before.choice if before else None))
    return Difference(tuple(changes), unchanged)


def _repeats(answer: TableAnswer, before: Held, today: date) -> bool:
    if answer.choice is not before.choice or answer.holds_from < before.holds_from:
        return False
    is_open = not answer.names_end and not answer.version and before.holds_on(today)
    return is_open or answer.holds_until == before.holds_until
