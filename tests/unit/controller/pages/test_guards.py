"""What stands around every page: form tokens, headers, cookies, and answers to mistakes."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

import controller
from controller.accounts.models import Role
from controller.auth.headers import HEADERS
from controller.auth.logins import COOKIE
from protocol.enrollment import EST_PATH, RENEWAL_PATH
from tests.house import PASSWORD, House, form_token, make_house, post

TEMPLATES = Path(controller.__file__).parent / "templates"


def _posting_rules(app: Flask) -> list[str]:
    """Give what forms are posted to; programs without a login post requests for certificates, signed by their key."""
    found = sorted(rule.rule for rule in app.url_map.iter_rules() if "POST" in (rule.methods or set()))
    return [rule for rule in found if not rule.startswith((EST_PATH, RENEWAL_PATH))]


def test_form_without_token_changes_nothing(house: House) -> None:
    """Every address that changes something refuses a form without the page's token, signed in or not."""
    app = house.make_app()
    people = [house.add_person(f"P{number} Person", role) for number, role in enumerate(Role)]
    rules = _posting_rules(app)
    assert len(rules) >= 10
    for rule in rules:
        address = re.sub(r"<(?:int:)?\w+>", "1", rule)
        # gate first: what is not for this person does not exist, token or not
        answers = [
            house.browser(person, app).post(address, data={"email": "x", "csrf_token": "made-up"}).status_code
            for person in people
        ]
        assert set(answers) <= {400, 404}, rule
        assert 400 in answers, rule


def test_token_of_another_browser_is_refused(house: House) -> None:
    """A token belongs to one browser's session."""
    app, teacher = house.make_app(), house.add_teacher()
    stolen = form_token(house.browser(teacher, app).get("/account").text)
    victim = house.browser(teacher, app)
    victim.get("/account")
    assert victim.post("/account/language", data={"csrf_token": stolen, "language": "es"}).status_code == 400


def test_signing_in_changes_the_token(house: House) -> None:
    """A token from before signing in is worth nothing afterwards."""
    teacher = house.add_teacher()
    browser = house.browser()
    before = form_token(browser.get("/sign-in").text)
    browser.post("/sign-in", data={"csrf_token": before, "email": teacher.email, "password": PASSWORD})
    assert browser.post("/account/language", data={"csrf_token": before, "language": "es"}).status_code == 400


def test_every_answer_carries_the_headers(house: House) -> None:
    """Pages, refusals, redirects, static files: all say what may be loaded and that nobody may frame them."""
    app, teacher = house.make_app(), house.add_teacher()
    browser = house.browser(teacher, app)
    for address in ("/recordings", "/", "/nothing-here", "/accounts", "/api/v1/recordings", "/static/backrow.css"):
        answer = browser.get(address)
        answer.close()
        for name, value in HEADERS.items():
            assert answer.headers[name] == value, (address, name)
        if not address.startswith("/static"):
            assert answer.headers["Cache-Control"] == "no-store", address


def test_policy_allows_no_inline_script_or_style() -> None:
    """Neither does the policy allow it, nor does any template need it."""
    policy = HEADERS["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'")
    for template in TEMPLATES.rglob("*.html"):
        text = template.read_text("utf-8")
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|hx-on|javascript:", text), template
        assert "http://" not in text.replace("http://www.w3.org", ""), template
        assert "https://" not in text, template


@pytest.mark.parametrize(("url", "secure"), [("", False), ("https://backrow.school.example", True)])
def test_cookies_are_closed(tmp_path: Path, url: str, secure: bool) -> None:  # noqa: FBT001
    """Scripts cannot read them, other sites cannot send them, and over TLS they travel over TLS alone."""
    house = make_house(tmp_path, url=url)
    teacher = house.add_teacher()
    browser = house.browser()
    base = {"base_url": url or "http://localhost", "headers": {"Referer": f"{url or 'http://localhost'}/sign-in"}}
    token = form_token(browser.get("/sign-in", **base).text)
    fields = {"csrf_token": token, "email": teacher.email, "password": PASSWORD}
    answer = browser.post("/sign-in", data=fields, **base)
    cookies = answer.headers.getlist("Set-Cookie")
    (login,) = (cookie for cookie in cookies if cookie.startswith(COOKIE))
    assert "HttpOnly" in login
    assert "SameSite=Lax" in login
    assert ("Secure" in login) is secure
    house.services.database.close()


