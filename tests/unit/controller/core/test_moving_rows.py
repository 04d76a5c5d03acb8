"""Migrations of a database with rows that point to one another, back and forth: nothing is lost, nothing dangles."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import column, select, table

from controller import migrations
from controller.db import Database
from controller.devices.policies import renew_policies
from tests.classes import enter_classes
from tests.days import enter_day
from tests.house import House, make_house
from tests.unit.controller.uploads.unit_client import made_up_segment

POINTING = {"device": "owner", "recording": "device", "presence": "device", "room": "name", "lesson_rule": "room"}
"""Tables that had rows before the newest migrations, with a column that must come through."""


@pytest.fixture
def full(tmp_path: Path) -> House:
    """Make a school with a unit that was in touch, a recording, a timetable, and answers; one of them taken back."""
    house = make_house(tmp_path)
    ada = house.add_teacher()
    classes = enter_classes(house, by=ada.id, teacher=ada.id)
    enter_day(house, ada, classes.class_id, room="Room 12")
    house.deliver(house.make_lesson(ada, [made_up_segment()]))
    renew_policies(house.services)
    return house


def rows(database: Database) -> dict[str, list[object]]:
    """Give what must come through."""
    with database.reading() as session:
        return {
            name: list(session.scalars(select(column(wanted)).select_from(table(name)).order_by(column(wanted))))
            for name, wanted in POINTING.items()
        }


@pytest.mark.parametrize("form", ["0016", "0015", "0012", "0013", "0011", "0010"])
def test_units_and_what_points_to_them_come_through_a_way_back_and_forth(full: House, form: str) -> None:
    """From the newest form to an older one and up again, with every row in place."""
    database = full.services.database
    before = rows(database)
    assert all(before.values()), before
    config = migrations.alembic_config(database)
    command.downgrade(config, form)
    assert rows(database) == before
    command.upgrade(config, "head")
    assert rows(database) == before
    database.close()


def test_database_watches_again_what_points_to_what_after_migrations(full: House) -> None:
    """On the very connection that the migrations used, and whether or not they came through."""
    database = full.services.database
    command.downgrade(migrations.alembic_config(database), "0016")
    with database.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    database.close()


def test_migration_that_would_leave_a_row_dangling_changes_nothing(full: House) -> None:
    """It names the table and the row, and the form stays."""
    database = full.services.database
    raw = database.engine.raw_connection()
    raw.cursor().execute("PRAGMA foreign_keys = OFF")
    raw.cursor().execute("DELETE FROM device")
    raw.cursor().execute("PRAGMA foreign_keys = ON")
    raw.close()
    with pytest.raises(RuntimeError, match="pointing to a row of device that is not there"):
        command.downgrade(migrations.alembic_config(database), "0016")
    migrations.require_current(database, Path("here.toml"))
    with database.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    database.close()
