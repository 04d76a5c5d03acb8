"""Who may ask for what: every endpoint of the people's door, asked by everybody."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import pytest
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from controller import Surface, create_app
from controller.accounts.models import Role
from controller.auth.access import audience_of
from controller.recordings.late import note_late
from protocol.enrollment import EST_PATH
from protocol.manifest import parse_manifest
from tests.claims import enter_word, leave_unclaimed
from tests.classes import enter_classes, enter_room
from tests.days import enter_day
from tests.forms import print_class
from tests.house import House, Person, Teacher, form_token, make_house, open_house
from tests.lesson import MediaSegment, bookmark, record_synthetic


class Who(StrEnum):
    """Who asks: each role once, the owner of what is asked for, and who has the role at another site."""

    NOBODY = "nobody"
    OWNER = "owner"
    OTHER = "other"
    ADMIN = "admin"
    IT = "it"
    IT_ELSEWHERE = "it elsewhere"
    VIEWER = "viewer"
    EVALUATOR = "evaluator"
    KEEPER = "keeper"
    PRINCIPAL = "principal"
    PRIVACY = "privacy"


ROLES = {
    Who.ADMIN: Role.ADMIN,
    Who.IT: Role.IT,
    Who.IT_ELSEWHERE: Role.IT,
    Who.VIEWER: Role.VIEWER,
    Who.EVALUATOR: Role.EVALUATOR,
    Who.KEEPER: Role.KEEPER,
    Who.PRINCIPAL: Role.PRINCIPAL,
    Who.PRIVACY: Role.PRIVACY,
}
FORM_COOKIE = "backrow_form"
OPEN, SIGN_IN, NOT_FOUND = "open", "sign in", "not found"


def only(*who: Who) -> dict[Who, str]:
    """Give the row of an endpoint that is for some alone; who is not signed in is led there, for others it is not."""
    return {**dict.fromkeys(Who, NOT_FOUND), **dict.fromkeys(who, OPEN), Who.NOBODY: SIGN_IN}


ANYONE = dict.fromkeys(Who, OPEN)
SIGNED_IN = {**ANYONE, Who.NOBODY: SIGN_IN}
TEACHERS = only(Who.OWNER, Who.OTHER)
OWNER = only(Who.OWNER)
ADMINS = only(Who.ADMIN)
KEEPERS = only(Who.ADMIN, Who.KEEPER)
ANSWER_KEEPERS = only(Who.KEEPER)
OVERSEERS = only(Who.ADMIN, Who.PRINCIPAL, Who.PRIVACY, Who.KEEPER)
RULERS = only(Who.ADMIN, Who.PRINCIPAL, Who.PRIVACY)
RUNNERS = only(Who.ADMIN, Who.IT, Who.IT_ELSEWHERE)
RUNNERS_HERE = only(Who.ADMIN, Who.IT)
TEACHERS_AND_RUNNERS = {**RUNNERS, **dict.fromkeys((Who.OWNER, Who.OTHER), OPEN)}
OWNER_AND_RUNNERS_HERE = {**RUNNERS_HERE, Who.OWNER: OPEN}
EXPECTED = {
    "static": ANYONE,
    "accounts.start": ANYONE,
    "accounts.sign_in": ANYONE,
    "accounts.perform_sign_in": ANYONE,
    "accounts.sign_out": ANYONE,
    "accounts.welcome": ANYONE,
    "accounts.redeem": ANYONE,
    "accounts.account": SIGNED_IN,
    "accounts.choose_language": SIGNED_IN,
    "accounts.change_password": SIGNED_IN,
    "accounts.everybody": ADMINS,
    "accounts.add_person": ADMINS,
    "accounts.person": ADMINS,
    "accounts.give_role": ADMINS,
    "accounts.take_role": ADMINS,
    "accounts.make_link": ADMINS,
    "enrollment.waiting": RUNNERS,
    "enrollment.adopt": RUNNERS,
    "enrollment.lift": RUNNERS,
    "enrollment.refuse": RUNNERS,
    "est.cacerts": ANYONE,
    "est.csrattrs": ANYONE,
    "est.simpleenroll": ANYONE,
    "est.simplereenroll": ANYONE,
    "renewal.nonce": ANYONE,
    "renewal.renew": ANYONE,
    "nights.nights": ADMINS,
    "nights.live": ADMINS,
    "nights.calculator": ADMINS,
    "calendar.hours": ADMINS,
    "calendar.live_standing": ADMINS,
    "calendar.act": ADMINS,
    "calendar.ask": ADMINS,
    "calendar.preview": ADMINS,
    "calendar.take": ADMINS,
    "devices.units": TEACHERS_AND_RUNNERS,
    "devices.live_units": TEACHERS_AND_RUNNERS,
    "devices.gone": RUNNERS,
    "devices.unit": RUNNERS_HERE,
    "devices.confirm": RUNNERS_HERE,
    "devices.act": RUNNERS_HERE,
    "devices.api_units": RUNNERS,
    "devices.api_unit": RUNNERS_HERE,
    "devices.api_history": RUNNERS_HERE,
    "devices.api_action": RUNNERS_HERE,
    **dict.fromkeys(("roster.classes", "roster.show", "roster.export", "roster.left"), KEEPERS),
    **dict.fromkeys(("roster.confirm", "roster.forget", "roster.ask", "roster.take_file"), KEEPERS),
    **dict.fromkeys(("roster.take_list", "roster.difference", "roster.apply", "roster.discard"), KEEPERS),
    **dict.fromkeys(("rules.show", "rules.preview", "rules.save"), RULERS),
    **dict.fromkeys(("timetable.rooms", "timetable.add_room", "timetable.room", "timetable.set_usual"), KEEPERS),
    **dict.fromkeys(("timetable.add_lesson", "timetable.add_guest", "timetable.end", "timetable.lesson"), KEEPERS),
    **dict.fromkeys(("timetable.ask", "timetable.take_file", "timetable.difference", "timetable.apply"), KEEPERS),
    **dict.fromkeys(("timetable.discard", "timetable.bells", "timetable.set_bell", "timetable.set_term"), KEEPERS),
    **dict.fromkeys(("timetable.remove_bell", "timetable.remove_term", "timetable.say_meaning"), KEEPERS),
    **dict.fromkeys(("timetable.change_lesson", "timetable.change_day", "timetable.undo_change"), KEEPERS),
    **dict.fromkeys(("forms.entry", "forms.take", "forms.undo", "forms.person"), ANSWER_KEEPERS),
    **dict.fromkeys(("forms.overview", "forms.missing", "forms.notice", "forms.version"), ANSWER_KEEPERS),
    **dict.fromkeys(("forms.sheets", "forms.issue", "forms.ask", "forms.read"), ANSWER_KEEPERS),
    **dict.fromkeys(("forms.difference", "forms.apply", "forms.discard"), ANSWER_KEEPERS),
    **dict.fromkeys(("forms.class_table", "forms.registry"), ANSWER_KEEPERS),
    **dict.fromkeys(("masks.show", "masks.change", "masks.sheet"), KEEPERS),
    **dict.fromkeys(("pilots.show", "pilots.begin", "pilots.end"), RULERS),
    "agreements.show": {**OVERSEERS, **dict.fromkeys((Who.OWNER, Who.OTHER), OPEN)},
    "agreements.say_mine": TEACHERS,
    "agreements.say_sites": only(Who.PRINCIPAL),
    **dict.fromkeys(("blackouts.show", "blackouts.darken_now", "blackouts.darken_then", "blackouts.lift"), OVERSEERS),
    "rest.openapi": SIGNED_IN,
    "devices.card": OWNER_AND_RUNNERS_HERE,
    "devices.picture": OWNER_AND_RUNNERS_HERE,
    "devices.pdf": OWNER_AND_RUNNERS_HERE,
    "recordings.listing": TEACHERS,
    "recordings.live_list": TEACHERS,
    "recordings.listing_for_programs": TEACHERS,
    "recordings.show": OWNER,
    "recordings.rename": OWNER,
    "recordings.name_bookmark": OWNER,
    "recordings.confirm_delete": OWNER,
    "recordings.delete": OWNER,
    "recordings.put_late_aside": OWNER,
    "recordings.undelete": OWNER,
    "recordings.playlist": OWNER,
    "recordings.media": OWNER,
    "rooms_open.room": ANYONE,
    "lessons.today": TEACHERS,
    "lessons.seats": OWNER,
    "claims.ask": OWNER,
    "claims.answer": OWNER,
    "claims.nobodys": TEACHERS,
    "claims.name_lesson": TEACHERS,
    "claims.take": OWNER,
    "claims.who_taught": only(Who.KEEPER, Who.PRINCIPAL),
    "claims.vouch": only(Who.KEEPER, Who.PRINCIPAL),
    "today.units": TEACHERS,
    "today.ask_recording": OWNER,
    "today.take_recording_back": OWNER,
    "today.ask_unit": OWNER,
    "today.take_unit_back": OWNER,
}


@pytest.fixture(scope="module")
def segments() -> list[MediaSegment]:
    """Record two seconds."""
    return record_synthetic(seconds=2)


def test_every_endpoint_declares_its_audience(house: House) -> None:
    """No endpoint is open or closed by accident, and this test knows each of them."""
    app = house.make_app()
    undeclared = [endpoint for endpoint in app.view_functions if audience_of(app, endpoint) is None]
    assert undeclared == []
    assert set(app.view_functions) == set(EXPECTED)


def test_endpoint_without_audience_is_refused(house: House) -> None:
    """A page that somebody adds and forgets to declare is closed to everybody."""
    app = house.make_app()
    app.add_url_rule("/forgotten", view_func=lambda: "open by accident")
    for person in (None, house.add_teacher(), house.add_admin()):
        assert house.browser(person, app).get("/forgotten").status_code == 403


def test_units_door_has_no_page_for_people(house: House) -> None:
    """The two doors share no address but EST's, which no person asks for."""
    units = create_app(house.services.config, Surface.UNITS, house.services)
    people = house.make_app()
    shared = {rule.rule for rule in units.url_map.iter_rules()} & {rule.rule for rule in people.url_map.iter_rules()}
    assert shared == {f"{EST_PATH}/{name}" for name in ("cacerts", "csrattrs", "simpleenroll", "simplereenroll")}


