"""Alembic's door to the database: runs migrations on the engine that `controller.migrations` hands over."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

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
    with context.config.attributes["engine"].connect() as connection:
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
        connection.commit()


_run()
