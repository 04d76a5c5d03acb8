"""The difference between a roster and what stands: every change, every guard, and who is in a room on any day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.people.models import Kind
from controller.people.policy import Name
from controller.roster.found import FoundClass, FoundMembership, FoundPerson, Roster
from controller.roster.models import ClassRole, Scope, Source
from controller.roster.plan import Loss, NewDays, Plan, new_key, plan_roster
from controller.roster.standing import HeldClass, HeldMembership, HeldPerson, Standing

TODAY = date(2026, 11, 24)
DAY = timedelta(days=1)
NEXT_YEAR = date(2027, 9, 1)
Lists = Mapping[str, set[str]]


def numbered(lists: Lists, *, scope: Scope = Scope.SITES, site: str = "") -> Roster:
    """Make a OneRoster roster: who is in which class, by numbers."""
    people = sorted({person for members in lists.values() for person in members})
    return Roster(
        source=Source.ONEROSTER,
        scope=scope,
        classes=tuple(FoundClass(title, title, title, site) for title in sorted(lists)),
        people=tuple(FoundPerson(each, each, Kind.PUPIL, Name(each, "X")) for each in people),
        memberships=tuple(
            FoundMembership(title, each, ClassRole.PUPIL) for title in sorted(lists) for each in sorted(lists[title])
        ),
    )


def named(lists: Lists, *, scope: Scope = Scope.CLASSES, site: str = "") -> Roster:
    """Make a roster of a plain table: names alone."""
    roster = numbered(lists, scope=scope, site=site)
    classes = tuple(each._replace(sourced_id="") for each in roster.classes)
    people = tuple(each._replace(sourced_id="") for each in roster.people)
    return replace(roster, source=Source.TABLE, classes=classes, people=people)


@dataclass
class School:
    """What stands, kept by doing what plans say: the simplest thing that applies one."""

    standing: Standing = field(default_factory=Standing)
    made: int = 0

    def take(self, roster: Roster, starts_on: date = TODAY, today: date = TODAY) -> Plan:
        """Plan a roster, and do what the plan says."""
        plan = plan_roster(roster, self.standing, starts_on=starts_on, today=today)
        ids: dict[str, str] = {}
        classes = {each.id: each for each in self.standing.classes}
        for new in plan.new_classes:
            ids[new_key(new.key)] = held_id = self._new()
            began = new.begins_on or plan.starts_on
            classes[held_id] = HeldClass(
                held_id, roster.source, new.sourced_id, new.title, new.site, began, new.ends_on
            )
        for change in (*plan.changed_classes, *plan.gone_classes):
            classes[change.before.id] = change.after
        people = {each.id: each for each in self.standing.people}
        for person, account in plan.new_people:
            ids[new_key(person.key)] = held_id = self._new()
            people[held_id] = HeldPerson(held_id, person.kind, person.sourced_id, person.name, account, None)
        people.update({each.after.id: each.after for each in plan.changed_people})
        self.standing = replace(
            self.standing,
            classes=tuple(classes.values()),
            people=tuple(people.values()),
            memberships=tuple(self._memberships(plan, ids)),
            later_starts=self.standing.later_starts | {starts_on},
        )
        return plan

    def _memberships(self, plan: Plan, ids: dict[str, str]) -> list[HeldMembership]:
        days = {each.id: each for each in (*plan.redated, *plan.ended)}
        kept = [each for each in self.standing.memberships if each.id not in plan.dropped]
        rows = [
            each._replace(begins_on=days[each.id].begins_on, ends_on=days[each.id].ends_on) if each.id in days else each
            for each in kept
        ]
        for new in plan.begun:
            place = (ids.get(new.in_class, new.in_class), ids.get(new.person, new.person))
            rows.append(HeldMembership(int(self._new()), *place, new.role, new.begins_on, new.ends_on))
        keys = [(each.class_id, each.person, each.role, each.begins_on) for each in rows]
        assert len(set(keys)) == len(keys), "the table would refuse it"
        return rows

    def _new(self) -> str:
        self.made += 1
        return str(self.made)

    def lists(self, day: date) -> dict[str, set[str]]:
        """Give who is in which class on a day, by titles and given names."""
        titles = {each.id: each.title for each in self.standing.classes}
        names = {each.id: each.name.given for each in self.standing.people}
        found: dict[str, set[str]] = {}
        for each in self.standing.memberships:
            if each.begins_on <= day and (each.ends_on is None or day <= each.ends_on):
                found.setdefault(titles[each.class_id], set()).add(names[each.person])
        return found


def test_first_roster_is_all_new() -> None:
    """Classes, people and memberships begin on the first day, and hold until somebody says otherwise."""
    school = School()
    plan = school.take(numbered({"3B": {"Ana", "Ben"}}))
    assert plan.sums() == {**dict.fromkeys(plan.sums(), 0), "pupils_new": 2, "classes_new": 1, "memberships_begun": 2}
    assert school.lists(TODAY) == school.lists(NEXT_YEAR) == {"3B": {"Ana", "Ben"}}
    assert school.lists(TODAY - DAY) == {}


def test_same_roster_again_changes_nothing() -> None:
    """An import each night writes nothing while nothing changes."""
    school, roster = School(), numbered({"3B": {"Ana", "Ben"}, "4A": {"Eve"}})
    school.take(roster)
    plan = plan_roster(roster, school.standing, starts_on=TODAY + DAY, today=TODAY + DAY)
    assert plan.changes_nothing
    assert plan.unchanged == 3


def test_pupil_who_changes_class_has_moved() -> None:
    """The old membership ends the day before the new one begins."""
    school = School()
    school.take(numbered({"3B": {"Ana", "Ben"}, "4A": {"Eve"}}))
    later = TODAY + 7 * DAY
    plan = school.take(numbered({"3B": {"Ana"}, "4A": {"Ben", "Eve"}}), later, later)
    assert (len(plan.moved_people), plan.gone_people) == (1, ())
    assert school.lists(later - DAY) == {"3B": {"Ana", "Ben"}, "4A": {"Eve"}}
    assert school.lists(later) == {"3B": {"Ana"}, "4A": {"Ben", "Eve"}}


def test_pupil_who_is_in_no_class_is_gone_and_comes_back_as_the_same() -> None:
    """The number finds the person again, and with them what their family said."""
    school = School()
    school.take(numbered({"3B": {"Ana", "Ben"}}))
    plan = school.take(numbered({"3B": {"Ana"}}), TODAY + DAY, TODAY + DAY)
    assert len(plan.gone_people) == 1
    back = school.take(numbered({"3B": {"Ana", "Ben"}}), TODAY + 400 * DAY, TODAY + 400 * DAY)
    assert (back.new_people, len(back.begun)) == ((), 1)
    assert {each.name.given for each in school.standing.people} == {"Ana", "Ben"}


def test_other_name_is_a_renaming() -> None:
    """The person stays who they are."""
    school = School()
    roster = numbered({"3B": {"Ana"}})
    school.take(roster)
    (person,) = roster.people
    renamed = replace(roster, people=(person._replace(name=Name("Anna", "Y")),))
    (change,) = school.take(renamed).renamed
    assert (change.before.name, change.after.name) == (Name("Ana", "X"), Name("Anna", "Y"))


def test_pupil_who_becomes_an_adult_is_called_out() -> None:
    """Whose answers count changes with it, so that nobody overlooks it among the new facts."""
    school = School()
    roster = numbered({"3B": {"Ana", "Ben"}})
    school.take(roster)
    turned = [each._replace(kind=Kind.ADULT) if each.name.given == "Ana" else each for each in roster.people]
    plan = school.take(replace(roster, people=tuple(turned)))
    assert [(each.after.name.given, each.before.kind, each.after.kind) for each in plan.turned] == [
        ("Ana", Kind.PUPIL, Kind.ADULT)
    ]
    assert plan.sums()["people_turned"] == 1


def test_class_that_is_not_in_the_whole_ends() -> None:
    """Its members go with it; classes of another site or source are nobody's business."""
    school = School()
    school.take(numbered({"3B": {"Ana"}, "4A": {"Eve"}}))
    school.take(named({"Choir": {"Kim"}}))
    school.take(numbered({"9C": {"Zoe"}}, site="North"))
    plan = school.take(numbered({"3B": {"Ana"}}), TODAY + DAY, TODAY + DAY)
    assert [each.before.title for each in plan.gone_classes] == ["4A"]
    assert school.lists(TODAY + DAY) == {"3B": {"Ana"}, "Choir": {"Kim"}, "9C": {"Zoe"}}


