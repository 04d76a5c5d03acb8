"""A snapshot that no broker carries is cut to whole days, and nothing that forbids is lost with them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from controller.consent.fitting import FEW, MOST_BYTES, fit
from controller.consent.snapshots import Content
from protocol.documents import Decision, LessonDecision, Permission, Policy, issue_document
from protocol.masks import MOST_AREAS, MOST_CORNERS, SCALE, Area, Corner, Mask
from protocol.messages import MESSAGE_LIMIT_BYTES
from protocol.signing import SigningKey
from tests.school import new_id

MADRID = ZoneInfo("Europe/Madrid")
MONDAY = datetime(2026, 11, 23, 7, tzinfo=UTC)
DAY = timedelta(days=1)
LARGEST_MASK = Mask(
    room=new_id(),
    version=10**6,
    areas=tuple(
        Area(corners=tuple(Corner(SCALE - number**2 - area, SCALE - number) for number in range(MOST_CORNERS)))
        for area in range(MOST_AREAS)
    ),
)
NO = Decision(permission=Permission.REFUSED, reason="blackout")


def lesson(begins_at: datetime) -> LessonDecision:
    """Make a lesson with the longest facts that there are."""
    said = Decision(
        permission=Permission.ALLOWED_IF_SEATS_ARE_CHECKED, reason="seats_must_be_checked", owner=new_id(), seats=60
    )
    ids = {"class_id": new_id(), "teacher": new_id(), "room": new_id()}
    return LessonDecision(
        lesson=new_id(), begins_at=begins_at, ends_at=begins_at + timedelta(minutes=3), decision=said, **ids
    )


def dark(begins_at: datetime) -> LessonDecision:
    """Make a blackout."""
    return LessonDecision(lesson=new_id(), begins_at=begins_at, ends_at=begins_at + timedelta(hours=1), decision=NO)


def content(days: int, lessons_a_day: int, *, dark_on: int = 0) -> Content:
    """Make a content of some days."""
    gap = timedelta(minutes=4)
    lessons = [lesson(MONDAY + day * DAY + n * gap) for day in range(days) for n in range(lessons_a_day)]
    lessons.append(dark(MONDAY + dark_on * DAY + timedelta(hours=8)))
    return Content(rules=1, lessons=tuple(lessons), otherwise=NO, margin_s=300, lasts=timedelta(days=days))


def line_of(said: Content) -> bytes:
    """Sign the document that a unit is told."""
    policy = Policy(
        generation=1,
        version=10**6,
        issued_at=MONDAY,
        expires_at=said.expires_at(MONDAY),
        device=new_id(),
        policy_version=said.rules,
        lessons=said.lessons,
        otherwise=said.otherwise,
        margin_s=said.margin_s,
        must_mask=LARGEST_MASK,
    )
    return issue_document(policy, SigningKey.generate())


@pytest.mark.parametrize("lessons", [8, 40, 43, 44, 45, 60])
def test_snapshot_is_cut_to_the_most_whole_days_that_a_broker_carries(lessons: int) -> None:
    """It fits, one more day would not, and it ends at the midnight after its last day on the school's clock."""
    whole = content(7, lessons, dark_on=6)
    cut = fit(whole, MADRID)
    days = {each.begins_at.date() for each in cut.lessons if each.teacher}
    assert len(line_of(cut)) <= MESSAGE_LIMIT_BYTES
    assert sum(each.teacher is not None for each in cut.lessons) == lessons * len(days)
    assert whole.lessons[-1] in cut.lessons
    if len(days) == 7:
        assert cut == whole
    else:
        assert len(line_of(content(len(days) + 1, lessons))) > MOST_BYTES
        assert cut.expires_at(MONDAY) == datetime(2026, 11, 22 + len(days), 23, tzinfo=UTC)


def test_few_entries_always_fit() -> None:
    """What is not measured is never too long."""
    assert len(line_of(content(1, FEW))) < MESSAGE_LIMIT_BYTES


def test_single_day_that_is_too_long_stays_whole() -> None:
    """Half of a day would let a unit say that there is no lesson where there is one."""
    whole = content(1, 200)
    assert fit(whole, MADRID) is whole


def test_pilots_end_is_not_put_off_by_a_cut() -> None:
    """What ends earlier for another reason still does."""
    ends_at = MONDAY + timedelta(hours=2)
    assert fit(replace(content(7, 60), ends_at=ends_at), MADRID).ends_at == ends_at
