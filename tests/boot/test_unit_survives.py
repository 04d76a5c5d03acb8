"""A lesson on a machine with a real systemd: each process hangs, dies, and comes back; the recording is whole."""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path

import pytest

from protocol.manifest import CloseReason, Recovered, Sealed
from tests.boot.machine import FILM, SERVICES, Machine, wait_for
from tests.recorder_process import Panel
from tests.school import School
from tests.unsealed import OpenedRecording, OpenedSegment, find_plaintext, open_recording

pytestmark = pytest.mark.boot
LOST_S = 2.0
FPS = 25
LEDGER = r"[Cc]onsumed .* CPU time"  # where the host gives the container a controller to count with
ACCOUNTS = ("CPUAccounting", "IOAccounting", "IPAccounting", "MemoryAccounting", "TasksAccounting")
CANARY_AT = 400_000


def _press(machine: Machine) -> Panel:
    panel = machine.panel()
    panel.wait_for("ready")
    panel.tap()
    panel.wait_for("recording")
    return panel


def _open(school: School, machine: Machine) -> OpenedRecording:
    """Verify the recording's manifest, open all of it with the epoch's key, and find every picture in it."""
    (folder,) = machine.unit.recordings()
    opened = open_recording(school, machine.unit, folder)
    for segment in opened.segments:
        whole, found = round(segment.ticks * FPS / 90_000), _count_pictures(segment, machine.unit.folder)
        torn = isinstance(segment.segment.ended, Recovered)
        assert found >= whole if torn else found == whole  # of a torn fragment some pictures play, too
    canary = (machine.root / FILM).read_bytes()[CANARY_AT : CANARY_AT + 24]
    assert find_plaintext(machine.unit.data, canary) == []
    return opened


def _count_pictures(segment: OpenedSegment, folder: Path) -> int:
    """Decode a segment with FFmpeg's own program and count what comes out."""
    if not segment.ticks:
        return 0
    plain = folder / "plain.mp4"
    plain.write_bytes(segment.plaintext)
    options = ("-v", "error", "-select_streams", "v", "-count_frames", "-show_entries", "stream=nb_read_frames")
    told = subprocess.run(
        ["ffprobe", *options, "-of", "csv=p=0", str(plain)], check=True, capture_output=True, text=True
    )
    return int(told.stdout.strip().rstrip(","))


def test_recording_survives_each_process_hanging_and_dying(machine: Machine, school: School) -> None:
    """SIGSTOP is a missed beat: the watchdog kills and systemd starts again; SIGKILL too; at most 2 s are lost."""
    machine.boot()
    filmed = []
    with _press(machine) as panel:
        began_s = time.monotonic()
        for service in SERVICES[1:]:
            machine.signal(service, "STOP")
            machine.wait_until_back(service, 1)
            machine.signal(service, "KILL")
            machine.wait_until_back(service, 2)
        assert panel.shown[-1] == "recording"
        filmed.append(time.monotonic() - began_s)
        machine.signal(SERVICES[0], "STOP")
    machine.wait_until_back(SERVICES[0], 1)
    with machine.panel() as panel:
        panel.wait_for("recording")
        time.sleep(4.0)
        filmed.append(4.0)
        machine.signal(SERVICES[0], "KILL")
    machine.wait_until_back(SERVICES[0], 2)
    with machine.panel() as panel:
        panel.wait_for("recording")
        time.sleep(3.0)
        panel.hold(2.8)
        panel.wait_for("ready")
    opened = _open(school, machine)
    assert [each.segment.opened.take for each in opened.segments if each.segment.index == 1] == [1]
    assert opened.segments[-1].segment.opened.take == 3
    assert sum(isinstance(each.segment.ended, Recovered) for each in opened.segments) == 2
    assert opened.manifest.closed is not None
    assert opened.manifest.closed.reason is CloseReason.STOPPED
    assert opened.seconds >= sum(each - LOST_S for each in filmed) + 3.0
    log = machine.journal("--unit=backrow-*")
    assert log.count("Failed with result 'watchdog'.") == len(SERVICES)
    assert log.count("Failed with result 'signal'.") == len(SERVICES)


