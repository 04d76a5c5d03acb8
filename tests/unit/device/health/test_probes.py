"""The probes on a made-up Raspberry Pi: a folder that looks like the kernel's."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from device.camera_settings import CameraKind
from device.claims import PARTS, Claim
from device.config import load_config
from device.health import probes
from device.health.boots import count_boot, load_boots
from device.health.prober import ProbeFailed, Prober
from device.health.probes import Places, make_probes
from device.health.selftested import Outcome, store_outcome
from device.health.status import RecorderStatus, StatusFile
from device.microphone_settings import MicrophoneKind, MicrophoneTable
from device.world import REAL_WORLD
from protocol.durable import REAL
from tests.school import make_school

AUTO, NAMES = MicrophoneTable(kind=MicrophoneKind.AUTO), ("Device", "Snowball")
NOWHERE = ("no-such-command",)


@pytest.fixture
def pi(tmp_path: Path) -> Places:
    """A Pi in order, with one camera, one microphone and firmware that the kernel speaks for."""
    files = {
        "sys/class/thermal/thermal_zone0/temp": "48312\n",
        "sys/devices/platform/soc/soc:firmware/get_throttled": "50000\n",
        "sys/class/video4linux/v4l-subdev0/name": "imx708_wide 10-001a\n",
        "sys/class/video4linux/v4l-subdev1/name": "dw9807 10-000c\n",
        "sys/class/video4linux/video0/name": "unicam-image\n",
        "sys/class/sound/pcmC1D0c/dev": "116:24\n",
        "sys/class/sound/card1/id": "Device\n",
        "proc/meminfo": "MemTotal:        4000000 kB\nMemFree: 9 kB\nMemAvailable:    1000000 kB\n",
        "proc/loadavg": "0.20 1.37 0.90 1/123 4567\n",
        "proc/uptime": "7200.55 20000.00\n",
        "proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0\0",
        "run/synchronized": "",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Places(
        proc=tmp_path / "proc", sys=tmp_path / "sys", timesync=tmp_path / "run" / "synchronized", firmware=NOWHERE
    )


def test_pi_in_order_is_read(pi: Places) -> None:
    """Temperature, memory, load, clock, camera and microphone, from the kernel's own files."""
    assert probes.probe_temperature(pi.sys) == {"celsius": 48}
    assert probes.probe_power(pi) == {"bits": 0x50000}
    assert probes.probe_memory(pi.proc) == {"available_percent": 25, "total_mib": 3906}
    assert probes.probe_load(pi.proc) == {"centi_load": 137}
    assert probes.probe_microphone(pi.sys, AUTO) == {"found": 1, "expected": 1, "cards": "Device"}
    assert probes.probe_versions(pi.proc)["machine"] == "Raspberry Pi 5 Model B Rev 1.0"
    clock = probes.probe_clock(pi, expected=1)
    assert (clock["trusted"], clock["up_s"]) == (1, 7200)


def test_camera_is_counted_without_its_lens_motor(pi: Places) -> None:
    """The sensor is what makes a camera; a video node without one is none."""
    found = probes.probe_camera(pi.sys, CameraKind.PICAMERA2)
    assert found == {"kind": "picamera2", "found": 1, "sensors": "imx708_wide 10-001a"}
    (pi.sys / "class/video4linux/v4l-subdev0/name").unlink()
    assert probes.probe_camera(pi.sys, CameraKind.PICAMERA2)["found"] == 0


def test_microphone_that_was_pulled_is_missed(pi: Places) -> None:
    """The kernel takes its recording device away."""
    (pi.sys / "class/sound/pcmC1D0c/dev").unlink()
    (pi.sys / "class/sound/pcmC1D0c").rmdir()
    assert probes.probe_microphone(pi.sys, AUTO)["found"] == 0


def test_microphone_that_is_named_is_the_one_that_is_missed(pi: Places) -> None:
    """Another sound card does not stand in for it; a unit without a microphone of its own misses none."""
    here, gone = (MicrophoneTable(kind=MicrophoneKind.ALSA, device=f"plughw:CARD={name},DEV=0") for name in NAMES)
    assert probes.probe_microphone(pi.sys, here)["found"] == 1
    assert probes.probe_microphone(pi.sys, gone)["found"] == 0
    assert probes.probe_microphone(pi.sys, MicrophoneTable())["expected"] == 0


def test_power_is_asked_of_the_firmwares_command_where_the_kernel_is_silent(pi: Places) -> None:
    """`vcgencmd get_throttled` says `throttled=0x…`."""
    (pi.sys / "devices/platform/soc/soc:firmware/get_throttled").unlink()
    assert probes.probe_power(replace(pi, firmware=("echo", "throttled=0x50005"))) == {"bits": 0x50005}
    with pytest.raises(ProbeFailed, match="only a Raspberry Pi"):
        probes.probe_power(pi)
    with pytest.raises(ProbeFailed, match="false"):
        probes.probe_power(replace(pi, firmware=("false",)))


