"""The accounts' pages as a browser meets them: links, signing in, one's own account, the admin's list."""

from __future__ import annotations

import re

import pytest

from controller.accounts.models import Role
from controller.accounts.views import safe_next
from controller.auth.logins import COOKIE
from tests.house import PASSWORD, House, form_token, post

NEW = "another four words"


def _sign_in(house: House, email: str, password: str, target: str = "/sign-in") -> tuple[int, str]:
    browser = house.browser()
    answer = post(browser, target, page=target, email=email, password=password)
    return answer.status_code, answer.headers.get("Location", answer.text)


def test_link_leads_from_nothing_to_the_own_page(house: House) -> None:
    """Open the link, set a password, and be at one's recordings: as the demo's viewer does it."""
    account = house.accounts.add(email="ada@school.example", name="Ada Moreno", role=Role.TEACHER)
    link = f"/welcome/{house.accounts.issue_link(account, made_by=None)}"
    browser = house.browser()
    page = browser.get(link).text
    assert "Welcome, Ada Moreno" in page
    assert re.findall(r'type="password"', page) == ['type="password"'] * 2
    answer = browser.post(
        link, data={"csrf_token": form_token(page), "password": NEW, "repeated": NEW}, follow_redirects=True
    )
    assert answer.request.path == "/recordings"
    assert answer.status_code == 200


def test_looking_at_a_link_does_not_use_it_up(house: House) -> None:
    """A mail scanner that opens the link takes nothing away."""
    account = house.accounts.add(email="ada@school.example", name="Ada", role=Role.TEACHER)
    link = f"/welcome/{house.accounts.issue_link(account, made_by=None)}"
    for _ in range(3):
        assert house.browser().get(link).status_code == 200


@pytest.mark.parametrize(
    ("password", "repeated", "words"),
    [
        ("short", "short", "at least 12 characters"),
        (NEW, "something else", "not the same"),
        ("ada@school.example", "ada@school.example", "e-mail address"),
    ],
)
def test_password_that_is_refused_says_why(house: House, password: str, repeated: str, words: str) -> None:
    """The page says what is wrong and the link still holds."""
    account = house.accounts.add(email="ada@school.example", name="Ada", role=Role.TEACHER)
    link = f"/welcome/{house.accounts.issue_link(account, made_by=None)}"
    answer = post(house.browser(), link, page=link, password=password, repeated=repeated)
    assert answer.status_code == 422
    assert words in answer.text
    assert password not in re.sub(r"<strong>.*?</strong>", "", answer.text)
    assert house.browser().get(link).status_code == 200


def test_used_link_says_so(house: House) -> None:
    """Whoever comes late is told what to do; nothing tells whose link it was."""
    account = house.accounts.add(email="ada@school.example", name="Ada", role=Role.TEACHER)
    link = f"/welcome/{house.accounts.issue_link(account, made_by=None)}"
    post(house.browser(), link, page=link, password=NEW, repeated=NEW)
    answer = house.browser().get(link)
    assert answer.status_code == 410
    assert "no longer works" in answer.text
    assert "Ada" not in answer.text


def test_refusal_does_not_tell_who_has_an_account(house: House) -> None:
    """A wrong password and an unknown address get the same answer."""
    teacher = house.add_teacher()
    known = _sign_in(house, teacher.email, "wrong password")
    unknown = _sign_in(house, "bob@school.example", "wrong password")
    tokens = re.compile(r'name="csrf_token" value="[^"]+"|value="[^"]+@school.example"')
    assert known[0] == unknown[0] == 401
    assert tokens.sub("", known[1]) == tokens.sub("", unknown[1])


def test_too_many_attempts_are_told_to_wait(house: House) -> None:
    """The ninth attempt is answered 429 with the minutes to wait."""
    teacher = house.add_teacher()
    for _ in range(8):
        assert _sign_in(house, teacher.email, "wrong password")[0] == 401
    status, page = _sign_in(house, teacher.email, PASSWORD)
    assert status == 429
    assert "Please wait 15 minutes" in page


