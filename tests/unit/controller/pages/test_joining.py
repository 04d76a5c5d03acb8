"""The admin's page of joining: what it shows of a waiting key, what it holds back, and what a decision does."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import select

from controller.cli import group
from controller.devices.models import Device, DeviceEvent, DeviceState
from controller.enrollment.models import EnrollmentAttempt
from controller.enrollment.services import make_enrollment
from protocol.pki import CertificateRequest, make_request, parse_request, spell_fingerprint
from tests.house import House, post
from tests.school import new_id


def ask(house: House, name: str = "Room 12") -> CertificateRequest:
    """Ask to join without a secret."""
    asked = parse_request(make_request(ec.generate_private_key(ec.SECP256R1()), name))
    assert make_enrollment(house.services).adoption.ask(asked, address="192.0.2.7") is None
    return asked


def address(asked: CertificateRequest) -> str:
    """Give the address under which the page decides about a key."""
    return f"/joining/{hashlib.sha256(asked.spki.encode()).hexdigest()[:16]}"


def groups(asked: CertificateRequest) -> list[str]:
    """Give the groups of the fingerprint that the unit's screen shows."""
    return spell_fingerprint(asked.spki).split()


def test_page_holds_back_what_is_read_off_the_unit(house: House) -> None:
    """Six groups, the address and the hint are shown; the last two groups stand nowhere in the page."""
    admin, asked = house.add_admin(), ask(house, "<b>Room 12</b>")
    page = house.browser(admin).get("/joining").text
    shown = groups(asked)
    assert " ".join(shown[:6]) in page
    assert "".join(shown[6:]) not in page
    assert " ".join(shown[6:]) not in page
    assert "192.0.2.7" in page
    assert "<b>" not in page
    assert "Room 12" in page


def test_typed_groups_adopt_the_key(house: House) -> None:
    """With the right groups and a unit the key is adopted, in the admin's name, and gets its certificate."""
    admin, device, asked = house.add_admin(), house.add_teacher().device, ask(house)
    app = house.app
    browser = house.browser(admin, app)
    typed = "-".join(groups(asked)[6:]).upper()
    answer = post(browser, f"{address(asked)}/adopt", page="/joining", unit=device, typed=typed)
    assert answer.status_code == 303
    assert "Adopted." in browser.get("/joining").text
    assert make_enrollment(house.services).adoption.ask(asked, address="192.0.2.7") is not None
    with house.services.database.reading() as session:
        told = session.execute(select(DeviceEvent.what, DeviceEvent.by).where(DeviceEvent.device == device)).all()
    assert ("adopted", admin.id) in [tuple(line) for line in told]


def test_wrong_groups_or_unit_adopt_nothing(house: House) -> None:
    """A wrong digit, no unit, one that is lost, a key that does not wait: words, and the key goes on waiting."""
    admin, device, asked = house.add_admin(), house.add_teacher().device, ask(house)
    lost = house.add_teacher("Bea Other").device
    with house.services.database.writing() as session:
        session.get_one(Device, lost).state = DeviceState.LOST
    browser, right = house.browser(admin), " ".join(groups(asked)[6:])
    ours, nobodys = address(asked), "/joining/0000000000000000"
    for place, unit, typed, status, words in (
        (ours, device, "0000 0000", 422, "how the key’s fingerprint ends"),
        (ours, device, "", 422, "how the key’s fingerprint ends"),
        (ours, "", right, 409, "cannot be adopted as that unit"),
        (ours, lost, right, 409, "cannot be adopted as that unit"),
        (nobodys, device, right, 409, "does not wait any more"),
    ):
        answer = post(browser, f"{place}/adopt", page="/joining", unit=unit, typed=typed)
        assert (answer.status_code, words in answer.text) == (status, True), answer.text
    assert len(make_enrollment(house.services).adoption.waiting()) == 1


def test_refused_key_leaves_the_page(house: House) -> None:
    """A refusal takes the key off the list; a second one finds nothing."""
    admin, asked = house.add_admin(), ask(house)
    browser = house.browser(admin)
    assert post(browser, f"{address(asked)}/refuse", page="/joining").status_code == 303
    page = browser.get("/joining").text
    assert "Refused." in page
    assert "Nobody waits" in page
    assert post(browser, f"{address(asked)}/refuse", page="/joining").status_code == 409


def fail(house: House, device: str, times: int, address: str = "192.0.2.9") -> None:
    """Let attempts in the name of a unit fail."""
    for _ in range(times):
        make_enrollment(house.services).attempts.note(address, device)


def test_held_off_unit_is_shown_with_its_end_and_let_go(house: House) -> None:
    """Ten failures: the page says until when, one click lifts it, and the unit's history says who did."""
    admin, teacher = house.add_admin(), house.add_teacher()
    browser = house.browser(admin)
    fail(house, teacher.device, 9)
    assert "Held off" not in browser.get("/joining").text
    fail(house, teacher.device, 1)
    page = browser.get("/joining").text
    (held,) = make_enrollment(house.services).attempts.held()
    assert (held.device, held.until) == (teacher.device, house.clock() + timedelta(minutes=15))
    assert "Held off" in page
    assert "Let Room 12 try again now" in page
    assert post(browser, "/joining/lift", page="/joining", held=teacher.device).status_code == 303
    page = browser.get("/joining").text
    assert "It may try again at once." in page
    assert "Held off" not in page
    make_enrollment(house.services).attempts.require_patience("192.0.2.9", teacher.device)
    assert post(browser, "/joining/lift", page="/joining", held=teacher.device).status_code == 409
    with house.services.database.reading() as session:
        told = session.execute(select(DeviceEvent.what, DeviceEvent.by)).all()
    assert [tuple(line) for line in told].count(("hold_lifted", admin.id)) == 1


def test_held_off_address_is_let_go_alone(house: House) -> None:
    """Thirty failures from one address hold all of it off; ids that are no unit's are never listed by themselves."""
    admin, teacher = house.add_admin(), house.add_teacher()
    browser = house.browser(admin)
    fail(house, new_id(), 20)
    fail(house, teacher.device, 10)
    page = browser.get("/joining").text
    assert page.count("try again now</button>") == 2
    assert "Everybody at 192.0.2.9" in page
    assert post(browser, "/joining/lift", page="/joining", held="192.0.2.9").status_code == 303
    assert make_enrollment(house.services).attempts.held() == []


def test_held_off_unit_is_let_go_on_the_server(house: House, tmp_path: Path) -> None:
    """`enrollment list` says until when; `lift` takes the unit's name; what is not held off is refused in words."""
    core, teacher = house.services.config.controller, house.add_teacher()
    config = tmp_path / "controller.toml"
    config.write_text(f'[controller]\ndata = "{core.data}"\nkeys = "{core.keys}"\nkey_store = "{core.key_store}"\n')
    with house.services.database.writing() as session:  # the command's clock is the real one
        for _ in range(10):
            session.add(EnrollmentAttempt(address="192.0.2.9", device=teacher.device, at=datetime.now(UTC)))

    def tell(command: str, *arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(group, ["enrollment", command, "--config", str(config), *arguments])
        return done.exit_code, done.output

    assert f"UTC after too many failures: unit {teacher.device} (Room 12)" in tell("list")[1]
    status, told = tell("lift", "Room 12")
    assert (status, "may try again at once" in told) == (0, True)
    status, told = tell("lift", "Room 12")
    assert (status, "is not held off" in told) == (1, True)
    assert tell("lift", "192.0.2.1")[0] == 1
    assert "Held off" not in tell("list")[1]
