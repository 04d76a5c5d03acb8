"""Classes for tests of pages: one with pupils and a teacher, a pupil who left, a draft that waits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import select

from controller.devices.history import Deed
from controller.roster.drafts import Vanishing, apply_draft, make_draft, preview, today
from controller.roster.importing import read_pasted
from controller.roster.models import SchoolClass
from controller.roster.repo import people_in_no_class
from tests.house import House

PUPILS = ("Ana García", "Kim, Ben", "Eve Low", "Moreno, Luz", "Nils Öst", "O’Neil, Pat", "Rita Roy", "Sam Sow")


@dataclass(frozen=True, kw_only=True)
class Classes:
    """The ids of what was made."""

    class_id: str
    left: str
    draft: str


def paste(house: House, names: str, *, title: str, by: str, teachers: tuple[str, ...] = ()) -> str:
    """Read pasted names into a draft, and give its id."""
    services = house.services
    with services.database.reading() as session:
        reading = read_pasted(session, names, title=title, site="", teachers=teachers)
    assert reading.roster, reading.flaws
    return make_draft(services, reading, today(services), Deed(by, house.clock()))


def take(house: House, draft: str, *, by: str) -> None:
    """Apply a draft, whatever vanishes."""
    basis = preview(house.services, draft).basis
    deed = Deed(by, house.clock())
    apply_draft(house.services, draft, basis=basis, vanishing=Vanishing.MEANT, deed=deed)


def enter_classes(house: House, *, by: str, teacher: str, mark: Callable[[str], str] = str) -> Classes:
    """Make them; `mark` changes each made-up name. The pupil who left was entered a day ago, so time passes."""
    names = [mark(name) for name in PUPILS]
    title = mark("3B")
    later = house.clock.now
    house.clock.now = later.replace(day=later.day - 1)
    take(house, paste(house, "\n".join(names), title=title, by=by, teachers=(teacher,)), by=by)
    house.clock.now = later
    take(house, paste(house, "\n".join(names[1:]), title=title, by=by, teachers=(teacher,)), by=by)
    draft = paste(house, "\n".join((names[2], mark("New Boy"))), title=title, by=by, teachers=(teacher,))
    with house.services.database.reading() as session:
        class_id = session.scalars(select(SchoolClass.id)).first() or ""
        (left, *_) = people_in_no_class(session, today(house.services))
    return Classes(class_id=class_id, left=left[0], draft=draft)
