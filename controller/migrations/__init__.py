"""Migrations: how the database came to its present form, one step after the other, on SQLite and PostgreSQL alike.

Every process asks whether the form is the newest; only who changes it loads Alembic and all migrations.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from controller.db import Database
from controller.errors import OperatorError

if TYPE_CHECKING:
    from alembic.config import Config as AlembicConfig

_FOLDER = Path(__file__).parent


def alembic_config(database: Database) -> AlembicConfig:
    """Make Alembic's configuration in memory: there is no alembic.ini."""
    from alembic.config import Config as AlembicConfig

    config = AlembicConfig()
    config.set_main_option("script_location", str(_FOLDER))
    config.attributes["engine"] = database.engine
    return config


def upgrade(database: Database) -> None:
    """Bring the database to the newest form, or leave it alone when it has it; raise `OperatorError` without one.

    A file that is made here is closed to others, whatever the folder around it is.
    """
    from alembic import command

    _make_private(database)
    try:
        command.upgrade(alembic_config(database), "head")
    except DBAPIError as error:
        raise OperatorError(
            f"[controller] database: {_describe(database)} cannot be used: {error.orig}; see that it can be reached, "
            "written by this user, and has room"
        ) from None


def require_current(database: Database, path: Path) -> None:
    """Raise `OperatorError`, which names the configuration's `path`, unless the database has the newest form."""
    newest = newest_form()
    remedy = f"run: backrow controller migrate --config {path}"
    try:
        with database.engine.connect() as connection:
            found = _form_of(connection)
    except DBAPIError as error:
        raise OperatorError(f"the database {_describe(database)} cannot be opened: {error.orig}; {remedy}") from None
    if found != newest:
        raise OperatorError(
            f"the database {_describe(database)} has form {found or '(none)'}, this program needs {newest}; {remedy}"
        )


def newest_form() -> str:
    """Give the revision of the newest migration: files are named after theirs, and each follows the one before."""
    return max(path.name.partition("_")[0] for path in (_FOLDER / "versions").glob("[0-9]*_*.py"))


def _form_of(connection: Connection) -> str | None:
    """Read the revision that Alembic keeps in its own table; nothing where it has never been."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def _make_private(database: Database) -> None:
    url = database.engine.url
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        return
    with suppress(OSError):  # what cannot be made is told by the migration itself
        Path(url.database).touch(mode=0o640, exist_ok=True)


def _describe(database: Database) -> str:
    return database.engine.url.render_as_string()
