"""Decides what a roster changes of what stands: new, gone, moved, renamed; from which day; and whether it is too much.

Pure; the difference that people are shown is the one that is applied. Memberships of an earlier roster end the day
before the new one begins, and what begins after it (next year's, applied ahead) is left alone. Answers of families are
never touched: they hang on the person. Why it is strict: docs/adr/0032-rosters-are-read-strictly.md.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import NamedTuple

from controller.people.models import Kind
from controller.roster.found import FoundClass, FoundMembership, FoundPerson, Roster
from controller.roster.matching import Matched, match
from controller.roster.models import ClassRole, Scope
from controller.roster.standing import HeldClass, HeldMembership, HeldPerson, Standing

MOST_VANISHING = 10  # per cent of people or memberships that may go without somebody saying so
_DAY = timedelta(days=1)
_Key = tuple[str, str, ClassRole]


def new_key(key: str) -> str:
    """Name a class or person of a file that has no id yet; no id looks like it."""
    return f"new:{key}"


class NewMembership(NamedTuple):
    """Somebody comes into a class: ids where they are known, else `new_key`s of the file."""

    in_class: str
    person: str
    role: ClassRole
    begins_on: date
    ends_on: date | None


class NewDays(NamedTuple):
    """A membership that stands gets other days."""

    id: int
    begins_on: date
    ends_on: date | None


class ChangedPerson(NamedTuple):
    """A person who is known gets other facts."""

    before: HeldPerson
    after: HeldPerson


class ChangedClass(NamedTuple):
    """A class that is known gets another title, site or days, or ends."""

    before: HeldClass
    after: HeldClass


@dataclass(frozen=True, kw_only=True)
class Loss:
    """How much of what a roster speaks of would vanish."""

    people: int
    people_before: int
    memberships: int
    memberships_before: int

    @property
    def is_too_much(self) -> bool:
        """Tell whether somebody must say that it is meant."""
        return _over(self.people, self.people_before) or _over(self.memberships, self.memberships_before)


def _over(gone: int, before: int) -> bool:
    return gone * 100 > before * MOST_VANISHING


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that applying a roster would do."""

    starts_on: date
    new_classes: tuple[FoundClass, ...]
    changed_classes: tuple[ChangedClass, ...]
    gone_classes: tuple[ChangedClass, ...]
    new_people: tuple[tuple[FoundPerson, str], ...]
    """With the account's id that the address leads to, or a blank."""
    changed_people: tuple[ChangedPerson, ...]
    moved_people: tuple[str, ...]
    gone_people: tuple[str, ...]
    by_name: tuple[str, ...]
    """Ids of people who were known by name alone, outside the class in which they were."""
    begun: tuple[NewMembership, ...]
    redated: tuple[NewDays, ...]
    ended: tuple[NewDays, ...]
    dropped: tuple[int, ...]
    """Memberships that were to begin, and now never do."""
    unchanged: int
    continued: int
    """Of the unchanged ones those that end with this year and begin with the next, each year by rows of its own."""
    loss: Loss
    foreign: tuple[FoundClass, ...]
    ambiguous: tuple[FoundPerson, ...]

    @property
    def changes_nothing(self) -> bool:
        """Tell whether the roster says what stands."""
        classes = (*self.new_classes, *self.changed_classes, *self.gone_classes)
        people = (*self.new_people, *self.changed_people)
        return not any((classes, people, self.begun, self.redated, self.ended, self.dropped))

    @property
    def renamed(self) -> tuple[ChangedPerson, ...]:
        """Give who is called otherwise now."""
        return tuple(each for each in self.changed_people if each.before.name != each.after.name)

    @property
    def turned(self) -> tuple[ChangedPerson, ...]:
        """Give pupils who become adults, and adults who become pupils: other people answer for them then."""
        return tuple(each for each in self.changed_people if each.before.kind is not each.after.kind)

    def sums(self) -> dict[str, int]:
        """Count what would happen, for the page and the history."""
        kinds = Counter(person.kind for person, _ in self.new_people)
        return {
            "pupils_new": kinds[Kind.PUPIL],
            "adults_new": kinds[Kind.ADULT],
            "people_renamed": len(self.renamed),
            "people_turned": len(self.turned),
            "people_moved": len(self.moved_people),
            "people_gone": len(self.gone_people),
            "classes_new": len(self.new_classes),
            "classes_changed": len(self.changed_classes),
            "classes_gone": len(self.gone_classes),
            "memberships_begun": len(self.begun) - self.continued,
            "memberships_ended": len(self.ended) + len(self.dropped) - self.continued,
            "memberships_redated": len(self.redated),
            "memberships_unchanged": self.unchanged,
        }


