"""The pages of the nights: sums for five rooms and more, nothing but room for four, and nothing for a teacher."""

from __future__ import annotations

import re
from datetime import timedelta
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from controller.cli import group
from controller.nights.chart import Point, Words, by_hour, draw
from controller.nights.line import SLOT
from controller.nights.models import Outcome
from controller.nights.told import find_report
from tests.house import House, house
from tests.nights import EVENING, MORNING, OPENS, keep_at, live_through, lose_touch, populate, say, send

__all__ = ["house"]
DAY = timedelta(days=1)
DISTRICT = {f"School {number:03}": 1 + number % 9 for number in range(30)}
FIGURE = re.compile(r"\d[\d.,]* (GB|TB|Mbit/s)")
TOKEN = re.compile(r'name="csrf_token" value="[^"]*"')


def read_nights(browser: FlaskClient) -> tuple[str, str]:
    """Give page and live part, without the token of the form, which has the second in which it was made."""
    return TOKEN.sub("", browser.get("/nights").text), browser.get("/nights/now").text


def test_small_school_is_shown_no_figure(house: House) -> None:
    """Four rooms: hours, that there is room, faults; no size and no rate anywhere on the page."""
    live_through(house, populate(house, {"": 4}))
    page = house.browser(house.add_admin()).get("/nights").text
    assert "Enough room" in page
    assert "4 rooms deliver normally" in page
    assert not FIGURE.search(page)
    assert "<svg" not in page


def test_small_school_reads_the_same_whatever_was_recorded(house: House) -> None:
    """Page and live part are equal, byte for byte, whether four rooms hold nothing, a lesson, or more than fits."""
    rooms = populate(house, {"": 4})
    browser = house.browser(house.add_admin())
    shown = set()
    for waiting in (0, 700_000_000, 10**13):
        say(house, {room.device: waiting for room in rooms})
        keep_at(house, EVENING)
        shown.add(read_nights(browser))
    assert len(shown) == 1


def test_running_night_of_one_room_reads_the_same_whatever_comes(house: House) -> None:
    """Four of five rooms are away: page and live part say nothing of what the fifth brings, in bar, figure or chart."""
    house.clock.now = EVENING
    rooms = populate(house, {"": 5})
    say(house, {room.device: 3_000_000_000 for room in rooms})
    keep_at(house, EVENING)
    for room in rooms[:4]:
        lose_touch(house, room.device, OPENS + timedelta(minutes=1))
    browser = house.browser(house.add_admin())
    shown = set()
    for minutes in (16, 31):
        if minutes > 16:
            send(house, OPENS, OPENS + timedelta(minutes=25), {"": 20e6})
        keep_at(house, OPENS + timedelta(minutes=minutes))
        shown.add(read_nights(browser))
    assert len(shown) == 1
    assert "<progress" in shown.pop()[1]


def test_faults_read_the_same_whatever_was_recorded(house: House) -> None:
    """Which rooms are named, and why, does not change with what waits on them when the night closes."""
    named = set()
    for number, waiting in enumerate((0, 10**12)):
        rooms = populate(house, {f"Site {number}": 30})
        say(house, {room.device: waiting for room in rooms})
        keep_at(house, EVENING + number * DAY)
        lose_touch(house, rooms[2].device, OPENS + number * DAY)
        keep_at(house, MORNING + number * DAY)
        with house.services.database.reading() as session:
            told = find_report(house.services, session)
        named.add(tuple(fault.outcome for fault in told.faults if fault.site == f"Site {number}"))
    assert named == {(Outcome.UNREACHABLE,)}


def test_district_is_shown_sums_and_faults(house: House) -> None:
    """What came, what is left, who was away; a site of fewer than five rooms is no part of its own."""
    live_through(house, populate(house, DISTRICT), bytes_each=700_000_000)
    browser = house.browser(house.add_admin())
    page = browser.get("/nights").text
    assert "came." in page
    assert "could not be reached all night" in page
    assert "<svg" in page
    assert browser.get("/nights?part=School 005").status_code == 200
    assert browser.get("/nights?part=School 001").status_code == 404


