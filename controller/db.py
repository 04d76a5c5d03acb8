"""The database: engine, sessions, and the base of all tables.

SQLite in WAL mode by default, PostgreSQL by URL. Sessions are opened by whoever needs one and passed on explicitly.
A writer takes the write lock at its beginning (`BEGIN IMMEDIATE`), so that it waits there instead of failing at
its end. See "Enabling Non-Legacy SQLite Transactional Modes" in SQLAlchemy's SQLite dialect for the events
used here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from itertools import islice
from threading import Lock
from typing import Any, TypeVar, TypeVarTuple

from sqlalchemy import DateTime, Dialect, Engine, MetaData, Row, Select, String, create_engine, event
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.types import TypeDecorator

BUSY_TIMEOUT_MS = 10_000
TURN_S = 30.0
ID_CHARS = 26
DIGEST_CHARS = 64
AT_ONCE = 500  # values in one statement: SQLite's oldest limit is 999
_BEGIN = "backrow_begin"

Choice = TypeVar("Choice", bound=StrEnum)
Columns = TypeVarTuple("Columns")
Value = TypeVar("Value")


class Instant(TypeDecorator[datetime]):
    """An aware instant, kept in UTC; a naive one is a mistake of ours and refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn an aware instant into UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"expected an aware instant, got {value!r}")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give an aware instant in UTC; SQLite keeps no zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class ChoiceType(TypeDecorator[Choice]):
    """A `StrEnum`, kept as its text: a new choice needs no change of the table."""

    impl = String(32)
    cache_ok = True

    def __init__(self, kind: type[Choice]) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: Choice | None, dialect: Dialect) -> str | None:
        """Keep the text of the choice."""
        return None if value is None else self.kind(value).value

    def process_result_value(self, value: Any, dialect: Dialect) -> Choice | None:
        """Give the choice back."""
        return None if value is None else self.kind(value)


class Base(DeclarativeBase):
    """The base of all tables; constraints have names, so that later migrations can speak of them on any database."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: Instant()}  # noqa: RUF012 - SQLAlchemy reads it from the class


class Database:
    """One engine, and the two ways to a session. Making one opens no connection."""

    def __init__(self, url: str | URL) -> None:
        self.engine = make_engine(url)
        self._writer = self.engine.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})
        self._turn = Lock()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open a session for reading; what it changed is thrown away."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Open a session that holds the write lock; commit at the end, roll back on an exception.

        Keep it short, and never touch the network inside: on SQLite all other writers wait.
        """
        with self._in_turn(), Session(self._writer, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        """Let the writers of this process wait for each other here, where whoever waits is woken when it may go on.

        SQLite looks again after longer and longer pauses, in which others pass: where many write, somebody never gets
        the lock. For writers of other processes that is still how it is.
        """
        if self.engine.dialect.name != "sqlite":
            yield
            return
        taken = self._turn.acquire(timeout=TURN_S)
        try:
            yield
        finally:
            if taken:
                self._turn.release()

    def find(self, statement: Select[*Columns], **values: object) -> Row[*Columns] | None:
        """Read one row of plain columns; for what every request of a unit asks, a tenth of a session's cost."""
        with self.engine.connect() as connection:
            return connection.execute(statement, values).first()

    def close(self) -> None:
        """Close all pooled connections."""
        self.engine.dispose()


def batches(values: Collection[Value]) -> Iterator[Sequence[Value]]:
    """Give values in lists that one statement takes."""
    left = iter(values)
    while batch := list(islice(left, AT_ONCE)):
        yield batch


def is_disk_full(error: OperationalError) -> bool:
    """Tell whether the database refused because its disk is full: SQLITE_FULL, or SQLSTATE 53100 of PostgreSQL."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    return code == sqlite3.SQLITE_FULL or getattr(error.orig, "sqlstate", None) == "53100"


def make_engine(url: str | URL) -> Engine:
    """Make an engine for a database URL, prepared for its kind."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_engine(parsed, pool_pre_ping=True)
    engine = create_engine(parsed, pool_size=96, max_overflow=16)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver's own BEGIN comes too late: `_begin_sqlite` sends it
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout = {BUSY_TIMEOUT_MS}",
        "journal_mode = WAL",
        "synchronous = FULL",  # a receipt promises that the row survives a power cut
        "foreign_keys = ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN"))
