"""A family's answer, from the controller to the lamp, through a real broker; and a unit that nobody can reach.

Seven real processes, Mosquitto among them; the recorder looks at its documents as seldom as an installed one.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from datetime import time as clock

import av
import pytest
from sqlalchemy import select

from controller.accounts.models import Account
from controller.bridge import outbox
from controller.consent.answering import Said, write_answers
from controller.consent.answers import Giver, Scope
from controller.consent.models import Who
from controller.consent.opting import Word, write_agreements
from controller.consent.rules import Rules
from controller.consent.ruling import set_rules
from controller.devices.history import OPERATOR
from controller.devices.models import Device
from controller.devices.policies import renew_policies
from controller.people.models import Kind, Person
from controller.recordings.models import Recording
from controller.roster.models import ClassRole, Membership, SchoolClass, Source
from controller.services import Services
from controller.timetable.models import LessonRule, LessonRuleClass, LessonRuleTeacher
from controller.timetable.repo import require_room
from protocol.documents import Permission, Policy, issue_document, peek_document
from protocol.manifest import CloseReason
from protocol.topics import Down
from tests.e2e import home
from tests.e2e.stack import Stack, found_place, set_values
from tests.footage import find_footage
from tests.school import new_id

RATE_BPS = 8_000_000
WITHIN_S = 5.0
AS_INSTALLED_S = 5.0
HOLDS_S = 25.0
SEEN = frozenset({Scope.RECORD, Scope.SELF})
NONE: frozenset[Scope] = frozenset()
PUPIL, CLASS, TEACHER = new_id(), new_id(), new_id()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A school with rules of its own, where one pupil is taught in Room 12 at any time of the week."""
    place = found_place(tmp_path_factory.mktemp("school"), find_footage("bigbuckbunny.mp4"), rate_bps=RATE_BPS)
    set_values(place.school.unit_config, {"timings": {"release_every_s": AS_INSTALLED_S}})
    with Stack(place) as found:
        found.open()
        with home.looking_in(found) as services:
            _teach_at_any_time(services)
            set_rules(services, Rules(), seen=0, reasons={"pupils": "a test"}, by=OPERATOR)
            renew_policies(services)
            _agree(services)
        yield found


def _today(services: Services) -> date:
    return services.clock().astimezone(services.config.controller.time_zone).date()


def _teach_at_any_time(services: Services) -> None:
    days = {"begins_on": _today(services) - timedelta(days=1), "ends_on": None}
    with services.database.writing() as session:
        owner = session.scalars(select(Account)).first()
        assert owner
        session.scalars(select(Device)).one().room_name = "Room 12"
        room = require_room(session, "", "Room 12", services.random_bytes)
        session.add(SchoolClass(id=CLASS, source=Source.TABLE, title="5b", site="", **days))
        session.add(Person(id=TEACHER, kind=Kind.ADULT, account=owner.id, made_at=services.clock()))
        session.add(Person(id=PUPIL, kind=Kind.PUPIL, made_at=services.clock()))
        session.flush()
        session.add(Membership(class_id=CLASS, person=PUPIL, role=ClassRole.PUPIL, **days))
        for weekday in range(7):
            rule = LessonRule(id=new_id(), room=room.id, weekday=weekday, begins=clock(0), ends=clock(23, 59), **days)
            session.add(rule)
            session.flush()
            session.add(LessonRuleClass(rule=rule.id, class_id=CLASS))
            session.add(LessonRuleTeacher(rule=rule.id, place=0, person=TEACHER))


def _agree(services: Services) -> None:
    with services.database.reading() as session:
        account = session.get_one(Person, TEACHER).account
    assert account
    today = _today(services)
    words = [
        Word(who=Who.TEACHER, about=account, agrees=True, holds_from=today),
        Word(who=Who.PRINCIPAL, about="", agrees=True, holds_from=today),
    ]
    write_agreements(services, words, by=OPERATOR)


def say(stack: Stack, scopes: frozenset[Scope]) -> None:
    """Write down what the pupil's family says of picture and voice."""
    with home.looking_in(stack) as services:
        said = Said(person=PUPIL, giver=Giver.GUARDIAN_1, picture=scopes, voice=scopes, holds_from=_today(services))
        write_answers(services, [said], by="office")


def held(stack: Stack) -> Policy:
    """Read the snapshot that lies on the unit."""
    return peek_document(Policy, (stack.school.unit / "data" / "state" / "policy").read_bytes())


def allows(stack: Stack) -> bool:
    """Tell whether the unit holds a snapshot of lessons that may all be recorded."""
    lessons = held(stack).lessons
    return bool(lessons) and all(each.decision.permission is Permission.ALLOWED for each in lessons)


def closed_as(stack: Stack, recording: str) -> CloseReason:
    """Wait until a recording is home, and tell why it ended."""
    stack.wait_home(recording)
    closed = home.held_manifest(stack, recording).closed
    assert closed
    return closed.reason


