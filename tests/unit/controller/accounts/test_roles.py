"""Roles given and taken by an admin: what a person may afterwards, and the history that stays."""

from __future__ import annotations

import pytest

from controller.accounts.models import Role
from controller.accounts.role_policy import Held, RoleFault
from controller.accounts.roles import RoleChange, RoleRefusedError, Roles, history_of, roles_of
from controller.errors import OperatorError
from tests.house import House, Person, post


@pytest.fixture
def roles(house: House) -> Roles:
    """Give the roles of the house's people."""
    return Roles(database=house.services.database, now=house.clock, changed=lambda *_: None)


def _history(house: House, person: Person) -> list[tuple[str, bool, bool]]:
    with house.services.database.reading() as session:
        return [(line.role.value, line.given, line.warned) for line in history_of(session, person.id)]


def test_every_change_stays_in_the_history(house: House, roles: Roles) -> None:
    """The first role, another one, and its end are three lines, the newest first."""
    coach, admin = house.add_person("Olu Coach", Role.VIEWER), house.add_admin()
    change = RoleChange(account=coach.id, held=Held(Role.TEACHER), by=admin.id)
    roles.give(change)
    roles.take(change)
    assert _history(house, coach) == [
        ("teacher", False, False),
        ("teacher", True, False),
        ("viewer", True, False),
    ]
    with house.services.database.reading() as session:
        assert roles_of(session, coach.id) == {Role.VIEWER}


def test_who_loses_a_role_is_signed_out(house: House, roles: Roles) -> None:
    """No page that was open for it goes on being open; signing in again works."""
    coach, admin = house.add_person("Olu Coach", Role.VIEWER), house.add_admin()
    change = RoleChange(account=coach.id, held=Held(Role.TEACHER), by=admin.id)
    roles.give(change)
    assert house.browser(coach).get("/recordings").status_code == 200
    roles.take(change)
    assert house.browser(coach).get("/recordings").headers["Location"].startswith("/sign-in")


def test_refusal_changes_nothing(house: House, roles: Roles) -> None:
    """A role that cannot be given or taken leaves neither a role nor a line; an account that is not is named."""
    admin = house.add_admin()
    before = _history(house, admin)
    with pytest.raises(RoleRefusedError, match="nobody else is an admin") as refused:
        roles.take(RoleChange(account=admin.id, held=Held(Role.ADMIN), by=admin.id))
    assert refused.value.fault is RoleFault.LAST_ADMIN
    with pytest.raises(RoleRefusedError, match="leave the site out"):
        roles.give(RoleChange(account=admin.id, held=Held(Role.TEACHER, "North"), by=admin.id))
    with pytest.raises(OperatorError, match="nobody has this id"):
        roles.give(RoleChange(account="nobody", held=Held(Role.TEACHER), by=admin.id))
    assert _history(house, admin) == before


def test_page_warns_before_an_evaluator_runs_the_server(house: House) -> None:
    """The first form changes nothing and shows why; the second says that it was read, which is kept."""
    evaluator, admin = house.add_person("Eve Evaluator", Role.EVALUATOR), house.add_admin()
    browser, page = house.browser(admin), f"/accounts/{evaluator.id}"
    warned = post(browser, f"{page}/give", page=page, role="admin")
    assert warned.status_code == 422
    assert "reach the keys that open recordings" in warned.text
    assert _history(house, evaluator) == [("evaluator", True, False)]
    assert post(browser, f"{page}/give", page=page, role="admin", understood="admin").status_code == 303
    assert _history(house, evaluator)[0] == ("admin", True, True)
    assert "against the warning" in browser.get(page).text
    assert "reach the keys that open recordings" in house.browser(evaluator).get("/account").text


def test_page_says_why_a_role_stays(house: House) -> None:
    """The last admin's role cannot be taken on the page, which says what to do first."""
    admin = house.add_admin()
    page = f"/accounts/{admin.id}"
    answer = post(house.browser(admin), f"{page}/take", page=page, role="admin")
    assert answer.status_code == 409
    assert "make another person one first" in answer.text
    assert house.browser(admin).get("/accounts/nobody").status_code == 404


def test_it_of_a_site_runs_its_units_alone(house: House) -> None:
    """Another site's unit does not exist for them, is not listed, and theirs cannot be given away."""
    it, ada = house.add_person("Ivo North", Role.IT, site="North"), house.add_teacher("Ada Moreno", "Room 1")
    bea = house.add_teacher("Bea Keller", "Room 2")
    admin = house.browser(house.add_admin())
    for teacher, site in ((ada, "North"), (bea, "South")):
        post(admin, f"/units/{teacher.device}/do/move", page=f"/units/{teacher.device}/do/move", site=site)
    browser = house.browser(it)
    listed = browser.get("/units").text
    assert ("Room 1" in listed, "Room 2" in listed) == (True, False)
    assert browser.get(f"/units/{bea.device}").status_code == 404
    move = f"/units/{ada.device}/do/move"
    refused = post(browser, move, page=move, site="South", owner=ada.email)
    assert refused.status_code == 422
    assert "one of your sites (North)" in refused.text
    swap = f"/units/{ada.device}/do/swap"
    assert bea.device not in browser.get(swap).text
    assert post(browser, swap, page=swap, replaces=bea.device).status_code == 422
    api = browser.get("/api/v1/units").json
    assert [unit["id"] for unit in api["units"]] == [ada.device]
    assert browser.get(f"/api/v1/units/{bea.device}").json["code"] == "unit_unknown"
