"""Reads a OneRoster CSV zip, 1.1 or 1.2, in bulk mode: classes, who is in them, and no more than that.

Of the columns of 1EdTech's CSV binding only those in `_FORMS` are read, by name; passwords, addresses of pupils,
telephones, pronouns and demographics are never looked at. All files are read before anything is refused, so that
everything wrong is told at once. What is read and what is dropped, and why: docs/adr/0032-rosters-are-read-strictly.md.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import IO

from controller.accounts.policy import may_be_email, normalise_email
from controller.people.models import Kind
from controller.people.policy import Name
from controller.roster.archive import Archive, open_archive
from controller.roster.cells import Cells
from controller.roster.flaws import Flawed, Flaws, UnreadableError, flaw
from controller.roster.found import FoundClass, FoundMembership, FoundPerson, Passed, Reading, Roster
from controller.roster.models import SITE_CHARS, ClassRole, Scope, Source
from controller.roster.tables import Form, Row, read_rows

MANIFEST = "manifest.csv"
_FORMS = {
    MANIFEST: Form(needed=("propertyName", "value")),
    "orgs.csv": Form(needed=("sourcedId", "name"), others=("status",)),
    "academicSessions.csv": Form(needed=("sourcedId", "startDate", "endDate"), others=("status",)),
    "users.csv": Form(
        needed=("sourcedId", "givenName", "familyName"),
        others=("status", "role", "email", "preferredGivenName", "preferredFamilyName"),
    ),
    "roles.csv": Form(needed=("userSourcedId", "roleType", "role"), others=("status",)),
    "classes.csv": Form(needed=("sourcedId", "title", "schoolSourcedId"), others=("status", "termSourcedIds")),
    "enrollments.csv": Form(
        needed=("sourcedId", "classSourcedId", "userSourcedId", "role"), others=("status", "beginDate", "endDate")
    ),
}
_GONE = {"tobedeleted", "inactive"}
_STUDENT = {"student"}
_GUARDIANS = {"guardian", "parent", "relative"}
_ADULTS = {
    *("teacher", "aide", "proctor", "administrator", "counselor", "principal"),
    *("districtadministrator", "siteadministrator", "systemadministrator"),
}
_ROLES = {
    **dict.fromkeys(_STUDENT, ClassRole.PUPIL),
    "teacher": ClassRole.TEACHER,
    **dict.fromkeys(_ADULTS - {"teacher"}, ClassRole.AIDE),
}
_Days = tuple[date | None, date | None]


@dataclass
class _Zip:
    """What was read of one zip so far, by the ids of the file."""

    archive: Archive
    site: str | None
    flaws: Flaws
    passed: Counter[Passed] = field(default_factory=Counter)
    broken: set[str] = field(default_factory=set)
    """Files that could not be read to their end: nobody is blamed for naming what stands in them."""
    gone: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Ids that are marked as deleted, by file: what names them is passed over, too."""
    orgs: dict[str, str] = field(default_factory=dict)
    terms: dict[str, _Days] | None = None
    roles: dict[str, str] = field(default_factory=dict)
    users: dict[str, tuple[str, Name | None, str]] = field(default_factory=dict)
    classes: dict[str, FoundClass | None] = field(default_factory=dict)
    memberships: dict[tuple[str, str, ClassRole], FoundMembership] = field(default_factory=dict)

    def rows(self, file: str) -> Iterator[tuple[Cells, Row]]:
        """Give the rows of a file that are not marked as gone; one that cannot be read ends, and is told."""
        if file in self.broken:
            return
        form, cells = _FORMS[file], Cells(file, self.flaws)
        status = form.wanted.index("status") if "status" in form.wanted else None
        try:
            with self.archive.reading(file) as stream:
                for row in read_rows(stream, file, form, self.flaws):
                    if status is not None and row.cells[status].casefold() in _GONE:
                        self.passed[Passed.GONE] += 1
                        self.gone[file].add(row.cells[0])
                    else:
                        yield cells, row
        except UnreadableError as error:
            self.broken.add(file)
            self.flaws.add(error.flaw)

    def keyed(self, file: str) -> Iterator[tuple[Cells, Row, str]]:
        """Give the rows of a file with their ids, which must be there and differ."""
        known: dict[str, int] = {}
        for cells, row in self.rows(file):
            key = cells.identifier(row.cells[0], row.number, "sourcedId")
            if key is None:
                continue
            if key in known:
                cells.wrong(Flawed.DUPLICATE, row.number, "sourcedId", got=key, first=known[key])
                continue
            known[key] = row.number
            yield cells, row, key

    def require_known(self, cells: Cells, row: int, column: str, *, key: str, file: str) -> None:
        """Say that an id names nothing, unless the file in which it should stand could not be read."""
        if file not in self.broken:
            cells.wrong(Flawed.UNKNOWN, row, column, where=file, got=key)