def test_nights_are_no_page_of_teachers(house: House) -> None:
    """For a teacher none of the addresses exists."""
    browser = house.browser(house.add_teacher())
    for address in ("/nights", "/nights/now", "/nights/calculator"):
        assert browser.get(address).status_code == 404


def test_live_part_is_the_same_part(house: House) -> None:
    """What polls gives the section that the page has, and asks again."""
    live_through(house, populate(house, {"": 8}))
    browser = house.browser(house.add_admin())
    part = browser.get("/nights/now").text
    assert part.strip() in browser.get("/nights").text
    assert 'hx-trigger="every 30s"' in part


def test_calculator_answers_without_scripts(house: House) -> None:
    """A plain GET: what fits, what does not and what would be enough; a number that cannot be is named."""
    browser = house.browser(house.add_admin())
    assert "The answer" not in browser.get("/nights/calculator").text
    asked = "/nights/calculator?rooms=40&lessons=5&minutes=45&quality=2000000&hours=8&line="
    assert "6.2 hours of 8" in browser.get(f"{asked}50").text
    slow = browser.get(f"{asked}30").text
    assert "It does not fit" in slow
    assert "38.7 Mbit/s would be enough" in slow
    wrong = browser.get(f"{asked}nothing").text
    assert 'id="line-fault"' in wrong
    assert "The answer" not in wrong


POINTS = [Point(OPENS + number * SLOT, 50e6 if number < 24 else None, 94e6) for number in range(96)]
WORDS = Words(title="Line <1>", said="a & b", used="used", allowed="allowed", unit="Mbit/s")


def test_chart_is_sound_and_has_nothing_inline() -> None:
    """It parses, says its name to readers of the screen, escapes words, and carries no style and no script."""
    drawn = draw(POINTS, WORDS, MORNING.tzinfo or OPENS.tzinfo, SLOT)  # type: ignore[arg-type]  # UTC
    root = ET.fromstring(drawn)  # noqa: S314 - our own picture
    assert root.find("{http://www.w3.org/2000/svg}title").text == "Line <1>"  # type: ignore[union-attr]
    assert not [one for one in root.iter() if {"style", "fill", "onload"} & set(one.attrib)]
    labels = [one.text for one in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"0", "25", "100", "21:00", "23:00"} <= set(labels)


@pytest.mark.parametrize("top_bps", [1.0, 40e3, 999e3, 4e6, 94e6, 1e9, 12.3e9])
def test_scale_of_a_chart_holds_every_rate(top_bps: float) -> None:
    """No point lies above the picture, whatever the line."""
    drawn = draw([Point(OPENS, top_bps, top_bps / 2)], WORDS, OPENS.tzinfo, SLOT)  # type: ignore[arg-type]  # UTC
    heights = [float(found) for found in re.findall(r"V([-\d.]+)", drawn)]
    assert min(heights) >= 28


def test_table_has_the_means_of_hours() -> None:
    """Twelve slots are a row; hours that have not been yet have no mean."""
    rows = by_hour(POINTS)
    assert len(rows) == 8
    assert [row.used_bps for row in rows[:3]] == [50e6, 50e6, None]
    assert {row.cap_bps for row in rows} == {94e6}


def test_commands_print_plan_and_report(house: House) -> None:
    """`night plan`, `report` and `calculate` print what the pages show."""
    live_through(house, populate(house, DISTRICT), bytes_each=700_000_000)
    core = house.services.config.controller
    config = core.data.parent / "controller.toml"
    config.write_text(
        f'[controller]\ndata = "{core.data}"\nkeys = "{core.keys}"\nkey_store = "{core.key_store}"\n'
        'time_zone = "Europe/Madrid"\n[units]\ntls = false\n'
    )
    told = {
        command: CliRunner().invoke(group, ["night", command, "--config", str(config), *more])
        for command, more in (
            ("plan", ()),
            ("report", ()),
            ("calculate", ("--rooms", "40", "--hours", "8", "--line", "30M")),
        )
    }
    assert [each.exit_code for each in told.values()] == [0, 0, 0], [each.output for each in told.values()]
    assert "open 22:00-06:00" in told["plan"].output
    assert "could not be reached all night" in told["report"].output
    assert "38.7 Mbit/s would be enough" in told["calculate"].output