def test_poweroff_in_mid_lesson_ends_it_in_order(machine: Machine, school: School) -> None:
    """The power button's way: the recording is stopped, sealed and closed; the next boot has nothing to mend."""
    machine.boot()
    with _press(machine):
        time.sleep(5.0)
        took_s = machine.power_off()
    opened = _open(school, machine)
    assert all(isinstance(each.segment.ended, Sealed) for each in opened.segments)
    assert opened.manifest.closed is not None
    assert opened.manifest.closed.reason is CloseReason.STOPPED
    assert opened.seconds >= 5.0 - LOST_S
    assert took_s < 75.0
    machine.boot()
    with machine.panel() as panel:
        panel.wait_for("ready")
        assert not {"recording", "look_at_page"} & set(panel.shown)


def test_cut_power_costs_two_seconds_and_the_lamp_asks(machine: Machine, school: School) -> None:
    """P4: everything ends at once; the next boot recovers and closes, and films nothing without a press."""
    machine.boot()
    with _press(machine):
        time.sleep(6.0)
        machine.cut_power()
    machine.boot()
    with machine.panel() as panel:
        panel.wait_for("look_at_page")
        assert "recording" not in panel.shown
    opened = _open(school, machine)
    assert opened.manifest.closed is not None
    assert opened.manifest.closed.reason is CloseReason.INTERRUPTED
    assert opened.seconds >= 6.0 - LOST_S


def test_log_and_status_do_not_tell_when_a_room_records(machine: Machine) -> None:
    """P7: between boot and poweroff the log of a unit that recorded is that of one that did not."""
    machine.boot()
    with machine.panel() as panel:
        panel.wait_for("ready")
    quiet = _facts(machine)
    with _press(machine) as panel:
        time.sleep(4.0)
        assert _facts(machine) == quiet
        panel.hold(2.8)
        panel.wait_for("ready")
    assert _facts(machine) == quiet
    machine.run("systemctl", "stop", "backrow.target")
    assert not re.search(LEDGER, machine.journal())
    for service in (*SERVICES, "backrow-selftest"):
        assert {machine.show(service, name) for name in ACCOUNTS} == {"no"}, service


def _facts(machine: Machine) -> tuple[str, ...]:
    """Give what systemd can tell of the recorder, and its log, but for the network processes' own attempts."""
    names = "StatusText,CPUUsageNSec,MemoryCurrent,TasksCurrent,IOReadBytes,IPEgressBytes,NRestarts"
    shown = machine.run("systemctl", "show", f"--property={names}", SERVICES[0])
    return shown, machine.journal("--unit=backrow-recorder")


def test_container_is_what_the_test_says(machine: Machine) -> None:
    """Nothing is proved on the host by mistake: inside, another systemd is process 1 and has another boot's id."""
    machine.boot()
    assert machine.run("cat", "/proc/1/comm").strip() == "systemd"
    assert machine.run("cat", "/proc/sys/kernel/random/boot_id") != Path("/proc/sys/kernel/random/boot_id").read_text(
        "ascii"
    )
    assert os.stat(f"/proc/{machine.leader}/ns/pid").st_ino != os.stat("/proc/self/ns/pid").st_ino


def test_lamp_is_darkened_after_a_kill(machine: Machine) -> None:
    """P1: when the recorder dies, and even when it does not come back, the command that darkens the lamp has run."""
    machine.boot()
    with machine.panel() as panel:
        panel.wait_for("ready")
    (machine.unit.data / "identity" / "recorder.key").unlink()
    machine.signal(SERVICES[0], "KILL")
    wait_for(lambda: "code=exited ; status=0" in machine.show(SERVICES[0], "ExecStopPost"), "the lamp was darkened")
