"""Migrations: how the database came to its present form, one step after the other, on SQLite and PostgreSQL alike."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from controller.db import Database
from controller.errors import OperatorError

_FOLDER = Path(__file__).parent


def alembic_config(database: Database) -> AlembicConfig:
    """Make Alembic's configuration in memory: there is no alembic.ini."""
    config = AlembicConfig()
    config.set_main_option("script_location", str(_FOLDER))
    config.attributes["engine"] = database.engine
    return config


def upgrade(database: Database) -> None:
    """Bring the database to the newest form; one that has it already is left alone."""
    command.upgrade(alembic_config(database), "head")


def require_current(database: Database) -> None:
    """Raise `OperatorError` unless the database has the newest form."""
    newest = ScriptDirectory.from_config(alembic_config(database)).get_current_head()
    with database.engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    if found != newest:
        raise OperatorError(
            f"the database {database.engine.url.render_as_string()} has form {found or '(none)'}, this program needs "
            f"{newest}; run: backrow controller migrate --config controller.toml"
        )