def test_list_of_one_class_touches_no_other() -> None:
    """A pasted list is the whole of its class and no more."""
    school = School()
    school.take(named({"3B": {"Ana", "Ben"}, "4A": {"Eve"}}))
    plan = school.take(named({"3B": {"Ana", "Cleo"}}), TODAY + DAY, TODAY + DAY)
    assert plan.gone_classes == ()
    assert school.lists(TODAY + DAY) == {"3B": {"Ana", "Cleo"}, "4A": {"Eve"}}


def test_next_years_roster_begins_on_its_day_and_leaves_this_year_alone() -> None:
    """Old memberships end the day before; what is imported meanwhile ends there, and next year stays as it was said."""
    school = School()
    school.take(numbered({"3B": {"Ana", "Ben"}, "4A": {"Eve"}}))
    plan = school.take(numbered({"3B": {"Cleo"}, "4B": {"Ana", "Ben"}}), NEXT_YEAR)
    assert (plan.loss.people, len(plan.moved_people)) == (1, 2)
    june = date(2027, 6, 1)
    assert school.take(numbered({"3B": {"Ana", "Ben", "Dan"}, "4A": {"Eve"}}), june, june).sums()["pupils_new"] == 1
    assert school.lists(june) == {"3B": {"Ana", "Ben", "Dan"}, "4A": {"Eve"}}
    assert school.lists(NEXT_YEAR - DAY) == school.lists(june)
    assert school.lists(NEXT_YEAR) == {"3B": {"Cleo"}, "4B": {"Ana", "Ben"}}


