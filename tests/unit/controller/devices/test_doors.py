"""The registry's doors: page, REST and command line. Who may, what is refused, and that none tells of recordings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask.testing import FlaskClient

from controller.cli import group
from controller.devices.models import Device, DeviceState, Health, Presence
from controller.uploads.models import SpoolReportRow
from tests.house import NIGHT, House, Person, Teacher, post
from tests.unit.controller.uploads.unit_client import made_up_segment

STATES = tuple(DeviceState)


@pytest.fixture
def teacher(house: House) -> Teacher:
    """Ada, whose unit is in Room 12."""
    return house.add_teacher()


@pytest.fixture
def admin(house: House) -> Person:
    """Grace."""
    return house.add_admin()


@pytest.fixture
def web(house: House, admin: Person) -> FlaskClient:
    """The admin's browser."""
    return house.browser(admin)


def call(web: FlaskClient, path: str, body: Any = None, key: str | None = None) -> tuple[int, dict[str, Any]]:
    """Ask the REST interface as a program does: with the token that a GET gave, and perhaps a key of its own."""
    if body is None:
        answer = web.get(f"/api/v1/units{path}")
    else:
        token = web.get("/api/v1/units").headers["X-CSRFToken"]
        keyed = {} if key is None else {"Idempotency-Key": key}
        answer = web.post(f"/api/v1/units{path}", json=body, headers={"X-CSRFToken": token, **keyed})
    told: dict[str, Any] = answer.get_json()
    return answer.status_code, told


class Console:
    """The command line on the server."""

    def __init__(self, house: House, folder: Path) -> None:
        core = house.services.config.controller
        self._config = folder / "controller.toml"
        self._config.write_text(
            f'[controller]\ndata = "{core.data}"\nkeys = "{core.keys}"\nkey_store = "{core.key_store}"\n', "utf-8"
        )

    def run(self, command: str, *arguments: str) -> Result:
        """Give a command of `backrow controller device`."""
        return CliRunner().invoke(group, ["device", command, "--config", str(self._config), *arguments])

    def tell(self, command: str, *arguments: str) -> str:
        """Give a command that must succeed, and what it prints."""
        done = self.run(command, *arguments)
        assert done.exit_code == 0, done.output
        return done.output


@pytest.fixture
def console(house: House, tmp_path: Path) -> Console:
    """The command line on the server."""
    return Console(house, tmp_path)


def test_program_lists_shows_and_changes_a_unit(teacher: Teacher, web: FlaskClient) -> None:
    """A list, one unit, a change, its history with the admin's name."""
    status, told = call(web, "")
    assert (status, [unit["label"] for unit in told["units"]]) == (200, ["Room 12"])
    status, told = call(web, f"/{teacher.device}/move", {"label": "Library", "tags": ["loud"]})
    assert (status, told["unit"]["label"], told["unit"]["tags"]) == (200, "Library", ["loud"])
    assert call(web, f"/{teacher.device}")[1]["unit"]["owner"] == {"id": teacher.id, "name": "Ada Moreno"}
    (line,) = call(web, f"/{teacher.device}/history")[1]["history"]
    assert (line["what"], line["by_name"]) == ("moved", "Grace Admin")


@pytest.mark.parametrize(
    ("action", "body", "status", "field"),
    [
        ("move", {"colour": "red"}, 422, "colour"),
        ("move", {"label": 12}, 422, "label"),
        ("move", {"owner": "\ud800"}, 422, "owner"),  # half a character, which no database takes
        ("move", {"tags": "loud"}, 422, "tags"),
        ("move", {}, 422, "place"),
        ("move", [], 422, "body"),
        ("swap", {}, 422, "replaces"),
        ("swap", {"replaces": "\udfff"}, 422, "replaces"),
        ("swap", {"replaces": "nobody"}, 404, "unit"),
        ("accept", {"why": "looked"}, 409, "state"),
        ("record", {}, 404, "action"),
        ("enroll", {}, 404, "action"),
        ("lose", {"pack": "two"}, 422, "pack"),
    ],
)
def test_program_is_told_the_field_and_the_remedy(
    teacher: Teacher, web: FlaskClient, action: str, body: Any, status: int, field: str
) -> None:
    """Every refusal is JSON with field, detail and remedy, and nothing has changed."""
    answered, told = call(web, f"/{teacher.device}/{action}", body)
    assert (answered, told["error"], told["field"]) == (status, "refused", field)
    assert told["detail"]
    assert told["remedy"]
    assert call(web, f"/{teacher.device}/history")[1]["history"] == []


