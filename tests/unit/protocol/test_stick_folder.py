"""The folders of a stick: whole exports, torn ones, and what somebody else put there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from protocol.durable import REAL
from protocol.ids import IdError
from protocol.stick_folder import PartsReader, StickFolder, lay_file, open_file, unit_folders
from tests.fakes.cutfiles import CountingFiles, Cut, KilledFiles
from tests.school import new_id


@pytest.fixture
def folder(tmp_path: Path) -> StickFolder:
    """A unit's folder on an empty stick."""
    made = StickFolder(tmp_path, new_id())
    made.make(REAL)
    return made


def test_parts_are_one_stream(folder: StickFolder) -> None:
    """In the order of their numbers, whatever the size of a read."""
    for number, data in enumerate((b"one", b"", b"three"), 1):
        folder.part(number).write_bytes(data)
    reader = PartsReader(folder.parts())
    assert b"".join(iter(lambda: reader.read(2), b"")) == b"onethree"
    assert reader.read(1) == b""


def test_parts_end_where_one_is_missing(folder: StickFolder) -> None:
    """A second part without a first is no export, and a third without a second none of it."""
    folder.part(2).write_bytes(b"two")
    assert folder.parts() == ()
    folder.part(1).write_bytes(b"one")
    folder.part(4).write_bytes(b"four")
    assert [path.name for path in folder.parts()] == ["to-school.001", "to-school.002"]


def test_torn_export_is_known_by_its_names(folder: StickFolder) -> None:
    """Parts that were being written are no export, and say so."""
    assert not folder.is_torn()
    folder.writing(1).write_bytes(b"half")
    assert folder.is_torn()
    assert folder.parts() == ()
    folder.part(1).write_bytes(b"whole")
    assert not folder.is_torn()


def test_clear_leaves_the_answer(folder: StickFolder) -> None:
    """Parts go, whole or torn; the school's answer and what is not ours stays."""
    for path in (folder.part(1), folder.part(2), folder.writing(3), folder.answer, folder.path / "mine.txt"):
        path.write_bytes(b"x")
    folder.clear(REAL)
    assert sorted(path.name for path in folder.path.iterdir()) == ["from-school.age", "mine.txt"]


def test_clear_of_nothing_is_no_error(tmp_path: Path) -> None:
    """A stick that was never here has no folder."""
    StickFolder(tmp_path, new_id()).clear(REAL)


def test_units_are_found_by_the_form_of_their_names(folder: StickFolder, tmp_path: Path) -> None:
    """Files, links and foreign names are passed over."""
    top = tmp_path / "backrow"
    (top / "System Volume Information").mkdir()
    (top / new_id()).write_bytes(b"a file")
    (top / new_id()).symlink_to("/etc")
    assert unit_folders(tmp_path) == (folder,)
    assert unit_folders(tmp_path / "nowhere") == ()


def test_links_are_not_followed(folder: StickFolder, tmp_path: Path) -> None:
    """A link in place of a part, of the folder or of a draft reaches nothing outside the stick."""
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    folder.part(1).symlink_to(secret)
    with pytest.raises(OSError, match="symbolic links"):
        PartsReader(folder.parts()).read(10)
    draft = folder.answer.with_name("from-school.age.new")
    draft.symlink_to(secret)
    lay_file(folder.answer, b"answer", REAL)
    assert (secret.read_bytes(), folder.answer.read_bytes()) == (b"secret", b"answer")
    linked = StickFolder(tmp_path, new_id())
    linked.path.symlink_to(tmp_path)
    with pytest.raises(OSError, match="expected a folder"):
        linked.make(REAL)


def test_only_files_are_opened(folder: StickFolder) -> None:
    """A pipe would hold up whoever opens it for ever; a folder is no file."""
    os.mkfifo(folder.part(1))
    folder.part(2).mkdir()
    for number in (1, 2):
        with pytest.raises(OSError, match=r"expected a file|directory"):
            open_file(folder.part(number))


def test_device_is_an_identifier(tmp_path: Path) -> None:
    """It becomes the name of a folder."""
    with pytest.raises(IdError):
        StickFolder(tmp_path, "../..")


def test_small_file_is_old_or_new_wherever_it_is_cut(folder: StickFolder) -> None:
    """Killed at each operation the answer before stands, or the new one; and the next attempt succeeds."""
    lay_file(folder.answer, b"old", counting := CountingFiles())
    for at in range(1, len(counting.names) + 1):
        lay_file(folder.answer, b"old", REAL)
        with pytest.raises(Cut):
            lay_file(folder.answer, b"new", KilledFiles(at))
        assert folder.answer.read_bytes() in (b"old", b"new")
        lay_file(folder.answer, b"newest", REAL)
        assert folder.answer.read_bytes() == b"newest"
