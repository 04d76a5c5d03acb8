"""`backrow controller blackout`, run as on the server: the unit's own code decides by what it was told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from controller.cli import group
from controller.devices.models import Device
from controller.devices.policies import renew_policies
from device.consent.decide import decide_press
from protocol.documents import Policy, peek_document
from tests.house import House, Teacher, make_house

Run = Callable[..., str]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Make a school without rules of its own."""
    made = make_house(tmp_path)
    yield made
    made.services.database.close()


@pytest.fixture
def teacher(house: House) -> Teacher:
    """Add a teacher whose unit stands in Room 12 of no site."""
    made = house.add_teacher("Ada Moreno", "Room 12")
    with house.services.database.writing() as session:
        session.get_one(Device, made.device).room_name = "Room 12"
    renew_policies(house.services)
    return made


@pytest.fixture
def run(house: House, tmp_path: Path) -> Run:
    """Give a way to run a command; it gives what is printed."""
    core = house.services.config.controller
    config = tmp_path / "controller.toml"
    config.write_text(f'[controller]\ndata = "{core.data}"\nkeys = "{core.keys}"\nkey_store = "{core.key_store}"\n')

    def invoke(command: str, *words: str, code: int = 0) -> str:
        result = CliRunner().invoke(group, ["blackout", command, "--config", str(config), *words])
        assert result.exit_code == code, result.output
        return result.output

    return invoke


def reason_of(house: House, teacher: Teacher) -> str:
    """Press the button in the middle of the blackout; give why it is refused or allowed."""
    with house.services.database.reading() as session:
        line = session.get_one(Device, teacher.device).policy_line
    assert line
    policy = peek_document(Policy, line)
    dark = next((each for each in policy.lessons if each.decision.reason == "blackout"), None)
    at = dark.begins_at if dark else policy.issued_at
    return decide_press(policy, at, clock_trusted=True, checked=None).reason


@pytest.mark.parametrize("where", [(), ("--room", "Room 12")])
def test_blackout_is_told_listed_and_lifted(run: Run, house: House, teacher: Teacher, where: tuple[str, ...]) -> None:
    """One command darkens the school or a room; the list names it; lifting it lets the button work again."""
    name = run("add", "now", "2099-01-01T09:00", *where, "--cause", "exam").split()[1]
    assert reason_of(house, teacher) == "blackout"
    listed = run("list")
    assert listed.startswith(name)
    assert ("Room 12" if where else "the whole school") in listed
    assert "2099-01-01T09:00" in listed
    assert run("lift", name) == "Done.\n"
    assert run("list") == ""
    assert reason_of(house, teacher) == "adults_only"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("soon", "2099-01-01T09:00"), 2, "expected a time like 2026-11-30T09:00, or now, got 'soon'"),
        (("now", "2099-13-01T09:00"), 2, "ENDS"),
        (("now", "2020-01-01T09:00"), 1, "ends_at: expected a time after"),
        (("now", "2099-01-01T09:00", "--site", "Nroth"), 1, "no unit, room or class is of the site “Nroth”"),
        (("now", "2099-01-01T09:00", "--room", "Room 13"), 2, "no timetable and no unit names room 'Room 13'"),
    ],
)
def test_blackout_that_cannot_be_is_refused(
    run: Run, house: House, teacher: Teacher, words: tuple[str, ...], code: int, said: str
) -> None:
    """The message names the argument and what was expected; no unit is told anything."""
    assert said in run("add", *words, code=code)
    assert reason_of(house, teacher) == "adults_only"
    assert run("list") == ""


def test_blackout_of_nobody_is_not_lifted(run: Run) -> None:
    """A name that is none is an error, not a silent success."""
    assert "no blackout is known by" in run("lift", "nonsense", code=1)