def test_address_behind_a_proxy_is_the_browsers(tmp_path: Path) -> None:
    """Where a proxy ends TLS, its word on who asks is taken, so that one school member's failures limit only them."""
    house = make_house(tmp_path, url="https://backrow.school.example")
    app = house.make_app()
    teacher = house.add_teacher()
    for number in range(9):
        browser = house.browser(None, app)
        forwarded = {"X-Forwarded-For": f"10.0.0.{number}", "X-Forwarded-Proto": "https"}
        base = {"base_url": "https://localhost", "headers": {"Referer": "https://localhost/sign-in", **forwarded}}
        token = form_token(browser.get("/sign-in", **base).text)
        fields = {"csrf_token": token, "email": teacher.email, "password": "wrong"}
        assert browser.post("/sign-in", data=fields, **base).status_code == 401
    house.services.database.close()


def test_mistakes_are_answered_in_words_or_json(house: House) -> None:
    """People get a page, programs JSON, the player a bare status."""
    app, teacher = house.make_app(), house.add_teacher()
    browser = house.browser(teacher, app)
    assert "There is nothing here" in browser.get("/nothing").text
    assert browser.get("/api/v1/nothing").json["error"] == "Not Found"
    assert browser.get("/recordings/x/media/1").data == b""
    assert house.browser(None, app).get("/api/v1/recordings").status_code == 401


def test_our_own_mistake_shows_no_trace(house: House) -> None:
    """An error of ours is said in words, without a trace of the program."""
    app = house.make_app()
    app.testing = False
    app.config["PROPAGATE_EXCEPTIONS"] = False
    house.services.database.close()
    (house.services.config.controller.data / "controller.sqlite3").write_bytes(b"not a database")
    answer = house.browser(None, app)
    answer.set_cookie(COOKIE, "anything")
    page = answer.get("/sign-in")
    assert page.status_code == 500
    assert "Something went wrong on our side" in page.text
    assert "Traceback" not in page.text


def test_long_forms_are_refused(house: House) -> None:
    """Nobody fills the memory with a form."""
    answer = house.browser(house.add_teacher()).post("/account/language", data={"language": "x" * 100_000})
    assert answer.status_code == 413


def test_sign_out_needs_a_token_and_ends_the_login(house: House) -> None:
    """Another site cannot sign somebody out; the button does, and the cookie is gone."""
    teacher = house.add_teacher()
    browser = house.browser(teacher)
    assert browser.post("/sign-out").status_code == 400
    post(browser, "/sign-out", page="/account")
    assert house.accounts.find_person(teacher.login) is None
    assert browser.get_cookie(COOKIE) is None


def test_live_part_leads_a_signed_out_page_to_the_form(house: House) -> None:
    """When a login ends while a page stands open, the page goes to the form; the form is not put into the page."""
    answer = house.browser().get("/recordings/list", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.data) == (401, b"")
    assert answer.headers["HX-Redirect"] == "/sign-in"


def test_page_left_open_does_not_keep_a_login_alive(house: House) -> None:
    """A list that updates itself all day on a shared computer is no use: after half a day the login is over."""
    teacher = house.add_teacher()
    browser = house.browser(teacher)
    for _ in range(4):
        house.clock.pass_time(timedelta(hours=3, minutes=1))
        answer = browser.get("/recordings/list", headers={"HX-Request": "true"})
    assert answer.status_code == 401


def test_page_in_use_keeps_a_login_alive(house: House) -> None:
    """Opening pages through the day does not end in the middle of it."""
    browser = house.browser(house.add_teacher())
    for _ in range(4):
        house.clock.pass_time(timedelta(hours=3, minutes=1))
        assert browser.get("/recordings").status_code == 200
