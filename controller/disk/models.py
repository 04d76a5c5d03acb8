"""The table of the disk: one row, so that whoever decides next knows how it was decided last."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from controller.db import Base

THE_ROW = 1


class DiskState(Base):
    """Whether the disk counts as full. It has one row, `THE_ROW`, from the first look on."""

    __tablename__ = "disk_state"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    full_since: Mapped[datetime | None]
    """Since when no lease is granted for want of room; None while there is room."""