@pytest.mark.parametrize("rounds", [1, pytest.param(3, marks=pytest.mark.soak)])
def test_family_that_says_no_stops_the_recording_within_five_seconds(
    stack: Stack, capsys: pytest.CaptureFixture[str], rounds: int
) -> None:
    """P3: from the answer's transaction over the broker to the camera's end, and the lamp says so."""
    took: list[tuple[float, float]] = []
    for _ in range(rounds):
        say(stack, SEEN)
        stack.wait_told("the snapshot that allows", lambda: allows(stack))
        recording = stack.press()
        time.sleep(1.0)
        began_s = time.monotonic()
        say(stack, NONE)
        stopped_s = stack.wait_lamp("sealing", "refused") - began_s
        said_s = stack.wait_lamp("refused") - began_s
        took.append((stopped_s, said_s))
        assert closed_as(stack, recording) is CloseReason.CONSENT
    with capsys.disabled():
        print("\n  camera stopped, lamp says refused, after seconds:", *(f"{a:.2f} {b:.2f};" for a, b in took))
    assert max(said for _, said in took) <= WITHIN_S


def test_unit_that_nobody_reaches_goes_by_the_last_snapshot_until_that_ends(stack: Stack) -> None:
    """P3: offline the last decision holds, a refusal that cannot arrive stops nothing, and then nothing is allowed."""
    say(stack, SEEN)
    stack.wait_told("the snapshot that allows", lambda: allows(stack))
    _shorten(stack)
    stack.wait_told(
        "the snapshot that ends soon", lambda: held(stack).expires_at - held(stack).issued_at < timedelta(days=1)
    )
    version = held(stack).version
    stack.wire.is_down = True
    stack.wire.cut()
    stack.stop("broker")
    say(stack, NONE)
    recording = stack.press()
    with home.looking_in(stack) as services:
        stack.wait_told(
            "the end of the snapshot", lambda: services.clock() > held(stack).expires_at + timedelta(seconds=2)
        )
    assert (held(stack).version, stack.panel.lamp) == (version, "recording")
    stack.hold()
    stack.panel.tap()
    stack.wait_lamp("refused")
    assert stack.spooled() == [recording]
    stack.restore()
    assert closed_as(stack, recording) is CloseReason.STOPPED
    stack.wait_told("the refusal that waited", lambda: held(stack).version > version and not allows(stack))


def _shorten(stack: Stack) -> None:
    """Sign the unit's snapshot once more, with an end in a few seconds, and send it by the bridge."""
    with home.looking_in(stack) as services, services.database.writing() as session:
        device, now = session.scalars(select(Device)).one(), services.clock()
        assert device.policy_line
        newest = peek_document(Policy, device.policy_line)
        short = replace(newest, version=newest.version + 1, issued_at=now, expires_at=now + timedelta(seconds=HOLDS_S))
        device.policy_version, device.policy_line = short.version, issue_document(short, services.keys.policy)
        outbox.enqueue(session, device=device.id, kind=Down.POLICY, line=device.policy_line, now=now)


def test_school_without_sound_keeps_silent_recordings_alone(stack: Stack) -> None:
    """From the school's rules to its page: a loud film in front of the unit, and nothing of its sound comes home."""
    stack.restore()
    say(stack, SEEN)
    stack.wait_told("the snapshot that allows", lambda: allows(stack))
    recording = stack.record(1.5)
    stack.wait_home(recording)
    assert verdict_of(stack, recording) != "omitted"
    assert (peak_at_home(stack, recording) or 0.0) > 0.0
    with home.looking_in(stack) as services:
        set_rules(services, Rules(sound=False), seen=1, reasons={"sound": "a test"}, by=OPERATOR)
    stack.wait_told(
        "the snapshot without sound", lambda: all(each.decision.must_omit_sound for each in held(stack).lessons)
    )
    recording = stack.record(1.5)
    stack.wait_home(recording)
    home.check_home(stack, recording)
    assert home.held_manifest(stack, recording).begun.without_sound
    assert (verdict_of(stack, recording), peak_at_home(stack, recording)) == ("omitted", 0.0)


def verdict_of(stack: Stack, recording: str) -> str | None:
    """Give what the page says of a recording's sound."""
    with home.looking_in(stack) as services, services.database.reading() as session:
        return session.get_one(Recording, recording).sound_verdict


def peak_at_home(stack: Stack, recording: str) -> float | None:
    """Play a recording as its teacher does, and give its loudest sample, of full scale."""
    stack.viewer.confirm(recording)
    film = stack.viewer.play(recording)
    film.seek(0)
    with av.open(film) as container:
        return max((float(abs(frame.to_ndarray()).max()) for frame in container.decode(audio=0)), default=None)
