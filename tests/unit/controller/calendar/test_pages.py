"""The page of the night hours: what it shows, what its forms do, and that an import is shown before it is taken."""

from __future__ import annotations

import io
import re
from datetime import date, timedelta

import pytest
from flask.testing import FlaskClient
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.test import TestResponse, encode_multipart

from controller.calendar.policy import Hours
from controller.calendar.repo import free_days_of, read_calendar
from controller.calendar.window import spell_day
from controller.devices.history import OPERATOR, Deed
from controller.devices.life import Place, move
from controller.devices.models import Device
from controller.uploads.models import SpoolReportRow
from tests.house import House, Teacher, form_token, house, post
from tests.school import new_id

__all__ = ["house"]
PAGE = "/night-hours"


@pytest.fixture
def teacher(house: House) -> Teacher:
    """Give a teacher whose unit is of the site North."""
    found = house.add_teacher()
    move(house.services, found.device, Place(site="North"), Deed(OPERATOR, house.clock()))
    return found


@pytest.fixture
def admin(house: House, teacher: Teacher) -> FlaskClient:
    """Give the browser of an admin."""
    return house.browser(house.add_admin())


def do(admin: FlaskClient, action: str, **fields: str) -> TestResponse:
    """Send a form of the page."""
    return post(admin, f"{PAGE}/do/{action}", page=PAGE, **fields)


def hours(house: House, site: str = "") -> Hours:
    """Read the hours of a site."""
    with house.services.database.reading() as session:
        return read_calendar(session, house.services.config, house.clock()).of(site)


def test_page_shows_what_holds_and_what_comes(house: House, admin: FlaskClient) -> None:
    """Now, fourteen days, the week, and the sites to choose from; a site that there is not does not exist."""
    page = admin.get(PAGE).text
    assert page.count('<li class="row') >= 14
    assert 'value="22:00-06:00"' in page
    assert "/night-hours?site=North" in page
    assert admin.get(f"{PAGE}?site=Nroth").status_code == 404
    assert admin.get(f"{PAGE}/now?site=North").status_code == 200


def test_every_form_does_what_it_says_and_is_written_down(house: House, admin: FlaskClient, teacher: Teacher) -> None:
    """Hours, limits, allowance, a room, days, a pause, and their opposites, each under the admin’s name."""
    week = dict.fromkeys(("monday", "tuesday", "wednesday", "thursday", "friday"), "21:00-06:00")
    weekend = {"saturday": "always", "sunday": "closed", "free_day": "always, 22:00-06:00"}
    day = date(2026, 12, 8)
    steps: list[tuple[str, dict[str, str]]] = [
        ("hours", {"site": "North", **week, **weekend}),
        ("caps", {"site": "North", "cap_hours": "22:00-00:00", "cap_rate": "2,5"}),
        ("trickle", {"site": "North", "hours": "08:00-15:00", "rate": "2"}),
        ("room", {"unit": teacher.device, "wanted": "allowed"}),
        ("free-days", {"first_day": f"{day}", "last_day": "", "label": "Feast"}),
        ("other-day", {"day": f"{day}", "hours": "closed", "label": "Works"}),
        ("pause", {"until": "2026-12-01T06:00"}),
    ]
    for action, fields in steps:
        assert do(admin, action, **fields).status_code == 302, action
    held = hours(house, "North")
    assert [spell_day(windows) for windows in held.weekly[4:]] == ["21:00-06:00", "always", "closed"]
    assert held.trickle
    assert (held.caps[0].rate_bps, held.trickle.rate_bps, held.of_day(day)[2]) == (2_500_000, 2_000_000, "Works")
    page = admin.get(PAGE).text
    assert page.count("Grace Admin") == 6
    with house.services.database.reading() as session:
        assert session.get_one(Device, teacher.device).sends_by_day
        row = free_days_of(session, "", day)[0].id
    for action, fields in (
        ("resume", {}),
        ("free-days-remove", {"row": row}),
        ("other-day-remove", {"day": f"{day}"}),
        ("trickle-off", {"site": "North"}),
        ("room", {"unit": teacher.device, "wanted": "not_allowed"}),
        ("drop-hours", {"site": "North"}),
    ):
        assert do(admin, action, **fields).status_code == 302, action
    assert hours(house, "North") == hours(house)


def test_page_of_a_site_says_that_the_school_is_paused(house: House, admin: FlaskClient) -> None:
    """And the school's page names the site that is paused by itself; the history has the school's clock."""
    do(admin, "pause", until=f"{house.clock() + timedelta(days=1):%Y-%m-%d}T06:00")
    do(admin, "pause", site="North")
    site, school = admin.get(f"{PAGE}?site=North").text, admin.get(PAGE).text
    assert re.search(r'Paused as well:.*href="/night-hours#pause"', site)
    assert re.search(r'Paused as well:.*site=North#pause"', school)
    assert f"until {house.clock() + timedelta(days=1):%Y-%m-%d} 06:00" in school
    do(admin, "resume")
    assert "Paused as well:" not in admin.get(f"{PAGE}?site=North").text


