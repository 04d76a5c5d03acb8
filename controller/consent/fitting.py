"""Cuts a snapshot that no broker carries to whole days, so that it still reaches the unit at once. Pure.

What is left holds until the midnight after its last day; the next look of the jobs makes one with another day.
Blackouts are never cut. One that is too long for a single day stays whole: the unit takes it from HTTPS alone.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from controller.consent.snapshots import Content
from protocol.codec import encode_canonical, encode_record
from protocol.documents import LessonDecision
from protocol.messages import MESSAGE_LIMIT_BYTES

MOST_BYTES = MESSAGE_LIMIT_BYTES - 8192
"""What the entries may take: the rest of the document, its mask and its signature need less than the difference."""
FEW = 100
"""So many entries are never too long, and are not measured: one takes less than 500 bytes."""


def fit(content: Content, zone: tzinfo) -> Content:
    """Give a content that a broker carries: whole, or the most whole days of the school's clock from its first on."""
    if len(content.lessons) <= FEW or _size(content) <= MOST_BYTES:
        return content
    days = sorted({_day_of(each, zone) for each in content.lessons if not _is_blackout(each)})
    for last in reversed(days[:-1]):
        cut = _until(content, last, zone)
        if _size(cut) <= MOST_BYTES:
            return cut
    return content


def _until(content: Content, last: date, zone: tzinfo) -> Content:
    kept = tuple(each for each in content.lessons if _is_blackout(each) or _day_of(each, zone) <= last)
    midnight = datetime.combine(last + timedelta(days=1), time(), tzinfo=zone).astimezone(UTC)
    ends_at = midnight if content.ends_at is None else min(midnight, content.ends_at)
    return replace(content, lessons=kept, ends_at=ends_at)


def _size(content: Content) -> int:
    return len(encode_canonical({"lessons": [encode_record(each) for each in content.lessons]}))


def _day_of(lesson: LessonDecision, zone: tzinfo) -> date:
    return lesson.begins_at.astimezone(zone).date()


def _is_blackout(lesson: LessonDecision) -> bool:
    """Tell a blackout from a lesson: it is of no class and no teacher."""
    return lesson.class_id is None and lesson.teacher is None and lesson.room is None
