"""The machine around the unit: each file's settings exactly, reasons beside them, and systemd's own tools on them."""

from __future__ import annotations

import configparser
import re
import subprocess
from pathlib import Path

import pytest

from tests.unit.systemd.units import FOLDER, ROOT

MACHINE = ROOT / "provisioning" / "machine"
SETTINGS = {
    "etc/systemd/journald.conf.d/50-backrow.conf": {
        "Journal": {
            "Storage": "volatile",
            "RuntimeMaxUse": "32M",
            "RuntimeMaxFileSize": "4M",
            "ForwardToSyslog": "no",
            "Audit": "no",
        }
    },
    "etc/systemd/system.conf.d/50-backrow.conf": {
        "Manager": {
            "RuntimeWatchdogSec": "14s",
            "RebootWatchdogSec": "14s",
            "DumpCore": "no",
            "DefaultLimitCORE": "0",
        }
    },
    "etc/systemd/logind.conf.d/50-backrow.conf": {
        "Login": {
            "HandlePowerKey": "poweroff",
            "HandlePowerKeyLongPress": "ignore",
            "PowerKeyIgnoreInhibited": "yes",
            "HandleSuspendKey": "ignore",
            "HandleHibernateKey": "ignore",
            "IdleAction": "ignore",
        }
    },
    "etc/systemd/timesyncd.conf.d/50-backrow.conf": {"Time": {"SaveIntervalSec": "10min", "ConnectionRetrySec": "15"}},
    "etc/systemd/coredump.conf.d/50-backrow.conf": {"Coredump": {"Storage": "none", "ProcessSizeMax": "0"}},
    "etc/systemd/system/swap.d/50-backrow.conf": {"Unit": {"ConditionPathExists": "!/"}},
    "etc/rpi/swap.conf.d/50-backrow.conf": {"Main": {"Mechanism": "none"}},
    "etc/NetworkManager/conf.d/50-backrow.conf": {"keyfile": {"path": "/data/network"}},
    "etc/systemd/system/NetworkManager.service.d/50-backrow.conf": {"Unit": {"RequiresMountsFor": "/data"}},
}
MOUNTS = {
    "data.mount": ("/dev/disk/by-label/backrow-data", "noatime,nodev,nosuid,errors=remount-ro"),
    "etc-backrow.mount": ("/data/etc-backrow", "bind,noatime,nodev,nosuid,noexec"),
    "opt-backrow.mount": ("/data/opt-backrow", "bind,noatime,nodev,nosuid"),
    "var-lib-backrow.mount": ("/data/var-lib-backrow", "bind,noatime,nodev,nosuid,noexec"),
    "var-lib-systemd-timesync.mount": ("/data/timesync", "bind,noatime,nodev,nosuid,noexec"),
}
FIRMWARE = "boot/firmware/backrow.txt"
OTHERS = {FIRMWARE, "etc/overlayroot.local.conf", "etc/sysctl.d/72-backrow.conf", "etc/tmpfiles.d/backrow-machine.conf"}
HARDWARE_LIMIT_S = 15


def _read(path: Path) -> dict[str, dict[str, str]]:
    parser = configparser.ConfigParser(interpolation=None, comment_prefixes=("#",), delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(path.read_text("utf-8"))
    return {name: dict(parser[name]) for name in parser.sections()}


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_are_exactly_the_list(name: str) -> None:
    """Nothing is set that the list does not name, and nothing of it is missing."""
    assert _read(MACHINE / name) == SETTINGS[name]


def test_no_file_escapes_the_lists() -> None:
    """Whoever adds a file to the machine says here what it is."""
    found = {str(path.relative_to(MACHINE)) for path in MACHINE.rglob("*") if path.is_file()}
    assert found == set(SETTINGS) | OTHERS | {f"etc/systemd/system/{name}" for name in MOUNTS}


def test_every_file_says_why() -> None:
    """The first line of every file that is laid onto a unit is a reason."""
    files = [path for folder in (MACHINE, FOLDER) for path in folder.rglob("*") if path.is_file()]
    assert [str(path) for path in files if not path.read_text("utf-8").startswith("# ")] == []


@pytest.mark.parametrize("name", MOUNTS)
def test_mount_is_needed_by_the_machine_and_keeps_its_options(name: str) -> None:
    """A unit whose data partition is missing does not pretend to be one: what needs it is not started."""
    unit = _read(MACHINE / "etc/systemd/system" / name)
    assert (unit["Mount"]["What"], unit["Mount"]["Options"]) == MOUNTS[name]
    assert unit["Install"] == {"RequiredBy": "local-fs.target"}
    assert unit["Mount"]["Where"] == "/" + name.removesuffix(".mount").replace("-", "/")
    assert name == "data.mount" or unit["Unit"]["RequiresMountsFor"] == "/data"


def test_hardware_watchdog_stays_within_what_the_pi_counts() -> None:
    """Longer than 15 s is refused by the driver and leaves no watchdog at all."""
    manager = _read(MACHINE / "etc/systemd/system.conf.d/50-backrow.conf")["Manager"]
    for name in ("RuntimeWatchdogSec", "RebootWatchdogSec"):
        assert int(manager[name].removesuffix("s")) < HARDWARE_LIMIT_S


def test_firmware_lets_go_of_the_lamp_when_its_process_dies() -> None:
    """P1: without strict_gpiod a Raspberry Pi's kernel keeps the level of a pin that nobody drives any more."""
    lines = (MACHINE / FIRMWARE).read_text("utf-8").splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == [
        "dtparam=strict_gpiod",
        "dtparam=watchdog=on",
    ]


def test_no_core_dump_by_any_way() -> None:
    """Limit, kernel pattern, collector and process 1: each alone would leave one of the others open."""
    sysctl = (MACHINE / "etc/sysctl.d/72-backrow.conf").read_text("utf-8")
    settings = dict(line.split(" = ") for line in sysctl.splitlines() if line and not line.startswith("#"))
    assert settings["kernel.core_pattern"] == "|/bin/false"
    assert settings["fs.suid_dumpable"] == "0"
    assert settings["kernel.yama.ptrace_scope"] == "2"
    assert all("LimitCORE=0" in path.read_text("utf-8") for path in FOLDER.glob("*.service"))


def test_data_partition_stays_writable_under_the_overlay() -> None:
    """Without `recurse=0` the data partition would be an overlay, too, and every lesson gone with the power."""
    text = (MACHINE / "etc/overlayroot.local.conf").read_text("utf-8")
    assert re.findall(r"^[^#].*", text, re.MULTILINE) == ['overlayroot="tmpfs:recurse=0"']


def test_list_of_what_outlasts_a_start_is_in_the_runbook() -> None:
    """Every folder of the data partition that is mounted somewhere is explained to whoever looks after a unit."""
    runbook = (ROOT / "docs/runbooks/unit-machine.md").read_text("utf-8")
    folders = [what for what, _ in MOUNTS.values() if what.startswith("/data/")]
    assert [each for each in (*folders, "/data/network") if f"`{each}`" not in runbook] == []


def test_mount_units_are_understood_by_systemd() -> None:
    """`systemd-analyze verify` has nothing to say."""
    units = sorted(str(path) for path in (MACHINE / "etc/systemd/system").glob("*.mount"))
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
