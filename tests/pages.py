"""A house in which every page has something to show: for the check of words, for screenshots, for accessibility."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import select

from controller.accounts.models import Account, Role
from controller.accounts.role_policy import Held
from controller.accounts.roles import RoleChange
from controller.calendar import changes as calendar
from controller.calendar.policy import FreeDay, OtherDay
from controller.calendar.reading import read_caps, read_trickle
from controller.calendar.window import parse_day
from controller.devices import life
from controller.devices.cards import code_of
from controller.devices.history import Deed, Happening, note_event
from controller.devices.models import Device, DeviceState, Health, Presence
from controller.enrollment.services import make_enrollment
from controller.epochs.models import Epoch, EpochWaiver
from controller.masks.policy import read_areas
from controller.masks.writing import NewMask, set_mask
from controller.recordings import repo
from controller.recordings.models import LateRecording, Recording
from controller.recordings.services import delete_recording
from controller.wiring import make_roles
from protocol.manifest import Sound, SoundVerdict
from protocol.pki import make_request, parse_request
from tests.claims import enter_word, leave_unclaimed
from tests.classes import Classes, TaughtRoom, enter_classes, enter_room
from tests.days import enter_day
from tests.forms import fill_forms
from tests.house import NIGHT, House, Person, Teacher
from tests.lesson import BEGAN_AT, GOOD_SOUND, MediaSegment, bookmark, sound_measured
from tests.school import new_id

SETTINGS = {
    "consent-rules": "/consent/rules",
    "consent-rules-preset": "/consent/rules?preset=objection",
    "consent-agreements": "/consent/agreements",
    "consent-blackouts": "/consent/blackouts",
    "consent-pilots": "/consent/pilots",
}


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """Who lives in the house, and the address of each page by a name, for each kind of person."""

    teacher: Teacher
    admin: Person
    keeper: Person
    newcomer: Teacher
    of_teacher: Mapping[str, str]
    of_admin: Mapping[str, str]
    of_keeper: Mapping[str, str]
    of_nobody: Mapping[str, str]


def furnish(house: House, segments: Sequence[MediaSegment], mark: Callable[[str], str] = str) -> Addresses:
    """Put people, units and recordings in every state into the house; `mark` changes each made-up name."""
    teacher, admin = house.add_teacher(room=mark("Room 12")), house.add_admin()
    newcomer = house.add_teacher("Bea New", room=mark("Room 14"))
    ready, arriving = _deliver_lessons(house, teacher, segments, mark)
    asked = _leave_lessons(house, teacher, segments, word=mark("Room 12"))
    _add_units(house, teacher, mark)
    _ask_to_join(house)
    stopped = _make_history(house, newcomer, admin, mark)
    _set_night_hours(house, admin, mark)
    _let_a_week_wait(house, {teacher.device, stopped}, admin)
    guest = house.accounts.add(email="guest@school.example", name="Chidi Guest", role=Role.TEACHER)
    _give_roles(house, guest, admin, mark)
    link = house.accounts.issue_link(guest, made_by=admin.id)
    house.accounts.issue_link(teacher.id, made_by=admin.id)
    classes = enter_classes(house, by=admin.id, teacher=teacher.id, mark=mark)
    lesson = enter_day(house, teacher, classes.class_id, room=mark("Room 12"))
    taught = enter_room(house, classes.class_id, by=admin.id, teacher=teacher.id, mark=mark)
    _draw_masks(house, taught.room, by=admin.id, mark=mark)
    keeper = house.add_person("Olga Office", Role.KEEPER)
    _rename_people(house, mark)
    return Addresses(
        teacher=teacher,
        admin=admin,
        keeper=keeper,
        newcomer=newcomer,
        of_teacher=_of_teacher(teacher.device, ready=ready, arriving=arriving, asked=asked, lesson=lesson),
        of_admin=_of_admin(
            classes, taught, newcomer.device, account=guest, stopped=stopped, north=quote(mark("North"))
        ),
        of_keeper=fill_forms(house, classes.class_id, by=keeper.id),
        of_nobody=_of_nobody(link, code_of(teacher.device, mark("Room 12"))),
    )


def _of_teacher(device: str, *, ready: str, arriving: str, asked: str, lesson: str) -> dict[str, str]:
    return {
        "recordings": "/recordings",
        "recording": f"/recordings/{ready}",
        "recording-arriving": f"/recordings/{arriving}",
        "recording-whose": f"/recordings/{asked}/whose",
        "recordings-nobodys": "/recordings/nobodys",
        "recordings-today": "/recordings/today",
        "today": "/today",
        "consent-agreements-mine": "/consent/agreements",
        "today-seats": f"/today/{lesson}/seats",
        "delete": f"/recordings/{ready}/delete",
        "units": "/units",
        "room-card": f"/units/{device}/card",
        "account": "/account",
        "not-found": "/recordings/nothing",
    }


def _of_admin(
    classes: Classes, taught: TaughtRoom, newcomer: str, *, account: str, stopped: str, north: str
) -> dict[str, str]:
    return {
        "accounts": "/accounts",
        "account-of-a-person": f"/accounts/{account}",
        "joining": "/joining",
        "classes": "/classes",
        "class": f"/classes/{classes.class_id}",
        "classes-import": "/classes/import",
        "classes-draft": f"/classes/drafts/{classes.draft}",
        "rooms": "/rooms",
        "room": f"/rooms/{taught.room}",
        "room-mask": f"/rooms/{taught.room}/mask",
        "room-mask-sheet": f"/rooms/{taught.room}/mask/sheet",
        "timetable-import": "/timetable/import",
        "timetable-bells": "/timetable/bells",
        "timetable-draft": f"/timetable/drafts/{taught.draft}",
        "room-lesson": f"/rooms/{taught.room}/lessons/{taught.rule}",
        "who-taught": "/who-taught",
        "people-left": "/people/left",
        "person-forget": f"/people/{classes.left}/forget",
        **SETTINGS,
        "nights": "/nights",
        "night-calculator": "/nights/calculator?rooms=40&line=30&lessons=5&minutes=45&quality=2000000&hours=8",
        "night-hours": "/night-hours",
        "night-hours-site": f"/night-hours?site={north}",
        "night-hours-import": "/night-hours/import",
        "units-admin": "/units",
        "account-admin": "/account",
        "units-gone": "/units/gone",
        "unit": f"/units/{stopped}",
        **{f"unit-{action}": f"/units/{newcomer}/do/{action}" for action in ("move", "swap", "lose")},
        "unit-accept": f"/units/{stopped}/do/accept",
    }


def _of_nobody(link: str, code: str) -> dict[str, str]:
    return {
        "sign-in": "/sign-in",
        "welcome": f"/welcome/{link}",
        "link-over": "/welcome/over",
        "room-open": f"/room/{code}",
        "room-open-unknown": "/room/unknown",
    }


def _give_roles(house: House, account: str, admin: Person, mark: Callable[[str], str]) -> None:
    """Give somebody roles of every kind, two of which should not be one person's."""
    roles = make_roles(house.services)
    for held in (Held(Role.IT, mark("North")), Held(Role.EVALUATOR), Held(Role.ADMIN)):
        roles.give(RoleChange(account=account, held=held, by=admin.id), understood=held.role)
    roles.give(RoleChange(account=admin.id, held=Held(Role.KEEPER), by=admin.id), understood="")


