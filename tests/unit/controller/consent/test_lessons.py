"""Lessons of many days decided together: each as it would be by itself, whatever begins or ends in between."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from controller.consent.answers import Answer, Giver, Scope
from controller.consent.lessons import Registry, decide_each
from controller.consent.models import Agreement, Who
from controller.consent.policy import Outcome
from controller.consent.repo import Known, Member
from controller.consent.rules import Rules
from controller.roster.models import ClassRole, SchoolClass
from controller.timetable.policy import Held
from tests.school import new_id

MONDAY = date(2026, 9, 7)
SEEN = frozenset({Scope.RECORD, Scope.SELF})
NONE: frozenset[Scope] = frozenset()
ROOM, CLASS, LEAD, ACCOUNT, AIDE, GUEST = (new_id() for _ in range(6))
PUPILS = [new_id() for _ in range(3)]
days = st.integers(0, 7).map(lambda number: MONDAY + timedelta(days=number))
bounds = st.tuples(days, st.none() | days)
usually = st.sampled_from([True, True, True, False])


def _bounded(draw: st.DrawFn) -> dict[str, date | None]:
    """Draw from when until when something holds; mostly from the first day on."""
    first, last = draw(st.just((MONDAY, None)) | bounds)
    return {"holds_from": first, "holds_until": last}


def _answer(draw: st.DrawFn, number: int) -> Answer:
    subjects = {"picture": SEEN if draw(usually) else NONE, "voice": SEEN if draw(usually) else NONE}
    giver = draw(st.sampled_from([Giver.GUARDIAN_1, Giver.GUARDIAN_1, Giver.SELF]))
    held = _bounded(draw)
    return Answer(number=number, giver=giver, is_withdrawal=draw(st.booleans()) and number > 8, **subjects, **held)  # type: ignore[arg-type]


@st.composite
def registries(draw: st.DrawFn) -> Registry:
    """Make a class of three, its lead, an aide and a guest, of whom this and that begins or ends in the week."""
    roles = {**dict.fromkeys(PUPILS, ClassRole.PUPIL), AIDE: ClassRole.AIDE}
    members = [Member(person, role, *draw(st.just((MONDAY, None)) | bounds)) for person, role in roles.items()]
    everybody = [*PUPILS, LEAD, AIDE, GUEST]
    answers = {who: [_answer(draw, number) for number in range(draw(st.integers(0, 2)) + 1)] for who in everybody}
    words = ((Who.TEACHER, ACCOUNT), (Who.PRINCIPAL, ""), (Who.PRINCIPAL, "North"))
    agreements = {
        (who, about): [
            Agreement(number=number, agrees=draw(usually), **_bounded(draw))
            for number in range(draw(st.integers(1, 2)))
        ]
        for who, about in words
    }
    begins_on, ends_on = draw(st.just((MONDAY, None)) | bounds)
    return Registry(
        rules=draw(st.sampled_from([Rules(), Rules(adults=False), Rules(each_time=True), Rules(objection=True)])),
        members={CLASS: members},
        classes={CLASS: SchoolClass(id=CLASS, title="3B", begins_on=begins_on, ends_on=ends_on)},
        people={
            who: Known(
                is_adult=who not in PUPILS,
                of_age_on=draw(st.none() | days) if who in PUPILS else None,
                account=ACCOUNT if who == LEAD else None,
            )
            for who in everybody
        },
        answers=answers,
        agreements=agreements,
        blackouts=(),
        teachers={ACCOUNT},
        sites={ROOM: "North"},
    )


def _held(day: date, *, guests: tuple[str, ...]) -> tuple[date, Held]:
    at = datetime.combine(day, time(8), UTC)
    held = Held(
        id=f"{day}",
        room=ROOM,
        begins_at=at,
        ends_at=at + timedelta(hours=1),
        classes=(CLASS,),
        teachers=(LEAD,),
        lead=LEAD,
        guests=guests,
    )
    return day, held


@st.composite
def agreed(draw: st.DrawFn) -> Registry:
    """Make a class of which everybody agreed, in a week in which the words of teacher and principal change."""
    yes = Answer(number=1, giver=Giver.GUARDIAN_1, picture=SEEN, voice=SEEN, holds_from=MONDAY)
    return replace(
        draw(registries()),
        rules=Rules(),
        members={CLASS: [Member(pupil, ClassRole.PUPIL, MONDAY, None) for pupil in PUPILS]},
        classes={CLASS: SchoolClass(id=CLASS, title="3B", begins_on=MONDAY, ends_on=None)},
        people={
            LEAD: Known(is_adult=True, of_age_on=None, account=ACCOUNT),
            **{pupil: Known(is_adult=False, of_age_on=None, account=None) for pupil in PUPILS},
        },
        answers={pupil: [yes] for pupil in PUPILS},
    )


@given(registries() | agreed())
def test_lesson_is_decided_as_if_it_were_the_only_one(known: Registry) -> None:
    """What is worked out for one day serves others only where nothing that counts begins or ends between them."""
    week = [_held(MONDAY + timedelta(days=number), guests=each) for number in range(9) for each in ((), (GUEST,))]
    together = decide_each(known, week)
    alone = [decided for lesson in week for decided in decide_each(known, [lesson])]
    assert together == alone


def test_some_week_has_days_that_are_allowed_and_others() -> None:
    """So that the test above is not one of refusals alone."""
    mixed = {Outcome.ALLOWED, Outcome.REFUSED}
    found = find(agreed(), lambda known: mixed <= _outcomes(known), settings=settings(phases=[Phase.generate]))
    assert found.agreements


def _outcomes(known: Registry) -> set[Outcome]:
    week = [_held(MONDAY + timedelta(days=number), guests=()) for number in range(9)]
    return {each.decided.outcome for each in decide_each(known, week)}
