"""The table of masks: one row for each version of a room's mask. Rows are added and never changed or removed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from controller.db import ID_CHARS, Base

REASON_CHARS = 300


class MaskVersion(Base):
    """One version of a room's mask; the highest holds. One without areas says that nothing is hidden any more."""

    __tablename__ = "mask_version"

    room: Mapped[str] = mapped_column(ForeignKey("room.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    areas: Mapped[str] = mapped_column(Text)
    """As it was typed and read: corners in thousandths with commas between, an area a line; empty: none."""
    reason: Mapped[str] = mapped_column(String(REASON_CHARS), default="")
    """Why nothing is hidden any more; empty where something is."""
    set_by: Mapped[str] = mapped_column(String(ID_CHARS))
    set_at: Mapped[datetime]
