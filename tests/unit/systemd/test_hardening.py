"""What each process may and may not, as exact lists: whoever changes a unit changes the list here, and says why.

systemd's own score is only a summary of it; the list decides.
"""

from __future__ import annotations

import re
import subprocess

import pytest

from provisioning.card.keyfile import FOLDER as SECRETS_OF_THE_NETWORK
from tests.unit.systemd.units import FOLDER, load_unit, service_of

SERVICES = ("backrow-recorder", "backrow-agent", "backrow-uploader")
NETWORKED = ("backrow-agent", "backrow-uploader")
MOST_EXPOSED = 2.0

NOT_HARDENING = {
    "RestartPreventExitStatus",
    "SuccessExitStatus",
    "Type",
    "NotifyAccess",
    "ExecStart",
    "ExecStopPost",
    "Restart",
    "RestartSec",
    "TimeoutStartSec",
    "TimeoutStopSec",
    "WatchdogSec",
    "WatchdogSignal",
    "Environment",
    "WorkingDirectory",
    "Nice",
    "IOSchedulingClass",
    "OOMScoreAdjust",
}

EVERYWHERE = {
    "AmbientCapabilities": "",
    "CPUAccounting": "no",
    "CapabilityBoundingSet": "",
    "DevicePolicy": "closed",
    "Group": "backrow",
    "IOAccounting": "no",
    "IPAccounting": "no",
    "LimitCORE": "0",
    "LockPersonality": "yes",
    "MemoryAccounting": "no",
    "MemoryDenyWriteExecute": "yes",
    "NoNewPrivileges": "yes",
    "PrivateIPC": "yes",
    "PrivateTmp": "yes",
    "PrivateUsers": "yes",
    "ProtectClock": "yes",
    "ProtectControlGroups": "yes",
    "ProtectHome": "yes",
    "ProtectHostname": "yes",
    "ProtectKernelLogs": "yes",
    "ProtectKernelModules": "yes",
    "ProtectKernelTunables": "yes",
    "ProtectProc": "invisible",
    "ProtectSystem": "strict",
    "RemoveIPC": "yes",
    "RestrictNamespaces": "yes",
    "RestrictRealtime": "yes",
    "RestrictSUIDSGID": "yes",
    "SystemCallArchitectures": "native",
    "SystemCallErrorNumber": "EPERM",
    "SystemCallFilter": "@system-service; ~@privileged @resources",
    "TasksAccounting": "no",
}

RECORDER = EVERYWHERE | {
    "ProcSubset": "all",  # boot id, and the machine's kind
    "DeviceAllow": (
        "char-video4linux rw; char-media rw; char-dma_heap rw; char-alsa rw; char-gpiochip rw"  # and no input device
    ),
    "IPAddressDeny": "any",
    "LoadCredential": "recorder.key:/var/lib/backrow/identity/recorder.key",
    "PrivateNetwork": "yes",
    "ReadOnlyPaths": "/var/lib/backrow/state",
    "ReadWritePaths": "/var/lib/backrow/spool /var/lib/backrow/recorder /var/lib/backrow/run",
    "RestrictAddressFamilies": "AF_UNIX",
    "RuntimeDirectory": "backrow-recorder",
    "RuntimeDirectoryMode": "0700",
    "SupplementaryGroups": "backrow-recorder",
    "UMask": "0027",
    "User": "backrow-recorder",
}

NETWORK = EVERYWHERE | {
    "LoadCredential": "tls.key:/var/lib/backrow/identity/tls.key",
    "PrivateDevices": "yes",
    "ReadOnlyPaths": "/var/lib/backrow/spool",
    "RestrictAddressFamilies": "AF_UNIX AF_INET AF_INET6",
    "SocketBindDeny": "any",
    "UMask": "0007",
}

