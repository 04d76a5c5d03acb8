"""Tables of the audit: views of recordings, which their owner reads, and incidents at the units' door."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from controller.db import ID_CHARS, Base


class View(Base):
    """One person watched one recording: when it began and when media was last asked for."""

    __tablename__ = "view"

    id: Mapped[int] = mapped_column(primary_key=True)
    recording: Mapped[str] = mapped_column(ForeignKey("recording.id"), index=True)
    viewer: Mapped[str] = mapped_column(String(ID_CHARS))
    began_at: Mapped[datetime]
    last_at: Mapped[datetime]


class Incident(Base):
    """Something that no honest unit sends: a forged or forked manifest, an object that is not what was signed."""

    __tablename__ = "incident"

    id: Mapped[int] = mapped_column(primary_key=True)
    device: Mapped[str] = mapped_column(String(ID_CHARS), index=True)
    recording: Mapped[str | None] = mapped_column(String(ID_CHARS))
    kind: Mapped[str] = mapped_column(String(40))
    detail: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]