def test_unknown_unit_and_state_are_refused(web: FlaskClient) -> None:
    """In the same form."""
    assert call(web, "/nobody")[0] == 404
    assert call(web, "/nobody/history")[1]["field"] == "unit"
    assert call(web, "?state=asleep")[1]["field"] == "state"


def test_post_without_the_token_is_refused(teacher: Teacher, web: FlaskClient, house: House) -> None:
    """A page of somebody else's cannot make an admin's browser retire a unit."""
    assert web.post(f"/api/v1/units/{teacher.device}/retire", json={}).status_code == 400
    with house.services.database.reading() as session:
        assert session.get_one(Device, teacher.device).state is DeviceState.ACTIVE


ADDRESSES = ("/units/{0}", "/units/{0}/do/retire", "/units/gone", "/api/v1/units", "/api/v1/units/{0}")


@pytest.mark.parametrize("address", [*ADDRESSES, "/api/v1/units/{0}/history"])
def test_registry_is_for_admins_alone(house: House, teacher: Teacher, address: str) -> None:
    """For a teacher these addresses do not exist, also of the own unit; whoever is not signed in is not let in."""
    assert house.browser(teacher).get(address.format(teacher.device)).status_code == 404
    assert house.browser().get(address.format(teacher.device)).status_code in (302, 401)


def test_page_asks_before_it_retires(house: House, teacher: Teacher, web: FlaskClient) -> None:
    """The unit's page leads to a page that says what follows; only its button does it."""
    page = web.get(f"/units/{teacher.device}").text
    assert "Active" in page
    address = f"/units/{teacher.device}/do/retire"
    assert address in page
    assert "cannot be undone" in web.get(address).text
    answer = post(web, address, page=address)
    assert answer.status_code == 302
    page = web.get(f"/units/{teacher.device}").text
    assert "wipes itself" in page
    assert "Grace Admin" in page
    assert "Room 12" in web.get("/units/gone").text
    assert web.get(address).headers["Location"].endswith(f"/units/{teacher.device}")
    assert post(web, address, page="/units").status_code == 302
    assert "has changed meanwhile" in web.get(f"/units/{teacher.device}").text
    assert [line["what"] for line in call(web, f"/{teacher.device}/history")[1]["history"]] == ["retired"]
    assert web.get(f"/units/{teacher.device}/do/enroll").status_code == 404


def test_second_click_does_not_swap_back(house: House, teacher: Teacher, web: FlaskClient) -> None:
    """The same form sent twice does it once: a swap done twice would leave everything as it was."""
    spare = house.add_teacher("Spare Keeper", room="Spare 3")
    address = f"/units/{spare.device}/do/swap"
    seen = re.search(r'name="seen" value="(\d+)"', web.get(address).text)
    assert seen is not None
    for _ in range(2):
        sent = post(web, address, page=address, replaces=teacher.device, seen=seen[1])
        assert sent.status_code == 302
    assert call(web, f"/{spare.device}")[1]["unit"]["label"] == "Room 12"
    assert "has changed meanwhile" in web.get(f"/units/{spare.device}").text


def test_page_declares_lost_and_names_the_pack(house: House, teacher: Teacher, web: FlaskClient) -> None:
    """The admin reads where the sealed report lies, and nothing of what is in it."""
    address = f"/units/{teacher.device}/do/lose"
    post(web, address, page=address)
    (pack,) = (house.services.config.controller.data / "breach").iterdir()
    page = web.get(f"/units/{teacher.device}").text
    assert pack.name in page
    assert "Lost: it is let in no more" in page
    assert "Make another sealed report" in web.get(address).text
    post(web, address, page=address)
    assert f"was made before, and is on the server: {pack.name}" in web.get(f"/units/{teacher.device}").text
    house.clock.pass_time(timedelta(minutes=1))
    post(web, address, page=address, pack="anew")
    assert len(list(pack.parent.iterdir())) == 2


