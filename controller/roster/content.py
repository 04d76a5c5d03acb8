"""Writes a read roster for a draft's row and reads it again: JSON, packed, with its own version. Pure."""

from __future__ import annotations

import json
import zlib
from datetime import date
from typing import Any

from controller.people.models import Kind
from controller.people.policy import Name
from controller.roster.found import FoundClass, FoundMembership, FoundPerson, Roster
from controller.roster.models import ClassRole, Scope, Source

VERSION = 1


def encode_roster(roster: Roster) -> bytes:
    """Write a roster; `decode_roster` gives the same one."""
    tables = {
        "version": VERSION,
        "source": roster.source,
        "scope": roster.scope,
        "classes": roster.classes,
        "people": roster.people,
        "memberships": roster.memberships,
    }
    return zlib.compress(json.dumps(tables, default=date.isoformat, separators=(",", ":")).encode(), 1)


def decode_roster(data: bytes) -> Roster:
    """Read what `encode_roster` wrote; raise `ValueError` for another version."""
    tables = json.loads(zlib.decompress(data))
    if tables["version"] != VERSION:
        raise ValueError(f"roster draft: expected version {VERSION}, got {tables['version']!r}")
    return Roster(
        source=Source(tables["source"]),
        scope=Scope(tables["scope"]),
        classes=tuple(_class(each) for each in tables["classes"]),
        people=tuple(_person(each) for each in tables["people"]),
        memberships=tuple(
            FoundMembership(each[0], each[1], ClassRole(each[2]), *_days(each[3:])) for each in tables["memberships"]
        ),
    )


def _class(cells: list[Any]) -> FoundClass:
    key, number, title, site, *days = cells
    return FoundClass(key, number, title, site, *_days(days))


def _days(texts: list[str | None]) -> tuple[date | None, date | None]:
    first, last = (date.fromisoformat(text) if text else None for text in texts)
    return first, last


def _person(cells: list[Any]) -> FoundPerson:
    key, number, kind, name, email, of_age_on = cells
    return FoundPerson(
        key, number, Kind(kind), Name(*name), email, date.fromisoformat(of_age_on) if of_age_on else None
    )