def read_oneroster(data: IO[bytes], name: str, *, site: str | None = None) -> Reading:
    """Read a zip; with `site`, all its classes are of that site, else of the school that the zip names.

    Never raises for what is in the zip: everything that is wrong is in the reading.
    """
    flaws = Flaws()
    try:
        with open_archive(data, name) as archive:
            found = _Zip(archive, site, flaws)
            _read_all(found)
    except UnreadableError as error:
        flaws.add(error.flaw)
    if flaws.count:
        return Reading(roster=None, flaws=tuple(flaws.told), flaws_in_all=flaws.count)
    return Reading(roster=_roster(found), passed_over=dict(found.passed))


def _read_all(found: _Zip) -> None:
    said = _read_manifest(found)
    if said is None:
        return
    version = said.get("oneroster.version", "")
    if version not in ("1.1", "1.2"):
        found.flaws.add(flaw(Flawed.VERSION, MANIFEST, column="oneroster.version", got=version))
        return
    has_terms = said.get("file.academicsessions", "absent") != "absent"
    roles, terms = ["roles.csv"] * (version == "1.2"), ["academicSessions.csv"] * has_terms
    for file in ["orgs.csv", *terms, *roles, "users.csv", "classes.csv", "enrollments.csv"]:
        _require_bulk(found, file, said.get(f"file.{file.removesuffix('.csv').casefold()}", "absent"))
        _READERS[file](found)
    if not found.flaws.count:
        read = {"classes.csv": len(found.classes), "enrollments.csv": len(found.memberships)}
        for file in (each for each, number in read.items() if not number):
            found.flaws.add(flaw(Flawed.FILE_EMPTY, file))


def _read_manifest(found: _Zip) -> dict[str, str] | None:
    """Give what the manifest says, in small letters; None when it cannot be read."""
    said = {row.cells[0].casefold(): row.cells[1].casefold() for _, row in found.rows(MANIFEST)}
    return None if found.flaws.count else said


def _require_bulk(found: _Zip, file: str, mode: str) -> None:
    if mode == "bulk":
        return
    found.broken.add(file)
    if mode == "absent":
        found.flaws.add(flaw(Flawed.FILE_MISSING, file))
    else:
        found.flaws.add(flaw(Flawed.DELTA, MANIFEST, column=f"file.{file.removesuffix('.csv')}", got=mode))


def _read_orgs(found: _Zip) -> None:
    for cells, row, key in found.keyed("orgs.csv"):
        found.orgs[key] = (cells.title(row.cells[1], row.number, "name") or "")[:SITE_CHARS]


def _read_terms(found: _Zip) -> None:
    found.terms = {}
    for cells, row, key in found.keyed("academicSessions.csv"):
        found.terms[key] = cells.days(row.cells[1:3], row.number, ("startDate", "endDate"))  # type: ignore[arg-type]


def _read_roles(found: _Zip) -> None:
    """Keep one role a person: the primary one, and until that was seen any other."""
    primary: set[str] = set()
    for _, row in found.rows("roles.csv"):
        user, kind, role = row.cells[:3]
        if kind.casefold() == "primary":
            primary.add(user)
            found.roles[user] = role.casefold()
        elif user not in primary:
            found.roles.setdefault(user, role.casefold())


def _read_users(found: _Zip) -> None:
    for cells, row, key in found.keyed("users.csv"):
        _, given, family, _status, role, email, preferred_given, preferred_family = row.cells
        name = cells.name(preferred_given or given, preferred_family or family, row.number, "givenName")
        found.users[key] = (found.roles.get(key) or role.casefold(), name, email)


