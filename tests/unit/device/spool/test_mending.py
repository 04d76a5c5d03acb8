"""Bringing a recording into order: what a cut can have done is mended, everything else is told and left alone."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from device.spool.keeping import SpoolKeeper
from device.spool.mending import Mended, mend_recording
from device.spool.recording import OpenRecording
from protocol.durable import Files
from protocol.errors import ProtocolError
from protocol.manifest import CloseReason, Recovered, Sealed
from tests.fakes.cutfiles import CountingFiles
from tests.school import new_id
from tests.unit.device.spool.conftest import INIT, SpoolBench, make_fragment


def _mend(bench: SpoolBench, recording: str) -> Mended:
    return mend_recording(bench.store, recording, bench.signer)


def _cut_off(bench: SpoolBench, fragments: int) -> OpenRecording:
    """A recording with one sealed segment and one that was being written."""
    recording = bench.begin()
    bench.seal_segment(recording)
    segment = recording.open_segment(1)
    segment.write_init(INIT)
    for number in range(fragments):
        segment.write_fragment(make_fragment(number, 70_000))
    segment.abandon()
    return recording


def _tree(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_recording_in_order_is_left_as_it_is(bench: SpoolBench) -> None:
    """Mending what is whole changes no byte."""
    recording = bench.record()
    before = _tree(bench.store.folder(recording))
    mended = _mend(bench, recording)
    assert mended.problems == ()
    assert not mended.is_open
    assert _tree(bench.store.folder(recording)) == before


def test_torn_segment_gets_its_line(bench: SpoolBench) -> None:
    """The recovered line says what is there, exactly, and how many whole chunks that can be."""
    recording = _cut_off(bench, 3)
    path = bench.store.object_path(recording.name, 2)
    mended = _mend(bench, recording.name)
    assert mended.manifest is not None
    ended = mended.manifest.segments[1].ended
    assert isinstance(ended, Recovered)
    assert (ended.digest, ended.size_bytes) == (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size)
    assert ended.whole_chunks == 3


def test_segment_with_nothing_durable_gets_its_line_too(bench: SpoolBench) -> None:
    """A header and no media is a segment of no chunks."""
    recording = _cut_off(bench, 0)
    mended = _mend(bench, recording.name)
    assert mended.manifest is not None
    ended = mended.manifest.segments[1].ended
    assert isinstance(ended, Recovered)
    assert ended.whole_chunks == 0


def test_segment_whose_file_is_gone_gets_an_empty_one(bench: SpoolBench) -> None:
    """Whatever the manifest names can be delivered: nothing is delivered as nothing."""
    recording = _cut_off(bench, 0)
    bench.store.object_path(recording.name, 2).unlink()
    mended = _mend(bench, recording.name)
    assert mended.manifest is not None
    assert mended.manifest.expected(2) == (hashlib.sha256(b"").hexdigest(), 0)
    assert bench.store.size_bytes(recording.name, 2) == 0


def test_mending_twice_changes_nothing(bench: SpoolBench) -> None:
    """Recovery that is repeated finds everything in order."""
    recording = _cut_off(bench, 2)
    _mend(bench, recording.name)
    before = _tree(bench.store.folder(recording.name))
    assert _mend(bench, recording.name).problems == ()
    assert _tree(bench.store.folder(recording.name)) == before


def test_recording_that_had_not_begun_is_removed(bench: SpoolBench) -> None:
    """A folder with a key and no first line holds nothing of anybody: it goes."""
    recording = new_id()
    bench.store.create(recording)
    bench.store.put_key(recording, b"a sealed key")
    assert _mend(bench, recording).manifest is None
    assert bench.store.recordings() == ()


def test_recording_whose_first_line_is_torn_is_removed(bench: SpoolBench) -> None:
    """The camera starts after the first line is durable: half a line is nothing captured."""
    recording = new_id()
    bench.store.create(recording)
    bench.store.put_key(recording, b"a sealed key")
    bench.store.manifest_path(recording).write_bytes(b'{"at":{"boot"')
    assert _mend(bench, recording).problems == ()
    assert bench.store.recordings() == ()


@pytest.mark.parametrize("manifest", [None, b"", b"half", b"nonsense\n"])
def test_footage_without_a_manifest_is_never_removed(bench: SpoolBench, manifest: bytes | None) -> None:
    """P5: whatever became of the manifest, segments are left alone and told."""
    recording = bench.record()
    path = bench.store.manifest_path(recording)
    path.unlink()
    if manifest is not None:
        path.write_bytes(manifest)
    mended = _mend(bench, recording)
    assert len(mended.problems) == 1
    assert bench.store.object_path(recording, 1).exists()
    assert bench.store.object_path(recording, 0).exists()


@pytest.mark.parametrize("number", [0, 1, 3])
def test_manifest_that_was_edited_is_told_and_left_alone(bench: SpoolBench, number: int) -> None:
    """A line that does not verify before the last one was not torn by a cut: nothing is cut off, nothing is written."""
    recording = bench.record()
    path = bench.store.manifest_path(recording)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[number] = lines[number].replace(b'"n":', b'"N":')
    path.write_bytes(b"".join(lines))
    before = _tree(bench.store.folder(recording))
    mended = _mend(bench, recording)
    assert mended.manifest is None
    assert f"line {number}" in mended.problems[0]
    assert _tree(bench.store.folder(recording)) == before


def test_segment_of_another_length_is_told_and_left_alone(bench: SpoolBench) -> None:
    """A sealed segment that was edited on the card is the controller's to refuse."""
    recording = bench.record()
    path = bench.store.object_path(recording, 1)
    path.write_bytes(path.read_bytes()[:-1])
    mended = _mend(bench, recording)
    assert "left alone, the controller will refuse it" in mended.problems[0]
    assert mended.manifest is not None
    assert isinstance(mended.manifest.segments[0].ended, Sealed)