def test_page_moves_a_unit_and_keeps_what_was_typed_when_it_is_refused(teacher: Teacher, web: FlaskClient) -> None:
    """A form shows every field; what was not changed is left as it is."""
    address = f"/units/{teacher.device}/do/move"
    fields = {"label": "Room 12", "room": "0.12", "site": "", "tags": "loud, north", "owner": teacher.id}
    assert post(web, address, page=address, **fields).status_code == 302
    assert call(web, f"/{teacher.device}")[1]["unit"]["tags"] == ["loud", "north"]
    refused = post(web, address, page=address, **{**fields, "owner": "nobody@school.example"})
    assert refused.status_code == 422
    assert "nobody@school.example" in refused.text
    assert "Owner: “nobody@school.example” is no teacher’s account" in refused.text
    assert "make the teacher" in refused.text


def test_page_refuses_in_the_language_of_its_reader(
    house: House, admin: Person, teacher: Teacher, web: FlaskClient
) -> None:
    """A Spanish page says no in Spanish, whatever its form was sent; no part of it claims to be English."""
    post(web, "/account/language", page="/account", language="es")
    address = f"/units/{teacher.device}/do/swap"
    refused = post(web, address, page=address, replaces=teacher.device)
    assert refused.status_code == 422
    fault = re.search(r'<p class="fault"[^>]*>([^<]*)</p>', refused.text)
    assert fault is not None
    assert fault[1].startswith("El equipo que toma el relevo: se esperaba otro equipo")
    assert "expected" not in refused.text
    assert 'lang="en"' not in refused.text


def test_page_lets_a_spare_take_over_and_accepts_a_quarantined_unit(
    house: House, teacher: Teacher, web: FlaskClient
) -> None:
    """Both ask for the one thing that they need."""
    spare = house.add_teacher("Spare Keeper", room="Spare 3")
    address = f"/units/{spare.device}/do/swap"
    assert post(web, address, page=address, replaces=teacher.device).status_code == 302
    assert call(web, f"/{spare.device}")[1]["unit"]["label"] == "Room 12"
    with house.services.database.writing() as session:
        row = session.get_one(Device, spare.device)
        row.state, row.state_reason = DeviceState.QUARANTINED, "repeated"
    page = web.get(f"/units/{spare.device}").text
    assert "there is a copy of its card" in page
    assert "Quarantined" in web.get("/units").text
    address = f"/units/{spare.device}/do/accept"
    assert post(web, address, page=address, why="the other card was in a drawer").status_code == 302
    assert "the other card was in a drawer" in web.get(f"/units/{spare.device}").text


def test_console_knows_every_change(house: House, teacher: Teacher, console: Console) -> None:
    """What the runbook says is what the commands do and print."""
    spare = house.add_teacher("Spare Keeper", room="Spare 3")
    assert "blinks for ten seconds" in console.tell("identify", "Room 12")
    assert "is now Library" in console.tell("move", "Room 12", "--label", "Library", "--tag", "loud")
    assert "is now Library" in console.tell("swap", "Library", "Spare 3")
    assert console.tell("show", spare.device).splitlines()[1].split() == ["label", "Library"]
    assert json.loads(console.tell("show", "--json", spare.device))["tags"] == ["loud"]
    assert "is retired" in console.tell("retire", "Spare 3")
    lost = console.tell("lost", "Library")
    assert re.search(r"age -d -i keeper.key \S+\.age", lost)
    told = [line.split()[1] for line in console.tell("history", spare.device).splitlines()]
    assert told == ["breach_pack", "lost", "took_over"]
    assert console.tell("list") == "There are no units yet; add one with: backrow controller device prepare\n"
    assert len(json.loads(console.tell("list", "--all", "--json"))) == 2
    assert console.tell("list", "--all", "--csv").splitlines()[0].startswith("id,label,room,site,owner,tags,state")


def prepare(console: Console, folder: Path, label: str = "Room 20") -> str:
    """Prepare a unit and give its id."""
    told = console.tell("prepare", "--label", label, "--owner", "ada@school.example", "--out", str(folder / label))
    (device,) = re.findall(r"\b[a-z2-7]{26}\b", told)
    return device