@dataclass(frozen=True)
class Caller:
    """Somebody who asks, with the cookie and the token of the forms that they were shown."""

    person: Person | None
    cookie: str
    token: str


@dataclass(frozen=True)
class Furnished:
    """A house in which there is something of everything: closed, for copies to be opened, and one copy to read in."""

    folder: Path
    to_read: House
    callers: dict[Who, Caller]
    values: dict[str, object]


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory, segments: list[MediaSegment]) -> Iterator[Furnished]:
    """Furnish one house for all endpoints."""
    folder = tmp_path_factory.mktemp("furnished")
    house = make_house(folder)
    owner = house.add_teacher("Ada Owner")
    people: dict[Who, Person | None] = {Who.NOBODY: None, Who.OTHER: house.add_teacher("Bea Other")}
    for number, (who, role) in enumerate(ROLES.items()):
        site = "Elsewhere" if who is Who.IT_ELSEWHERE else ""
        people[who] = house.add_person(f"P{number} Person", role, site=site)
    people[Who.OWNER] = owner
    values = _furnish(house, owner, segments)
    callers = {who: _meet(house, person) for who, person in people.items()}
    house.services.database.close()
    to_read = open_house(shutil.copytree(folder, tmp_path_factory.mktemp("to_read") / "house"))
    yield Furnished(folder, to_read, callers, values)
    to_read.services.database.close()


