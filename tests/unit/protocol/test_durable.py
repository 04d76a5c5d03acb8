"""Durable files: fail any call to the system, and the file is as it was or as it should be, with no draft left."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.durable import PRIVATE, SHARED, Files, append_durably, replace_file, write_all

OLD, NEW = b"old content\n", b"new content, longer than the old\n"


class FaultyFiles(Files):
    """The real file system, whose call number `fails_at` (from 0) fails; it notes every call, in order.

    A failing write first takes half of its bytes, as a full disk does. Calls that clean up after a failure work.
    """

    def __init__(self, fails_at: int | None = None) -> None:
        self.fails_at = fails_at
        self.calls: list[str] = []

    def _note(self, call: str) -> bool:
        self.calls.append(call)
        return len(self.calls) - 1 == self.fails_at

    def _fail(self) -> OSError:
        return OSError(errno.ENOSPC, "made-up fault")

    def open(self, path: Path, flags: int, mode: int = PRIVATE) -> int:
        """Open, or fail before the file is made."""
        if self._note("open"):
            raise self._fail()
        return super().open(path, flags, mode)

    def write(self, descriptor: int, data: bytes | memoryview) -> int:
        """Write a few bytes at a time, or half of them and fail."""
        if self._note("write"):
            super().write(descriptor, data[: len(data) // 2])
            raise self._fail()
        return super().write(descriptor, data[:10])

    def sync(self, descriptor: int) -> None:
        """Sync, or fail before."""
        if self._note("sync"):
            raise self._fail()
        super().sync(descriptor)

    def close(self, descriptor: int) -> None:
        """Close, and then fail, as a network file system does."""
        super().close(descriptor)
        if self._note("close"):
            raise self._fail()

    def replace(self, source: Path, target: Path) -> None:
        """Rename, or fail before."""
        if self._note("replace"):
            raise self._fail()
        super().replace(source, target)

    def sync_folder(self, path: Path) -> None:
        """Sync the names, or fail before."""
        if self._note("sync_folder"):
            raise self._fail()
        super().sync_folder(path)


Act = Callable[[Path, bytes, Files], None]


def replace(path: Path, data: bytes, files: Files) -> None:
    """Replace a file."""
    replace_file(path, data, files=files)


def append(path: Path, data: bytes, files: Files) -> None:
    """Append to a file."""
    append_durably(path, data, files=files)


def calls_of(act: Act, folder: Path, *, stands: bool) -> list[str]:
    """Tell which calls an act makes when nothing fails."""
    folder.mkdir()
    path = folder / "file"
    if stands:
        path.write_bytes(OLD)
    files = FaultyFiles()
    act(path, NEW, files)
    return files.calls


@pytest.mark.parametrize("stands", [True, False])
@pytest.mark.parametrize("act", [replace, append])
def test_failed_call_leaves_the_old_file_or_the_new_one(tmp_path: Path, act: Act, stands: bool) -> None:  # noqa: FBT001
    """Each call fails in turn: the error is told, the content is the old or the new, and nothing else is left."""
    calls = calls_of(act, tmp_path / "rehearsal", stands=stands)
    assert calls.count("write") > 2
    for fails_at in range(len(calls)):
        folder = tmp_path / str(fails_at)
        folder.mkdir()
        path = folder / "file"
        if stands:
            path.write_bytes(OLD)
        with pytest.raises(OSError, match="made-up fault"):
            act(path, NEW, FaultyFiles(fails_at))
        old = {path: OLD} if stands else {}
        new = {path: OLD + NEW if act is append and stands else NEW}
        assert {found: found.read_bytes() for found in folder.iterdir()} in (old, new), calls[fails_at]


def test_replaced_file_is_synced_before_it_gets_its_name(tmp_path: Path) -> None:
    """Content first, then the name, then the folder: a cut between any two leaves a whole file."""
    calls = calls_of(replace, tmp_path / "rehearsal", stands=True)
    assert [call for call in calls if call != "write"] == ["open", "sync", "close", "replace", "sync_folder"]
    assert calls.index("sync") > max(at for at, call in enumerate(calls) if call == "write")


@pytest.mark.parametrize(
    ("stands", "synced"), [(False, ["open", "sync", "sync_folder", "close"]), (True, ["open", "sync", "close"])]
)
def test_appended_line_is_synced_with_the_name_of_a_new_file(tmp_path: Path, stands: bool, synced: list[str]) -> None:  # noqa: FBT001
    """The first line of a file makes its name durable, too; the next lines sync the content alone."""
    calls = calls_of(append, tmp_path / "rehearsal", stands=stands)
    assert [call for call in calls if call != "write"] == synced


def test_first_append_after_a_cut_syncs_the_name_of_an_empty_file(tmp_path: Path) -> None:
    """A file that a cut left empty may have an unsynced name: the next append makes it durable."""
    (tmp_path / "file").touch()
    files = FaultyFiles()
    append_durably(tmp_path / "file", NEW, files=files)
    assert "sync_folder" in files.calls


def test_appends_add_up(tmp_path: Path) -> None:
    """Lines stand in the order in which they were appended."""
    for line in (b"a\n", b"b\n", b"c\n"):
        append_durably(tmp_path / "file", line)
    assert (tmp_path / "file").read_bytes() == b"a\nb\nc\n"


def test_append_after_a_failed_one_continues_the_file(tmp_path: Path) -> None:
    """Half a line that a full disk left is gone before the next line is written."""
    path = tmp_path / "file"
    append_durably(path, b"first\n")
    with pytest.raises(OSError, match="made-up fault"):
        append_durably(path, b"a line that does not fit\n", files=FaultyFiles(2))
    append_durably(path, b"second\n")
    assert path.read_bytes() == b"first\nsecond\n"


@given(st.binary(max_size=100))
def test_everything_is_written_however_little_is_taken_at_a_time(data: bytes) -> None:
    """Short writes of the system are continued where they ended."""
    reader, writer = os.pipe()
    try:
        write_all(writer, data, FaultyFiles())
        os.close(writer)
        with open(reader, "rb", closefd=False) as pipe:
            assert pipe.read() == data
    finally:
        os.close(reader)


@pytest.mark.parametrize("mode", [PRIVATE, SHARED])
@pytest.mark.parametrize("act", [replace_file, append_durably])
def test_new_file_has_the_mode_that_was_asked_for(tmp_path: Path, act: Callable[..., None], mode: int) -> None:
    """Private files are made private: there is no instant at which others could read them."""
    before = os.umask(0)
    try:
        act(tmp_path / "file", NEW, mode=mode)
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == mode


def test_draft_that_a_killed_process_left_does_no_harm(tmp_path: Path) -> None:
    """A stale draft under the very same name is written over whole."""
    stale = tmp_path / f".file.{threading.get_native_id()}.new"
    stale.write_bytes(b"x" * 1000)
    replace_file(tmp_path / "file", NEW)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("file", NEW)]


def test_threads_that_replace_one_file_never_mix_their_content(tmp_path: Path) -> None:
    """Each reader's look finds the whole content of one writer."""
    path = tmp_path / "file"
    contents = [bytes([65 + number]) * 20_000 for number in range(4)]
    replace_file(path, contents[0])

    def write_often(content: bytes) -> None:
        for _ in range(20):
            replace_file(path, content)

    threads = [threading.Thread(target=write_often, args=[content]) for content in contents]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert path.read_bytes() in contents
    for thread in threads:
        thread.join()
    assert [found.name for found in tmp_path.iterdir()] == ["file"]


def test_interrupted_replacement_leaves_no_draft(tmp_path: Path) -> None:
    """An interrupt, which is no `OSError`, takes its draft with it as well."""

    class Interrupted(FaultyFiles):
        def _fail(self) -> OSError:
            raise KeyboardInterrupt

    for act in (replace, append):
        with pytest.raises(KeyboardInterrupt):
            act(tmp_path / "file", NEW, Interrupted(2))
        assert list(tmp_path.iterdir()) == []


def test_folders_and_names_are_made_and_removed_without_complaint(tmp_path: Path) -> None:
    """Making what stands and removing what does not are no errors: recovery does both again."""
    files = Files()
    for _ in range(2):
        files.make_folder(tmp_path / "a" / "b", 0o700)
        files.unlink(tmp_path / "gone")
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
