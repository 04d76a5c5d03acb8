"""`backrow controller night`, run as on the server: every command once, and refusals that say what to do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from controller.cli import group
from controller.devices.history import OPERATOR, Deed
from controller.devices.life import Place, move
from tests.house import House, house

__all__ = ["house"]
Run = Callable[..., str]
SOON = (datetime.now(UTC) + timedelta(days=40)).date()


@pytest.fixture
def run(house: House, tmp_path: Path) -> Run:
    """Give a way to run a command on a school with a unit in North, in Room 12; it gives what is printed."""
    teacher = house.add_teacher()
    move(house.services, teacher.device, Place(site="North"), Deed(OPERATOR, house.clock()))
    core = house.services.config.controller
    config = tmp_path / "controller.toml"
    config.write_text(
        f'[controller]\ndata = "{core.data}"\nkeys = "{core.keys}"\nkey_store = "{core.key_store}"\n'
        'time_zone = "Europe/Madrid"\n[units]\ntls = false\n'
    )

    def invoke(*words: str, code: int = 0) -> str:
        place = next((number for number, word in enumerate(words) if word.startswith("-")), len(words))
        result = CliRunner().invoke(group, ["night", *words[:place], "--config", str(config), *words[place:]])
        assert result.exit_code == code, result.output
        return result.output

    return invoke


def test_hours_are_set_and_shown(run: Run) -> None:
    """One option for all days, one for each; what is shown can be typed again."""
    run("hours", "set", "--all", "21:00-06:00", "--friday", "20:00-08:00", "--free", "always, 22:00-06:00")
    shown = run("hours", "show")
    assert "monday     21:00-06:00" in shown
    assert "friday     20:00-08:00" in shown
    assert "free day   always, 22:00-06:00" in shown
    assert "21:00-06:00" in run("hours", "show", "--site", "North")
    run("hours", "drop")
    assert "monday     22:00-06:00" in run("hours", "show")


def test_caps_and_allowance_are_set_and_shown(run: Run) -> None:
    """For a site, with the rates as people write them; a room is let use the allowance by its label."""
    run("caps", "22:00-00:00=20M", "--site", "North")
    run("trickle", "set", "08:00-15:00", "2M", "--site", "North")
    shown = run("hours", "show", "--site", "North")
    assert "at most    22:00-00:00 20 Mbit/s" in shown
    assert "by day     08:00-15:00 2 Mbit/s" in shown
    assert "(Room 12) may send by day" in run("trickle", "room", "Room 12")
    assert "(Room 12) may not send by day" in run("trickle", "room", "Room 12", "--off")
    run("caps", "--none", "--site", "North")
    run("trickle", "off", "--site", "North")
    assert "Mbit" not in run("hours", "show", "--site", "North")


def test_days_ahead_show_what_differs_and_why(run: Run) -> None:
    """Fourteen days, each with its hours; a day that was closed says so."""
    today = datetime.now(UTC).date() + timedelta(days=3)
    run("other-day", "set", f"{today}", "closed", "--label", "power works")
    shown = run("show").splitlines()
    assert len(shown) == 15
    (closed,) = [line for line in shown if f"{today}" in line and "other hours" in line]
    assert "nothing opens" in closed
    assert closed.endswith("other hours: power works")
    assert "22:00-06:00 at 100 Mbit/s" in shown[-1]
    assert f"{today}  closed  power works" in run("other-day", "list")
    run("other-day", "remove", f"{today}")
    assert run("other-day", "list") == ""


def test_free_days_are_listed_added_and_removed(run: Run) -> None:
    """One day or many, with a name."""
    run("free-days", "add", f"{SOON}", f"{SOON + timedelta(days=9)}", "--label", "Easter")
    assert run("free-days", "list") == f"{SOON} to {SOON + timedelta(days=9)}  Easter\n"
    run("free-days", "remove", f"{SOON}")
    assert run("free-days", "list") == ""


def test_import_shows_the_difference_before_anything_changes(run: Run, tmp_path: Path) -> None:
    """Without --yes nothing is written; wrong rows are all named and end it."""
    run("free-days", "add", f"{SOON}", "--label", "Feast")
    table = tmp_path / "free.csv"
    later = SOON + timedelta(days=20)
    table.write_text(f"first_day,last_day,label\n{later},,Fair\n2020-01-01,,Old\n")
    shown = run("free-days", "import", str(table))
    assert f"+ {later} to {later}  Fair" in shown
    assert "skipped: “Old” is over" in shown
    assert "not in the file; stays" in shown
    assert "Nothing was changed. To do it, add: --yes" in shown
    assert "Fair" not in run("free-days", "list")
    run("free-days", "import", str(table), "--remove-missing", "--yes")
    assert run("free-days", "list") == f"{later} to {later}  Fair\n"
    table.write_text("first_day,last_day,label\nsoon,,Fair\n2036-01-01,,Far\n")
    wrong = run("free-days", "import", str(table), code=1)
    assert "entry 2 “Fair”: expected a day like 2026-12-24, got “soon”" in wrong
    assert "entry 3 “Far”" in wrong
    assert "nothing was changed: 2 entries are wrong" in wrong


def test_pause_and_resume(run: Run) -> None:
    """The command says how to go on; the calendar says that it is paused; there is nothing to lift twice."""
    assert "backrow controller night resume --site 'North'" in run("pause", "--site", "North")
    assert "Closed: paused (operator)" in run("show", "--site", "North")
    run("resume", "--site", "North")
    assert "nothing would change" in run("resume", "--site", "North", code=1)
    assert "expected a time like" in run("pause", "--until", "tomorrow", code=1)


def test_resume_says_what_is_still_paused(run: Run) -> None:
    """A pause of the school and one of a site are two: whoever lifts one is told of the other."""
    run("pause")
    run("pause", "--site", "North")
    assert "that of the whole school is not" in run("resume", "--site", "North")
    run("pause", "--site", "North")
    shown = run("resume")
    assert "Still paused by itself: North" in shown
    assert "night resume --site 'North'" in shown
    assert "Still paused" not in run("resume", "--site", "North")


def test_hours_of_all_days_are_refused_by_their_option(run: Run) -> None:
    """What was typed after --all is named as that, and not as a Monday that nobody typed."""
    assert "Error: all: expected hours" in run("hours", "set", "--all", "22-6", code=1)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("first_day,last_day,label\n2030-12-24,,für\n".encode("latin-1"), "CSV UTF-8"),
        ("first_day,last_day,label\n2030-12-24,,a\n".encode("utf-16"), "CSV UTF-8"),
        (b'first_day,last_day,label\n2030-12-24,,a\n2030-12-25,,"a"b\n', "the quotes of line 3"),
    ],
)
def test_table_that_cannot_be_read_says_why(run: Run, tmp_path: Path, data: bytes, said: str) -> None:
    """In words of people: how to save it, or which line is wrong."""
    file = tmp_path / "days.csv"
    file.write_bytes(data)
    assert said in run("free-days", "import", str(file), code=1)


def test_refusals_say_what_was_expected_and_what_to_do(run: Run) -> None:
    """A site that nobody has, hours in another form, a command without anything to do."""
    assert "there are: “North”" in run("show", "--site", "Nroth", code=1)
    assert "monday: expected hours like 22:00-06:00" in run("hours", "set", "--monday", "22-6", code=1)
    assert "name at least one day" in run("hours", "set", code=2)
    assert "expected caps like" in run("caps", code=2)
    assert "nothing would change" in run("hours", "set", "--all", "22:00-06:00", code=1)