def _furnish(house: House, owner: Teacher, segments: list[MediaSegment]) -> dict[str, object]:
    tap = bookmark(1, 1)
    lesson = house.make_lesson(owner, segments, events=[tap])
    house.deliver(lesson)
    with house.services.database.writing() as session:
        note_late(session, parse_manifest(lesson.manifest, owner.recorder.verifying), house.clock())
    classes = enter_classes(house, by=owner.id, teacher=owner.id)
    version = print_class(house, classes.class_id).version
    lesson_room = enter_room(house, classes.class_id, by=owner.id, teacher=owner.id)
    return {
        "class_id": classes.class_id,
        "draft": classes.draft,
        "room": lesson_room.room,
        "entry": lesson_room.rule,
        "plan": lesson_room.draft,
        "person": classes.left,
        "recording": lesson.id,
        "unowned": leave_unclaimed(house, owner, segments),
        "word": enter_word(house, claimant=owner.id),
        "device": owner.device,
        "unit": owner.device,
        "action": "retire",
        "form": "pause",
        "index": 1,
        "number": 1,
        "version": version,
        "line": lesson.line_of(tap),
        "account": house.add_teacher("Cem Third", room="Room 13").id,
        "token": "unknown",
        "blackout": "unknown",
        "lesson": enter_day(house, owner, classes.class_id, room="Room 12"),
        "code": "unknown",
        "name": "unknown",
        "filename": "backrow.css",
    }