def _leave_lessons(house: House, teacher: Teacher, segments: Sequence[MediaSegment], *, word: str) -> str:
    """Ask a teacher for one lesson, leave one to nobody, and let their word for another wait; give the first's id."""
    leave_unclaimed(house, teacher, segments, began_at=BEGAN_AT - timedelta(days=4))
    enter_word(house, claimant=teacher.id, room=word)
    return house.deliver_unasked(house.make_lesson(teacher, segments, began_at=BEGAN_AT - timedelta(hours=1)))


def _deliver_lessons(
    house: House, teacher: Teacher, segments: Sequence[MediaSegment], mark: Callable[[str], str]
) -> tuple[str, str]:
    """Give the ids of the one that is ready and of the one that is on its way."""
    taps = (bookmark(1, 0.5), bookmark(1, 2.0))
    spoken = sound_measured(replace(GOOD_SOUND, speech_permille=430))
    lesson = house.make_lesson(teacher, segments, events=(*taps, spoken))
    ready = house.deliver(lesson)
    silent = replace(GOOD_SOUND, verdict=SoundVerdict.SILENT)
    quiet = _deliver_with_sound(house, teacher, segments, silent, BEGAN_AT - timedelta(days=3, hours=2))
    deleted = house.deliver(house.make_lesson(teacher, segments, began_at=BEGAN_AT - timedelta(days=5)))
    arriving = house.deliver(house.make_lesson(teacher, segments, began_at=BEGAN_AT + timedelta(hours=3)), only=0)
    with house.services.database.writing() as session:
        repo.rename_recording(session.get_one(Recording, ready), mark("Fractions with class 5b"))
        repo.rename_recording(session.get_one(Recording, quiet), mark("Reading aloud"))
        session.get_one(Recording, quiet).duration_ms = 2_700_000  # the others are short enough to be discarded
        repo.name_bookmark(
            session, recording=ready, line=lesson.line_of(taps[0]), name=mark("Group work begins"), now=NIGHT
        )
        session.add(_came_too_late(teacher))
        delete_recording(session.get_one(Recording, deleted), now=NIGHT, undo_days=7)
    with house.services.database.reading() as session:
        assert session.get_one(Recording, arriving).ready_at is None
    browser = house.browser(teacher)
    browser.get(f"/recordings/{ready}/stream.m3u8")
    return ready, arriving


def _came_too_late(teacher: Teacher) -> LateRecording:
    began_at = BEGAN_AT - timedelta(days=60)
    return LateRecording(
        recording=new_id(),
        device=teacher.device,
        owner=teacher.id,
        epoch="2026-w39",
        began_at=began_at,
        learned_at=NIGHT,
    )


