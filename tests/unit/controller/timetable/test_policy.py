"""A day of the timetable: what a rule, a change, a usual teacher and a guest come to, and who is in a room together."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.timetable.policy import Change, Guest, Held, Rule, Timetable, Usual, lessons_on

MONDAY = date(2026, 9, 7)
MADRID = ZoneInfo("Europe/Madrid")


def rule(name: str = "maths", begins: int = 9, ends: int = 10, **more: object) -> Rule:
    """Make a rule of room 1 on Mondays, of class 5b with Ada."""
    values: dict[str, object] = {
        "room": "room-1",
        "weekday": 0,
        "begins_on": MONDAY,
        "classes": ("5b",),
        "teachers": ("ada",),
        **more,
    }
    return Rule(id=name, begins=time(begins), ends=time(ends), **values)  # type: ignore[arg-type]


def usual(**more: object) -> Usual:
    """Make room 1's usual class and teacher, from eight to two."""
    values: dict[str, object] = {"teachers": ("ada",), "classes": ("5b",), "begins_on": MONDAY, **more}
    return Usual(id="usual", room="room-1", begins=time(8), ends=time(14), **values)  # type: ignore[arg-type]


def held(timetable: Timetable, day: date = MONDAY, *, is_free: bool = False) -> tuple[Held, ...]:
    """Give a day's lessons in Madrid."""
    return lessons_on(day, timetable, zone=MADRID, is_free=is_free)


def hours(lesson: Held) -> tuple[str, str]:
    """Give the times that the clock on the wall shows."""
    return (f"{lesson.begins_at.astimezone(MADRID):%H:%M}", f"{lesson.ends_at.astimezone(MADRID):%H:%M}")


def test_rule_is_held_on_its_weekday_between_its_days() -> None:
    """First and last day count; the time is the wall clock's in summer and in winter."""
    weekly = Timetable(rules=[rule(ends_on=MONDAY + timedelta(weeks=10))])
    assert held(weekly, MONDAY - timedelta(weeks=1)) == ()
    assert held(weekly, MONDAY + timedelta(days=1)) == ()
    assert held(weekly, MONDAY + timedelta(weeks=11)) == ()
    (summer,), (winter,) = held(weekly), held(weekly, MONDAY + timedelta(weeks=10))
    assert summer.begins_at == datetime(2026, 9, 7, 7, tzinfo=UTC)
    assert winter.begins_at == datetime(2026, 11, 16, 8, tzinfo=UTC)
    assert (summer.lead, summer.classes, summer.room) == ("ada", ("5b",), "room-1")


def test_day_without_school_has_only_what_was_put_on_that_day() -> None:
    """No rule of the week and no usual teacher, but a rehearsal on the holiday."""
    extra = rule("rehearsal", 15, 16, ends_on=MONDAY)
    assert [lesson.lead for lesson in held(Timetable(rules=[rule(), extra], usual=[usual()]), is_free=True)] == ["ada"]
    assert held(Timetable(rules=[rule()], usual=[usual()]), is_free=True) == ()


def test_change_is_of_its_day_alone() -> None:
    """Cancelled, with a substitute, in another room; a week later all is as always."""
    for change, expected in (
        (Change(rule="maths", day=MONDAY, is_cancelled=True), []),
        (Change(rule="maths", day=MONDAY, teachers=("bea",)), [("room-1", "bea")]),
        (Change(rule="maths", day=MONDAY, room="hall"), [("hall", "ada")]),
        (Change(rule="maths", day=MONDAY, teachers=()), [("room-1", None)]),
    ):
        timetable = Timetable(rules=[rule()], changes=[change])
        assert [(lesson.room, lesson.lead) for lesson in held(timetable)] == expected
        later = held(timetable, MONDAY + timedelta(weeks=1))
        assert [(lesson.room, lesson.lead) for lesson in later] == [("room-1", "ada")]


def test_usual_teacher_has_what_the_rules_leave() -> None:
    """Music from ten to eleven is another teacher's; before and after it the room is as usual."""
    music = rule("music", 10, 11, teachers=("bea",))
    found = held(Timetable(rules=[music], usual=[usual()]))
    assert [(*hours(lesson), lesson.lead) for lesson in found] == [
        ("08:00", "10:00", "ada"),
        ("10:00", "11:00", "bea"),
        ("11:00", "14:00", "ada"),
    ]


def test_two_classes_that_meet_in_one_room_are_one_lesson() -> None:
    """While both are there everybody counts; before and after only those who are. Of two leads it is nobody's."""
    first, second = rule("a", 9, 11), rule("b", 10, 12, classes=("6a",), teachers=("bea",))
    found = held(Timetable(rules=[first, second]))
    assert [(*hours(lesson), lesson.classes, lesson.teachers, lesson.lead) for lesson in found] == [
        ("09:00", "10:00", ("5b",), ("ada",), "ada"),
        ("10:00", "11:00", ("5b", "6a"), ("ada", "bea"), None),
        ("11:00", "12:00", ("6a",), ("bea",), "bea"),
    ]
    same = held(Timetable(rules=[first, rule("b", 10, 12, classes=("6a",))]))
    assert {lesson.lead for lesson in same} == {"ada"}


def test_co_taught_lesson_is_the_first_teachers() -> None:
    """Both are in the room; the one who is named first leads."""
    (lesson,) = held(Timetable(rules=[rule(teachers=("bea", "ada"))]))
    assert (lesson.lead, lesson.teachers) == ("bea", ("bea", "ada"))