EXACTLY = {
    "backrow-recorder": RECORDER,
    "backrow-agent": NETWORK
    | {
        "ProcSubset": "all",  # the health probes
        "ReadWritePaths": "/var/lib/backrow/state /var/lib/backrow/agent",
        "User": "backrow-agent",
    },
    "backrow-uploader": NETWORK
    | {
        "ProcSubset": "pid",
        "ReadWritePaths": "/var/lib/backrow/state /var/lib/backrow/uploads",
        "User": "backrow-uploader",
    },
    "backrow-stick": {key: value for key, value in NETWORK.items() if key != "SocketBindDeny"}
    | {
        "IPAddressDeny": "any",
        "PrivateNetwork": "yes",
        "ProcSubset": "pid",
        "ReadWritePaths": "/var/lib/backrow/state /var/lib/backrow/uploads /run/backrow/stick",
        "RestrictAddressFamilies": "AF_UNIX",
        "User": "backrow-uploader",
    },
    "backrow-renew": {key: value for key, value in NETWORK.items() if key != "ReadOnlyPaths"}
    | {
        "InaccessiblePaths": (
            "-/var/lib/backrow/spool -/var/lib/backrow/recorder -/var/lib/backrow/uploads -/var/lib/backrow/state"
        ),
        "ProcSubset": "pid",
        "ReadWritePaths": "/var/lib/backrow/certificate",
        "UMask": "0027",
        "User": "backrow-renew",
    },
    "backrow-wipe": {key: value for key, value in EVERYWHERE.items() if key != "PrivateUsers"}
    | {
        "CapabilityBoundingSet": "CAP_DAC_OVERRIDE",  # it empties folders of the other users, as root
        "IPAddressDeny": "any",
        "PrivateDevices": "yes",
        "PrivateNetwork": "yes",
        "ProcSubset": "all",
        "ReadWritePaths": "/var/lib/backrow /etc/backrow -/data/network",  # Wi-Fi and 802.1X
        "RestrictAddressFamilies": "AF_UNIX",
        "UMask": "0077",
    },
    "backrow-selftest": EVERYWHERE
    | {
        "IPAddressDeny": "any",
        "LoadCredential": (
            "recorder.key:/var/lib/backrow/identity/recorder.key; tls.key:/var/lib/backrow/identity/tls.key"
        ),
        "PrivateDevices": "yes",
        "PrivateNetwork": "yes",
        "ProcSubset": "all",
        "ReadOnlyPaths": "/var/lib/backrow/spool /var/lib/backrow/state",
        "ReadWritePaths": "/var/lib/backrow/selftest",
        "RestrictAddressFamilies": "AF_UNIX",
        "UMask": "0027",
        "User": "backrow-selftest",
    },
}


@pytest.mark.parametrize("name", EXACTLY)
def test_hardening_is_exactly_the_list(name: str) -> None:
    """No directive is missing, changed or added."""
    found = {key: value for key, value in service_of(f"{name}.service").items() if key not in NOT_HARDENING}
    assert found == EXACTLY[name]


@pytest.mark.parametrize("name", EXACTLY)
def test_exposure_is_low_in_systemds_own_judgement(name: str) -> None:
    """`systemd-analyze security` gives at most 2.0 of 10."""
    told = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", f"./{name}.service"],
        cwd=FOLDER,
        check=True,
        capture_output=True,
        text=True,
    )
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", told.stdout)
    assert found, told.stdout
    assert float(found[1]) <= MOST_EXPOSED


@pytest.mark.parametrize("name", SERVICES)
def test_watchdog_ends_what_hangs_and_systemd_brings_it_back(name: str) -> None:
    """Ready, beats and restarts are said by the unit, and a unit is never given up."""
    service, unit = service_of(f"{name}.service"), load_unit(f"{name}.service")["Unit"]
    assert service["Type"] == "notify"
    assert service["Restart"] == "always"
    assert service["WatchdogSignal"] == "SIGKILL"
    assert unit["StartLimitIntervalSec"] == ["0"]
    assert unit["PartOf"] == ["backrow.target"]
    assert load_unit(f"{name}.service")["Install"] == {"WantedBy": ["backrow.target"]}
    assert int(service["WatchdogSec"]) > 10  # a camera that does not let go may take that long in order


@pytest.mark.parametrize("name", SERVICES)
def test_no_process_waits_for_the_network(name: str) -> None:
    """A unit without a network records, and comes up as fast as with one."""
    unit = load_unit(f"{name}.service")["Unit"]
    words = " ".join(value for key in ("After", "Wants", "Requires", "BindsTo") for value in unit.get(key, []))
    assert "network-online" not in words
    assert "Requires" not in unit
    assert "network" not in words or name in NETWORKED


@pytest.mark.parametrize("name", EXACTLY)
def test_unit_file_says_nothing_twice(name: str) -> None:
    """Every directive that is no list stands once, so that none silently undoes another."""
    lists = {
        "Environment",
        "DeviceAllow",
        "SystemCallFilter",
        "After",
        "Wants",
        "LoadCredential",
        "ConditionPathExists",
        "Conflicts",
    }
    for section in load_unit(f"{name}.service").values():
        assert [key for key, values in section.items() if len(values) > 1 and key not in lists] == []


def test_no_unit_escapes_the_list() -> None:
    """Every service that stands in the folder has its exact list."""
    assert {path.stem for path in FOLDER.glob("*.service")} == set(EXACTLY)


def test_selftest_runs_off_hours_and_is_never_made_up_for() -> None:
    """Once a day before school, at a minute that does not tell anything, and not at a start in mid-lesson."""
    assert load_unit("backrow-selftest.timer")["Timer"] == {
        "OnCalendar": ["*-*-* 05:10:00"],
        "RandomizedDelaySec": ["30min"],
        "FixedRandomDelay": ["yes"],
        "Persistent": ["no"],
    }
    assert service_of("backrow-selftest.service")["SuccessExitStatus"] == "75"


