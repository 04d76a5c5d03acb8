"""Made-up rosters for tests: OneRoster zips by hand, whole or spoilt in one place, and districts of any size."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

Table = Sequence[Sequence[str]]
SCHOOL: Final = "org-1"
USERS_11: Final = (
    *("sourcedId", "status", "dateLastModified", "enabledUser", "orgSourcedIds", "role", "username", "userIds"),
    *("givenName", "familyName", "middleName", "identifier", "email", "sms", "phone", "agentSourcedIds", "grades"),
    "password",
)
USERS_12: Final = (
    *("sourcedId", "status", "dateLastModified", "enabledUser", "username", "userIds", "givenName", "familyName"),
    *("middleName", "identifier", "email", "sms", "phone", "agentSourcedIds", "grades", "password"),
    *("userMasterIdentifier", "resourceSourcedIds", "preferredGivenName", "preferredMiddleName"),
    *("preferredFamilyName", "primaryOrgSourcedId", "pronouns"),
)
CLASSES: Final = (
    *("sourcedId", "status", "dateLastModified", "title", "grades", "courseSourcedId", "classCode", "classType"),
    *("location", "schoolSourcedId", "termSourcedIds", "subjects", "subjectCodes", "periods"),
)
ENROLLMENTS: Final = (
    *("sourcedId", "status", "dateLastModified", "classSourcedId", "schoolSourcedId", "userSourcedId", "role"),
    *("primary", "beginDate", "endDate"),
)
ROLES: Final = (
    *("sourcedId", "status", "dateLastModified", "userSourcedId", "roleType", "role", "beginDate", "endDate"),
    *("orgSourcedId", "userProfileSourcedId"),
)
SECRET: Final = "SECRET-THAT-NOBODY-NEEDS"
PEOPLE: Final = (("u1", "Ana", "García", "student"), ("u2", "Ben", "Kim", "student"), ("t1", "Tea", "Cher", "teacher"))


def row(columns: Sequence[str], **cells: str) -> list[str]:
    """Make a row; what is not named is blank, and what nobody needs is a secret."""
    unneeded = ("password", "sms", "phone", "pronouns", "middleName", "identifier", "userIds")
    return [cells.get(name, SECRET if name in unneeded else "") for name in columns]


def manifest(version: str, **modes: str) -> Table:
    """Make a manifest; all files in bulk mode unless `modes` says otherwise."""
    files = ("academicSessions", "orgs", "users", "classes", "enrollments", *(["roles"] if version == "1.2" else []))
    told = {**dict.fromkeys(files, "bulk"), **modes}
    lines = [["manifest.version", "1.0"], ["oneroster.version", version]]
    return [["propertyName", "value"], *lines, *([f"file.{name}", mode] for name, mode in told.items())]


def small_school(version: str = "1.1") -> dict[str, Table]:
    """Make a school of one class with two pupils and a teacher."""
    users = USERS_11 if version == "1.1" else USERS_12
    tables: dict[str, Table] = {
        "manifest.csv": manifest(version),
        "orgs.csv": [
            ["sourcedId", "status", "dateLastModified", "name", "type", "identifier", "parentSourcedId"],
            [SCHOOL, "", "", "North", "school", "", ""],
        ],
        "academicSessions.csv": [
            ["sourcedId", "status", "dateLastModified", "title", "type", "startDate", "endDate", "parentSourcedId"],
            ["term-1", "", "", "Autumn", "term", "2026-09-01", "2027-01-31", ""],
        ],
        "users.csv": [users, *(_user(users, *person) for person in PEOPLE)],
        "classes.csv": [
            CLASSES,
            row(CLASSES, sourcedId="c1", title="3B", schoolSourcedId=SCHOOL, termSourcedIds="term-1"),
        ],
        "enrollments.csv": [ENROLLMENTS, *(_enrolled(*person) for person in PEOPLE)],
    }
    if version == "1.2":
        tables["roles.csv"] = [
            ROLES,
            *(row(ROLES, sourcedId=f"r-{p[0]}", userSourcedId=p[0], roleType="primary", role=p[3]) for p in PEOPLE),
        ]
    return tables


def _user(columns: Sequence[str], key: str, given: str, family: str, role: str) -> list[str]:
    email = f"{given}@school.example".lower()
    return row(columns, sourcedId=key, role=role, givenName=given, familyName=family, email=email)


def _enrolled(key: str, _given: str, _family: str, role: str) -> list[str]:
    return row(ENROLLMENTS, sourcedId=f"e-{key}", classSourcedId="c1", userSourcedId=key, role=role)


def changed(tables: Mapping[str, Table], file: str, number: int, **cells: str) -> dict[str, Table]:
    """Change cells of one row (the header is row 1; one more row than there are is added as a copy of the last)."""
    rows = [list(each) for each in tables[file]]
    if number > len(rows):
        rows.append(list(rows[-1]))
    for name, text in cells.items():
        rows[number - 1][rows[0].index(name)] = text
    return {**tables, file: rows}


def encode(table: Table, encoding: str = "utf-8") -> bytes:
    """Write a table as CSV."""
    out = io.StringIO()
    csv.writer(out).writerows(table)
    return out.getvalue().encode(encoding)


def pack(tables: Mapping[str, Table | bytes], folder: str = "") -> io.BytesIO:
    """Put tables into a zip."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, table in tables.items():
            archive.writestr(folder + name, table if isinstance(table, bytes) else encode(table))
    data.seek(0)
    return data


def district(pupils: int, *, classes_each: int = 7, class_size: int = 25, moved: int = 0) -> dict[str, Table]:
    """Make a district of ten schools; the last `moved` pupils are in other classes than the same call without it."""
    count = max(1, pupils // class_size) * classes_each
    tables = small_school()
    orgs = [[f"org-{n}", "", "", f"School {n}", "school", "", ""] for n in range(10)]
    classes = [
        row(CLASSES, sourcedId=f"c{n}", title=f"Class {n}", schoolSourcedId=f"org-{n % 10}", termSourcedIds="term-1")
        for n in range(count)
    ]
    teachers = [(f"t{n}", f"Teacher{n}", f"Of{n}", "teacher") for n in range(max(1, count // 5))]
    people = [*teachers, *((f"p{n}", f"Given{n}", f"Family{n % 997}", "student") for n in range(pupils))]
    return {
        **tables,
        "orgs.csv": [tables["orgs.csv"][0], *orgs],
        "users.csv": [USERS_11, *(_user(USERS_11, *person) for person in people)],
        "classes.csv": [CLASSES, *classes],
        "enrollments.csv": [ENROLLMENTS, *_enrollments(pupils, classes_each, count, len(teachers), moved)],
    }


def _enrollments(pupils: int, each: int, classes: int, teachers: int, moved: int) -> Iterator[list[str]]:
    for n in range(classes):
        yield _joined(f"et{n}", f"c{n}", f"t{n % teachers}", "teacher")
    for n in range(pupils):
        shift = 1 if n >= pupils - moved else 0
        for k in range(each):
            yield _joined(f"e{n}-{k}", f"c{(n + k * (classes // each) + shift) % classes}", f"p{n}", "student")


def _joined(key: str, in_class: str, user: str, role: str) -> list[str]:
    return [key, "", "", in_class, SCHOOL, user, role, "", "", ""]
