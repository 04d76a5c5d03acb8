"""Runbooks of the night: every command is typed as its page says it, on the server of a school with a unit in North.

Only the first block, which says where things lie and which days are meant, is changed.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from controller.devices.history import OPERATOR, Deed
from controller.devices.life import Place, move
from controller.nights.keeping import keep_nights
from tests.e2e.typed import RUNBOOKS
from tests.house import House, make_house
from tests.nights import populate, say

BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TABLE = re.compile(r"^```\n(first_day,.*?)^```$", re.MULTILINE | re.DOTALL)
DAY = timedelta(days=1)
Type = Callable[[str, Mapping[str, str]], list[str]]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Make a controller whose clock is the machine's, as that of the commands is; Room 12 is in North."""
    made = make_house(tmp_path)
    made.clock.now = datetime.now(UTC)
    teacher = made.add_teacher()
    move(made.services, teacher.device, Place(site="North"), Deed(OPERATOR, made.clock()))
    yield made
    made.services.database.close()


@pytest.fixture
def type_page(house: House, tmp_path: Path) -> Type:
    """Give a way to type all commands of a page with places of the test's; it gives what each block printed."""
    core = house.services.config.controller
    config = tmp_path / "controller.toml"
    named = {"data": core.data, "keys": core.keys, "key_store": core.key_store}
    config.write_text("[controller]\n" + "".join(f'{name} = "{path}"\n' for name, path in named.items()))

    def type_all(page: str, places: Mapping[str, str]) -> list[str]:
        where, *commands = BLOCK.findall((RUNBOOKS / f"{page}.md").read_text("utf-8"))
        here = {"CONFIG": str(config), **places}
        assert set(re.findall(r"([A-Z]+)=", where)) == set(here)
        head = "".join(f"{name}={shlex.quote(value)}\n" for name, value in here.items())
        return [run(head + command) for command in commands]

    return type_all


def run(script: str) -> str:
    """Run a script in a shell that stops at the first command that fails; give what it printed."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-euc", script], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_night_hours_can_be_set_as_the_page_says(type_page: Type, house: House, tmp_path: Path) -> None:
    """Hours, caps, allowance, free days by hand and out of the page's own table, a closed day, and a pause."""
    today = house.clock().date()
    (table,) = TABLE.findall((RUNBOOKS / "night-hours.md").read_text("utf-8"))
    (tmp_path / "days.csv").write_text(table.replace("2027", str(today.year + 1)), "utf-8")
    hours, dropped, by_day, days, imported, paused = type_page(
        "night-hours",
        {
            "SITE": "North",
            "ROOM": "Room 12",
            "DAYS": str(tmp_path / "days.csv"),
            "FIRST": str(today + 30 * DAY),
            "LAST": str(today + 40 * DAY),
            "CLOSED": str(today + 3 * DAY),
            "UNTIL": f"{today + DAY}T04:00",
        },
    )
    assert "friday     20:00-08:00" in hours
    assert "at most    22:00-00:00 20 Mbit/s" in hours
    assert dropped.startswith("Done.")
    assert "(Room 12) may send by day" in by_day
    assert "Christmas" in days
    assert f"+ {today.year + 1}-05-03 to {today.year + 1}-05-03  Day of work, moved" in imported
    assert "Nothing was changed" in imported
    assert imported.count("Done.") == 1
    assert "Closed: paused" in paused
    assert "other hours: power works" in paused
    assert "Units may send again" in paused


def test_nights_can_be_read_as_the_page_says(type_page: Type, house: House) -> None:
    """Plan, report and calculator of a school of which six rooms have said what waits, whatever the time of day is."""
    rooms = populate(house, {"South": 6})
    say(house, {room.device: 3_000_000_000 for room in rooms})
    keep_nights(house.services)
    (shown,) = type_page("nights", {})
    assert re.search(r"All [67] rooms: .*18 GB, 6 GB of it before the next school day", shown)
    assert "No night is over yet." in shown
    assert "It takes 6.2 hours of 8: it fits." in shown
