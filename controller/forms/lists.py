"""Reads a table of answers into values, or into everything that is wrong with it. Pure.

One row is one answer of one giver for one person, who is named by the code on their form or by our own number. A row
whose answer is blank is passed over: so a class can be exported, filled in where there is something, and sent back.
docs/runbooks/forms.md ("A table of answers") shows the form.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import IO, NamedTuple

from controller.consent.answers import Giver
from controller.forms.codes import Slipped, read_code
from controller.forms.policy import Choice
from controller.roster.cells import Cells
from controller.roster.exports import unescape
from controller.roster.flaws import Flaw, Flawed, Flaws, UnreadableError, flaw
from controller.roster.tables import Form, Row, read_rows

FORM = Form(
    needed=("answer",),
    others=("code", "id", "giver", "from", "until"),
    alike={
        **dict.fromkeys(("respuesta", "antwort"), "answer"),
        **dict.fromkeys(("código", "codigo"), "code"),
        **dict.fromkeys(("tutor", "responde"), "giver"),
        "desde": "from",
        "hasta": "until",
    },
    delimiters=",;\t",
    most_rows=100_000,
)
CHOICES = {
    **dict.fromkeys(("yes", "granted", "g", "sí", "si"), Choice.GRANTED),
    **dict.fromkeys(("picture", "p", "imagen"), Choice.PICTURE),
    **dict.fromkeys(("voice", "v", "voz"), Choice.VOICE),
    **dict.fromkeys(("no", "refused", "n"), Choice.REFUSED),
    **dict.fromkeys(("withdrawn", "w", "retirado", "retirada"), Choice.WITHDRAWN),
}
GIVERS: dict[str, Giver | None] = {
    "": None,
    **dict.fromkeys(("guardian_1", "1"), Giver.GUARDIAN_1),
    **dict.fromkeys(("guardian_2", "2"), Giver.GUARDIAN_2),
    **dict.fromkeys(("self", "3"), Giver.SELF),
}


class FoundAnswer(NamedTuple):
    """A row: whose it is by code, by number or by both; `giver` None: the usual one; days None: the usual."""

    row: int
    code: str
    person: str
    giver: Giver | None
    choice: Choice
    holds_from: date | None
    holds_until: date | None


@dataclass
class Table:
    """What was read so far; `flaws` takes what is wrong with rows, also of whoever looks their people up."""

    file: str
    flaws: Flaws = field(default_factory=Flaws)
    answers: list[FoundAnswer] = field(default_factory=list)
    blank: int = 0

    def told(self) -> tuple[Flaw, ...]:
        """Give what is wrong, as far as it is kept."""
        return tuple(self.flaws.told)


def read_answers(data: IO[bytes], name: str) -> Table:
    """Read a table; never raises for what is in it: everything that is wrong is among its flaws."""
    table = Table(name)
    cells = Cells(name, table.flaws)
    try:
        for row in read_rows(data, name, FORM, table.flaws):
            _read_row(table, cells, Row(row.number, tuple(map(unescape, row.cells))))
    except UnreadableError as error:
        table.flaws.add(error.flaw)
    if not table.flaws.count and not table.answers:
        table.flaws.add(flaw(Flawed.FILE_EMPTY, name))
    return table


def _read_row(table: Table, cells: Cells, row: Row) -> None:
    number = row.number
    said, typed, person, giver_text, begins, ends = row.cells
    if not said:
        table.blank += 1
        return
    choice = cells.choice(said, CHOICES, number, "answer")
    known = giver_text.casefold() in GIVERS
    if not known:
        cells.wrong(Flawed.CHOICE, number, "giver", expected="guardian_1, guardian_2, self", got=giver_text)
    first, last = cells.days((begins, ends), number, ("from", "until"))
    code = _code_of(cells, typed, number)
    if not typed and not person:
        cells.wrong(Flawed.BLANK, number, "code")
    elif choice is not None and known and code is not None:
        giver = GIVERS[giver_text.casefold()]
        table.answers.append(FoundAnswer(number, code, person, giver, choice, first, last))


def _code_of(cells: Cells, typed: str, row: int) -> str | None:
    """Read a code; blank gives blank, and what is none goes into the flaws."""
    if not typed:
        return ""
    code = read_code(typed)
    if isinstance(code, Slipped):
        cells.wrong(Flawed.CODE, row, "code", got=typed)
        return None
    return code
