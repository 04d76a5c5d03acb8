"""What was read out of a file: classes, people and who is in what, before anything is compared with what stands. Pure.

Keys tie the parts of one file together and mean nothing outside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from controller.people.models import Kind
from controller.people.policy import Name
from controller.roster.flaws import Flaw
from controller.roster.models import ClassRole, Scope, Source


class FoundClass(NamedTuple):
    """A class: `sourced_id` is blank in a plain table; without days it goes on for as long as it is in the roster."""

    key: str
    sourced_id: str
    title: str
    site: str
    begins_on: date | None = None
    ends_on: date | None = None


class FoundPerson(NamedTuple):
    """A person: `sourced_id` is blank where nobody gave a number; `email` is an adult's, to find their account."""

    key: str
    sourced_id: str
    kind: Kind
    name: Name
    email: str = ""
    of_age_on: date | None = None


class FoundMembership(NamedTuple):
    """One person is in one class; None: from the roster's first day, or for as long as it holds."""

    class_key: str
    person_key: str
    role: ClassRole
    begins_on: date | None = None
    ends_on: date | None = None


class Passed(StrEnum):
    """Why a row of a file was passed over although nothing is wrong with it."""

    GONE = "gone"
    """Marked as deleted or inactive."""
    GUARDIAN = "guardian"
    NO_CLASS = "no_class"


@dataclass(frozen=True, kw_only=True)
class Roster:
    """A whole roster as a file says it."""

    source: Source
    scope: Scope
    classes: tuple[FoundClass, ...]
    people: tuple[FoundPerson, ...]
    memberships: tuple[FoundMembership, ...]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What came of reading a file: a roster, or everything that is wrong with it; never both."""

    roster: Roster | None
    flaws: tuple[Flaw, ...] = ()
    flaws_in_all: int = 0
    passed_over: Mapping[Passed, int] = field(default_factory=dict)