def _deliver_with_sound(
    house: House, teacher: Teacher, segments: Sequence[MediaSegment], sound: Sound, began_at: datetime
) -> str:
    return house.deliver(house.make_lesson(teacher, segments, events=[sound_measured(sound)], began_at=began_at))


def _add_units(house: House, teacher: Teacher, mark: Callable[[str], str]) -> None:
    """A unit in each state: working, unfit, not reachable, never heard of."""
    with house.services.database.writing() as session:
        first = session.get_one(Device, teacher.device)
        _say(session.add, first.id, reason="", online=True)
        for label, reason, online in (
            ("Library", "camera_missing; spool_damaged", True),
            ("Music room", "", False),
            ("Workshop", "", None),
        ):
            device = _copy_device(first, mark(label))
            session.add(device)
            session.flush()
            if online is not None:
                _say(session.add, device.id, reason=reason, online=online)


def _make_history(house: House, newcomer: Teacher, admin: Person, mark: Callable[[str], str]) -> str:
    """Give a unit that something of everything happened to, and that is quarantined now; another one is retired."""
    deed = Deed(admin.id, house.clock())
    life.identify(house.services, newcomer.device, deed)
    with house.services.database.writing() as session:
        stopped, retired = (
            _copy_device(session.get_one(Device, newcomer.device), mark(name)) for name in ("Hall", "Gym")
        )
        session.add_all((stopped, retired))
        session.flush()
        note_event(session, stopped.id, Happening.ENROLLED, Deed("unit", house.clock()))
        note_event(session, stopped.id, Happening.QUARANTINED, Deed("unit", house.clock()))
        stopped.state, stopped.state_reason = DeviceState.QUARANTINED, "rolled_back"
        stopped.site, stopped.room_name, stopped.tags = mark("North"), mark("12"), json.dumps([mark("loud")])
    life.retire(house.services, retired.id, deed)
    return stopped.id


def _set_night_hours(house: House, admin: Person, mark: Callable[[str], str]) -> None:
    """Something of everything: own hours of a site, a limit, the allowance by day, days that differ, a pause."""
    services, deed, site, today = house.services, Deed(admin.id, house.clock()), mark("North"), house.clock().date()
    calendar.set_hours(services, site, {"saturday": parse_day("always, 22:00-06:00"), "sunday": ()}, deed)
    calendar.set_caps(services, site, read_caps(["22:00-00:00=20M"]), deed)
    calendar.set_trickle(services, site, read_trickle("08:00-15:00", "2M"), deed)
    days = [FreeDay(today + timedelta(days=5), today + timedelta(days=6), mark("Autumn break"))]
    calendar.add_free_days(services, "", days, deed)
    closed = OtherDay(today + timedelta(days=3), (), mark("Power works"))
    calendar.set_other_day(services, site, closed, deed)
    calendar.pause(services, site, house.clock() + timedelta(hours=9), deed)


def _let_a_week_wait(house: House, awaited: Collection[str], admin: Person) -> None:
    """A week is over whose end waits for some units; for the others a person did not want to wait."""
    begins_at = BEGAN_AT - timedelta(days=63)
    with house.services.database.writing() as session:
        session.add(Epoch(name="2026-w39", begins_at=begins_at, ends_at=begins_at + timedelta(days=7)))
        for device in session.scalars(select(Device.id).where(Device.id.not_in(awaited))):
            waiver = EpochWaiver(
                epoch="2026-w39", device=device, by=admin.id, at=NIGHT, reason="broken", would_lose="what was on it"
            )
            session.add(waiver)


def _copy_device(first: Device, label: str) -> Device:
    return Device(
        id=new_id(),
        label=label,
        owner=first.owner,
        state=first.state,
        added_at=NIGHT,
    )


def _say(add: Callable[[object], None], device: str, *, reason: str, online: bool) -> None:
    add(Presence(device=device, birth=1, online=online, version="0.1.0", changed_at=NIGHT - timedelta(hours=2)))
    add(Health(device=device, fit=not reason, reason=reason, school_days_left=12, said_at=NIGHT, received_at=NIGHT))


def _draw_masks(house: House, room: str, *, by: str, mark: Callable[[str], str]) -> None:
    """Hide two areas, nothing any more with a reason, and one again."""
    left, back = "0 600, 300 600, 300 1000, 0 1000", "400 0, 600 0, 560 220, 430 180"
    versions = [(left, back), (), (left, "700 500, 1000 480, 1000 900, 720 860")]
    for seen, lines in enumerate(versions):
        new = NewMask(areas=read_areas(lines), seen=seen, reason="" if lines else mark("new seats"))
        set_mask(house.services, room, new, by=by)


def _rename_people(house: House, mark: Callable[[str], str]) -> None:
    with house.services.database.writing() as session:
        for account in session.query(Account):
            account.name = mark(account.name)


def _ask_to_join(house: House) -> None:
    """Let a unit without a secret wait for a person."""
    asked = parse_request(make_request(ec.generate_private_key(ec.SECP256R1()), "10000000abcdef"))
    make_enrollment(house.services).adoption.ask(asked, address="192.0.2.7")
