"""Writes answers as tables that a spreadsheet opens: a class to fill in and send back, and the whole registry.

Formulas are escaped as in controller/roster/exports.py. Both hold names, and leave the server in the keeper's hands.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from controller.consent.answers import Giver
from controller.forms.difference import Held
from controller.forms.entering import Line
from controller.people.policy import Name
from controller.roster.exports import encode_table
from controller.roster.repo import Member

NOBODY = Name("", "")


def encode_answers_of(title: str, rows: Iterable[tuple[Member, Giver, Held | None]]) -> bytes:
    """Write one row for each who can answer for somebody of a class; where nobody did, the answer is blank."""
    header = ("class", "given", "family", "id", "giver", "answer", "until")
    return encode_table(header, (_row(title, *each) for each in rows))


def _row(title: str, member: Member, giver: Giver, held: Held | None) -> tuple[str, ...]:
    until = held.holds_until.isoformat() if held and held.holds_until else ""
    return (title, *member.name, member.person, giver.value, held.choice.value if held else "", until)


def encode_registry(lines: Iterable[Line], names: Mapping[str, Name]) -> bytes:
    """Write every line that was ever written down, in that order, those that were taken back and say so included."""
    header = ("line", "id", "given", "family", "giver", "answer", "picture", "voice", "from", "until", "form", "basis",
              "written_at", "written_by", "undoes", "taken_back")  # fmt: skip
    return encode_table(header, (_line(line, names.get(line.row.person, NOBODY)) for line in lines))


def _line(line: Line, name: Name) -> tuple[str, ...]:
    row = line.row
    return (
        *(str(row.number), row.person, name.given, name.family, row.giver.value),
        *("" if row.undoes else line.choice.value, row.picture, row.voice, row.holds_from.isoformat()),
        *(row.holds_until.isoformat() if row.holds_until else "", str(row.form_version or ""), row.basis),
        *(row.recorded_at.isoformat(), row.recorded_by, str(row.undoes or ""), "yes" if line.was_undone else ""),
    )
