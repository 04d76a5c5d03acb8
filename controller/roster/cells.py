"""Reads single cells into values; what is wrong goes into the flaws, and None comes back. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

from controller.people.policy import NAME_CHARS, SOURCED_ID_CHARS, Name, may_be_name, tidy
from controller.roster.flaws import Fact, Flawed, Flaws, flaw
from controller.roster.models import TITLE_CHARS

Choice = TypeVar("Choice")
_DAY_CHARS = len("2026-12-24")


@dataclass
class Cells:
    """The cells of one file."""

    file: str
    flaws: Flaws
    _days: dict[str, date] = field(default_factory=dict)

    def wrong(self, flawed: Flawed, row: int, column: str = "", **facts: Fact) -> None:
        """Say that something is wrong."""
        self.flaws.add(flaw(flawed, self.file, row, column, **facts))

    def identifier(self, text: str, row: int, column: str) -> str | None:
        """Read an id of the school's own system."""
        return self._line(text, row, column, SOURCED_ID_CHARS)

    def title(self, text: str, row: int, column: str) -> str | None:
        """Read what a class is called."""
        return self._line(tidy(text), row, column, TITLE_CHARS)

    def _line(self, text: str, row: int, column: str, most: int) -> str | None:
        if not text:
            self.wrong(Flawed.BLANK, row, column)
        elif len(text) > most:
            self.wrong(Flawed.TOO_LONG, row, column, most=most, got=len(text))
        elif not text.isprintable():
            self.wrong(Flawed.NOT_PRINTABLE, row, column, got=text)
        else:
            return text
        return None

    def name(self, given: str, family: str, row: int, column: str) -> Name | None:
        """Read a name; one of the two parts is enough."""
        name = Name(tidy(given), tidy(family))
        if may_be_name(name):
            return name
        if not any(name):
            self.wrong(Flawed.BLANK, row, column)
        else:
            self.wrong(Flawed.NAME_MALFORMED, row, column, most=NAME_CHARS, got=name.listed)
        return None

    def choice(self, text: str, choices: Mapping[str, Choice], row: int, column: str) -> Choice | None:
        """Read one of some words."""
        found = choices.get(text.casefold())
        if found is None:
            self.wrong(Flawed.CHOICE, row, column, expected=", ".join(sorted(choices)), got=text)
        return found

    def day(self, text: str, row: int, column: str) -> date | None:
        """Read a day, or the day of an instant; None for nothing, and for what is wrong."""
        if not text:
            return None
        if (known := self._days.get(text)) is not None:
            return known
        try:
            if len(text) > _DAY_CHARS and text[_DAY_CHARS] not in "T ":
                raise ValueError
            found = date.fromisoformat(text[:_DAY_CHARS])
        except ValueError:
            self.wrong(Flawed.DATE_MALFORMED, row, column, got=text)
            return None
        self._days[text] = found
        return found

    def days(self, texts: tuple[str, str], row: int, columns: tuple[str, str]) -> tuple[date | None, date | None]:
        """Read a first and a last day."""
        first, last = (self.day(text, row, column) for text, column in zip(texts, columns, strict=True))
        if first and last and last < first:
            self.wrong(Flawed.DATES_REVERSED, row, columns[1], first=first.isoformat(), last=last.isoformat())
        return first, last