def test_unit_prepared_in_vain_is_removed(teacher: Teacher, console: Console, web: FlaskClient, tmp_path: Path) -> None:
    """By command, several at once; it is in no list, its history says who removed it, and its label is free."""
    first, second = prepare(console, tmp_path), prepare(console, tmp_path, "Room 21")
    told = console.tell("remove", "Room 20", second)
    assert [line.split()[1] for line in told.splitlines()] == [first, second]
    assert "Room 2" not in console.tell("list")
    assert "removed" in console.tell("list", "--all")
    assert console.tell("history", first).split()[1] == "removed"
    assert "which is removed" in console.run("remove", first).output
    assert "Room 20" in web.get("/units/gone").text
    assert first not in web.get("/units").text


def test_unit_prepared_in_vain_is_removed_by_rest_and_page(
    teacher: Teacher, console: Console, web: FlaskClient, tmp_path: Path
) -> None:
    """Both offer it for a pending unit alone, beside no retirement; the page asks first."""
    first, second = prepare(console, tmp_path), prepare(console, tmp_path, "Room 21")
    assert {"remove", "lose"} <= set(call(web, f"/{first}")[1]["unit"]["actions"])
    assert "retire" not in call(web, f"/{first}")[1]["unit"]["actions"]
    status, told = call(web, f"/{first}/remove", {})
    assert (status, told["unit"]["state"], told["unit"]["actions"]) == (200, "removed", [])
    address = f"/units/{second}/do/remove"
    assert "void at once" in web.get(address).text
    assert post(web, address, page=address).status_code == 302
    assert call(web, f"/{second}")[1]["unit"]["state"] == "removed"
    status, told = call(web, f"/{teacher.device}/remove", {})
    assert (status, told["field"], told["remedy"]) == (409, "state", "retire it instead")


@pytest.mark.parametrize("reason", ["unit_retired; spool_damaged", "unit_retired; delivery_stuck"])
def test_retired_unit_that_cannot_deliver_is_told_with_its_remedy(
    house: House, teacher: Teacher, console: Console, web: FlaskClient, reason: str
) -> None:
    """It never wipes itself: pages, REST and command line say so and what to do, until it is declared lost."""
    with house.services.database.writing() as session:
        session.add(
            Health(
                device=teacher.device, fit=False, reason=reason, school_days_left=9, said_at=NIGHT, received_at=NIGHT
            )
        )
    words, pages = "It will not wipe itself", ("/units/gone", f"/units/{teacher.device}")
    assert words not in console.tell("list", "--all"), "of a unit in use its own reasons are enough"
    console.tell("retire", "Room 12")
    for told in (console.tell("list", "--all"), console.tell("show", "Room 12"), *(web.get(at).text for at in pages)):
        assert words in told
        assert "declare it lost" in told
    assert words in call(web, f"/{teacher.device}")[1]["unit"]["remedy"]
    console.tell("lost", "Room 12")
    for told in (console.tell("list", "--all"), *(web.get(at).text for at in pages)):
        assert words not in told


def test_retired_unit_that_delivers_needs_nobody(house: House, teacher: Teacher, console: Console) -> None:
    """Any other reason is no reason: it delivers when it can, and wipes itself."""
    with house.services.database.writing() as session:
        session.add(
            Health(
                device=teacher.device,
                fit=False,
                reason="unit_retired; camera_missing",
                school_days_left=9,
                said_at=NIGHT,
                received_at=NIGHT,
            )
        )
    console.tell("retire", "Room 12")
    assert "->" not in console.tell("list", "--all")


def test_console_takes_all_tags_away(teacher: Teacher, console: Console) -> None:
    """Without `--tag` nothing happens to tags; `--no-tags` is how to say none."""
    console.tell("move", "Room 12", "--tag", "loud", "--tag", "north")
    assert json.loads(console.tell("show", "--json", "Room 12"))["tags"] == ["loud", "north"]
    assert console.run("move", "Room 12", "--tag", "loud", "--no-tags").exit_code == 2
    assert console.run("move", "Room 12", "--no-tags", "--tag", "loud").exit_code == 2
    console.tell("move", "Room 12", "--no-tags")
    assert json.loads(console.tell("show", "--json", "Room 12"))["tags"] == []