def test_segment_under_another_header_is_told(bench: SpoolBench) -> None:
    """A file that was laid in place of the opened one is not the recorder's: no chunk of it is vouched for."""
    recording, other = _cut_off(bench, 2), _cut_off(bench, 3)
    path = bench.store.object_path(recording.name, 2)
    path.write_bytes(bench.store.object_path(other.name, 2).read_bytes())
    mended = _mend(bench, recording.name)
    assert mended.manifest is not None
    ended = mended.manifest.segments[1].ended
    assert isinstance(ended, Recovered)
    assert ended.whole_chunks == 0
    assert "another header" in mended.problems[0]


def test_file_with_media_that_no_line_names_is_told_and_left_alone(bench: SpoolBench) -> None:
    """Only a header without media is removed when its `opened` line never came."""
    recording, other = _cut_off(bench, 0), _cut_off(bench, 3)
    stray = bench.store.object_path(recording.name, 3)
    stray.write_bytes(bench.store.object_path(other.name, 2).read_bytes())
    mended = _mend(bench, recording.name)
    assert "holds media that the manifest does not name" in mended.problems[0]
    assert stray.exists()


def test_manifest_in_another_recordings_folder_is_told(bench: SpoolBench) -> None:
    """A folder that was renamed on the card is not believed."""
    recording, name = bench.record(), new_id()
    bench.store.folder(recording).rename(bench.store.folder(name))
    assert "the manifest is of recording" in _mend(bench, name).problems[0]


def test_ending_closes_once(bench: SpoolBench) -> None:
    """Ending a recording that is closed already writes nothing: the first reason stands."""
    recording = _cut_off(bench, 2)
    keeper = SpoolKeeper(bench.store, bench.signer)
    keeper.end(recording.name, CloseReason.INTERRUPTED)
    keeper.end(recording.name, CloseReason.STOPPED)
    closed = bench.manifest(recording.name).closed
    assert closed is not None
    assert closed.reason is CloseReason.INTERRUPTED
    assert closed.segments == 2


def test_ending_what_cannot_be_believed_is_an_error(bench: SpoolBench) -> None:
    """The machine learns that the recording could not be closed, and the words say why."""
    recording = bench.record()
    bench.store.manifest_path(recording).write_bytes(b"nonsense\nnonsense\n")
    with pytest.raises(ProtocolError, match="damaged at line 0"):
        SpoolKeeper(bench.store, bench.signer).end(recording, CloseReason.STOPPED)


@pytest.mark.parametrize(("code", "tries"), [(errno.ENOSPC, 2), (errno.EDQUOT, 2), (errno.EIO, 1), (errno.EROFS, 1)])
def test_reserve_is_given_away_for_a_full_disk_alone(bench: SpoolBench, code: int, tries: int) -> None:
    """An error of the card or a read-only one is no question of space: nothing is tried twice, the reserve stays."""
    bench.store.hold_reserve(4096)
    tried: list[int] = []

    def write() -> None:
        tried.append(bench.store.reserve_bytes)
        raise OSError(code, os.strerror(code))

    with pytest.raises(OSError, match=os.strerror(code)):
        SpoolKeeper(bench.store, bench.signer).with_reserve(write)
    assert tried == [4096, 0][:tries]
    assert bench.store.reserve_bytes == (0 if tries == 2 else 4096)


def test_tail_is_on_the_disk_before_its_line(make_bench: Callable[[Files], SpoolBench]) -> None:
    """P4: what a killed process had not synced may go with the next power cut; the line must not speak of it first."""
    files = CountingFiles()
    bench = make_bench(files)
    recording = _cut_off(bench, 2)
    files.names.clear()
    _mend(bench, recording.name)
    assert isinstance(bench.manifest(recording.name).segments[1].ended, Recovered)
    assert files.names.index("sync") < files.names.index("write")