def plan_roster(roster: Roster, standing: Standing, *, starts_on: date, today: date) -> Plan:
    """Say what applying a roster from a day on would do; `starts_on` is `today` or later."""
    return _Planner(roster, standing, starts_on, today).plan()


@dataclass
class _Planner:
    roster: Roster
    standing: Standing
    starts_on: date
    today: date
    matched: Matched = field(init=False)
    goes_on: set[str] = field(init=False)
    """Classes of which a roster that was applied ahead has members."""

    def __post_init__(self) -> None:
        self.matched = match(self.roster, self.standing, self.starts_on)
        self.classes = {
            each.key: each for each in self.roster.classes if each.ends_on is None or each.ends_on >= self.starts_on
        }
        self.until = self._ends_of_this_roster()
        kept = {self.matched.classes[key].id for key in self.classes if key in self.matched.classes}
        self.in_scope = kept | {each.id for each in self._others_in_scope()}

    def _ends_of_this_roster(self) -> dict[str, date]:
        """Say for each class that a roster which was applied ahead speaks of, until when this one holds."""
        until: dict[str, date] = {}
        rows = [(each.class_id, each.begins_on, each.ends_on) for each in self.standing.memberships]
        rows += [(each.id, each.begins_on, each.ends_on) for each in self.standing.classes]
        for class_id, begins_on, ends_on in rows:
            for last in (begins_on - _DAY, ends_on):
                if last and last >= self.starts_on and last + _DAY in self.standing.later_starts:
                    until[class_id] = min(last, until.get(class_id, last))
        self.goes_on = {class_id for class_id, begins_on, _ in rows if begins_on > until.get(class_id, date.max)}
        return until

    def _others_in_scope(self) -> Iterator[HeldClass]:
        """Give the classes that are not in a roster which is the whole of its sites: they end."""
        if self.roster.scope is not Scope.SITES:
            return
        sites = {each.site for each in self.roster.classes}
        known = {self.matched.classes[key].id for key in self.classes if key in self.matched.classes}
        for held in self.standing.classes:
            mine = held.source is self.roster.source and held.site in sites and held.id not in known
            if mine and (held.ends_on is None or held.ends_on >= self.starts_on):
                yield held

    def plan(self) -> Plan:
        wanted = self._wanted()
        held = self._held()
        ahead = self.starts_on > self.today
        split = [held[key][-1] for key in held if ahead and key in wanted and held[key][-1].begins_on < self.starts_on]
        kept = held.keys() - {(each.class_id, each.person, each.role) for each in split}
        begun = tuple(self._clipped(each) for key, each in wanted.items() if key not in kept)
        redated = tuple(self._redated(wanted, {key: held[key] for key in kept}))
        gone = [each for key, rows in held.items() if key not in wanted for each in rows]
        dropped = tuple(each.id for each in gone if not self._began(each))
        ended = tuple(self._ended(each) for each in (*gone, *split) if self._began(each))
        moved, left = self._who_moved([each for each in begun if each[:3] not in held], gone)
        return Plan(
            starts_on=self.starts_on,
            new_classes=tuple(each for key, each in self.classes.items() if key not in self.matched.classes),
            changed_classes=tuple(self._changed_classes()),
            gone_classes=tuple(
                ChangedClass(each, self._closed(each))
                for each in self._others_in_scope()
                if each.id not in self.goes_on
            ),
            new_people=tuple(self._new_people(wanted)),
            changed_people=tuple(self._changed_people()),
            moved_people=moved,
            gone_people=left,
            by_name=tuple(sorted(self.matched.people[key].id for key in self.matched.by_name)),
            begun=begun,
            redated=redated,
            ended=ended,
            dropped=dropped,
            unchanged=len(held.keys() & wanted.keys()) - len(redated),
            continued=len(split),
            loss=self._loss(left, held, len(gone), len(begun) - len(split)),
            foreign=tuple(self.matched.foreign),
            ambiguous=tuple(self.matched.ambiguous),
        )

    def _wanted(self) -> dict[_Key, NewMembership]:
        """Give the memberships that shall hold, by ids where they are known."""
        wanted = {}
        for each in self.roster.memberships:
            over = each.ends_on is not None and each.ends_on < self.starts_on
            if over or each.class_key not in self.classes:
                continue
            new = self._dated(each)
            ends = [day for day in (new.ends_on, self.until.get(new.in_class)) if day]
            if new.begins_on <= min(ends, default=date.max):  # later ones are of the roster that was applied ahead
                wanted[new[:3]] = new
        return wanted

    def _dated(self, each: FoundMembership) -> NewMembership:
        """Give the days that a file means; who is known in a class that is known comes into it from now on."""
        in_class = self.classes[each.class_key]
        held_class, held_person = self.matched.classes.get(each.class_key), self.matched.people.get(each.person_key)
        begins = each.begins_on or max(self.starts_on, in_class.begins_on or self.starts_on)
        if self.starts_on > self.today or (held_class and held_person):
            begins = max(begins, self.starts_on)
        ends = min((day for day in (each.ends_on, in_class.ends_on) if day), default=None)
        class_id = held_class.id if held_class else new_key(each.class_key)
        person = held_person.id if held_person else new_key(each.person_key)
        return NewMembership(class_id, person, each.role, begins, ends)

    def _clipped(self, new: NewMembership) -> NewMembership:
        """End what begins now before a roster that was applied ahead."""
        until = self.until.get(new.in_class)
        return new._replace(ends_on=min(until, new.ends_on or until)) if until else new

    def _held(self) -> dict[_Key, list[HeldMembership]]:
        """Give the memberships that this roster speaks of, and that are not over when it begins."""
        held = defaultdict(list)
        for each in self.standing.memberships:
            later = each.class_id in self.until and each.begins_on > self.until[each.class_id]
            over = each.ends_on is not None and each.ends_on < self.starts_on
            if each.class_id in self.in_scope and not later and not over:
                held[each.class_id, each.person, each.role].append(each)
        return held

    def _redated(self, wanted: dict[_Key, NewMembership], held: dict[_Key, list[HeldMembership]]) -> Iterator[NewDays]:
        """Give other days to what goes on; a day on which somebody began already is never moved later."""
        for key, rows in held.items():
            if key not in wanted:
                continue
            row, new = rows[-1], wanted[key]
            begins = row.begins_on if row.begins_on <= self.today else new.begins_on
            until = self.until.get(row.class_id)
            goes_beyond = until is not None and (new.ends_on is None or new.ends_on >= until)
            ends = row.ends_on if goes_beyond else new.ends_on
            if (begins, ends) != (row.begins_on, row.ends_on):
                yield NewDays(row.id, begins, ends)

    def _began(self, held: HeldMembership) -> bool:
        return held.begins_on <= self.today or held.begins_on < self.starts_on

    def _ended(self, held: HeldMembership) -> NewDays:
        return NewDays(held.id, held.begins_on, max(self.starts_on - _DAY, held.begins_on))

    def _closed(self, held: HeldClass) -> HeldClass:
        return held._replace(ends_on=max(self.starts_on - _DAY, held.begins_on))

    def _changed_classes(self) -> Iterator[ChangedClass]:
        for key, each in self.classes.items():
            held = self.matched.classes.get(key)
            if held is None:
                continue
            ends_on = held.ends_on if held.id in self.until else each.ends_on
            begins_on = min(held.begins_on, each.begins_on or held.begins_on)
            after = held._replace(title=each.title, site=each.site, begins_on=begins_on, ends_on=ends_on)
            if after != held:
                yield ChangedClass(held, after)

    def _new_people(self, wanted: dict[_Key, NewMembership]) -> Iterator[tuple[FoundPerson, str]]:
        """Give who comes into a class and is not known; who is in none that still goes on is not kept."""
        coming = {each.person for each in wanted.values()}
        for person in self.roster.people:
            if new_key(person.key) in coming:
                yield person, self.standing.accounts.get(person.email, "") if person.email else ""

    def _changed_people(self) -> Iterator[ChangedPerson]:
        for person in self.roster.people:
            held = self.matched.people.get(person.key)
            if held is None:
                continue
            account = self.standing.accounts.get(person.email, "") if person.email else ""
            after = held._replace(
                kind=person.kind,
                name=person.name,
                account=held.account or account,
                of_age_on=person.of_age_on or held.of_age_on,
                sourced_id=held.sourced_id or (person.sourced_id if person.sourced_id != held.id else ""),
            )
            if after != held:
                yield ChangedPerson(held, after)

    def _who_moved(
        self, begun: list[NewMembership], gone: list[HeldMembership]
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Give who is in another class now, and who is in none any more."""
        losing = {each.person for each in gone}
        gone_rows = {each.id for each in gone}
        staying = {each.person for each in begun}
        coming = set(staying)
        for each in self.standing.memberships:
            if each.id not in gone_rows and (each.ends_on is None or each.ends_on >= self.starts_on):
                staying.add(each.person)
        return tuple(sorted(losing & coming)), tuple(sorted(losing - staying))

    def _loss(self, left: tuple[str, ...], held: dict[_Key, list[HeldMembership]], gone: int, begun: int) -> Loss:
        """Count what vanishes; for a roster of a later year, in which all classes change, what is not replaced."""
        return Loss(
            people=len(left),
            people_before=len({person for _, person, _ in held}),
            memberships=gone if self.starts_on <= self.today else max(0, gone - begun),
            memberships_before=sum(map(len, held.values())),
        )
