"""Who has not answered: all classes with their sums, and one class by name, to be printed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from flask import Blueprint, abort, render_template, request
from sqlalchemy.orm import Session

from controller.auth.access import for_roles
from controller.consent.repo import members_of
from controller.forms import words
from controller.forms.composing import compose_now
from controller.forms.facts import changed_facts
from controller.forms.keepers import ANSWER_KEEPERS
from controller.forms.listing import ALL_SITES, list_classes, parse_wanted
from controller.forms.standing import Asked, Question, Sums, is_asked, stands_of, sum_up
from controller.forms.versions import Content, find_version, newest_version, read_version, rules_in_force
from controller.roster import words as class_words
from controller.roster.drafts import today
from controller.roster.models import SchoolClass
from controller.roster.repo import NamedClass, members_on
from controller.services import Services


class OverviewPages:
    """What a consent keeper sees of the answers, class by class."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def add_to(self, room: Blueprint) -> None:
        """Add the pages' addresses."""
        room.add_url_rule("/forms", view_func=self.overview)
        room.add_url_rule("/forms/classes/<class_id>", view_func=self.missing)

    @for_roles(*ANSWER_KEEPERS)
    def overview(self) -> str:
        """List the classes of today with the sums of their answers, and say whether the form changed."""
        day, given = self._today(), request.args
        wanted = parse_wanted(given.get("site"), given.get("title", ""), given.get("page", ""))
        with self._services.database.reading() as session:
            content = compose_now(session, self._services)
            asked = _question(session, day, content)
            listing = list_classes(session, day, wanted)
            return render_template(
                "forms/overview.html",
                words=words,
                listing=listing,
                all_sites=ALL_SITES,
                classes=_sums_of(session, listing.classes, asked),
                version=asked.version,
                newest=newest_version(session),
                changed=_changes(session, content),
            )

    @for_roles(*ANSWER_KEEPERS)
    def missing(self, class_id: str) -> str:
        """Show who of a class has not answered, and how the others stand."""
        with self._services.database.reading() as session:
            row = session.get(SchoolClass, class_id)
            if row is None:
                abort(404)
            day = max(self._today(), row.begins_on)
            asked = _question(session, day, compose_now(session, self._services))
            members = [each for each in members_on(session, class_id, day) if is_asked(each.role, asked.rules)]
            stands = stands_of(session, [each.person for each in members], asked)
        people = [Asked(member=each, held=stands[each.person]) for each in members]
        return render_template(
            "forms/class.html",
            words=words,
            class_words=class_words,
            row=row,
            day=day,
            missing=[each for each in people if each.held.is_missing],
            answered=[each for each in people if not each.held.is_missing],
            sums=sum_up([each.held for each in people]),
        )

    def _today(self) -> date:
        return today(self._services)


def _question(session: Session, day: date, content: Content) -> Question:
    return Question(day=day, rules=rules_in_force(session), version=find_version(session, content))


def _changes(session: Session, content: Content) -> tuple[str, ...]:
    """Name what differs between the newest form that was printed and the form as it would be printed now."""
    printed = read_version(session, newest_version(session))
    return changed_facts(printed.facts, content.facts) if printed else ()


def _sums_of(session: Session, classes: Sequence[NamedClass], asked: Question) -> list[tuple[NamedClass, Sums]]:
    """Give the sums of some classes; everybody's answers are read once, in however many classes they are."""
    members = members_of(session, [each.id for each in classes], asked.day, asked.day)
    people = {
        each.id: list(dict.fromkeys(one.person for one in members.get(each.id, ()) if is_asked(one.role, asked.rules)))
        for each in classes
    }
    stands = stands_of(session, {one for found in people.values() for one in found}, asked)
    return [(each, sum_up([stands[one] for one in people[each.id]])) for each in classes]
