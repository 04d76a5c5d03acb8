"""Pilots of a database of the form before keep holding, and go back as they were."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

from alembic import command
from sqlalchemy import text

from controller import migrations
from controller.consent import repo
from controller.consent.models import Pilot
from controller.db import Database
from controller.timetable.models import Room

BEFORE = "0013"
DAY = date(2026, 11, 30)
INSERT = text(
    "INSERT INTO adults_only (room, until, reason, set_by, set_at) "
    "VALUES (:room, '2026-12-01', 'a trial', 'officer', '2026-11-20 08:00:00')"
)


def test_pilot_of_the_form_before_goes_on_and_an_ended_one_does_not_come_back(tmp_path: Path) -> None:
    """Up: the row holds with its reason. Down: what holds is a row again, what was ended is none."""
    database = Database(f"sqlite:///{tmp_path / 'd.sqlite3'}")
    migrations.upgrade(database)
    config = migrations.alembic_config(database)
    with database.writing() as session:
        session.add_all((Room(id="kept", site="", name="A"), Room(id="ended", site="", name="B")))
    command.downgrade(config, BEFORE)
    with database.writing() as session:
        for room in ("kept", "ended"):
            session.execute(INSERT, {"room": room})
    command.upgrade(config, "head")
    with database.writing() as session:
        assert {room: row.reason for room, row in repo.pilots_on(session, DAY).items()} == {
            "kept": "a trial",
            "ended": "a trial",
        }
        ended = Pilot(room="ended", until=None, reason="", set_by="officer", set_at=datetime(2026, 11, 24, tzinfo=UTC))
        session.add(ended)
    command.downgrade(config, BEFORE)
    with database.reading() as session:
        assert session.execute(text("SELECT room, until FROM adults_only")).all() == [("kept", "2026-12-01")]
    database.close()
