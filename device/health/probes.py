"""The probes: each looks at one thing of the machine and says what it found; device/health/report.py what that means.

They open neither camera nor pins: a camera that is there is seen in the kernel's list of sensors, and no picture is
looked at. What a machine does not have (a PC knows no throttling) is said as not known. Paths come from `Places`, so
that a test can be a Pi. Table of sources: docs/hardware/health.md.
"""

from __future__ import annotations

import ctypes
import os
import platform
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

from cryptography import x509

from device.camera_settings import CameraKind
from device.claims import PARTS, is_claimed
from device.config import DeviceConfig
from device.health.boots import load_boots
from device.health.prober import Probe, ProbeFailed
from device.health.report import Measures
from device.health.selftested import load_outcome
from device.health.status import load_status
from device.microphone_settings import MicrophoneTable
from device.refused import load_refused
from device.world import World

MOUNTS = Path("/proc/self/mountinfo")
WRITTEN_BYTES = 4096
WRITING_EVERY_S = 900.0
WRITING_LIMIT_S = 30.0
SLOWLY_S = 600.0
VCGENCMD_LIMIT_S = 3.0
SENSOR_NAME = re.compile(r"\S+ \d+-[0-9a-f]{4}")  # a kernel driver's name, its I2C bus and address
CARD_NAME = re.compile(r"CARD=([^,]+)")  # in an ALSA device name
LENS_DRIVERS = ("dw", "ad5398", "ak73")  # the motor of an autofocus lens is listed like a sensor


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where the kernel and the firmware tell how the machine is."""

    proc: Path = Path("/proc")
    sys: Path = Path("/sys")
    timesync: Path = Path("/run/systemd/timesync/synchronized")
    firmware: tuple[str, ...] = ("vcgencmd", "get_throttled")


def make_probes(config: DeviceConfig, world: World, places: Places) -> tuple[Probe, ...]:
    """Make the unit's probes."""
    data, real = config.data, config.camera.kind is CameraKind.PICAMERA2
    agents = data / "agent"
    return (
        Probe(name="disk", measure=partial(probe_disk, data)),
        Probe(
            name="writing",
            measure=partial(probe_writing, agents),
            every_s=WRITING_EVERY_S,
            limit_s=WRITING_LIMIT_S,
        ),
        Probe(name="temperature", measure=partial(probe_temperature, places.sys)),
        Probe(name="power", measure=partial(probe_power, places)),
        Probe(name="memory", measure=partial(probe_memory, places.proc)),
        Probe(name="load", measure=partial(probe_load, places.proc)),
        Probe(name="clock", measure=partial(probe_clock, places, expected=int(real))),
        Probe(name="camera", measure=partial(probe_camera, places.sys, config.camera.kind)),
        Probe(name="microphone", measure=partial(probe_microphone, places.sys, config.microphone)),
        Probe(name="certificate", measure=partial(probe_certificate, config.certificate, world), every_s=SLOWLY_S),
        Probe(name="school", measure=partial(probe_school, data / "uploads")),
        Probe(name="versions", measure=partial(probe_versions, places.proc), every_s=SLOWLY_S),
        Probe(name="boots", measure=partial(probe_boots, agents), every_s=SLOWLY_S),
        Probe(name="recorder", measure=partial(probe_recorder, data / "recorder"), every_s=10.0),
        Probe(name="selftest", measure=partial(probe_selftest, data / "selftest")),
    )


def probe_disk(folder: Path) -> Measures:
    """Ask for free space and whether the kernel has remounted the card read-only after an error."""
    found = os.statvfs(folder)
    percent = 100 * found.f_bavail // max(1, found.f_blocks)
    return {
        "read_only": int(is_read_only(MOUNTS.read_text("utf-8"), os.stat(folder).st_dev)),
        "free_mib": found.f_bavail * found.f_frsize // 2**20,
        "free_percent": percent,
    }


def is_read_only(mounts: str, device: int) -> bool:
    """Tell whether a file system itself is read-only, by proc_pid_mountinfo(5).

    What a hardened service sees of it may be mounted read-only for that service alone, which `statvfs` does not tell
    apart; the last field of a line is the file system's own.
    """
    number = f"{os.major(device)}:{os.minor(device)}"
    lines = (line.split() for line in mounts.splitlines())
    options = {word for line in lines if line[2] == number for word in line[-1].split(",")}
    return not options.isdisjoint({"ro", "emergency_ro"})


