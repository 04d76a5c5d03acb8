"""`backrow controller consent`, run as on the server: the same checks as on the pages, and a unit that is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from controller.cli import group
from controller.consent import repo
from controller.consent.rules import Rules
from controller.devices.models import Device
from controller.devices.policies import renew_policies
from protocol.documents import Policy, peek_document
from tests.house import House, Teacher, make_house

Run = Callable[..., str]
WHY = ("--reason", "pupils=we learn from our lessons")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Make a school without rules of its own."""
    made = make_house(tmp_path)
    yield made
    made.services.database.close()


@pytest.fixture
def teacher(house: House) -> Teacher:
    """Add a teacher whose unit stands in Room 12 of North."""
    made = house.add_teacher("Ada Moreno", "Room 12")
    with house.services.database.writing() as session:
        row = session.get_one(Device, made.device)
        row.room_name, row.site = "Room 12", "North"
    renew_policies(house.services)
    return made


@pytest.fixture
def run(house: House, tmp_path: Path) -> Run:
    """Give a way to run a command; it gives what is printed."""
    core = house.services.config.controller
    config = tmp_path / "controller.toml"
    config.write_text(f'[controller]\ndata = "{core.data}"\nkeys = "{core.keys}"\nkey_store = "{core.key_store}"\n')

    def invoke(room: str, command: str, *words: str, code: int = 0) -> str:
        result = CliRunner().invoke(group, ["consent", room, command, "--config", str(config), *words])
        assert result.exit_code == code, result.output
        return result.output

    return invoke


def held(house: House) -> tuple[int, Rules] | None:
    """Give the rules that hold."""
    with house.services.database.reading() as session:
        return repo.newest_rules(session)


def otherwise(house: House, teacher: Teacher) -> str:
    """Give why a press outside of every lesson is allowed or refused."""
    with house.services.database.reading() as session:
        line = session.get_one(Device, teacher.device).policy_line
    assert line
    return peek_document(Policy, line).otherwise.reason


def test_rules_are_shown_set_and_kept(run: Run, house: House, teacher: Teacher) -> None:
    """From none to strict ones, then a looser one with its reason; the history prints both with their why."""
    assert run("rules", "show").startswith("version 0: the school has set no rules")
    assert "reason for each" in run("rules", "set", "--seen", "0", code=1)
    assert run("rules", "set", "--seen", "0", *WHY) == "version 1 holds; every unit is told\n"
    assert otherwise(house, teacher) == "room_unknown"
    assert "asks for less than before: adults" in run("rules", "set", "adults=no", "--seen", "1", code=1)
    assert "version 1 holds, you saw 0" in run("rules", "set", "adults=no", "--seen", "0", code=1)
    run("rules", "set", "adults=no", "most_seats=4", "--seen", "1", "--reason", "adults=they sign at the door")
    assert held(house) == (2, Rules(adults=False, most_seats=4))
    assert "adults = no  (strict: yes)" in run("rules", "show")
    history = run("rules", "show", "--history")
    assert history.index("why adults: they sign at the door") < history.index("why pupils: we learn from our lessons")


def test_reason_for_no_setting_is_refused_and_one_without_need_is_kept(run: Run, house: House) -> None:
    """A name with a slip is named instead of forgotten; a stricter setting may have its why."""
    said = run("rules", "set", "--seen", "0", *WHY, "--reason", "most_seat=small rooms", code=1)
    assert "expected one of pupils, sound, seats" in said
    assert "got “most_seat”" in said
    assert held(house) is None
    run("rules", "set", "most_seats=4", "--seen", "0", *WHY, "--reason", "most_seats=small rooms")
    assert "why most_seats: small rooms" in run("rules", "show", "--history")


def test_preset_is_what_changes_begin_with(run: Run, house: House) -> None:
    """A preset and a setting beside it."""
    run("rules", "set", "most_seats=2", "--preset", "each_time", "--seen", "0", *WHY)
    assert held(house) == (1, Rules(each_time=True, most_seats=2))


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("adlts=no", "setting: expected one of sound, seats"),
        ("adults=maybe", "adults: expected yes / no, got “maybe”"),
        ("adults", "adults: expected yes / no, got “”"),
        ("margin_s=1801", "margin_s: expected 0 to 1800, got 1801"),
        ("margin_s=-1", "margin_s: expected 0, 1, 2"),
    ],
)
def test_setting_that_cannot_be_is_refused(run: Run, house: House, word: str, said: str) -> None:
    """The setting is named, and nothing holds."""
    assert said in run("rules", "set", word, "--seen", "0", *WHY, code=1)
    assert held(house) is None


def test_what_teachers_and_principals_signed_is_entered_and_listed(run: Run, teacher: Teacher) -> None:
    """Who has not agreed stands first; a no of the whole school ends a site's yes."""
    assert run("agree", "list").count("has not agreed") == 3
    run("agree", "teacher", "--email", teacher.email, "--until", "2099-01-01", code=1)
    run("agree", "teacher", "--email", teacher.email)
    run("agree", "principal", "--site", "North")
    assert "teacher    ada@school.example: agrees" in run("agree", "list")
    assert "principal  North: agrees" in run("agree", "list")
    assert "principal  the whole school: has not agreed" in run("agree", "list")
    run("agree", "principal", "--take-back")
    assert "principal  North: has not agreed" in run("agree", "list")
    assert "nobody has the account" in run("agree", "teacher", "--email", "x@school.example", code=1)
    assert "is of the site “Nroth”" in run("agree", "principal", "--site", "Nroth", code=1)


def test_room_of_a_pilot_goes_on_beside_the_rules(run: Run, house: House, teacher: Teacher) -> None:
    """Its owner records at any time until its end; then the timetable counts."""
    run("rules", "set", "--seen", "0", *WHY)
    until = f"{datetime.now(UTC).date() + timedelta(days=1)}"
    room = ("Room 12", "--site", "North")
    assert "no timetable and no unit names room" in run(
        "pilot", "begin", "Room 13", "--until", until, "--reason", "a trial", code=2
    )
    run("pilot", "begin", *room, "--until", "2999-01-01", "--reason", "a trial", code=1)
    run("pilot", "begin", *room, "--until", until, "--reason", "a trial")
    assert "a trial" in run("pilot", "list")
    assert otherwise(house, teacher) == "adults_only"
    run("pilot", "end", *room)
    assert run("pilot", "list") == ""
    assert otherwise(house, teacher) == "no_lesson"
