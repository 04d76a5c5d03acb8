"""How somebody stands: refusals win, silence and old answers are refusals, and each day has its own answer."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.consent.answers import Answer, Giver, Scope, Stand, Standing, Subject, stand_on
from controller.consent.rules import Rules

MONDAY = date(2026, 9, 7)
STRICT = Rules()
SEEN = frozenset({Scope.RECORD, Scope.SELF})
NONE: frozenset[Scope] = frozenset()
days = st.integers(-20, 20).map(lambda number: MONDAY + timedelta(days=number))
scopes = st.frozensets(st.sampled_from(Scope))


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    """Make an answer of any giver, to anything, for any time."""
    begins = draw(days)
    ends = draw(st.none() | st.integers(0, 30).map(lambda number: begins + timedelta(days=number)))
    return Answer(
        number=draw(st.integers(0, 10**6)),
        giver=draw(st.sampled_from(Giver)),
        picture=draw(scopes),
        voice=draw(scopes),
        holds_from=begins,
        holds_until=ends,
        is_withdrawal=draw(st.booleans()),
    )


several = st.lists(answers(), max_size=6, unique_by=lambda answer: answer.number)
some_rules = st.sampled_from([STRICT, Rules(each_time=True), Rules(objection=True)])


def said(number: int, giver: Giver = Giver.GUARDIAN_1, *, picture: frozenset[Scope] = SEEN, **more: object) -> Answer:
    """Make an answer that holds from Monday on, with the same for voice unless told otherwise."""
    values: dict[str, object] = {"voice": picture, "holds_from": MONDAY, **more}
    return Answer(number=number, giver=giver, picture=picture, **values)  # type: ignore[arg-type]


def stands(*given_answers: Answer, day: date = MONDAY, rules: Rules = STRICT, of_age_on: date | None = None) -> Stand:
    """Tell how a pupil stands."""
    return stand_on(day, given_answers, of_age_on=of_age_on, is_adult=False, rules=rules)


def test_silence_refuses() -> None:
    """Without any answer nothing may be recorded, and it is called not returned."""
    stand = stands()
    assert (stand.picture, stand.voice, stand.why) == (NONE, NONE, Standing.NOT_RETURNED)


def test_silence_is_a_yes_for_the_teachers_eyes_alone_where_the_school_goes_by_objection() -> None:
    """It lets record, and neither peers nor a library see; one who says no is refused all the same."""
    objection = Rules(objection=True)
    assert stands(rules=objection).picture == SEEN
    assert stands(said(1, picture=NONE), rules=objection).picture == NONE


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_of_two_guardians_the_one_who_refuses_is_heard(order: tuple[int, int]) -> None:
    """Whoever answered later: what one of them refuses is refused."""
    first, second = order
    stand = stands(said(first), said(second, Giver.GUARDIAN_2, picture=NONE, voice=SEEN))
    assert (stand.picture, stand.voice) == (NONE, SEEN)


def test_newest_answer_of_a_giver_holds_alone() -> None:
    """A withdrawal ends what was granted, a new grant ends the withdrawal."""
    withdrawn = said(2, picture=NONE, is_withdrawal=True)
    assert stands(said(1), withdrawn).why is Standing.WITHDRAWN
    assert stands(withdrawn, said(1)).picture == NONE
    assert stands(said(1), withdrawn, said(3)).picture == SEEN


def test_answer_that_has_ended_is_not_replaced_by_an_older_one() -> None:
    """Last year's grant does not come back when this year's has run out; its last day still counts."""
    old, new = said(1, holds_from=MONDAY - timedelta(days=300)), said(2, holds_until=MONDAY + timedelta(days=4))
    assert stands(old, new, day=MONDAY + timedelta(days=4)).picture == SEEN
    ended = stands(old, new, day=MONDAY + timedelta(days=5))
    assert (ended.picture, ended.why) == (NONE, Standing.EXPIRED)


def test_answer_holds_from_its_day_and_not_before() -> None:
    """Until then the one before it counts."""
    before, after = said(1, picture=NONE, holds_from=MONDAY - timedelta(days=9)), said(2)
    assert stands(before, after, day=MONDAY - timedelta(days=1)).picture == NONE
    assert stands(before, after).picture == SEEN


def test_answer_for_one_day_is_of_that_day_alone() -> None:
    """Not this Monday: on Tuesday the year's answer counts again."""
    year, day_off = said(1, holds_from=MONDAY - timedelta(days=9)), said(2, picture=NONE, holds_until=MONDAY)
    assert stands(year, day_off).picture == NONE
    assert stands(year, day_off, day=MONDAY + timedelta(days=1)).picture == SEEN


def test_school_that_asks_each_time_takes_the_days_answer_alone() -> None:
    """The year's grant is none, its refusal is one, and a partial withdrawal grants nothing."""
    each_time = Rules(each_time=True)
    today = said(2, holds_until=MONDAY)
    assert stands(said(1), rules=each_time).picture == NONE
    assert stands(said(1), today, rules=each_time).picture == SEEN
    assert stands(today, said(3, picture=NONE), rules=each_time).why is Standing.REFUSED
    assert stands(today, said(3, is_withdrawal=True), rules=each_time).picture == NONE


def test_pupil_who_comes_of_age_answers_alone() -> None:
    """From that day on what the guardians said counts no more, neither their yes nor their no."""
    birthday = MONDAY + timedelta(days=1)
    yes, no = said(1), said(2, Giver.SELF, picture=NONE)
    assert stands(yes, day=MONDAY, of_age_on=birthday).picture == SEEN
    assert stands(yes, day=birthday, of_age_on=birthday).why is Standing.NOT_RETURNED
    assert stands(yes, no, day=birthday, of_age_on=birthday).picture == NONE
    assert stands(said(1, picture=NONE), said(2, Giver.SELF), day=birthday, of_age_on=birthday).picture == SEEN