def test_next_years_roster_can_be_corrected_before_it_begins() -> None:
    """A membership that never began is taken away as if it had not been."""
    school = School()
    school.take(numbered({"3B": {"Ana"}}))
    school.take(numbered({"4B": {"Ana", "Ben"}}), NEXT_YEAR)
    plan = school.take(numbered({"4B": {"Ana"}}), NEXT_YEAR)
    assert (len(plan.dropped), plan.ended) == (1, ())
    assert school.lists(NEXT_YEAR) == {"4B": {"Ana"}}
    assert school.lists(TODAY) == {"3B": {"Ana"}}


def test_row_that_begins_when_next_years_roster_holds_is_left_to_that() -> None:
    """Nobody gets days that run backwards, nor the same place twice; next year stays as it was said."""
    school = School()
    school.take(numbered({"3B": {"Ana", "Ben"}}))
    school.take(numbered({"3B": {"Ana", "Ben", "Cleo"}}), NEXT_YEAR)
    roster = numbered({"3B": {"Ana", "Ben", "Cleo"}})
    dated = tuple(each._replace(begins_on=NEXT_YEAR) if each.person_key != "Ana" else each
                  for each in roster.memberships)  # fmt: skip
    june = date(2027, 6, 1)
    school.take(replace(roster, memberships=dated), june, june)
    assert all(each.ends_on is None or each.begins_on <= each.ends_on for each in school.standing.memberships)
    assert school.lists(june + DAY) == {"3B": {"Ana"}}
    assert school.lists(NEXT_YEAR) == {"3B": {"Ana", "Ben", "Cleo"}}


