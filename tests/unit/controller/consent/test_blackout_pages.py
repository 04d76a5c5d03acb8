"""The page of times without recording: everywhere in one press, a room or a site as well, and lifting one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from controller.accounts.models import Role
from controller.consent.darkening import Dark, black_out, lift_blackout
from controller.consent.models import Blackout, Cause
from controller.consent.refusals import ConsentRefusedError
from controller.devices.models import Device
from controller.devices.policies import renew_policies
from controller.timetable.repo import require_room
from device.consent.decide import decide_press
from protocol.documents import Policy, peek_document
from tests.house import House, Person, Teacher, make_house, post

PAGE = "/consent/blackouts"
HOUR = timedelta(hours=1)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Make a school without rules of its own, where a room's owner records at any time."""
    made = make_house(tmp_path)
    made.clock.now = datetime(2026, 11, 24, 9, tzinfo=UTC)
    yield made
    made.services.database.close()


@pytest.fixture
def teacher(house: House) -> Teacher:
    """Add a teacher whose unit stands in the gym of North."""
    made = house.add_teacher()
    with house.services.database.writing() as session:
        row = session.get_one(Device, made.device)
        row.room_name, row.site = "Gym", "North"
        require_room(session, "South", "Lab", house.services.random_bytes)
    renew_policies(house.services)
    return made


@pytest.fixture
def office(house: House) -> Person:
    """Add the office."""
    return house.add_person("Olga Office", Role.KEEPER)


def gym(house: House) -> str:
    """Give the id of North's gym."""
    with house.services.database.writing() as session:
        return require_room(session, "North", "Gym", house.services.random_bytes).id


def press(house: House, teacher: Teacher, later: timedelta = timedelta(0)) -> str:
    """Press the button, now or later; give the reason."""
    with house.services.database.reading() as session:
        line = session.get_one(Device, teacher.device).policy_line
    assert line
    return decide_press(peek_document(Policy, line), house.clock() + later, clock_trusted=True, checked=None).reason


def rows(house: House) -> list[Blackout]:
    """Give all blackouts."""
    with house.services.database.reading() as session:
        return list(session.scalars(select(Blackout)))


def test_everywhere_from_now_on_is_one_press_on_the_page(house: House, teacher: Teacher, office: Person) -> None:
    """As the form stands: until midnight of the school's clock; lifting it lets the button work again."""
    browser = house.browser(office)
    form = browser.get(PAGE).text.split('action="/consent/blackouts/now"')[1].split("</form>")[0]
    assert form.count("selected") == 0
    assert form.index('value="all"') < form.index('value="site:North"')
    assert post(browser, f"{PAGE}/now", page=PAGE, place="all", hours="", cause="").status_code == 303
    assert press(house, teacher) == "blackout"
    (row,) = rows(house)
    assert row.ends_at == datetime(2026, 11, 24, 23, tzinfo=UTC)
    assert "The whole school" in browser.get(PAGE).text
    assert post(browser, f"{PAGE}/{row.id}/lift", page=PAGE).status_code == 303
    assert press(house, teacher) == "adults_only"
    assert "There is none." in browser.get(PAGE).text


@pytest.mark.parametrize(("place", "dark"), [("site:North", "dark"), ("site:South", "light"), ("room", "dark")])
def test_site_or_room_is_dark_at_a_time_of_the_schools_clock(
    house: House, teacher: Teacher, office: Person, place: str, dark: str
) -> None:
    """From 11:00 to 12:00 in Madrid, which is 10:00 in UTC; why is shown as a code, and nobody's name."""
    where = f"room:{gym(house)}" if place == "room" else place
    times = {"begins_at": "2026-11-24T11:00", "ends_at": "2026-11-24T12:00"}
    browser = house.browser(office)
    assert post(browser, PAGE, page=PAGE, place=where, cause="counselling", **times).status_code == 303
    assert [press(house, teacher, later) == "blackout" for later in (HOUR / 2, HOUR, 2 * HOUR)] == [
        False,
        dark == "dark",
        False,
    ]
    listed = browser.get(PAGE).text.split('id="list"')[1].split("</section>")[0]
    assert "Counselling" in listed
    assert "Olga" not in listed


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"begins_at": "2026-11-24T12:00", "ends_at": "2026-11-24T11:00"}, "Ends: expected a time after"),
        ({"begins_at": "2026-11-23T12:00", "ends_at": "2026-11-23T13:00"}, "is over"),
        ({"begins_at": "soon", "ends_at": "2026-11-23T13:00"}, "Begins: expected a time like"),
        ({"place": "room:none"}, "no room is known by “none”"),
        ({"place": "site:Nroth"}, "no unit, room or class is of the site “Nroth”"),
        ({"place": "planet"}, "no room is known by “planet”"),
    ],
)
def test_blackout_that_cannot_be_is_refused(
    house: House, teacher: Teacher, office: Person, fields: dict[str, str], words: str
) -> None:
    """The field is named, and nothing is written down."""
    given = {"place": "all", "begins_at": "2026-11-24T11:00", "ends_at": "2026-11-24T12:00", **fields}
    answer = post(house.browser(office), PAGE, page=PAGE, **given)
    assert answer.status_code == 422
    assert words in answer.text
    assert rows(house) == []


def test_principal_of_a_site_darkens_and_lifts_there_alone(house: House, teacher: Teacher) -> None:
    """Another site's and the whole school's are not theirs, to make or to lift."""
    south = house.add_person("Sam South", Role.PRINCIPAL, site="South")
    browser = house.browser(south)
    for place in ("all", "site:North", f"room:{gym(house)}"):
        assert post(browser, f"{PAGE}/now", page=PAGE, place=place).status_code == 422
    assert rows(house) == []
    assert post(browser, f"{PAGE}/now", page=PAGE, place="site:South").status_code == 303
    now = house.clock()
    school = black_out(house.services, Dark(begins_at=now, ends_at=now + HOUR, cause=Cause.EXAM), by="office")
    assert post(browser, f"{PAGE}/{school}/lift", page=PAGE).status_code == 422
    listed = browser.get(PAGE).text.split('id="list"')[1].split("</section>")[0]
    assert listed.count("It holds") == 2
    assert listed.count("Lift:") == 1
    assert press(house, teacher) == "blackout"


def test_lifting_what_is_none_is_an_error(house: House, office: Person) -> None:
    """It is said on the page, and raised to whoever calls."""
    answer = post(house.browser(office), f"{PAGE}/nonsense/lift", page=PAGE)
    assert answer.status_code == 422
    with pytest.raises(ConsentRefusedError, match="no blackout is known"):
        lift_blackout(house.services, "nonsense", by="office")
    both = Dark(begins_at=house.clock(), ends_at=house.clock() + HOUR, room="r", site="North")
    with pytest.raises(ConsentRefusedError, match="got both"):
        black_out(house.services, both, by="office")