def test_pupil_who_says_no_is_heard_before_they_are_of_age() -> None:
    """A child's own refusal counts beside its guardians' yes."""
    assert stands(said(1), said(2, Giver.SELF, picture=NONE)).picture == NONE


def test_childs_own_yes_is_no_guardians_answer() -> None:
    """Before they are of age it counts beside a guardian's alone: theirs is still not returned."""
    own = said(2, Giver.SELF, holds_until=MONDAY)
    for rules in (STRICT, Rules(each_time=True)):
        alone = stands(own, rules=rules, of_age_on=MONDAY + timedelta(days=1))
        assert (alone.picture, alone.voice, alone.why) == (NONE, NONE, Standing.NOT_RETURNED)
        assert stands(own, rules=rules, of_age_on=MONDAY).picture == SEEN
    assert stands(said(1), own, rules=Rules(each_time=True)).picture == NONE
    assert stands(said(1), own).picture == SEEN


def test_childs_own_yes_widens_no_silence() -> None:
    """Where silence is a yes, it is one to recording for the teacher's own eyes, whatever the child said."""
    wide = SEEN | {Scope.PEER}
    objection = Rules(objection=True)
    assert stands(said(2, Giver.SELF, picture=wide), rules=objection).picture == SEEN
    assert stands(said(2, Giver.SELF, picture=NONE), rules=objection).why is Standing.REFUSED


def test_nobody_answers_for_an_adult() -> None:
    """A guardian's form with an adult's code grants nothing."""
    stand = stand_on(MONDAY, [said(1)], of_age_on=None, is_adult=True, rules=STRICT)
    assert stand.picture == NONE
    assert stand_on(MONDAY, [said(1, Giver.SELF)], of_age_on=None, is_adult=True, rules=STRICT).picture == SEEN


def test_recording_is_the_least_of_every_scope() -> None:
    """A form on which peers were ticked and recording was not lets nobody be recorded for peers."""
    stand = stands(said(1, picture=frozenset({Scope.PEER, Scope.SELF})))
    assert not stand.allows(Subject.PICTURE, [Scope.PEER])


@given(several, days, some_rules, st.none() | days)
def test_what_is_granted_was_said_by_each_giver_who_counts(
    given_answers: list[Answer], day: date, rules: Rules, of_age_on: date | None
) -> None:
    """Whatever came in whatever order: a scope that is granted stands in an answer that holds on that very day."""
    stand = stands(*given_answers, day=day, rules=rules, of_age_on=of_age_on)
    alone = of_age_on is not None and day >= of_age_on
    holding = [
        answer
        for answer in given_answers
        if answer.holds_from <= day <= (answer.holds_until or day) and (not alone or answer.giver is Giver.SELF)
    ]
    said_so = frozenset().union(*(answer.picture for answer in holding))
    if stand.why is not Standing.NOT_RETURNED:
        assert stand.picture <= said_so
    elif not rules.objection:
        assert stand.picture == stand.voice == NONE
    if stand.why in (Standing.EXPIRED, Standing.REFUSED):
        assert not stand.allows(Subject.PICTURE, ())
        assert not stand.allows(Subject.VOICE, ())


@given(several, days, some_rules, answers())
def test_further_refusal_never_grants(given_answers: list[Answer], day: date, rules: Rules, more: Answer) -> None:
    """An answer that refuses everything and is the newest leaves nothing on the days on which it counts."""
    refusal = (
        Answer(
            number=10**6 + 1, giver=more.giver, picture=NONE, voice=NONE, holds_from=day, holds_until=more.holds_until
        )
        if (more.holds_until or day) >= day
        else None
    )
    if refusal is None:
        return
    assert stands(*given_answers, refusal, day=day, rules=rules).picture == NONE


@given(several, days, some_rules)
def test_order_in_which_answers_are_read_does_not_count(given_answers: list[Answer], day: date, rules: Rules) -> None:
    """Only the order in which they were written down does."""
    assert stands(*given_answers, day=day, rules=rules) == stands(*reversed(given_answers), day=day, rules=rules)


def test_guardians_no_does_not_become_silence_on_a_birthday() -> None:
    """Where the school goes by objection a pupil of age is recorded by silence only if nobody had refused."""
    objection, grants = Rules(objection=True), said(1)
    refuses, partly = said(2, picture=NONE), said(2, Giver.GUARDIAN_2, picture=NONE, voice=SEEN)
    for last, granted in ((said(2), SEEN), (refuses, NONE), (partly, NONE)):
        assert stands(grants, last, rules=objection, of_age_on=MONDAY).picture == granted
    assert stands(grants, refuses, said(3), rules=objection, of_age_on=MONDAY).picture == SEEN


def test_each_time_hears_a_partial_refusal() -> None:
    """A guardian's no to pictures stands against the other's yes for the day, and against their own older one."""
    each_time = Rules(each_time=True)
    today = said(1, holds_until=MONDAY)
    for giver in (Giver.GUARDIAN_1, Giver.GUARDIAN_2):
        assert stands(today, said(2, giver, picture=NONE, voice=SEEN), rules=each_time).picture == NONE


def test_withdrawal_for_one_day_brings_no_older_yes_back() -> None:
    """Whatever end somebody typed: after it the answer has expired, and nothing is recorded."""
    withdrawn = said(2, picture=NONE, is_withdrawal=True, holds_until=MONDAY)
    assert stands(said(1), withdrawn, day=MONDAY + timedelta(days=1)).picture == NONE
