"""The recorder's status file: what the agent reads of it, and what nobody can read from it."""

from __future__ import annotations

import stat
from pathlib import Path

from device.health.status import RecorderStatus, StatusFile, load_status
from protocol.durable import REAL
from tests.fakes.cutfiles import CountingFiles


def test_agent_reads_what_the_recorder_says(tmp_path: Path) -> None:
    """The two processes agree on the file."""
    said = RecorderStatus(
        fit=False, reasons=("disk_full",), school_days_left=9, notes=("tail_recovered",), damaged=("spool_damaged",)
    )
    StatusFile(tmp_path / "status", REAL).say(said)
    assert load_status(tmp_path / "status") == said


def test_status_is_written_only_when_it_says_something_new(tmp_path: Path) -> None:
    """A unit that rests wears out no card."""
    files = CountingFiles()
    status = StatusFile(tmp_path / "status", files)
    for _ in range(10):
        status.say(RecorderStatus(fit=True, school_days_left=3))
    assert files.names.count("sync") == 1


def test_status_is_readable_by_the_group(tmp_path: Path) -> None:
    """The agent is another user of the same group."""
    StatusFile(tmp_path / "status", REAL).say(RecorderStatus(fit=True))
    assert stat.S_IMODE((tmp_path / "status").stat().st_mode) == 0o640


def test_agent_reads_what_an_older_recorder_said(tmp_path: Path) -> None:
    """While a unit is updated, a status of the release before is read; its free bytes are passed over."""
    (tmp_path / "status").write_bytes(b'{"damaged":[],"fit":true,"free_bytes":1024,"reasons":[]}')
    assert load_status(tmp_path / "status") == RecorderStatus(fit=True)
