"""The admin's page of joining: what it shows of a waiting key, what it holds back, and what a decision does."""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import select

from controller.devices.models import Device, DeviceEvent, DeviceState
from controller.enrollment.services import make_enrollment
from protocol.pki import CertificateRequest, make_request, parse_request, spell_fingerprint
from tests.house import House, post


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
    app = house.make_app()
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
