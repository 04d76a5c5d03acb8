"""The gate to the spool: names, modes, removal in the right order, and the reserve."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable

import pytest

from protocol.durable import Files
from protocol.ids import IdError
from tests.fakes.cutfiles import CountingFiles, Cut, KilledFiles
from tests.school import new_id
from tests.unit.device.spool.conftest import SpoolBench


@pytest.mark.parametrize("name", ["..", "../x", "a/b", "", "ROOM", "x" * 26 + "/", "." * 26])
def test_path_is_made_of_identifiers_only(bench: SpoolBench, name: str) -> None:
    """No name from outside reaches the file system as a path."""
    with pytest.raises(IdError):
        bench.store.folder(name)


@pytest.mark.parametrize("index", [-1, 1_000_000])
def test_object_has_a_number_of_six_digits(bench: SpoolBench, index: int) -> None:
    """Indexes that no recording has are refused."""
    with pytest.raises(ValueError, match="expected an index"):
        bench.store.object_path(new_id(), index)


def test_objects_are_named_as_the_architecture_says(bench: SpoolBench) -> None:
    """key.age is index 0, segments count from 000001.age."""
    recording = new_id()
    assert [bench.store.object_path(recording, at).name for at in (0, 1, 12)] == ["key.age", "000001.age", "000012.age"]


def test_foreign_names_are_passed_over(bench: SpoolBench) -> None:
    """lost+found, a stray file and a link are no recordings."""
    recording = bench.record()
    (bench.root / "lost+found").mkdir()
    (bench.root / new_id()).write_text("a file")
    (bench.root / new_id()).symlink_to("/etc")
    assert bench.store.recordings() == (recording,)


def test_files_are_readable_by_the_group_and_nobody_else(bench: SpoolBench) -> None:
    """The uploader, another user of the same group, reads; only the recorder writes."""
    recording = bench.record(1)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in bench.store.folder(recording).iterdir()}
    assert modes == {"key.age": 0o640, "manifest": 0o640, "000001.age": 0o640}
    assert stat.S_IMODE(bench.store.folder(recording).stat().st_mode) == 0o750


def test_recording_is_never_begun_in_a_folder_that_stands_there(bench: SpoolBench) -> None:
    """An identifier that was drawn twice would mix two recordings."""
    recording = bench.record()
    with pytest.raises(FileExistsError):
        bench.store.create(recording)


def test_removal_takes_the_key_first_and_the_manifest_last(make_bench: Callable[[Files], SpoolBench]) -> None:
    """From the first moment nothing of it can be opened; to the last one it is known what it was."""
    files = CountingFiles()
    bench = make_bench(files)
    recording = bench.record(2)
    files.names.clear()
    bench.store.remove_recording(recording)
    removed = [name for name in files.names if name.startswith(("unlink", "remove_folder"))]
    assert removed == [
        "unlink key.age",
        "unlink 000001.age",
        "unlink 000002.age",
        "unlink manifest",
        f"remove_folder {recording}",
    ]
    assert bench.store.recordings() == ()


def test_removal_that_is_cut_off_can_be_done_again(make_bench: Callable[[Files], SpoolBench]) -> None:
    """Killed at any operation of a removal, the next one ends it."""
    for at in range(1, 12):
        whole = make_bench(CountingFiles())
        recording = whole.record(2)
        killed = SpoolBench(whole.root, KilledFiles(at + 1))
        try:
            killed.store.remove_recording(recording)
        except Cut:
            for left in whole.store.recordings():
                whole.store.remove_recording(left)
        assert whole.store.recordings() == ()


def test_size_is_that_of_a_regular_file_only(bench: SpoolBench) -> None:
    """A link that somebody laid instead of a segment has no size."""
    recording = bench.record(1)
    path = bench.store.object_path(recording, 1)
    assert bench.store.size_bytes(recording, 1) == path.stat().st_size
    path.unlink()
    assert bench.store.size_bytes(recording, 1) is None
    path.symlink_to("/etc/passwd")
    assert bench.store.size_bytes(recording, 1) is None


def test_reserve_takes_real_blocks_and_gives_them_back(bench: SpoolBench) -> None:
    """The reserve is no hole in a sparse file: its blocks are there when they are needed."""
    bench.store.hold_reserve(1_000_000)
    assert bench.store.reserve_bytes == 1_000_000
    assert (bench.root / ".reserve").stat().st_blocks * 512 >= 1_000_000
    bench.store.release_reserve()
    assert bench.store.reserve_bytes == 0


def test_reserve_follows_its_setting(bench: SpoolBench) -> None:
    """A new size replaces the old one."""
    for size in (1_000_000, 2_000_000, 500_000):
        bench.store.hold_reserve(size)
        assert bench.store.reserve_bytes == size


def test_drafts_are_removed_and_nothing_else(bench: SpoolBench) -> None:
    """What a replacement that was cut off left behind goes; footage does not."""
    recording = bench.record(1)
    draft = bench.store.folder(recording) / ".key.age.4711.new"
    draft.write_bytes(b"half a key")
    before = set(os.listdir(bench.store.folder(recording))) - {draft.name}
    bench.store.remove_drafts(recording)
    assert set(os.listdir(bench.store.folder(recording))) == before


def test_only_the_recorders_user_may_write_in_the_spool(bench: SpoolBench) -> None:
    """The group (agent, uploader) may read recordings and change nothing; others may not even list them."""
    bench.record(2)
    bench.store.hold_reserve(4096)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in [bench.root, *bench.root.rglob("*")]}
    assert modes <= {0o750, 0o640, 0o600}
    assert stat.S_IMODE((bench.root / ".reserve").stat().st_mode) == 0o600
