"""A read roster waits as a draft until somebody who saw the difference applies or discards it; after 7 days it ends.

The difference is worked out anew whenever it is asked for, outside the transaction that applies it: while a district's
is planned nobody waits. Applying is refused when another roster came between (`basis`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from controller.devices.history import OPERATOR, Deed
from controller.devices.policies import reissue_for_rooms
from controller.roster.applying import changed_stands, touched_classes, write_plan
from controller.roster.content import decode_roster, encode_roster
from controller.roster.found import Passed, Reading, Roster
from controller.roster.history import Happening, Told, newest_change, note_event
from controller.roster.models import RosterDraft
from controller.roster.plan import Plan, plan_roster
from controller.roster.refusals import Fault, RosterRefusedError
from controller.roster.repo import read_standing
from controller.services import Services
from controller.timetable.repo import rooms_of_classes, rooms_of_person

DRAFT_LASTS = timedelta(days=7)
FARTHEST = timedelta(days=550)


class Vanishing(StrEnum):
    """Whether somebody said that more may vanish than a roster usually loses."""

    USUAL = "usual"
    MEANT = "meant"


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What applying a draft would do, and on which state of the roster that was worked out."""

    draft: str
    roster: Roster
    plan: Plan
    passed_over: Mapping[Passed, int]
    basis: int
    later_starts: tuple[date, ...]
    """First days of rosters that were applied ahead and stay as they are: next year's."""


def today(services: Services) -> date:
    """Give the school's day."""
    return services.clock().astimezone(services.config.controller.time_zone).date()


def make_draft(services: Services, reading: Reading, starts_on: date, deed: Deed) -> str:
    """Keep a roster that was read without flaws until somebody decides, and give the draft's id."""
    if reading.roster is None:
        raise ValueError("only a roster without flaws can wait for a decision")
    if not today(services) <= starts_on <= today(services) + FARTHEST:
        raise RosterRefusedError(Fault.START_OUT_OF_RANGE, "starts_on", got=starts_on.isoformat(), most=FARTHEST.days)
    row = RosterDraft(
        id=services.new_id(),
        source=reading.roster.source,
        scope=reading.roster.scope,
        starts_on=starts_on,
        content=encode_roster(reading.roster),
        passed_over=json.dumps(dict(reading.passed_over), sort_keys=True),
        made_at=deed.at,
        made_by=deed.by,
        ends_at=deed.at + DRAFT_LASTS,
    )
    with services.database.writing() as session:
        session.add(row)
        note_event(session, Happening.DRAFTED, deed, Told(starts_on=starts_on))
    return row.id


def waiting_drafts(session: Session, services: Services) -> list[RosterDraft]:
    """Give the drafts that wait, the newest first."""
    held = select(RosterDraft).where(RosterDraft.ends_at > services.clock()).order_by(RosterDraft.made_at.desc())
    return list(session.scalars(held))


def find_draft(session: Session, services: Services, draft: str) -> RosterDraft:
    """Give a draft that still waits; raise `RosterRefusedError`."""
    row = session.get(RosterDraft, draft)
    if row is None or row.ends_at <= services.clock():
        raise RosterRefusedError(Fault.DRAFT_UNKNOWN, "draft", got=draft[:40])
    return row


def preview(services: Services, draft: str) -> Preview:
    """Work out what applying a draft would do now; a first day that has passed becomes today."""
    with services.database.reading() as session:
        row = find_draft(session, services, draft)
        starts_on = max(row.starts_on, today(services))
        standing, basis = read_standing(session, starts_on), newest_change(session)
    roster = decode_roster(row.content)
    return Preview(
        draft=row.id,
        roster=roster,
        plan=plan_roster(roster, standing, starts_on=starts_on, today=today(services)),
        passed_over={Passed(why): number for why, number in json.loads(row.passed_over).items()},
        basis=basis,
        later_starts=tuple(sorted(standing.later_starts)),
    )


def apply_draft(services: Services, draft: str, *, basis: int, vanishing: Vanishing, deed: Deed) -> Plan:
    """Apply what somebody saw; `basis` is that of the preview. Raises `RosterRefusedError`.

    In one transaction with what the units of the rooms are told: a pupil who came may be one who said no (P3).
    """
    shown = preview(services, draft)
    if shown.basis != basis:
        raise RosterRefusedError(Fault.CHANGED_MEANWHILE, "draft")
    require_applicable(shown.plan, vanishing)
    with services.database.writing() as session:
        if newest_change(session) != basis:
            raise RosterRefusedError(Fault.CHANGED_MEANWHILE, "draft")
        row = find_draft(session, services, draft)
        classes = touched_classes(session, shown.plan)
        write_plan(session, shown.plan, row.source, new_id=services.new_id, now=deed.at)
        session.flush()
        rooms = rooms_of_classes(session, classes) if classes else set()
        for person in changed_stands(shown.plan):
            rooms |= rooms_of_person(session, person)
        reissue_for_rooms(services, session, rooms)
        session.delete(row)
        told = Told(starts_on=shown.plan.starts_on, sums=shown.plan.sums())
        note_event(session, Happening.APPLIED, deed, told)
    return shown.plan


def require_applicable(plan: Plan, vanishing: Vanishing) -> None:
    """Refuse a plan that guesses, changes nothing, or lets vanish more than somebody said."""
    if plan.foreign:
        titles = ", ".join(each.title for each in plan.foreign[:5])
        raise RosterRefusedError(Fault.CLASS_OF_THE_SYSTEM, "file", got=titles)
    if plan.ambiguous:
        names = "; ".join(each.name.listed for each in plan.ambiguous[:5])
        raise RosterRefusedError(Fault.NAME_AMBIGUOUS, "file", got=names)
    if plan.changes_nothing:
        raise RosterRefusedError(Fault.NOTHING_CHANGES, "file")
    if plan.loss.is_too_much and vanishing is not Vanishing.MEANT:
        loss = plan.loss
        facts = {"people_before": loss.people_before, "memberships_before": loss.memberships_before}
        raise RosterRefusedError(
            Fault.TOO_MUCH_VANISHES, "vanishing", people=loss.people, memberships=loss.memberships, **facts
        )


def discard_draft(services: Services, draft: str, deed: Deed) -> None:
    """Throw a draft away; nothing was changed by it."""
    with services.database.writing() as session:
        session.delete(find_draft(session, services, draft))
        note_event(session, Happening.DISCARDED, deed)


def end_drafts(services: Services) -> int:
    """Throw away the drafts for which nobody decided; tell how many."""
    now = services.clock()
    with services.database.writing() as session:
        over = session.scalars(select(RosterDraft.id).where(RosterDraft.ends_at <= now)).all()
        session.execute(delete(RosterDraft).where(RosterDraft.id.in_(over)))
        for _ in over:
            note_event(session, Happening.EXPIRED, Deed(OPERATOR, now))
    return len(over)