def test_renewal_is_tried_soon_after_the_start_and_hourly() -> None:
    """A unit that was off until its certificate was over tries each two minutes; another failure waits for the hour."""
    timer, service = load_unit("backrow-renew.timer")["Timer"], service_of("backrow-renew.service")
    assert timer == {"OnActiveSec": ["20s"], "OnCalendar": ["hourly"], "RandomizedDelaySec": ["1min"]}
    assert (service["Type"], service["Restart"], service["RestartPreventExitStatus"]) == ("oneshot", "on-failure", "1")
    assert service["RestartSec"] == "120"
    assert load_unit("backrow-renew.service")["Unit"]["StartLimitIntervalSec"] == ["0"]


def test_wipe_waits_for_the_recorders_marker_and_stops_everything_else() -> None:
    """Nothing else starts it; it goes on after a cut, and no process of the unit runs beside it."""
    path, unit = load_unit("backrow-wipe.path"), load_unit("backrow-wipe.service")["Unit"]
    assert path["Path"] == {"PathExists": ["/var/lib/backrow/recorder/retired", "/etc/backrow/wiping"]}
    assert unit["ConditionPathExists"] == ["|/etc/backrow/device.toml", "|/etc/backrow/wiping"]
    stopped = set(" ".join(unit["Conflicts"]).split())
    others = {f"{name}.service" for name in EXACTLY} - {"backrow-wipe.service"}
    assert others <= stopped
    assert "Install" not in load_unit("backrow-wipe.service")


def test_wipe_erases_the_network_secrets_where_the_card_put_them() -> None:
    """The folder that NetworkManager reads is the one that is emptied, and the only one of /data that it may write."""
    service, unit = service_of("backrow-wipe.service"), load_unit("backrow-wipe.service")["Unit"]
    assert service["ExecStart"] == f"/opt/backrow/bin/backrow device wipe --network {SECRETS_OF_THE_NETWORK}"
    assert f"-{SECRETS_OF_THE_NETWORK}" in service["ReadWritePaths"].split()
    assert "/data" in unit["RequiresMountsFor"][0].split()


def test_stick_is_mounted_for_its_visit_alone() -> None:
    """For the uploader's user, nothing on it can be run, and it goes with the device and when the visit has ended."""
    mount, service = load_unit("run-backrow-stick.mount"), load_unit("backrow-stick.service")
    options = {"nosuid", "nodev", "noexec", "noatime", "umask=0077", "x-systemd.device-bound=yes"}
    assert set(mount["Mount"]["Options"][0].split(",")) == options | {"uid=backrow-uploader", "gid=backrow"}
    assert (mount["Mount"]["Type"], mount["Mount"]["Where"]) == (["vfat"], ["/run/backrow/stick"])
    assert mount["Unit"]["StopWhenUnneeded"] == ["yes"]
    assert service["Unit"]["BindsTo"] == ["run-backrow-stick.mount"]
    assert service["Service"]["ExecStart"] == ["/opt/backrow/bin/backrow device stick sync /run/backrow/stick"]
    assert "Install" not in service, "nothing but the device starts it"


def test_only_a_stick_with_our_label_starts_a_visit() -> None:
    """USB, FAT, the label: one rule, which names the mount's device and the service."""
    (rule,) = [
        line
        for line in (FOLDER / "udev/73-backrow-stick.rules").read_text("utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    asked = {'SUBSYSTEM=="block"', 'ENV{ID_BUS}=="usb"', 'ENV{ID_FS_TYPE}=="vfat"', 'ENV{ID_FS_LABEL}=="BACKROW"'}
    assert asked | {'ACTION!="remove"'} == {part for part in rule.split(", ") if "==" in part or "!=" in part}
    assert load_unit("run-backrow-stick.mount")["Mount"]["What"] == ["/dev/backrow/stick"]
    assert 'SYMLINK+="backrow/stick"' in rule
    assert 'ENV{SYSTEMD_WANTS}+="backrow-stick.service"' in rule


def test_lamp_of_a_killed_recorder_is_darkened() -> None:
    """P1: a pin may keep its level when its process dies, so the lamp is switched off before anything else happens."""
    assert service_of("backrow-recorder.service")["ExecStopPost"] == "-/opt/backrow/bin/backrow device dark"


def test_key_as_a_button_opens_one_named_device_for_reading() -> None:
    """The drop-in gives the recorder one input device and the group that may read it, and nothing else."""
    assert load_unit("drop-ins/keyboard.conf") == {
        "Service": {
            "SupplementaryGroups": ["input"],
            "DeviceAllow": ["/dev/input/by-id/usb-Acme_Number_Pad-event-kbd r"],
        }
    }