def test_rates_of_a_night_are_told_as_one(house: House, admin: FlaskClient) -> None:
    """Where a limit begins or ends in a night, its rates stand beside each other with a stroke between."""
    do(admin, "caps", site="North", cap_hours="22:00-00:00", cap_rate="20")
    assert "<span>20 Mbit/s / 100 Mbit/s</span>" in admin.get(f"{PAGE}?site=North").text


def test_refusal_stands_beside_its_form_with_what_was_typed(house: House, admin: FlaskClient) -> None:
    """What is wrong, in words; nothing was changed; no such action does not exist."""
    answer = do(admin, "other-day", day="2026-12-08", hours="9-5")
    assert answer.status_code == 422
    assert "Hours: expected hours like 22:00-06:00" in answer.text
    assert 'value="9-5"' in answer.text
    assert answer.text.count('role="alert"') == 1
    assert hours(house).other_days == ()
    assert do(admin, "nothing").status_code == 404


def send(admin: FlaskClient, data: bytes, name: str = "days.ics") -> TestResponse:
    """Upload a file to the preview."""
    token = form_token(admin.get(f"{PAGE}/import").text)
    fields = {"csrf_token": token, "site": "", "file": FileStorage(io.BytesIO(data), name)}
    boundary, body = encode_multipart(MultiDict(fields))
    return admin.post(f"{PAGE}/import", data=body, content_type=f"multipart/form-data; boundary={boundary}")


def test_import_is_shown_before_it_is_taken(house: House, admin: FlaskClient) -> None:
    """The preview changes nothing; taking it enters what was shown, and a page sent twice is refused."""
    do(admin, "free-days", first_day="2026-12-24", last_day="", label="Old entry")
    calendar = (
        b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:Feast\\, long\r\nDTSTART;VALUE=DATE:20261208\r\nEND:VEVENT\r\n"
    )
    shown = send(admin, calendar + b"END:VCALENDAR\r\n")
    assert shown.status_code == 200
    assert ("Feast, long" in shown.text, "Entered, but not in the file" in shown.text) == (True, True)
    assert len(hours(house).free_days) == 1
    (table,) = [part.split('"')[0] for part in shown.text.split('name="table" value="')[1:]]
    fields = {
        "csrf_token": form_token(shown.text),
        "site": "",
        "table": table.replace("&#34;", '"'),
        "missing": "remove",
    }
    assert admin.post(f"{PAGE}/import/take", data=fields).status_code == 302
    assert [(day.first_day, day.label) for day in hours(house).free_days] == [(date(2026, 12, 8), "Feast, long")]
    assert admin.post(f"{PAGE}/import/take", data=fields).status_code == 422


def test_wrong_file_names_every_entry_and_changes_nothing(house: House, admin: FlaskClient) -> None:
    """All wrong rows at once; a file too large, or none at all, is refused in words."""
    answer = send(admin, b"first_day,last_day,label\nsoon,,A\n2026-12-08,2026-12-01,B\n2026-12-09,,C\n", "days.csv")
    assert answer.status_code == 422
    assert ("Entry 2" in answer.text, "Entry 3" in answer.text, "Take them" in answer.text) == (True, True, False)
    assert "expected a file of at most 1024 KiB" in send(admin, b"x" * (1024 * 1024 + 1)).text
    assert "first_day,last_day,label in the first row" in send(admin, b"").text
    assert send(admin, b"x" * (2 * 1024 * 1024)).status_code == 413
    assert hours(house).free_days == ()


def test_page_does_not_change_when_somebody_records(house: House, admin: FlaskClient, teacher: Teacher) -> None:
    """What a unit says of its spool shows nowhere on it (P7)."""
    before = admin.get(f"{PAGE}?site=North").text
    with house.services.database.writing() as session:
        session.add(
            SpoolReportRow(
                device=teacher.device,
                waiting_bytes=10**9,
                due_bytes=10**9,
                oldest_at=house.clock(),
                waiting_since=house.clock(),
                said_at=house.clock(),
                received_at=house.clock(),
            )
        )
        session.get_one(Device, teacher.device).asked_at = house.clock() - timedelta(minutes=1)
    assert strip_token(admin.get(f"{PAGE}?site=North").text) == strip_token(before)
    assert new_id() not in before


def strip_token(page: str) -> str:
    """Leave the form token away, which is another one each time."""
    return page.replace(form_token(page), "")
