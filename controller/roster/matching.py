"""Decides who in a file is who in what stands: by number, by an adult's account, by name only where it is sure. Pure.

A wrong match would count one family's answer for another's child. So a name matches one person alone, of the same kind,
in the same class or else the same site; where two have it nobody is matched, and the roster cannot be applied.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta

from controller.people.policy import same_name
from controller.roster.found import FoundClass, FoundPerson, Roster
from controller.roster.models import Source
from controller.roster.standing import HeldClass, HeldPerson, Standing

REMEMBERED = timedelta(days=120)  # the longest holidays: for so long a name without a number is known after its class

_NameKey = tuple[str, tuple[str, str]]


@dataclass
class Matched:
    """Ids by the keys of a file; what is in none of them is new."""

    classes: dict[str, HeldClass] = field(default_factory=dict)
    people: dict[str, HeldPerson] = field(default_factory=dict)
    by_name: set[str] = field(default_factory=set)
    """People who were known by name alone, outside their class."""
    foreign: list[FoundClass] = field(default_factory=list)
    """Classes of a table whose title and site a class of the school's system has."""
    ambiguous: list[FoundPerson] = field(default_factory=list)


def match(roster: Roster, standing: Standing, starts_on: date) -> Matched:
    """Find the classes and people of a roster in what stands."""
    found = Matched()
    _match_classes(found, roster, standing, starts_on)
    _People(found, roster, standing, starts_on).match_all()
    return found


def _match_classes(found: Matched, roster: Roster, standing: Standing, starts_on: date) -> None:
    if roster.source is Source.ONEROSTER:
        known = {each.sourced_id: each for each in standing.classes if each.sourced_id}
        found.classes.update((each.key, known[each.sourced_id]) for each in roster.classes if each.sourced_id in known)
        return
    alive = [each for each in standing.classes if each.ends_on is None or each.ends_on >= starts_on]
    by_title = {(each.site, each.title.casefold()): each for each in alive}
    for each in roster.classes:
        held = by_title.get((each.site, each.title.casefold()))
        if held and held.source is not Source.TABLE:
            found.foreign.append(each)
        elif held:
            found.classes[each.key] = held


class _People:
    """Finds people, the surest way first: a number, an account, the name within the class, the name within the site."""

    def __init__(self, found: Matched, roster: Roster, standing: Standing, starts_on: date) -> None:
        self._found, self._roster = found, roster
        self._by_number = {each.sourced_id: each for each in standing.people if each.sourced_id}
        self._by_id = {each.id: each for each in standing.people}
        self._is_table = roster.source is Source.TABLE
        self._by_account = {each.account: each for each in standing.people if each.account}
        self._accounts = standing.accounts
        self._used: set[str] = set()
        self._in_class: dict[_NameKey, set[str]] = defaultdict(set)
        self._in_site: dict[_NameKey, set[str]] = defaultdict(set)
        if any(not each.sourced_id for each in roster.people):
            self._learn_names(standing, starts_on - REMEMBERED)

    def _learn_names(self, standing: Standing, since: date) -> None:
        sites = {each.id: each.site for each in standing.classes}
        for held in standing.memberships:
            person = self._by_id.get(held.person)
            if person and (held.ends_on is None or held.ends_on >= since):
                same = same_name(person.name)
                self._in_class[held.class_id, same].add(person.id)
                self._in_site[sites[held.class_id], same].add(person.id)

    def match_all(self) -> None:
        """Match everybody; those with a number first, so that nobody is found twice."""
        for person in sorted(self._roster.people, key=lambda each: not each.sourced_id):
            if person.sourced_id:
                self._take(person, self._find_numbered(person))
        classes: dict[str, list[str]] = defaultdict(list)
        for member in self._roster.memberships:
            classes[member.person_key].append(member.class_key)
        sites = {each.key: each.site for each in self._roster.classes}
        for person in self._roster.people:
            if not person.sourced_id:
                mine = classes[person.key]
                self._match_unnumbered(person, mine, {sites[key] for key in mine})

    def _find_numbered(self, person: FoundPerson) -> HeldPerson | None:
        """Find by the school's number, in a table also by ours; an adult whom a plain list brought gets theirs now."""
        ours = self._by_id.get(person.sourced_id) if self._is_table else None
        numbered = self._by_number.get(person.sourced_id) or ours
        account = self._accounts.get(person.email) if person.email else None
        listed = self._by_account.get(account) if account else None
        return numbered or (listed if listed and not listed.sourced_id and listed.id not in self._used else None)

    def _take(self, person: FoundPerson, held: HeldPerson | None) -> None:
        if held is not None and held.id in self._used:
            self._found.ambiguous.append(person)
        elif held is not None:
            self._used.add(held.id)
            self._found.people[person.key] = held

    def _match_unnumbered(self, person: FoundPerson, classes: Iterable[str], sites: Iterable[str]) -> None:
        account = self._accounts.get(person.email) if person.email else None
        if account and account in self._by_account:
            self._take(person, self._by_account[account])
            return
        same = same_name(person.name)
        held = [self._found.classes[key].id for key in classes if key in self._found.classes]
        near = self._free(person, (self._in_class.get((each, same), set()) for each in held))
        far = near or self._free(person, (self._in_site.get((each, same), set()) for each in sites))
        if len(far) > 1:
            self._found.ambiguous.append(person)
        elif far:
            self._take(person, self._by_id[next(iter(far))])
            if not near:
                self._found.by_name.add(person.key)

    def _free(self, person: FoundPerson, groups: Iterable[set[str]]) -> set[str]:
        """Give who of some groups is of the same kind, and was not found by something surer."""
        return {each for group in groups for each in group - self._used if self._by_id[each].kind is person.kind}