def _read_classes(found: _Zip) -> None:
    for cells, row, key in found.keyed("classes.csv"):
        _, title, school, _status, terms = row.cells
        called = cells.title(title, row.number, "title")
        if school not in found.orgs:
            found.require_known(cells, row.number, "schoolSourcedId", key=school, file="orgs.csv")
        begins_on, ends_on = _days_of(found, cells, row.number, terms)
        site = found.orgs.get(school, "") if found.site is None else found.site
        found.classes[key] = FoundClass(key, key, called, site, begins_on, ends_on) if called else None


def _days_of(found: _Zip, cells: Cells, row: int, terms: str) -> _Days:
    """Give the first and the last day of a class: those of all its terms together."""
    if found.terms is None:
        return None, None
    days: list[_Days] = []
    for term in filter(None, (each.strip() for each in terms.split(","))):
        if term in found.terms:
            days.append(found.terms[term])
        elif term not in found.gone["academicSessions.csv"]:
            found.require_known(cells, row, "termSourcedIds", key=term, file="academicSessions.csv")
    begins, ends = [first for first, _ in days if first], [last for _, last in days if last]
    return min(begins, default=None), max(ends, default=None)


def _read_enrollments(found: _Zip) -> None:
    gone_classes, gone_users = found.gone["classes.csv"], found.gone["users.csv"]
    for cells, row, _key in found.keyed("enrollments.csv"):
        _, in_class, user, role, _status, begin, end = row.cells
        if in_class in gone_classes or user in gone_users:
            found.passed[Passed.GONE] += 1
            continue
        if role.casefold() in _GUARDIANS:
            found.passed[Passed.GUARDIAN] += 1
            continue
        if in_class not in found.classes:
            found.require_known(cells, row.number, "classSourcedId", key=in_class, file="classes.csv")
        if user not in found.users:
            found.require_known(cells, row.number, "userSourcedId", key=user, file="users.csv")
        first, last = cells.days((begin, end), row.number, ("beginDate", "endDate"))
        known = _role_of(cells, role, row.number)
        if known is not None:
            _join(found, FoundMembership(in_class, user, known, first, last))


def _role_of(cells: Cells, role: str, row: int) -> ClassRole | None:
    """Read a role in a class; one that a school added itself (`ext:…`) is that of an adult in the room."""
    return ClassRole.AIDE if role.startswith("ext:") else cells.choice(role, _ROLES, row, "role")


def _join(found: _Zip, new: FoundMembership) -> None:
    """Keep one membership a class, person and role: two of them count from the earliest to the latest of their days."""
    key = new[:3]
    known = found.memberships.get(key)
    if known is not None:
        begins_on = min(known.begins_on, new.begins_on) if known.begins_on and new.begins_on else None
        ends_on = max(known.ends_on, new.ends_on) if known.ends_on and new.ends_on else None
        new = new._replace(begins_on=begins_on, ends_on=ends_on)
    found.memberships[key] = new


def _roster(found: _Zip) -> Roster:
    """Put the roster together: of the people only those who are in a class."""
    pupils = {person for _, person, role in found.memberships if role is ClassRole.PUPIL}
    members = {person for _, person, _ in found.memberships}
    people = []
    for key, (role, name, email) in found.users.items():
        if name is None or key not in members:
            found.passed[Passed.GUARDIAN if role in _GUARDIANS else Passed.NO_CLASS] += 1
            continue
        kind = _kind(role, Kind.PUPIL if key in pupils else Kind.ADULT)
        people.append(FoundPerson(key, key, kind, name, _address(email) if kind is Kind.ADULT else ""))
    return Roster(
        source=Source.ONEROSTER,
        scope=Scope.SITES,
        classes=tuple(each for each in found.classes.values() if each is not None),
        people=tuple(people),
        memberships=tuple(found.memberships.values()),
    )


def _kind(role: str, by_class: Kind) -> Kind:
    if role in _STUDENT:
        return Kind.PUPIL
    return Kind.ADULT if role in _ADULTS else by_class


def _address(email: str) -> str:
    return normalise_email(email) if may_be_email(email) else ""


_READERS: dict[str, Callable[[_Zip], None]] = {
    "orgs.csv": _read_orgs,
    "academicSessions.csv": _read_terms,
    "roles.csv": _read_roles,
    "users.csv": _read_users,
    "classes.csv": _read_classes,
    "enrollments.csv": _read_enrollments,
}