def test_days_of_a_file_hold() -> None:
    """An enrollment with days has them; one that was over before the first day is none."""
    roster = numbered({"3B": {"Ana", "Ben", "Eve"}})
    days = {"Ana": (date(2026, 9, 1), None), "Ben": (date(2027, 1, 8), date(2027, 3, 1)), "Eve": (None, TODAY - DAY)}
    dated = tuple(each._replace(begins_on=days[each.person_key][0], ends_on=days[each.person_key][1])
                  for each in roster.memberships)  # fmt: skip
    school = School()
    plan = school.take(replace(roster, memberships=dated))
    assert plan.sums()["pupils_new"] == 2
    assert school.lists(date(2026, 9, 1)) == {"3B": {"Ana"}}
    assert school.lists(date(2027, 3, 1)) == {"3B": {"Ana", "Ben"}}
    assert school.lists(date(2027, 3, 2)) == {"3B": {"Ana"}}


@pytest.mark.parametrize(
    ("loss", "too_much"),
    [
        (Loss(people=10, people_before=100, memberships=10, memberships_before=100), False),
        (Loss(people=11, people_before=100, memberships=0, memberships_before=100), True),
        (Loss(people=0, people_before=100, memberships=11, memberships_before=100), True),
        (Loss(people=0, people_before=0, memberships=0, memberships_before=0), False),
    ],
)
def test_more_than_a_tenth_is_too_much(loss: Loss, too_much: bool) -> None:  # noqa: FBT001
    """Of people or of memberships; a tenth itself is not."""
    assert loss.is_too_much is too_much


def test_class_whose_members_are_all_exchanged_is_a_loss_now_and_none_next_year() -> None:
    """New numbers for all classes in mid-year are a mistake of the export; next year they are what happens."""
    school = School()
    school.take(numbered({"3B": {"Ana", "Ben"}}))
    other = numbered({"other": {"Ana", "Ben"}})
    assert plan_roster(other, school.standing, starts_on=TODAY, today=TODAY).loss.is_too_much
    assert not plan_roster(other, school.standing, starts_on=NEXT_YEAR, today=TODAY).loss.is_too_much


def test_name_alone_is_matched_within_class_then_site_and_told() -> None:
    """Ana of 3B is Ana; whoever changes class is thought to be the same and named for a look."""
    school = School()
    school.take(named({"3B": {"Ana", "Ben"}}))
    same = school.take(named({"3B": {"Ana", "Ben"}}))
    assert (same.changes_nothing, same.by_name) == (True, ())
    plan = school.take(named({"4B": {"Ana"}}), NEXT_YEAR)
    assert (plan.new_people, len(plan.by_name)) == ((), 1)


def test_name_of_another_site_is_somebody_else() -> None:
    """Two schools may each have an Ana X."""
    school = School()
    school.take(named({"3B": {"Ana"}}))
    assert len(school.take(named({"3B": {"Ana"}}, site="North")).new_people) == 1


def test_name_that_two_people_have_is_not_guessed() -> None:
    """A table without numbers cannot say which Ana X moves; the office is asked for a number."""
    school = School()
    school.take(named({"3B": {"Ana"}}))
    school.take(numbered({"4A": {"Ana"}}))
    plan = plan_roster(named({"5C": {"Ana"}}), school.standing, starts_on=TODAY, today=TODAY)
    assert [person.name for person in plan.ambiguous] == [Name("Ana", "X")]


def test_our_own_number_finds_a_person_again() -> None:
    """What was exported can be changed and read back: names may differ then."""
    school = School()
    school.take(named({"3B": {"Ana"}}))
    roster = named({"3B": {"Anna"}})
    (person,) = roster.people
    known = replace(roster, people=(person._replace(sourced_id=school.standing.people[0].id),))
    (change,) = school.take(known).renamed
    assert (change.after.name.given, change.after.sourced_id) == ("Anna", "")


def test_number_of_the_schools_system_is_never_taken_for_one_of_ours() -> None:
    """A zip whose sourcedId is spelt like our number of somebody, or like a class's, names a new one."""
    school = School()
    school.take(named({"3B": {"Ana"}}))
    (person,), (held,) = school.standing.people, school.standing.classes
    plan = plan_roster(numbered({held.id: {person.id}}), school.standing, starts_on=TODAY, today=TODAY)
    assert (len(plan.new_people), len(plan.new_classes), len(plan.begun)) == (1, 1, 1)