def _meet(house: House, person: Person | None) -> Caller:
    browser = house.browser(person)
    token = form_token(browser.get("/account" if person else "/sign-in").text)
    kept = browser.get_cookie(FORM_COOKIE)
    assert kept, "a page with a form keeps its token in a cookie"
    return Caller(person, kept.value, token)


@pytest.mark.parametrize("endpoint", sorted(EXPECTED))
def test_endpoint_answers_each_person_as_declared(furnished: Furnished, tmp_path: Path, endpoint: str) -> None:
    """Anonymous, owner, another teacher, each other role: each gets what the table says, by every method."""
    rules = list(furnished.to_read.app.url_map.iter_rules(endpoint))
    with _opened(furnished, rules, tmp_path) as house:
        for rule in rules:
            for who, caller in furnished.callers.items():
                browser = house.browser(caller.person)
                browser.set_cookie(FORM_COOKIE, caller.cookie)
                address = _address(rule, furnished.values)
                for method in sorted((rule.methods or set()) & {"GET", "POST"}):
                    fields = {"csrf_token": caller.token} if method == "POST" else None
                    answer = _read(browser.open(address, method=method, data=fields), rule.endpoint)
                    assert answer == EXPECTED[endpoint][who], (who, method, rule.rule)


@contextmanager
def _opened(furnished: Furnished, rules: Sequence[Rule], folder: Path) -> Iterator[House]:
    """Open the house for some endpoints: what changes something does so in a copy of its own."""
    if not any("POST" in (rule.methods or ()) for rule in rules):
        yield furnished.to_read
        return
    house = open_house(shutil.copytree(furnished.folder, folder / "house"))
    yield house
    house.services.database.close()


def _address(rule: Rule, values: dict[str, object]) -> str:
    wanted = {name: value for name, value in values.items() if name in rule.arguments}
    built = rule.build(wanted)
    assert built, f"{rule.rule} takes more than this test knows"
    return built[1]


def _read(answer: TestResponse, endpoint: str) -> str:
    answer.close()
    if answer.status_code == 404:
        return NOT_FOUND
    if answer.status_code == 401 and endpoint != "accounts.perform_sign_in":
        return SIGN_IN
    led_to_sign_in = answer.headers.get("Location", "").startswith("/sign-in?next=")
    return SIGN_IN if led_to_sign_in else OPEN
