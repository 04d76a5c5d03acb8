"""Reads what a school without OneRoster has: a plain table of classes, or a class list that somebody pasted.

Without numbers a name is all there is to know a person by. Where a name stands twice, nothing is guessed: a family's
answer must not count for somebody else's child. docs/runbooks/roster.md shows both forms.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import IO

from controller.accounts.policy import may_be_email, normalise_email
from controller.people.models import Kind
from controller.people.policy import Name, same_name, tidy
from controller.roster.cells import Cells
from controller.roster.exports import unescape
from controller.roster.flaws import Flawed, Flaws, UnreadableError, flaw
from controller.roster.found import FoundClass, FoundMembership, FoundPerson, Reading, Roster
from controller.roster.models import SITE_CHARS, ClassRole, Scope, Source
from controller.roster.tables import Form, Row, read_rows

FORM = Form(
    needed=("class", "given", "family"),
    others=("role", "id", "email", "site", "begins_on", "ends_on", "of_age_on"),
    alike={
        **dict.fromkeys(("clase", "grupo", "group"), "class"),
        **dict.fromkeys(("given name", "first name", "nombre"), "given"),
        **dict.fromkeys(("family name", "last name", "surname", "apellidos", "apellido"), "family"),
        **dict.fromkeys(("rol", "función"), "role"),
        **dict.fromkeys(("e-mail", "correo"), "email"),
        "sede": "site",
    },
    delimiters=",;\t",
)
ROLES = {
    **dict.fromkeys(("", "pupil", "student", "alumno", "alumna", "estudiante"), ClassRole.PUPIL),
    **dict.fromkeys(("teacher", "docente", "profesor", "profesora", "maestro", "maestra"), ClassRole.TEACHER),
    **dict.fromkeys(("aide", "auxiliar"), ClassRole.AIDE),
}
PASTED = "list"
MOST_PASTED_BYTES = 64 * 1024
_NUMBERING = re.compile(r"^\s*(?:\d{1,3}[.)]?\s+|[-•*]\s+)")


@dataclass
class _Table:
    """What was read of one table so far."""

    cells: Cells
    site: str
    classes: dict[tuple[str, str], FoundClass] = field(default_factory=dict)
    people: dict[str, tuple[FoundPerson, int]] = field(default_factory=dict)
    by_name: dict[tuple[str, str], int] = field(default_factory=dict)
    """In which row a name stood that has no number."""
    memberships: dict[tuple[str, str, ClassRole], FoundMembership] = field(default_factory=dict)


def read_table(data: IO[bytes], name: str, *, site: str = "", scope: Scope = Scope.CLASSES) -> Reading:
    """Read a table with the columns of `FORM`; `site` is that of rows which name none.

    Never raises for what is in the table: everything that is wrong is in the reading.
    """
    flaws = Flaws()
    table = _Table(Cells(name, flaws), site)
    try:
        for row in read_rows(data, name, FORM, flaws):
            _read_row(table, row)
    except UnreadableError as error:
        flaws.add(error.flaw)
    return _finish(table, flaws, scope)


def read_list(text: str, *, title: str, site: str = "", adults: Sequence[tuple[Name, str]] = ()) -> Reading:
    """Read pasted names of one class, one a line: `Given Family`, or with a comma or tab between `Family, Given`.

    Numbers and dashes before a name are left out. `adults` are its teachers, with the address of their accounts.
    """
    flaws = Flaws()
    table = _Table(Cells(PASTED, flaws), site)
    for number, line in enumerate(io.StringIO(text), start=1):
        if line.strip():
            _read_line(table, number, title, line)
    for name, email in adults:
        _enter(table, Row(0, (title, *name, "teacher", "", email, "", "", "", "")))
    if not table.memberships:
        flaws.add(flaw(Flawed.FILE_EMPTY, PASTED))
    return _finish(table, flaws, Scope.CLASSES)


def split_name(line: str) -> Name:
    """Take one line of a list apart; without a comma or tab the first word is the given name."""
    bare = unescape(_NUMBERING.sub("", line, count=1).strip())
    for sign in ("\t", ",", ";"):
        family, found, given = bare.partition(sign)
        if found:
            return Name(tidy(given), tidy(family))
    given, _, family = tidy(bare).partition(" ")
    return Name(given, family)


def _read_line(table: _Table, number: int, title: str, line: str) -> None:
    _read_row(table, Row(number, (title, *split_name(line), "", "", "", "", "", "", "")))


def _read_row(table: _Table, row: Row) -> None:
    _enter(table, Row(row.number, tuple(map(unescape, row.cells))))


def _enter(table: _Table, row: Row) -> None:
    cells, number = table.cells, row.number
    title, given, family, role_text, own_id, email, site, begins, ends, of_age = row.cells
    in_class = _class_of(table, title, tidy(site) or table.site, number)
    name = cells.name(given, family, number, "given")
    role = cells.choice(role_text, ROLES, number, "role")
    first, last = cells.days((begins, ends), number, ("begins_on", "ends_on"))
    of_age_on = cells.day(of_age, number, "of_age_on")
    if in_class is None or name is None or role is None:
        return
    kind = Kind.PUPIL if role is ClassRole.PUPIL else Kind.ADULT
    address = normalise_email(email) if kind is Kind.ADULT and may_be_email(email) else ""
    key = _person_key(table, name, own_id, address, number)
    if key is None:
        return
    person = FoundPerson(key, own_id, kind, name, address, of_age_on)
    if _agrees(table, person, number):
        table.people.setdefault(key, (person, number))
        found = FoundMembership(in_class.key, key, role, first, last)
        if table.memberships.setdefault(found[:3], found) is not found:
            cells.wrong(Flawed.DUPLICATE, number, "id", got=name.listed, first=table.people[key][1])


def _class_of(table: _Table, title: str, site: str, row: int) -> FoundClass | None:
    called = table.cells.title(title, row, "class")
    if len(site) > SITE_CHARS or not site.isprintable():
        table.cells.wrong(Flawed.TOO_LONG, row, "site", most=SITE_CHARS, got=len(site))
        return None
    if called is None:
        return None
    key = (site, called.casefold())
    return table.classes.setdefault(key, FoundClass("\n".join(key), "", called, site))


def _person_key(table: _Table, name: Name, own_id: str, email: str, row: int) -> str | None:
    """Say by what a person of a table is known: the number, an adult's address, or a name that stands once."""
    if own_id:
        return table.cells.identifier(own_id, row, "id") and f"id\n{own_id}"
    if email:
        return f"mail\n{email}"
    same = same_name(name)
    if same in table.by_name:
        table.cells.wrong(Flawed.SAME_NAME, row, "given", got=name.listed, first=table.by_name[same])
        return None
    table.by_name[same] = row
    return "\n".join(("name", *same))


def _agrees(table: _Table, person: FoundPerson, row: int) -> bool:
    """Tell whether what is said of a person agrees with an earlier row of theirs."""
    known, first = table.people.get(person.key, (person, 0))
    for before, now in ((known.name.listed, person.name.listed), (known.kind.value, person.kind.value)):
        if before != now:
            table.cells.wrong(Flawed.CONTRADICTION, row, "id", first=first, expected=before, got=now)
            return False
    return True


def _finish(table: _Table, flaws: Flaws, scope: Scope) -> Reading:
    if not flaws.count and not table.memberships:
        flaws.add(flaw(Flawed.FILE_EMPTY, table.cells.file))
    if flaws.count:
        return Reading(roster=None, flaws=tuple(flaws.told), flaws_in_all=flaws.count)
    roster = Roster(
        source=Source.TABLE,
        scope=scope,
        classes=tuple(table.classes.values()),
        people=tuple(person for person, _ in table.people.values()),
        memberships=tuple(table.memberships.values()),
    )
    return Reading(roster=roster)