def test_console_finds_a_lost_unit_by_its_name(teacher: Teacher, console: Console) -> None:
    """The runbook says: give the command again. Then the unit is lost already, and still called what it was called."""
    console.tell("lost", "Room 12")
    assert teacher.device in console.tell("lost", "Room 12")
    assert "which is lost" in console.run("retire", "Room 12").output


def test_console_makes_secrets_by_name(house: House, teacher: Teacher, console: Console) -> None:
    """A unit's name does wherever its id does."""
    with house.services.database.writing() as session:
        session.get_one(Device, teacher.device).recorder_key = None  # as of a unit that was prepared and no more
    assert "One-time secret" in console.tell("secret", "Room 12")
    assert "One-time secret" in console.tell("readopt", "Room 12")
    assert {"readopted", "secret_made"} <= {
        line["what"] for line in json.loads(console.tell("history", "--json", teacher.device))
    }


def test_console_says_what_is_wrong(teacher: Teacher, console: Console) -> None:
    """A refusal ends with 1 and words that say what to do."""
    for command in (("retire", "nobody"), ("accept", "Room 12", "--why", "looked"), ("move", "Room 12")):
        done = console.run(*command)
        assert done.exit_code == 1
        assert done.output.startswith("Error: ")


def test_cell_of_a_spreadsheet_is_no_formula(teacher: Teacher, console: Console) -> None:
    """A label that a spreadsheet would run is disarmed."""
    console.tell("move", "Room 12", "--site", "=HYPERLINK(1)")
    assert "'=HYPERLINK(1)" in console.tell("list", "--csv")


def test_everything_that_it_can_read_is_the_same_for_a_unit_that_recorded(
    house: House, teacher: Teacher, web: FlaskClient, console: Console
) -> None:
    """P7: of two units one recorded all week and one never did; page, REST, CLI and history differ in nothing."""
    quiet = house.add_teacher("Bea Quiet", room="Room 14")
    for device in (teacher.device, quiet.device):
        with house.services.database.writing() as session:
            session.add(Presence(device=device, birth=1, online=True, version="1", changed_at=NIGHT))
            session.add(
                Health(device=device, fit=True, reason="", school_days_left=9, said_at=NIGHT, received_at=NIGHT)
            )
    for only in (None, 0, None):
        house.deliver(house.make_lesson(teacher, [made_up_segment()]), only=only)
    with house.services.database.writing() as session:  # what leases, receipts and the unit itself leave after a week
        row = session.get_one(Device, teacher.device)
        row.fence, row.receipt_version = 3, 7
        session.add(SpoolReportRow(device=row.id, waiting_bytes=123_456, said_at=NIGHT, received_at=NIGHT))
    busy, calm = (list(_everything(web, console, person)) for person in (teacher, quiet))
    assert len(busy) > 20
    assert busy == calm


def _everything(web: FlaskClient, console: Console, person: Teacher) -> Iterator[str]:
    """Read all that there is about a unit, in its life's order, without what names it."""
    for change in ((), ("identify",), ("move", "--site", "North"), ("retire",), ("lost",)):
        if change:
            yield _unnamed(console.tell(change[0], person.device, *change[1:]), person)
        for address in ("/units/{0}", "/api/v1/units/{0}", "/api/v1/units/{0}/history"):
            yield _unnamed(web.get(address.format(person.device)).text, person)
        for command in (("show",), ("show", "--json"), ("history",), ("history", "--json")):
            yield _unnamed(console.tell(*command, person.device), person)


def _unnamed(text: str, person: Teacher) -> str:
    for name in (person.device, person.id, "Ada Moreno", "Bea Quiet", "Room 12", "Room 14"):
        text = text.replace(name, "…")
    text = re.sub(r"20\d\d-\d\d-\d\d[T0-9:.+-]*|20\d{6}T\d{6}Z", "…", text)  # the command line has the machine's clock
    text = re.sub(r"[A-Z][a-z]{2} \d+, 20\d\d, [0-9:\u202fAPM ]+", "…", text)
    return re.sub(r'name="csrf_token" value="[^"]+"|/tmp/\S+/', "", text)
