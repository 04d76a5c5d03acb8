"""What stands before a roster is applied: classes, people and memberships as values, for plan.py. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from controller.people.models import Kind
from controller.people.policy import Name
from controller.roster.models import ClassRole, Source


class HeldClass(NamedTuple):
    """A class as it stands."""

    id: str
    source: Source
    sourced_id: str
    title: str
    site: str
    begins_on: date
    ends_on: date | None


class HeldPerson(NamedTuple):
    """A person as they stand; `sourced_id` and `account` are blank where there is none."""

    id: str
    kind: Kind
    sourced_id: str
    name: Name
    account: str
    of_age_on: date | None


class HeldMembership(NamedTuple):
    """A membership as it stands."""

    id: int
    class_id: str
    person: str
    role: ClassRole
    begins_on: date
    ends_on: date | None


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What stands: all classes, everybody whom nobody has forgotten, and the memberships that are not long over.

    `accounts` gives an account by its address; `later_starts` the first days of rosters that were applied ahead.
    """

    classes: tuple[HeldClass, ...] = ()
    people: tuple[HeldPerson, ...] = ()
    memberships: tuple[HeldMembership, ...] = ()
    accounts: Mapping[str, str] = field(default_factory=dict)
    later_starts: frozenset[date] = frozenset()
