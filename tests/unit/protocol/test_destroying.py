"""Destroying a secret's file: overwritten before it is gone, whole or gone for every reader, finished after any cut."""

from __future__ import annotations

from pathlib import Path

import pytest

from protocol.durable import destroy_file
from tests.fakes.cutfiles import CountingFiles, Cut, KilledFiles, PoweredFiles, RefusingFiles

SECRET = b"AGE-SECRET-KEY-1MADEUP\n" * 3


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file with a secret, beside one that is nobody's business."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "other.key").write_bytes(b"other")
    path = tmp_path / "folder" / "secret.key"
    path.write_bytes(SECRET)
    return path


def _count(secret: Path) -> int:
    files = CountingFiles()
    destroy_file(secret, files)
    secret.write_bytes(SECRET)
    return len(files.names)


def _require_gone(secret: Path) -> None:
    assert [path.name for path in secret.parent.iterdir()] == ["other.key"]


def test_bytes_are_overwritten_before_the_file_goes(secret: Path, tmp_path: Path) -> None:
    """Whoever holds the file itself by another name finds zeros in its length."""
    held = tmp_path / "held"
    held.hardlink_to(secret)
    destroy_file(secret)
    _require_gone(secret)
    assert held.read_bytes() == bytes(len(SECRET))


def test_destroying_what_is_not_there_is_no_error(tmp_path: Path) -> None:
    """Neither a missing file nor a missing folder."""
    destroy_file(tmp_path / "nothing.key")
    destroy_file(tmp_path / "nowhere" / "nothing.key")
    assert list(tmp_path.iterdir()) == []


def test_secret_is_whole_or_gone_wherever_it_is_cut(secret: Path) -> None:
    """Killed or refused at each operation a reader finds the whole secret or none; once more finishes."""
    for at in range(1, _count(secret) + 1):
        for files, error in ((KilledFiles(at), Cut), (RefusingFiles(at), OSError)):
            secret.write_bytes(SECRET)
            with pytest.raises(error):
                destroy_file(secret, files)
            assert not secret.exists() or secret.read_bytes() == SECRET
            destroy_file(secret)
            _require_gone(secret)


def test_secret_is_whole_or_gone_wherever_the_power_goes(secret: Path) -> None:
    """The same with only what was synced left on the disk."""
    for at in range(1, _count(secret) + 1):
        secret.write_bytes(SECRET)
        files = PoweredFiles(secret.parent, at)
        files.take_as_durable()
        with pytest.raises(Cut):
            destroy_file(secret, files)
        files.leave()
        assert not secret.exists() or secret.read_bytes() == SECRET
        destroy_file(secret)
        _require_gone(secret)
