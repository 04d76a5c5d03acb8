"""Tables of the calendar: hours by weekday and site, days that differ, and pauses.

A site is the text that its units carry; the row of the empty text is the school's own, and holds for every site that
has none. Without any row the window of `controller.toml` holds.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, Date, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from controller.db import ID_CHARS, Base

SITE_CHARS = 80


class SiteHours(Base):
    """The hours of one site. `weekly` and `rates` are JSON, read by controller/calendar/policy.py."""

    __tablename__ = "site_hours"

    site: Mapped[str] = mapped_column(String(SITE_CHARS), primary_key=True)
    weekly: Mapped[str] = mapped_column(Text)
    """A window for each weekday on whose evening it opens, and one for nights before a free day."""
    rates: Mapped[str] = mapped_column(Text, default="[]")
    """Caps by hour of the day, bit/s; hours that are not named have no cap of their own."""
    trickle_bps: Mapped[int] = mapped_column(BigInteger, default=0)
    """The allowance by day for all units of the site together; 0: none."""
    trickle_hours: Mapped[str] = mapped_column(String(32), default="")
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(String(ID_CHARS))


class FreeDays(Base):
    """Days without school, first and last included; on them the hours of a free day hold."""

    __tablename__ = "free_days"

    id: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True)
    site: Mapped[str] = mapped_column(String(SITE_CHARS), index=True)
    first_day: Mapped[date] = mapped_column(Date)
    last_day: Mapped[date] = mapped_column(Date)
    label: Mapped[str] = mapped_column(String(200), default="")


class OtherHours(Base):
    """One day on which the hours of a site differ; an empty text closes the line on that day."""

    __tablename__ = "other_hours"

    site: Mapped[str] = mapped_column(String(SITE_CHARS), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    window: Mapped[str] = mapped_column(String(32), default="")
    label: Mapped[str] = mapped_column(String(200), default="")


class UploadPause(Base):
    """Uploads of a site, or with the empty text of all sites, are held up until somebody lifts it or its end comes."""

    __tablename__ = "upload_pause"

    site: Mapped[str] = mapped_column(String(SITE_CHARS), primary_key=True)
    since: Mapped[datetime]
    until: Mapped[datetime | None]
    by: Mapped[str] = mapped_column(String(ID_CHARS))
