"""Tells whoever runs the server whether the jobs run, and when they did not. Of recordings nothing (promise P7)."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from controller.claims.models import THE_ROW, Heartbeat, Standstill
from controller.claims.school_days import judge_beat
from controller.services import Services

LOOKED_BACK = timedelta(days=30)


def tell_standstills(services: Services) -> str:
    """Give the line of `backrow controller status`: when the jobs looked last, and for how long they stood still."""
    now = services.clock()
    with services.database.reading() as session:
        row = session.get(Heartbeat, THE_ROW)
        since = select(Standstill).where(Standstill.ends_at > now - LOOKED_BACK)
        found = session.scalars(since.order_by(Standstill.begins_at)).all()
    if row is None:
        return "Jobs: they have never looked: start `backrow controller jobs`; until then no deadline of people runs."
    hours = sum((each.ends_at - each.begins_at for each in found), timedelta(0)) / timedelta(hours=1)
    stood = f" In 30 days they stood still for {hours:.1f} hours in all." if found else ""
    if judge_beat(row.at, now).stood_still:
        return f"Jobs: they do NOT run since {row.at:%Y-%m-%d %H:%M} UTC: people's deadlines stand still.{stood}"
    return f"Jobs: they run, and people's deadlines with them.{stood}"
