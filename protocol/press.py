"""Says which entries of a consent snapshot a press counts for, to the unit that decides and to pages that tell of it.

Pure. Defined in docs/protocol/consent.md ("A press").
"""

from __future__ import annotations

from datetime import datetime, timedelta

from protocol.documents import LessonDecision, Policy


def entries_at(policy: Policy, now: datetime) -> list[LessonDecision]:
    """Give the entries that a press at `now` counts for: those that run, else those that begin within the margin.

    Of the latter only the first, with whatever begins together with it; none: `otherwise` decides.
    """
    running = [each for each in policy.lessons if each.begins_at <= now < each.ends_at]
    if running:
        return running
    by = now + timedelta(seconds=policy.margin_s)
    soon = [each for each in policy.lessons if now < each.begins_at <= by]
    first_at = min((each.begins_at for each in soon), default=now)
    return [each for each in soon if each.begins_at == first_at]
