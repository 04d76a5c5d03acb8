"""Writing a manifest: whole lines or none, in one chain."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from device.spool.manifest import continue_manifest, first_line_is_whole, mend_manifest
from protocol.durable import Files
from protocol.manifest import Closed, CloseReason, Event, EventName, ManifestError
from tests.fakes.cutfiles import CountingFiles, RefusingFiles
from tests.unit.device.spool.conftest import SpoolBench


def test_writer_continues_the_chain(bench: SpoolBench) -> None:
    """Taken up again, the next line follows the last one."""
    recording = bench.record(1, reason=None)
    _, writer = continue_manifest(bench.store.manifest_path(recording), bench.signer)
    writer.append(Event(name=EventName.BOOKMARK, take=1, at_ticks=5))
    writer.append(Closed(reason=CloseReason.STOPPED, segments=1, duration_ticks=90_000))
    assert [line.number for line in bench.manifest(recording).lines] == [0, 1, 2, 3, 4]


def test_refused_line_leaves_the_chain_where_it_was(make_bench: Callable[[Files], SpoolBench]) -> None:
    """A line that the disk refused is not there, and the next one takes its place."""
    counted = CountingFiles()
    make_bench(counted).record(1, reason=None)
    for after in range(1, 4):
        files = RefusingFiles(len(counted.names) + after)
        bench = make_bench(files)
        recording = bench.begin()
        bench.seal_segment(recording)
        with pytest.raises(OSError, match="was refused"):
            recording.note(Event(name=EventName.BOOKMARK))
        recording.close(CloseReason.STOPPED)
        assert bench.manifest(recording.name).closed is not None
        assert bench.manifest(recording.name).events == ()


@pytest.mark.parametrize("cut", [1, 20, 100, 150])
def test_torn_last_line_is_cut_off(bench: SpoolBench, cut: int) -> None:
    """Whatever part of the last line is missing, the lines before it stand."""
    recording = bench.record(1)
    path = bench.store.manifest_path(recording)
    path.write_bytes(path.read_bytes()[:-cut])
    manifest = mend_manifest(path, bench.recorder.verifying, bench.files)
    assert manifest.closed is None
    assert path.read_bytes().endswith(b"\n")
    assert bench.manifest(recording) == manifest


def test_lines_of_another_recorder_are_not_cut_off(bench: SpoolBench, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A manifest of another key is not torn but foreign: it is refused, and stays as it is."""
    other = SpoolBench(tmp_path_factory.mktemp("other"))
    path = other.store.manifest_path(other.record())
    before = path.read_bytes()
    with pytest.raises(ManifestError, match="damaged at line 0"):
        mend_manifest(path, bench.recorder.verifying, bench.files)
    assert path.read_bytes() == before


def test_first_line_is_whole_once_begun_is_written(bench: SpoolBench) -> None:
    """Before `begun` nothing was captured; after it something may have been."""
    recording = bench.record(0, reason=None)
    path = bench.store.manifest_path(recording)
    assert first_line_is_whole(path, bench.recorder.verifying)
    path.write_bytes(path.read_bytes()[:-1])
    assert not first_line_is_whole(path, bench.recorder.verifying)
    path.unlink()
    assert not first_line_is_whole(path, bench.recorder.verifying)
