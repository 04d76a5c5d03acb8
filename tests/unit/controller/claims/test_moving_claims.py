"""Recordings of a database of the form before: what its owner has watched is theirs, of the rest they are asked."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from controller import migrations
from controller.db import Database
from controller.recordings.models import Ownership, Recording

BEFORE = "0012"
OWNER = "ada"


def insert(session: Session, table: str, **given: object) -> None:
    """Insert a row of the form before: what is not given and must not be missing is empty."""
    columns = session.execute(text(f"PRAGMA table_info({table})")).all()
    values = {row.name: "2026-11-23 08:15:00" if row.type == "DATETIME" else 0 for row in columns if row.notnull}
    names = values | given
    marks = ", ".join(f":{name}" for name in names)
    session.execute(text(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})"), names)  # noqa: S608 - ours


def test_recording_that_its_owner_watched_before_is_theirs(tmp_path: Path) -> None:
    """Watched by the owner: confirmed. Never watched, or by somebody else alone: asked, and locked until the answer."""
    database = Database(f"sqlite:///{tmp_path / 'd.sqlite3'}")
    config = migrations.alembic_config(database)
    command.upgrade(config, BEFORE)
    with database.writing() as session:
        insert(session, "device", id="unit", state="active")
        for number, recording in enumerate(("watched", "new", "others")):
            insert(session, "recording", id=recording, device="unit", owner=OWNER, state="ready")
            if recording != "new":
                viewer = OWNER if recording == "watched" else "eve"
                insert(session, "view", id=number, recording=recording, viewer=viewer)
    command.upgrade(config, "head")
    with database.reading() as session:
        rows = session.execute(select(Recording.id, Recording.ownership))
        found = {recording: ownership for recording, ownership in rows}
    assert found == {
        "watched": Ownership.CONFIRMED,
        "new": Ownership.PROVISIONAL,
        "others": Ownership.PROVISIONAL,
    }
    database.close()