def test_machine_without_a_thermometer_says_so(tmp_path: Path) -> None:
    """A PC's container has none; that is not known, and no fault."""
    with pytest.raises(ProbeFailed, match="no thermometer"):
        probes.probe_temperature(tmp_path)


def test_disk_tells_space_and_whether_it_can_be_written(tmp_path: Path) -> None:
    """Asked of the file system itself, without writing to it; one without space says so."""
    assert probes.probe_disk(tmp_path)["read_only"] == 0
    assert probes.probe_disk(Path("/proc/self"))["free_mib"] == 0


MOUNTS = """\
30 1 179:2 / / ro,relatime - ext4 /dev/mmcblk0p2 ro
41 30 179:3 / /data rw,noatime - ext4 /dev/mmcblk0p3 rw,errors=remount-ro
52 41 179:3 /var-lib-backrow /var/lib/backrow ro,noatime - ext4 /dev/mmcblk0p3 rw,errors=remount-ro
60 30 179:4 / /failing rw,noatime master:7 - ext4 /dev/mmcblk0p4 rw,emergency_ro
"""


@pytest.mark.parametrize(("number", "answer"), [(2, True), (3, False), (4, True), (9, False)])
def test_read_only_is_what_the_file_system_is_and_not_what_a_service_sees(number: int, answer: bool) -> None:  # noqa: FBT001
    """A sandbox mounts the card read-only for one service; a card that failed is read-only for all."""
    assert probes.is_read_only(MOUNTS, os.makedev(179, number)) is answer


def test_writing_leaves_no_file(tmp_path: Path) -> None:
    """The small write has no name, so that nothing stays and nobody's file is in the way."""
    assert int(probes.probe_writing(tmp_path)["write_ms"]) >= 0
    assert list(tmp_path.iterdir()) == []


def test_offset_of_the_clock_is_a_number_or_not_known() -> None:
    """The kernel's own answer; a hardened service may not ask."""
    offset_ms = probes.read_offset_ms()
    assert offset_ms is None or abs(offset_ms) < 10_000


def test_certificate_tells_its_last_day(tmp_path: Path) -> None:
    """Whole days that are left, below nothing when it has ended."""
    school = make_school(tmp_path / "school", now=datetime.now(UTC))
    path = school.make_unit(tmp_path / "unit").data / "certificate" / "tls.pem"
    later = replace(REAL_WORLD, now=lambda: datetime.now(UTC) + timedelta(days=200))
    assert 0 < int(probes.probe_certificate(path, REAL_WORLD)["days_left"]) <= 90
    assert int(probes.probe_certificate(path, later)["days_left"]) < 0
    path.unlink()
    assert probes.probe_certificate(path, REAL_WORLD) == {"enrolled": 0}


def test_recorder_is_known_by_its_claim_and_its_word(tmp_path: Path) -> None:
    """A process that is gone cannot go on saying that the unit is fit."""
    assert probes.probe_recorder(tmp_path) == {"running": 0}
    StatusFile(tmp_path / "status", REAL).say(RecorderStatus(fit=True, school_days_left=4, notes=("tail_recovered",)))
    claim = Claim(tmp_path / PARTS)
    assert claim.take()
    held = probes.probe_recorder(tmp_path)
    claim.give_back()
    assert held == {"running": 1, "fit": 1, "school_days_left": 4, "notes": "tail_recovered"}
    assert probes.probe_recorder(tmp_path)["running"] == 0


def test_selftest_is_known_by_its_outcome(tmp_path: Path) -> None:
    """None yet is no finding."""
    assert probes.probe_selftest(tmp_path) == {}
    store_outcome(tmp_path / "outcome", Outcome(passed=False, failed_at="seal"), REAL)
    assert probes.probe_selftest(tmp_path) == {"passed": 0, "failed_at": "seal"}


def test_start_is_counted_once_for_each_boot(tmp_path: Path) -> None:
    """An agent that starts again within one boot counts nothing; a damaged file counts anew."""
    path = tmp_path / "agent" / "boots"
    for boot in ("a", "a", "b"):
        count_boot(path, boot)
    assert load_boots(path).count == 2
    path.write_bytes(b"{")
    assert count_boot(path, "b").count == 1


def test_every_probe_of_a_unit_answers_or_says_why_not(tmp_path: Path, pi: Places) -> None:
    """Whatever the machine, each probe is in the report and none is broken."""
    unit = make_school(tmp_path / "school", now=datetime.now(UTC)).make_unit(tmp_path / "unit")
    prober = Prober(make_probes(load_config(unit.config), REAL_WORLD, pi), time.monotonic)
    readings = prober.ask_all(time.sleep)
    assert len(readings) == len({each.probe for each in readings}) == 15
    assert [each for each in readings if "broken" in each.problem] == []


@pytest.mark.parametrize("measure", [probes.probe_memory, probes.probe_load])
def test_probe_of_a_hidden_proc_says_what_is_missing(tmp_path: Path, measure: Callable[[Path], object]) -> None:
    """A service that may not see the kernel's files knows nothing, and says so."""
    with pytest.raises(OSError, match="No such file"):
        measure(tmp_path)