def test_guest_is_in_the_lessons_of_a_class_or_of_a_room() -> None:
    """From the first day to the last; in other classes and rooms they are not."""
    day = MONDAY + timedelta(weeks=1)
    in_class = Guest(person="cem", class_id="5b", room=None, begins_on=MONDAY, ends_on=MONDAY)
    in_room = Guest(person="dee", class_id=None, room="hall", begins_on=MONDAY, ends_on=MONDAY)
    rules = [rule(), rule("hall", 9, 10, room="hall", classes=("6a",))]
    timetable = Timetable(rules=rules, guests=[in_class, in_room])
    assert {lesson.room: lesson.guests for lesson in held(timetable)} == {"room-1": ("cem",), "hall": ("dee",)}
    assert {lesson.guests for lesson in held(timetable, day)} == {()}


def test_lesson_keeps_its_name_while_it_stays_what_it_is() -> None:
    """A substitute or a guest changes no name; another day, time or room does."""
    (plain,) = held(Timetable(rules=[rule()]))
    (same,) = held(Timetable(rules=[rule()], changes=[Change(rule="maths", day=MONDAY, teachers=("bea",))]))
    assert plain.id == same.id
    others = [held(Timetable(rules=[rule(ends=11)])), held(Timetable(rules=[rule(room="hall")]))]
    assert plain.id not in {lesson.id for each in others for lesson in each}
    assert plain.id != held(Timetable(rules=[rule()]), MONDAY + timedelta(weeks=1))[0].id


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"begins": 10, "ends": 10}, "ends: expected a time after 10:00"),
        ({"ends_on": MONDAY - timedelta(days=1)}, "ends_on: expected 2026-09-07 or later"),
        ({"weekday": 7}, "weekday: expected 0"),
    ],
)
def test_rule_that_runs_backwards_is_refused(values: dict[str, object], words: str) -> None:
    """The field is named, and what it may be."""
    with pytest.raises(ValueError, match=words):
        rule(**values)  # type: ignore[arg-type]


spans = st.tuples(st.integers(0, 22), st.integers(1, 6)).map(lambda pair: (pair[0], min(23, pair[0] + pair[1])))
rules = st.lists(
    st.builds(
        lambda span, room, name, teacher: rule(
            name, *span, room=room, classes=(f"class of {name}",), teachers=(teacher,)
        ),
        spans,
        st.sampled_from(["room-1", "hall"]),
        st.text("abcdef", min_size=1, max_size=4),
        st.sampled_from(["ada", "bea"]),
    ),
    max_size=6,
    unique_by=lambda each: each.id,
)


@given(rules, st.sampled_from([[], [usual(classes=("usual",))]]))
def test_at_every_time_everybody_who_is_in_a_room_is_in_its_one_lesson(some: list[Rule], as_usual: list[Usual]) -> None:
    """Lessons of one room never overlap, and at each quarter of an hour their classes are those of the rules."""
    found = held(Timetable(rules=some, usual=as_usual))
    for room in ("room-1", "hall"):
        for quarter in range(24 * 4):
            now = datetime.combine(MONDAY, time(quarter // 4, quarter % 4 * 15), tzinfo=MADRID)
            there = [lesson for lesson in found if lesson.room == room and lesson.begins_at <= now < lesson.ends_at]
            assert len(there) <= 1
            meant = {
                name
                for each in some
                if each.room == room and each.begins <= now.time() < each.ends
                for name in each.classes
            }
            if not meant and as_usual and room == "room-1" and time(8) <= now.time() < time(14):
                meant = {"usual"}
            assert {name for lesson in there for name in lesson.classes} == meant


def test_two_usual_classes_of_one_room_both_count() -> None:
    """One after the other each has its hours; while both are there they are one lesson of both."""
    late = Usual(
        id="late",
        room="room-1",
        begins=time(12),
        ends=time(16),
        teachers=("bea",),
        classes=("6a",),
        begins_on=MONDAY,
    )
    found = held(Timetable(usual=[usual(), late]))
    assert [(*hours(lesson), lesson.classes, lesson.lead) for lesson in found] == [
        ("08:00", "12:00", ("5b",), "ada"),
        ("12:00", "14:00", ("6a", "5b"), None),
        ("14:00", "16:00", ("6a",), "bea"),
    ]


def test_substitute_stands_in_for_the_lead_alone() -> None:
    """Who teaches beside them is in the room as always, and counts; nobody for the lead leaves the lesson nobody's."""
    both = rule(teachers=("ada", "bea"))
    for substitutes, teachers, lead in ((("cem",), ("cem", "bea"), "cem"), (("bea",), ("bea",), "bea")):
        change = Change(rule="maths", day=MONDAY, teachers=substitutes)
        (lesson,) = held(Timetable(rules=[both], changes=[change]))
        assert (lesson.teachers, lesson.lead) == (teachers, lead)
    (nobodys,) = held(Timetable(rules=[both], changes=[Change(rule="maths", day=MONDAY, teachers=())]))
    assert (nobodys.teachers, nobodys.lead) == (("bea",), None)


def test_lesson_that_the_clock_leaves_out_is_not_held() -> None:
    """At the change to summer time 02:30 to 03:00 does not exist; it comes to no lesson, and to no error."""
    night = date(2027, 3, 28)
    there = rule("night", weekday=6, ends_on=night)
    unreal = Rule(**{**vars(there), "begins": time(2, 30), "ends": time(3)})
    assert held(Timetable(rules=[unreal]), night) == ()