def test_signing_in_leads_back_to_the_page_that_was_asked_for(house: House) -> None:
    """A link to one's account, opened while signed out, ends at one's account."""
    teacher = house.add_teacher()
    asked = house.browser().get("/account")
    assert asked.headers["Location"] == "/sign-in?next=/account"
    assert _sign_in(house, teacher.email, PASSWORD, "/sign-in?next=/account") == (302, "/account")


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "evil", "", "/a\r\nX: y", "javascript:x"]
)
def test_signing_in_leads_nowhere_else(house: House, target: str) -> None:
    """No address of another site is followed."""
    with house.app.test_request_context():
        assert safe_next(target) == "/"


def test_start_page_depends_on_the_person(house: House) -> None:
    """Teachers come to their recordings, admins to the units, everybody else to the form."""
    app = house.app
    for person, page in ((house.add_teacher(), "/recordings"), (house.add_admin(), "/units"), (None, "/sign-in")):
        assert house.browser(person, app).get("/").headers["Location"] == page


def test_made_up_cookie_lets_nobody_in(house: House) -> None:
    """A token that the database does not know is nobody's."""
    house.add_teacher()
    browser = house.browser()
    browser.set_cookie(COOKIE, "A" * 43)
    assert browser.get("/recordings").status_code == 302


def test_password_is_changed_by_its_owner_alone(house: House) -> None:
    """With the current password a new one is set, this browser stays signed in, others do not."""
    teacher = house.add_teacher()
    browser = house.browser(teacher)
    wrong = post(browser, "/account/password", page="/account", current="wrong", password=NEW, repeated=NEW)
    assert wrong.status_code == 422
    right = post(browser, "/account/password", page="/account", current=PASSWORD, password=NEW, repeated=NEW)
    assert right.status_code == 302
    assert "Your password is changed" in browser.get("/account").text
    assert house.browser(teacher).get("/account").status_code == 302
    assert _sign_in(house, teacher.email, NEW)[0] == 302


def test_owner_sees_every_link_that_was_made_for_them(house: House) -> None:
    """A link that an admin made, and when it was used, stands on its owner's page."""
    teacher, admin = house.add_teacher(), house.add_admin("Grace Admin")
    page = post(house.browser(admin), f"/accounts/{teacher.id}/link", page="/accounts").text
    (link,) = re.findall(r'value="http://localhost(/welcome/[^"]+)"', page)
    shown = house.browser(teacher).get("/account").text
    assert "Grace Admin" in shown
    assert "not used" in shown
    taker = house.browser()
    post(taker, link, page=link, password=NEW, repeated=NEW)
    assert "not used" not in taker.get("/account").text


def test_admin_adds_a_teacher_and_sees_the_link_once(house: House) -> None:
    """The page after adding shows a link that works; the list afterwards shows none."""
    browser = house.browser(house.add_admin())
    page = post(browser, "/accounts", page="/accounts", name="Chidi", email="Chidi@School.example", role="teacher").text
    (link,) = re.findall(r'value="http://localhost(/welcome/[^"]+)"', page)
    assert "48 hours" in page
    listed = browser.get("/accounts").text
    assert "chidi@school.example" in listed
    assert "has not signed in yet" in listed
    assert "/welcome/" not in listed
    assert house.browser().get(link).status_code == 200


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"name": "", "email": "x@school.example"}, 422),
        ({"name": "X", "email": "no address"}, 422),
        ({"name": "X" * 121, "email": "x@school.example"}, 422),
        ({"name": "Another", "email": "GRACE@school.example"}, 409),
    ],
)
def test_teacher_that_cannot_be_added_is_said(house: House, fields: dict[str, str], status: int) -> None:
    """What was typed stays in the form."""
    browser = house.browser(house.add_admin())
    answer = post(browser, "/accounts", page="/accounts", role="teacher", **fields)
    assert answer.status_code == status
    assert f'value="{fields["email"]}"' in answer.text


def test_link_for_nobody_is_not_made(house: House) -> None:
    """An account that does not exist gets no link."""
    browser = house.browser(house.add_admin())
    assert post(browser, "/accounts/nobody/link", page="/accounts").status_code == 404
