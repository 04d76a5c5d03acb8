"""The page of the units: what it shows to whom, and what it never tells."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from controller.devices.models import Device, DeviceState, Health, Presence
from tests.house import NIGHT, House
from tests.lesson import MediaSegment, record_synthetic
from tests.pages import furnish


@pytest.fixture(scope="module")
def segments() -> list[MediaSegment]:
    """Record two seconds."""
    return record_synthetic(seconds=2)


def _say(house: House, device: str, *, online: bool = True, fit: bool = True, reason: str = "", days: int = 1) -> None:
    with house.services.database.writing() as session:
        session.add(Presence(device=device, birth=1, online=online, version="0.1.0", changed_at=NIGHT))
        session.add(
            Health(device=device, fit=fit, reason=reason, school_days_left=days, said_at=NIGHT, received_at=NIGHT)
        )


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({}, ["Works", "Space for 1 more school day"]),
        ({"reason": "camera_failed"}, ["Needs attention", "Its camera failed on the last school day."]),
        ({"fit": False, "reason": "no_policy; a_code_of_tomorrow"}, ["no valid permission", "a_code_of_tomorrow"]),
        (
            {"reason": "spool_damaged; delivery_stuck"},
            ["Needs attention", "damaged or was changed", "Its delivery needs a person."],
        ),
        ({"days": 30}, ["Works", "Space for 30 school days or more"]),
        ({"reason": "microphone_missing"}, ["Needs attention", "It finds no microphone: lessons have no sound."]),
        ({"fit": False, "reason": "camera_missing; recorder_not_running"}, ["It finds no camera.", "is not running."]),
        ({"online": False}, ["Not reachable since Nov 24, 2026"]),
        (None, ["Has not been in touch yet"]),
    ],
)
def test_unit_is_described_in_words(house: House, said: dict[str, object] | None, words: list[str]) -> None:
    """Each state has words, and only its own."""
    teacher = house.add_teacher(room="Room 12")
    if said is not None:
        _say(house, teacher.device, **said)  # type: ignore[arg-type]
    page = house.browser(teacher).get("/units").text
    for word in ["Room 12", *words]:
        assert word in page


def test_teacher_sees_own_units_and_admin_all(house: House) -> None:
    """A colleague's unit is none of a teacher's business; retired ones are shown to nobody."""
    ada, bea = house.add_teacher("Ada Owner", room="Room 12"), house.add_teacher("Bea Other", room="Room 14")
    admin, app = house.add_admin(), house.app
    page = house.browser(ada, app).get("/units").text
    assert "Room 12" in page
    assert "Room 14" not in page
    with house.services.database.writing() as session:
        session.get_one(Device, bea.device).state = DeviceState.RETIRED
    page = house.browser(admin, app).get("/units").text
    assert "Room 12" in page
    assert "Room 14" not in page


def test_admin_pages_do_not_change_when_somebody_records(house: House, segments: list[MediaSegment]) -> None:
    """Before and after lessons arrive, are watched and deleted, everything an admin can read is the same."""
    quiet, busy = house.add_teacher("Ada Quiet", room="Room 12"), house.add_teacher("Bea Busy", room="Room 14")
    for teacher in (quiet, busy):
        _say(house, teacher.device)
    admin, app = house.add_admin(), house.app
    pages = ("/units", "/units/list", "/accounts", "/account", "/recordings", "/api/v1/recordings")
    browser = house.browser(admin, app)
    browser.get("/account")

    def read() -> list[tuple[int, str]]:
        return [(answer.status_code, _without_tokens(answer.text)) for answer in map(browser.get, pages)]

    before = read()
    for number in range(3):
        recording = house.deliver(
            house.make_lesson(busy, segments, began_at=NIGHT - timedelta(days=number)), only=None if number else 0
        )
        house.browser(busy, app).get(f"/recordings/{recording}/stream.m3u8")
    assert read() == before


def _without_tokens(page: str) -> str:
    return re.sub(r'name="csrf_token" value="[^"]+"', "", page)


def test_furnished_house_shows_every_state(house: House, segments: list[MediaSegment]) -> None:
    """The pages that are looked at in screenshots hold every state that there is."""
    found = furnish(house, segments)
    page = house.browser(found.admin).get("/units").text
    for words in ("Works", "Needs attention", "Not reachable since", "Has not been in touch yet"):
        assert words in page
