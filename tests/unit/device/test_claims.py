"""Claims on the unit's parts: one holder, an end with the process, and no trace on the card."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from device.claims import Claim, is_claimed
from device.hardware.claimed import ClaimedCamera
from device.hardware.clock import SystemClock
from device.hardware.synthetic import SyntheticCamera
from tests.recorder_room import Collector

HOLDER = """
import sys, time
from pathlib import Path
from device.claims import Claim
assert Claim(Path(sys.argv[1])).take()
print("held", flush=True)
time.sleep(60)
"""


def test_claim_has_one_holder(tmp_path: Path) -> None:
    """A second one is told, and can have it afterwards."""
    first, second = Claim(tmp_path / "x.lock"), Claim(tmp_path / "x.lock")
    assert not is_claimed(tmp_path / "x.lock")
    assert first.take()
    assert first.take()
    assert is_claimed(tmp_path / "x.lock")
    assert not second.take()
    first.give_back()
    first.give_back()
    assert second.take()
    second.give_back()


def test_claim_ends_with_its_process(tmp_path: Path) -> None:
    """`kill -9` leaves nothing that a person would have to remove."""
    path = tmp_path / "x.lock"
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    assert is_claimed(path)
    process.kill()
    process.wait()
    process.stdout.close()
    assert not is_claimed(path)


def test_claim_leaves_no_trace_of_when_it_was_held(tmp_path: Path) -> None:
    """P7: neither content nor times of the file change when it is taken again."""
    claim = Claim(tmp_path / "x.lock")
    claim.take()
    claim.give_back()
    before = (tmp_path / "x.lock").stat()
    claim.take()
    claim.give_back()
    after = (tmp_path / "x.lock").stat()
    assert (after.st_size, after.st_mtime_ns, after.st_ctime_ns) == (0, before.st_mtime_ns, before.st_ctime_ns)


def test_camera_is_claimed_while_it_runs(tmp_path: Path) -> None:
    """From start to stop; a claim that cannot be had keeps no lesson from being recorded."""
    path, clock = tmp_path / "camera.lock", SystemClock()
    camera = ClaimedCamera(SyntheticCamera(clock=clock), Claim(path))
    assert not is_claimed(path)
    camera.start(Collector())
    assert is_claimed(path)
    camera.stop()
    assert not is_claimed(path)
    other = Claim(path)
    assert other.take()
    camera.start(Collector())
    camera.stop()
    other.give_back()