def probe_writing(folder: Path) -> Measures:
    """Time a small write that must be on the card, in a file without a name beside the spool and not in it."""
    descriptor = os.open(folder, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        began_s = time.monotonic()
        os.write(descriptor, os.urandom(WRITTEN_BYTES))
        os.fsync(descriptor)
        return {"write_ms": round(1000 * (time.monotonic() - began_s))}
    finally:
        os.close(descriptor)


def probe_temperature(sys_root: Path) -> Measures:
    """Read the hottest thermal zone."""
    zones = sorted((sys_root / "class" / "thermal").glob("thermal_zone*/temp"))
    if not zones:
        raise ProbeFailed("this machine has no thermometer")
    return {"celsius": max(int(zone.read_text()) for zone in zones) // 1000}


def probe_power(places: Places) -> Measures:
    """Read the firmware's bits of throttling and under-voltage: from the kernel, or else by the firmware's command."""
    for pattern in ("devices/platform/soc/*firmware*/get_throttled", "devices/platform/soc@*/*firmware*/get_throttled"):
        for path in places.sys.glob(pattern):
            return {"bits": int(path.read_text(), 16)}
    try:
        said = subprocess.run(places.firmware, capture_output=True, text=True, timeout=VCGENCMD_LIMIT_S, check=True)
    except FileNotFoundError:
        raise ProbeFailed("only a Raspberry Pi's firmware knows") from None
    except subprocess.SubprocessError as error:
        raise ProbeFailed(f"{places.firmware[0]}: {error}") from None
    return {"bits": int(said.stdout.strip().removeprefix("throttled="), 16)}


def probe_memory(proc: Path) -> Measures:
    """Read how much memory programs may still have."""
    lines = (line.split() for line in (proc / "meminfo").read_text().splitlines())
    sizes = {words[0].rstrip(":"): int(words[1]) for words in lines if len(words) >= 2}
    if "MemAvailable" not in sizes or not sizes.get("MemTotal"):
        raise ProbeFailed(f"{proc}/meminfo does not say what is available")
    percent = 100 * sizes["MemAvailable"] // sizes["MemTotal"]
    return {"available_percent": percent, "total_mib": sizes["MemTotal"] // 1024}


def probe_load(proc: Path) -> Measures:
    """Read how many programs wanted to run in the last five minutes, in hundredths."""
    return {"centi_load": round(100 * float((proc / "loadavg").read_text().split()[1]))}


def probe_clock(places: Places, *, expected: int) -> Measures:
    """Ask whether the network has set the clock since the start, and how far the kernel is still correcting it."""
    up_s = int(float((places.proc / "uptime").read_text().split()[0]))
    measures: dict[str, int | str] = {
        "trusted": int(places.timesync.exists()),
        "expected": expected,
        "up_s": up_s,
    }
    offset_ms = read_offset_ms()
    return measures if offset_ms is None else {**measures, "offset_ms": offset_ms}


class _Timex(ctypes.Structure):
    """The beginning of the kernel's `struct timex` (adjtimex(2)); the rest is room that it may write into."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("room", ctypes.c_char * 256),
    )


STA_NANO = 0x2000


def read_offset_ms() -> int | None:
    """Ask the kernel what of the clock it still corrects; None where that may not be asked (a hardened service)."""
    found = _Timex()
    if ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(found)) < 0:
        return None
    return round(int(found.offset) / (1_000_000 if found.status & STA_NANO else 1_000))


def probe_camera(sys_root: Path, kind: CameraKind) -> Measures:
    """Count the camera sensors that the kernel found at its start; none is streamed. A made-up camera is none."""
    if kind is not CameraKind.PICAMERA2:
        return {"kind": kind.value}
    names = (path.read_text().strip() for path in sorted((sys_root / "class/video4linux").glob("v4l-subdev*/name")))
    sensors = [name for name in names if SENSOR_NAME.fullmatch(name) and not name.startswith(LENS_DRIVERS)]
    return {"kind": kind.value, "found": len(sensors), "sensors": ", ".join(sensors)}


def probe_microphone(sys_root: Path, table: MicrophoneTable) -> Measures:
    """Count the sound cards that can be recorded from, of a named microphone that one; none is opened."""
    sound = sys_root / "class" / "sound"
    numbers = dict.fromkeys(path.name.removeprefix("pcmC").split("D")[0] for path in sorted(sound.glob("pcmC*D*c")))
    names = [_read_or(sound / f"card{number}" / "id", number) for number in numbers]
    wanted = CARD_NAME.search(table.device or "")
    fitting = [name for name in names if wanted is None or name == wanted[1]]
    return {"found": len(fitting), "expected": int(table.hears_a_room), "cards": ", ".join(names)}


def probe_certificate(path: Path, world: World) -> Measures:
    """Read when the unit's certificate ends; a unit that has none is not enrolled."""
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except FileNotFoundError:
        return {"enrolled": 0}
    ends_at = certificate.not_valid_after_utc
    life = ends_at - certificate.not_valid_before_utc
    days_left = (ends_at - world.now()).days
    return {"enrolled": 1, "days_left": days_left, "days_in_all": life.days, "ends": ends_at.date().isoformat()}


def probe_school(folder: Path) -> Measures:
    """Read whether the school's server lets the unit in, as the uploader heard it last."""
    return {"refused": load_refused(folder)}


def probe_versions(proc: Path) -> Measures:
    """Name what runs here."""
    return {
        "backrow": version("backrow"),
        "python": platform.python_version(),
        "kernel": platform.release(),
        "machine": _read_or(proc / "device-tree" / "model", platform.machine()).rstrip("\0"),
        "system": _name_system(),
    }


def probe_boots(agents: Path) -> Measures:
    """Read how often the machine was started, as the agent counts it."""
    return {"count": load_boots(agents / "boots").count}


def probe_recorder(folder: Path) -> Measures:
    """Read what the recorder says, and whether it runs: it, or `backrow device aim`, holds button, lamp and camera."""
    measures: dict[str, int | str] = {"running": int(is_claimed(folder / PARTS))}
    try:
        status = load_status(folder / "status")
    except FileNotFoundError:
        return measures
    said = {"reasons": status.reasons, "damaged": status.damaged, "notes": status.notes}
    if status.school_days_left is not None:
        measures["school_days_left"] = status.school_days_left
    return {**measures, "fit": int(status.fit), **{name: ", ".join(codes) for name, codes in said.items() if codes}}


def probe_selftest(folder: Path) -> Measures:
    """Read how the last self-test ended; none yet is no finding."""
    outcome = load_outcome(folder / "outcome")
    return {} if outcome is None else {"passed": int(outcome.passed), "failed_at": outcome.failed_at}


def _name_system() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", sys.platform)
    except OSError:
        return sys.platform


def _read_or(path: Path, otherwise: str) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return otherwise
