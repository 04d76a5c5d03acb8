"""`backrow controller timetable`, run as on the server: usual lessons, rules, changes of a day, refusals."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from controller.accounts.models import Role
from controller.cli import group
from controller.devices.models import Device
from tests.classes import paste, take
from tests.house import House, Teacher, house

__all__ = ["house"]
Run = Callable[..., str]


@pytest.fixture
def teacher(house: House) -> Teacher:
    """Give a teacher whose unit stands in Room 12, and whose class 3B is known."""
    house.clock.now = datetime.now(UTC)
    made = house.add_teacher("Ada Moreno")
    with house.services.database.writing() as session:
        session.get_one(Device, made.device).room_name = "Room 12"
    take(house, paste(house, "Ana García\nBen Kim", title="3B", by=made.id, teachers=(made.id,)), by=made.id)
    return made


@pytest.fixture
def run(house: House, tmp_path: Path) -> Run:
    """Give a way to run a command; it gives what is printed."""
    core = house.services.config.controller
    config = tmp_path / "controller.toml"
    config.write_text(f'[controller]\ndata = "{core.data}"\nkeys = "{core.keys}"\nkey_store = "{core.key_store}"\n')

    def invoke(command: str, *words: str, code: int = 0) -> str:
        result = CliRunner().invoke(group, ["timetable", command, "--config", str(config), *words])
        assert result.exit_code == code, result.output
        return result.output

    return invoke


def test_usual_lesson_is_set_listed_and_ended(run: Run, teacher: Teacher) -> None:
    """By title and name; names are printed only when they are asked for."""
    by_name = ("--room", "Room 12", "--class", "3b", "--teacher", "Moreno, Ada", "--begins", "8:30", "--ends", "14:00")
    assert run("usual", *by_name) == "Done. Units hear it at once.\n"
    listed = run("list", "--room", "Room 12", "--day", monday())
    assert listed.count("08:30–14:00") == 5
    assert "Ada" not in listed
    assert "3B; Ada Moreno" in run("list", "--room", "Room 12", "--day", monday(), "--names")
    found = re.search(r"usual +(\w+)", listed)
    assert found
    run("end", found.group(1))
    assert "08:30" not in run("list", "--room", "Room 12", "--day", monday())


def monday() -> str:
    """Give the Monday of the next week."""
    today = datetime.now(UTC).date()
    return (today + timedelta(days=7 - today.weekday())).isoformat()


def test_lesson_is_added_and_cancelled_on_a_day(run: Run, teacher: Teacher) -> None:
    """The list tells what is different; taken back, it is held as always."""
    hours = ("--begins", "09:00", "--ends", "09:45", "--weekday", "monday")
    room = ("--room", "Room 12", "--class", "3B", "--teacher", teacher.email)
    rule = run("lesson", *room, *hours).split()[1]
    run("change", rule, monday(), "--cancel")
    listed = run("list", "--room", "Room 12", "--day", monday())
    assert f"on {monday()}: not held" in listed
    assert "09:00–09:45" not in listed
    run("change", rule, monday(), "--as-always")
    assert "  09:00–09:45\n" in run("list", "--room", "Room 12", "--day", monday())


def test_room_without_a_unit_is_added_first(run: Run, teacher: Teacher) -> None:
    """A mistyped room is refused; one that somebody adds is listed."""
    hours = ("--begins", "09:00", "--ends", "09:45")
    wrong = ("--room", "Hall", "--class", "3B", "--teacher", teacher.email, *hours)
    assert "room: no room is known by “Hall”; look at the list" in run("usual", *wrong, code=1)
    run("add-room", "--room", "Hall")
    run("usual", *wrong)
    assert "Hall: lessons today" in run("rooms")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--class", "9z"), "class: no class is known by “9z”"),
        (("--teacher", "nobody"), "teacher: nobody is known by “nobody”"),
        (("--begins", "late"), "begins: expected a time like 09:45"),
        (("--until", "1999-01-01"), "ends_on: expected "),
        (("--weekdays", "mon"), "weekdays: expected weekdays from 0"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_set(
    run: Run, teacher: Teacher, words: tuple[str, str], said: str
) -> None:
    """Field, what was expected, and what to do."""
    right = {"--room": "Room 12", "--class": "3B", "--teacher": teacher.email, "--begins": "8:00", "--ends": "9:00"}
    asked = [word for pair in (right | {words[0]: words[1]}).items() for word in pair]
    assert said in run("usual", *asked, code=1)
    assert "lessons today 0" in run("rooms") or run("rooms") == ""


def test_two_teachers_of_one_name_are_not_guessed(run: Run, house: House, teacher: Teacher) -> None:
    """Their addresses tell them apart."""
    house.accounts.add(email="other@school.example", name="Ada Moreno", role=Role.TEACHER)
    asked = ("--room", "Room 12", "--class", "3B", "--begins", "8:00", "--ends", "9:00")
    assert "teacher: 2 could be meant by “Ada Moreno”" in run("usual", *asked, "--teacher", "Ada Moreno", code=1)
    run("usual", *asked, "--teacher", teacher.email)