def test_class_of_the_schools_system_is_not_changed_by_a_list() -> None:
    """The next export would undo it; whoever pastes is told."""
    school = School()
    school.take(numbered({"3B": {"Ana"}}))
    plan = plan_roster(named({"3b": {"Ben"}}), school.standing, starts_on=TODAY, today=TODAY)
    assert [each.title for each in plan.foreign] == ["3b"]


def test_adult_is_found_by_their_account() -> None:
    """An address leads to an account, and an account to the person who has it, whatever their name."""
    roster = named({"3B": {"Ana"}})
    teacher = FoundPerson("t", "", Kind.ADULT, Name("Tea", "Cher"), "t@x.example")
    member = FoundMembership("3B", "t", ClassRole.TEACHER)
    roster = replace(roster, people=(*roster.people, teacher), memberships=(*roster.memberships, member))
    school = School(Standing(accounts={"t@x.example": "account"}))
    school.take(roster)
    assert [each.account for each in school.standing.people if each.kind is Kind.ADULT] == ["account"]
    married = replace(roster, people=(roster.people[0], teacher._replace(name=Name("Tea", "Pot"))))
    assert [each.after.name for each in school.take(married).changed_people] == [Name("Tea", "Pot")]


NAMES = st.sets(st.sampled_from("ABCDEF"), max_size=6)
LISTS = st.dictionaries(st.sampled_from(["1a", "1b", "2a"]), NAMES, min_size=1)


@given(st.lists(st.tuples(LISTS, st.integers(0, 3)), min_size=1, max_size=6))
def test_roster_that_was_applied_last_says_who_is_in_a_room(imports: list[tuple[dict[str, set[str]], int]]) -> None:
    """After any rosters, day by day: on each day exactly those are in a class whom the newest roster names."""
    school, day = School(), TODAY
    for lists, passed in imports:
        day += passed * DAY
        before = {back: school.lists(day - back * DAY) for back in (1, 2, 5)}
        school.take(numbered(lists), day, day)
        wanted = {title: members for title, members in lists.items() if members}
        assert _without_leavers_of(school, day) == wanted
        assert school.lists(day + 500 * DAY) == wanted
        assert {back: school.lists(day - back * DAY) for back in before} == before


def _without_leavers_of(school: School, day: date) -> dict[str, set[str]]:
    """Whoever came and was taken out again on one day counts for that day: give the lists without them."""
    return {
        title: members & school.lists(day + DAY).get(title, set())
        for title, members in school.lists(day).items()
        if members & school.lists(day + DAY).get(title, set())
    }


@given(LISTS, LISTS, LISTS)
def test_year_ahead_stays_as_it_was_said(now: Lists, ahead: Lists, again: Lists) -> None:
    """Whatever is imported for this year, next year's classes stay; only a class that had nobody until now goes on."""
    school = School()
    school.take(numbered(now))
    school.take(numbered(ahead), NEXT_YEAR)
    year = school.lists(NEXT_YEAR)
    assert year == {title: members for title, members in ahead.items() if members}
    school.take(numbered(again), TODAY + 30 * DAY, TODAY + 30 * DAY)
    after = school.lists(NEXT_YEAR)
    assert {title: after.get(title) for title in year} == year
    assert not any(now.get(title) for title in after.keys() - year.keys())


@given(LISTS, LISTS)
def test_what_is_counted_as_lost_is_what_goes(first: Lists, second: Lists) -> None:
    """Nobody vanishes uncounted."""
    school = School()
    school.take(numbered(first))
    plan = plan_roster(numbered(second), school.standing, starts_on=TODAY + DAY, today=TODAY + DAY)
    before, after = set().union(*first.values()), set().union(*second.values())
    if first.keys() | second.keys() and any(second.values()):
        assert plan.loss.people == len(before - after)
    assert all(isinstance(each, NewDays) for each in plan.ended)
