"""The database: migrations and models agree, writers wait for each other, instants stay what they were."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import select
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError, StatementError
from sqlalchemy.schema import CreateTable

from controller import migrations
from controller.audit.models import Incident, View
from controller.db import Database
from controller.errors import OperatorError
from controller.tables import METADATA

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Make a database of the newest form."""
    made = Database(f"sqlite:///{tmp_path / 'd.sqlite3'}")
    migrations.upgrade(made)
    yield made
    made.close()


def add_incident(database: Database, kind: str, at: datetime = NOW) -> None:
    """Write one row."""
    with database.writing() as session:
        session.add(Incident(device="d", recording=None, kind=kind, detail="", at=at))


def test_migrations_and_models_agree(database: Database) -> None:
    """What the migrations make is exactly what the models say: neither was changed without the other."""
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), METADATA) == []


def test_newest_form_is_the_one_head_of_the_chain(database: Database) -> None:
    """The file's number that every process asks for is what Alembic finds by following all of them."""
    assert ScriptDirectory.from_config(migrations.alembic_config(database)).get_heads() == [migrations.newest_form()]


def test_tables_can_be_made_on_postgresql() -> None:
    """Every table is written in SQL that PostgreSQL takes too, with whole numbers of 64 bits for bytes and rates."""
    made = {
        table.name: str(CreateTable(table).compile(dialect=postgresql.dialect())) for table in METADATA.sorted_tables
    }
    assert "size_bytes BIGINT" in made["held_object"]
    assert "rate_bps BIGINT" in made["lease"]
    assert "TIMESTAMP WITH TIME ZONE" in made["view"]


def test_migrations_can_be_undone_and_done_again(database: Database) -> None:
    """Down to nothing and up again leaves the same tables."""
    from alembic import command

    config = migrations.alembic_config(database)
    command.downgrade(config, "base")
    with pytest.raises(OperatorError, match=r"backrow controller migrate --config here\.toml"):
        migrations.require_current(database, Path("here.toml"))
    command.upgrade(config, "head")
    migrations.require_current(database, Path("here.toml"))


def test_database_in_no_folder_is_one_sentence_with_the_remedy(tmp_path: Path) -> None:
    """Before `migrate` made the folder, whoever asks is told to run it, with the configuration that was named."""
    database = Database(f"sqlite:///{tmp_path / 'none' / 'controller.sqlite3'}")
    with pytest.raises(OperatorError, match=r"unable to open .* backrow controller migrate --config \S+/other\.toml$"):
        migrations.require_current(database, tmp_path / "other.toml")
    with pytest.raises(OperatorError, match=r"\[controller\] database: .* unable to open"):
        migrations.upgrade(database)


def test_database_is_closed_to_others(tmp_path: Path) -> None:
    """Addresses and digests stand in it; its journal takes the same mode, also in a folder that is open to all."""
    tmp_path.chmod(0o755)
    made = Database(f"sqlite:///{tmp_path / 'd.sqlite3'}")
    migrations.upgrade(made)
    add_incident(made, "any")
    modes = {path.name: path.stat().st_mode & 0o007 for path in tmp_path.iterdir()}
    made.close()
    assert modes.keys() >= {"d.sqlite3", "d.sqlite3-wal"}
    assert set(modes.values()) == {0}


def test_sqlite_is_in_the_mode_that_receipts_need(database: Database) -> None:
    """WAL with full syncs, and foreign keys that hold."""
    with database.engine.connect() as connection:
        found = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert found == ["wal", 2, 1]
    with pytest.raises(IntegrityError), database.writing() as session:
        session.add(View(recording="nobody's", viewer="v", began_at=NOW, last_at=NOW))


def test_writers_wait_for_each_other(database: Database) -> None:
    """Many threads that read and then write lose nothing and fail nowhere: each takes the lock at its beginning."""

    def count_up() -> None:
        for _ in range(10):
            with database.writing() as session:
                number = len(session.scalars(select(Incident)).all())
                session.add(Incident(device="d", recording=None, kind=str(number), detail="", at=NOW))

    threads = [threading.Thread(target=count_up) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.reading() as session:
        assert sorted(int(row.kind) for row in session.scalars(select(Incident))) == list(range(60))


def test_writers_of_a_process_outwait_the_patience_of_sqlite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many write at the same time, none is told that the database is locked."""
    monkeypatch.setattr("controller.db.BUSY_TIMEOUT_MS", 0)
    database = Database(f"sqlite:///{tmp_path / 'd.sqlite3'}")
    migrations.upgrade(database)
    together = threading.Barrier(16)

    def write(number: int) -> None:
        together.wait()
        add_incident(database, f"{number}")

    with ThreadPoolExecutor(16) as writers:
        for each in [writers.submit(write, number) for number in range(16)]:
            each.result()
    with database.reading() as session:
        assert len(session.scalars(select(Incident)).all()) == 16
    database.close()


def test_failed_writer_leaves_nothing(database: Database) -> None:
    """An exception inside a writing session undoes all of it."""

    def fail() -> None:
        with database.writing() as session:
            session.add(Incident(device="d", recording=None, kind="k", detail="", at=NOW))
            session.flush()
            raise RuntimeError("half-way")

    with pytest.raises(RuntimeError, match="half-way"):
        fail()
    with database.reading() as session:
        assert session.scalars(select(Incident)).all() == []


def test_instants_come_back_in_utc(database: Database) -> None:
    """An instant of another zone is the same instant after the database, in UTC; a naive one is refused."""
    add_incident(database, "k", NOW.astimezone(timezone(timedelta(hours=5))))
    with database.reading() as session:
        at = session.scalars(select(Incident)).one().at
    assert (at, at.tzinfo) == (NOW, UTC)
    with pytest.raises(StatementError, match="aware"):
        add_incident(database, "k", NOW.replace(tzinfo=None))


def test_making_a_database_opens_nothing(tmp_path: Path) -> None:
    """The file is there only when somebody asks."""
    Database(f"sqlite:///{tmp_path / 'd.sqlite3'}")
    assert list(tmp_path.iterdir()) == []
