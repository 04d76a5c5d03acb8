"""Reading the spool again: each object once, slowly, telling what is not what was sealed."""

from __future__ import annotations

from device.spool.inspecting import Inspector
from tests.unit.device.spool.conftest import SpoolBench


def _look(inspector: Inspector, times: int) -> list[str]:
    return [found for _ in range(times) if (found := inspector.inspect_next())]


def test_whole_spool_is_found_in_order(bench: SpoolBench) -> None:
    """Nothing is said of what is as it was sealed."""
    bench.record(3)
    assert _look(Inspector(bench.store, bench.recorder.verifying), 20) == []


def test_changed_objects_are_told_once(bench: SpoolBench) -> None:
    """A segment and a key that were edited are named, each once in the life of the process."""
    recording = bench.record(3)
    for index in (0, 2):
        path = bench.store.object_path(recording, index)
        data = path.read_bytes()
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    inspector = Inspector(bench.store, bench.recorder.verifying)
    assert [found.split(": ")[1] for found in _look(inspector, 20)] == [
        "key.age is not what was sealed; the controller will refuse it",
        "segment 2 is not what was sealed; the controller will refuse it",
    ]
    assert _look(inspector, 20) == []


def test_one_look_reads_one_object(bench: SpoolBench) -> None:
    """A full card is read in small pieces: the loop is never kept from the button for long."""
    recording = bench.record(2)
    inspector = Inspector(bench.store, bench.recorder.verifying)
    inspector.inspect_next()
    inspector.inspect_next()  # key.age
    path = bench.store.object_path(recording, 1)
    path.write_bytes(b"edited after the key was read")
    assert "segment 1" in inspector.inspect_next()


def test_recording_made_later_is_read_in_a_later_round(bench: SpoolBench) -> None:
    """The round begins again: what was recorded in the meantime is read, too."""
    inspector = Inspector(bench.store, bench.recorder.verifying)
    bench.record(1)
    assert _look(inspector, 10) == []
    recording = bench.record(1)
    bench.store.object_path(recording, 1).write_bytes(b"edited")
    assert len(_look(inspector, 10)) == 1


def test_recording_that_is_released_meanwhile_is_nothing_wrong(bench: SpoolBench) -> None:
    """An object that has been delivered and erased is not missed."""
    recording = bench.record(2)
    bench.store.remove_object(recording, 1)
    assert _look(Inspector(bench.store, bench.recorder.verifying), 10) == []


def test_file_that_nobody_named_is_told_once_and_left_alone(bench: SpoolBench) -> None:
    """What the manifest does not name is delivered by nobody and erased with the rest; whoever looks after it knows."""
    recording = bench.record(2)
    stray = bench.store.object_path(recording, 9)
    stray.write_bytes(b"nobody named this")
    inspector = Inspector(bench.store, bench.recorder.verifying)
    assert _look(inspector, 20) == [f"recording {recording}: 000009.age: the manifest does not name that; left alone"]
    assert _look(inspector, 20) == []
    assert stray.read_bytes() == b"nobody named this"


def test_file_beside_a_recording_that_is_released_is_no_surprise(bench: SpoolBench) -> None:
    """A folder that goes while its objects are read holds nothing to tell."""
    recording = bench.record(1)
    inspector = Inspector(bench.store, bench.recorder.verifying)
    inspector.inspect_next()
    inspector.inspect_next()  # key.age
    inspector.inspect_next()  # segment 1
    bench.store.remove_recording(recording)
    assert _look(inspector, 5) == []
