"""The outbox: what shall be published, durably, until the broker has confirmed it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from controller.db import Base


class Outbox(Base):
    """One message to one topic; sent in the order of `id`."""

    __tablename__ = "outbox"
    __table_args__ = (Index(None, "sent_at", "id"), Index(None, "topic"))

    id: Mapped[int] = mapped_column(primary_key=True)
    topic: Mapped[str] = mapped_column(String(120))
    payload: Mapped[bytes] = mapped_column(LargeBinary)
    retain: Mapped[bool]
    made_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
