"""The page of a unit's room card: who may see it, whose times it tells, and what is printed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.devices.bundle import parse_settings
from controller.devices.cards import code_of, room_of
from controller.devices.models import Device, DeviceState
from controller.devices.services import NewDevice
from device.card import read_facts
from device.config import load_config
from tests.house import House, make_house
from tests.joined import add_device

SITE = "https://backrow.school.example"
SETTINGS = (
    "timings.stop_s=3",
    "timings.stop_until_s=5.5",
    "pins.lamp=red_green",
    "pins.buzzer_kind=none",
    "limits.undo_until=20:15:00",
    "pins.kind=mock",
    "camera.kind=synthetic",
)


@pytest.fixture
def school(tmp_path: Path) -> Iterator[House]:
    """A controller that says where its pages are."""
    made = make_house(tmp_path, url=SITE)
    yield made
    made.services.database.close()


def test_page_shows_the_card_and_says_it_in_words(school: House) -> None:
    """A picture, two sheets to print, and sentences for whoever cannot see it."""
    teacher = school.add_teacher(room="Room 12")
    page = school.browser(teacher).get(f"/units/{teacher.device}/card").text
    for words in (
        "Room card: Room 12",
        f'src="/units/{teacher.device}/card.svg"',
        f"/units/{teacher.device}/card.pdf?paper=letter",
        "2–5 s: let go: stop and keep",
        "Steady red: this room is being recorded.",
    ):
        assert words in page
    assert f'href="/units/{teacher.device}/card"' in school.browser(teacher).get("/units").text
    assert f'href="/room/{code_of(teacher.device, "Room 12")}"' in page


def test_card_speaks_the_readers_language(school: House) -> None:
    """Page, picture and print."""
    teacher = school.add_teacher(room="Aula 12")
    browser = school.browser(teacher)
    browser.environ_base["HTTP_ACCEPT_LANGUAGE"] = "es"
    address = f"/units/{teacher.device}/card"
    assert "Tarjeta del aula: Aula 12" in browser.get(address).text
    picture = browser.get(f"{address}.svg")
    assert (picture.mimetype, "Mantén pulsado para parar" in picture.text) == ("image/svg+xml", True)
    printed = browser.get(f"{address}.pdf")
    assert printed.mimetype == "application/pdf"
    assert "Mantén pulsado para parar".encode("cp1252") in printed.data
    assert b"/MediaBox [0 0 612.00 792.00]" in browser.get(f"{address}.pdf?paper=letter").data


@pytest.mark.parametrize("ending", ["", ".svg", ".pdf"])
def test_card_of_another_teachers_unit_does_not_exist(school: House, ending: str) -> None:
    """An admin prints every card; a colleague, nobody and a retired unit get none."""
    ada, bea, admin = school.add_teacher(), school.add_teacher("Bea Other", room="Room 14"), school.add_admin()
    app, address = school.app, f"/units/{ada.device}/card{ending}"
    assert school.browser(admin, app).get(address).status_code == 200
    assert school.browser(bea, app).get(address).status_code == 404
    assert school.browser(None, app).get(address).status_code in (302, 401)
    assert school.browser(admin, app).get(f"/units/nothing/card{ending}").status_code == 404
    with school.services.database.writing() as session:
        session.get_one(Device, ada.device).state = DeviceState.RETIRED
    assert school.browser(admin, app).get(address).status_code == 404


def test_card_of_the_controller_is_the_units_own(school: House, tmp_path: Path) -> None:
    """From the settings of `device prepare` both sides draw the same card: times, lamp, buzzer, address, QR code."""
    teacher, admin = school.add_teacher(), school.add_admin()
    wanted = NewDevice(label="Room 3", owner=teacher.id, settings=parse_settings(SETTINGS))
    row = add_device(school.services, wanted, tmp_path / "unit")
    config = load_config(tmp_path / "unit" / "device.toml")
    assert config.controller.page == f"{SITE}/today"
    assert config.controller.room_page == f"{SITE}/room/{code_of(row.id, 'Room 3')}"
    facts = read_facts(config, page=config.controller.page, scan=config.controller.room_page)
    assert room_of(school.services.config, row) == facts
    page = school.browser(admin).get(f"/units/{row.id}/card").text
    assert "3–5.5 s" in page
    assert "20:15" in page


def test_row_of_a_unit_keeps_only_what_its_card_speaks_of(school: House, tmp_path: Path) -> None:
    """No address of a broker, no path: times, pins and limits."""
    teacher = school.add_teacher()
    wanted = NewDevice(label="Room 3", owner=teacher.id, settings=parse_settings(SETTINGS))
    row = add_device(school.services, wanted, tmp_path / "unit")
    assert set(json.loads(row.card or "")) == {"timings", "pins", "limits"}


def test_school_without_an_address_is_told_that_the_code_is_missing(house: House) -> None:
    """A code that leads to a loopback address would lead nowhere."""
    teacher = house.add_teacher()
    browser = house.browser(teacher)
    page = browser.get(f"/units/{teacher.device}/card").text
    assert "no code to scan yet" in page
    assert "Your page" not in browser.get(f"/units/{teacher.device}/card.svg").text


def test_room_that_the_pdf_cannot_write_is_offered_as_a_picture(school: House) -> None:
    """The page says so and offers no print that would fail."""
    teacher = school.add_teacher(room="教室")
    browser = school.browser(teacher)
    page = browser.get(f"/units/{teacher.device}/card").text
    assert "The PDF has no letters for this name or language" in page
    assert "card.pdf" not in page
    assert browser.get(f"/units/{teacher.device}/card.pdf").status_code == 404
    assert "教室" in browser.get(f"/units/{teacher.device}/card.svg").text
