"""The uploader as a real process: it delivers, ends on SIGTERM, and goes on where `kill -9` left it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from tests.fakes.ingest import Ingest, IngestServer
from tests.fakes.spooled import spool_recording
from tests.school import School, UnitBundle, make_school

PATIENCE_S = 60.0
UPLOAD = "\n[upload]\nchunk_bytes = 4_000_000\nlook_every_s = 0.1\nretry_min_s = 0.05\n"
MEMORY_BYTES = 100 * 1024 * 1024


@pytest.fixture
def school(tmp_path: Path) -> School:
    return make_school(tmp_path / "school", now=datetime.now(UTC))


@pytest.fixture
def unit(school: School, tmp_path: Path) -> UnitBundle:
    return school.make_unit(tmp_path / "unit")


@pytest.fixture
def server(school: School, unit: UnitBundle) -> Iterator[IngestServer]:
    """A controller that knows the unit's recorder, and whose address stands in the unit's configuration."""
    with IngestServer(Ingest(school, unit.recorder.verifying, lambda: datetime.now(UTC))) as running:
        text = unit.config.read_text("utf-8").replace("http://127.0.0.1:9", running.url)
        unit.config.write_text(text + UPLOAD, "utf-8")
        yield running


def start(unit: UnitBundle) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", "from device.cli import group; group()", "uploader", "--config", str(unit.config)]
    return subprocess.Popen(command, cwd=Path(__file__).parents[4], stderr=subprocess.DEVNULL)


def wait_until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < deadline, "never happened"
        time.sleep(0.02)


def arrived_bytes(server: IngestServer) -> int:
    return sum(len(upload.data) for upload in list(server.ingest.uploads.values()))


def test_process_delivers_and_ends_on_sigterm(school: School, unit: UnitBundle, server: IngestServer) -> None:
    """The real process delivers a recording by itself, and SIGTERM ends it with status 0."""
    spooled = spool_recording(unit, began_at=school.now - timedelta(hours=3))
    unit.put_state("lease", school.issue_lease(unit.device))
    process = start(unit)
    receipt = unit.data / "state" / "receipts" / spooled.recording
    wait_until(receipt.exists)
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) == 0
    assert {index: data for (_, index), data in server.ingest.held.items()} == spooled.objects


def test_process_killed_in_mid_segment_goes_on_at_the_offset(
    school: School, unit: UnitBundle, server: IngestServer
) -> None:
    """`kill -9` while a segment leaves slowly: the next process sends what is missing, in the same upload."""
    spooled = spool_recording(unit, began_at=school.now - timedelta(hours=3), sizes=(400_000,))
    unit.put_state("lease", school.issue_lease(unit.device, rate_bps=800_000))
    process = start(unit)
    wait_until(lambda: arrived_bytes(server) > 100_000)
    process.kill()
    process.wait()
    unit.put_state("lease", school.issue_lease(unit.device, fence=2))
    process = start(unit)
    wait_until((unit.data / "state" / "receipts" / spooled.recording).exists)
    process.terminate()
    assert process.wait(PATIENCE_S) == 0
    assert {index: data for (_, index), data in server.ingest.held.items()} == spooled.objects
    assert server.ingest.count("POST") == 2
    whole = [one.body_bytes for one in server.ingest.asked if one.method == "PATCH" and one.status == 204]
    assert sum(whole) <= spooled.total_bytes - 100_000 + 200  # what came before the kill was not sent again


def test_process_needs_little_memory_for_a_large_segment(
    school: School, unit: UnitBundle, server: IngestServer
) -> None:
    """A segment of 150 MB leaves in blocks: the process stays below 100 MB at every look."""
    spooled = spool_recording(unit, began_at=school.now - timedelta(hours=3), sizes=(150_000_000,))
    unit.put_state("lease", school.issue_lease(unit.device, rate_bps=100_000_000_000))
    process = start(unit)
    watched, most = psutil.Process(process.pid), 0

    def is_delivered() -> bool:
        nonlocal most
        most = max(most, watched.memory_info().rss)
        return (unit.data / "state" / "receipts" / spooled.recording).exists()

    wait_until(is_delivered)
    process.terminate()
    assert process.wait(PATIENCE_S) == 0
    assert 0 < most < MEMORY_BYTES


def test_process_that_cannot_begin_says_why(unit: UnitBundle) -> None:
    """Without the school's root the process ends with a sentence that names the file, not with a traceback."""
    (unit.data / "identity" / "root.pub").unlink()
    command = [sys.executable, "-c", "from device.cli import group; group()", "uploader", "--config", str(unit.config)]
    done = subprocess.run(command, cwd=Path(__file__).parents[4], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "root.pub" in done.stderr
    assert "Traceback" not in done.stderr
