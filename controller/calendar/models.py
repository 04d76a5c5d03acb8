"""Tables of the calendar: hours by weekday and site, days that differ, pauses, and who changed what.

A site is the text that its units carry. The row of the empty text is the school's own: it holds for every site that has
none; its free days, other days and pause hold for every site. Without any row the window of `controller.toml` holds.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, Date, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from controller.db import ID_CHARS, Base

SITE_CHARS = 80
HOURS_CHARS = 120
LABEL_CHARS = 200


class SiteHours(Base):
    """The hours of one site; the texts are read and written by controller/calendar/repo.py."""

    __tablename__ = "site_hours"

    site: Mapped[str] = mapped_column(String(SITE_CHARS), primary_key=True)
    weekly: Mapped[str] = mapped_column(Text)
    """JSON: the windows of each weekday on which they begin, from Monday on, and as the eighth those of a free day."""
    rates: Mapped[str] = mapped_column(Text, default="[]")
    """JSON: caps by hour of the day, `[window, bit/s]`; hours that are not named have no cap of their own."""
    trickle_bps: Mapped[int] = mapped_column(BigInteger, default=0)
    """The allowance by day for all units of the site together; 0: none."""
    trickle_hours: Mapped[str] = mapped_column(String(HOURS_CHARS), default="")
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(String(ID_CHARS))


class FreeDays(Base):
    """Days without school, first and last included; on them the hours of a free day hold."""

    __tablename__ = "free_days"

    id: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True)
    site: Mapped[str] = mapped_column(String(SITE_CHARS), index=True)
    first_day: Mapped[date] = mapped_column(Date)
    last_day: Mapped[date] = mapped_column(Date, index=True)
    label: Mapped[str] = mapped_column(String(LABEL_CHARS), default="")


class OtherHours(Base):
    """One day on which the hours of a site differ; `closed` closes the line on that day."""

    __tablename__ = "other_hours"

    site: Mapped[str] = mapped_column(String(SITE_CHARS), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    window: Mapped[str] = mapped_column(String(HOURS_CHARS))
    label: Mapped[str] = mapped_column(String(LABEL_CHARS), default="")


class UploadPause(Base):
    """Uploads of a site, or with the empty text of all sites, are held up until somebody lifts it or its end comes."""

    __tablename__ = "upload_pause"

    site: Mapped[str] = mapped_column(String(SITE_CHARS), primary_key=True)
    since: Mapped[datetime]
    until: Mapped[datetime | None]
    by: Mapped[str] = mapped_column(String(ID_CHARS))


class CalendarEvent(Base):
    """One line of the calendar's history: what was changed, when and by whom."""

    __tablename__ = "calendar_event"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    site: Mapped[str] = mapped_column(String(SITE_CHARS))
    at: Mapped[datetime]
    what: Mapped[str] = mapped_column(String(32))
    by: Mapped[str] = mapped_column(String(ID_CHARS))
    """An account's id, or `operator`."""
    detail: Mapped[str] = mapped_column(Text, default="")
