"""Alembic's door to the database: runs migrations on the engine that `controller.migrations` hands over.

SQLite changes many a thing of a table by making it anew, and it drops no table to which rows point while it watches
them. So it does not watch while migrations run, and what they leave is checked as a whole before it is committed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Connection

from controller.db import ChoiceType, Instant
from controller.tables import METADATA


def _render_item(kind: str, value: Any, _autogen: AutogenContext) -> str | Literal[False]:
    """Write our own types as the plain ones that the database sees: migrations must not change with the code."""
    if kind == "type" and isinstance(value, Instant):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(value, ChoiceType):
        return "sa.String(length=32)"
    return False


def _run() -> None:
    with context.config.attributes["engine"].connect() as connection, _unwatched(connection):
        context.configure(
            connection=connection,
            target_metadata=METADATA,
            render_item=_render_item,
            render_as_batch=True,  # SQLite changes a table by copying it
            compare_type=True,
            transactional_ddl=True,  # controller.db begins transactions itself, on SQLite as well
        )
        with context.begin_transaction():
            context.run_migrations()
            _require_whole(connection)
        connection.commit()


@contextmanager
def _unwatched(connection: Connection) -> Iterator[None]:
    """Let SQLite not watch what points to what; its pragma counts only outside of a transaction."""
    if connection.dialect.name != "sqlite":
        yield
        return
    _say_to_sqlite(connection, "PRAGMA foreign_keys = OFF")
    try:
        yield
    finally:
        connection.rollback()  # what is committed stays
        _say_to_sqlite(connection, "PRAGMA foreign_keys = ON")


def _say_to_sqlite(connection: Connection, words: str) -> None:
    """Say something to the driver itself: through the engine a transaction would begin before it."""
    cursor = connection.connection.cursor()
    cursor.execute(words)
    cursor.close()


def _require_whole(connection: Connection) -> None:
    """Raise, and so leave the database as it was, when a row points to one that is not there."""
    if connection.dialect.name != "sqlite":
        return
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    if broken is not None:
        raise RuntimeError(
            f"a migration would leave row {broken[1]} of table {broken[0]} pointing to a row of {broken[2]} that is "
            "not there; nothing was changed"
        )


_run()
