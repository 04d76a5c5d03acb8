"""A unit as it comes up on a machine of its own: what runs, as whom, what it can reach, and what the machine obeys."""

from __future__ import annotations

import re

import pytest

from protocol.keyfiles import store_signing_key
from protocol.signing import SigningKey
from tests.boot.machine import DATA, SERVICES, Machine, ours, wait_for

pytestmark = pytest.mark.boot
USERS = SERVICES
DEVICES = {"full", "null", "ptmx", "pts", "random", "shm", "tty", "urandom", "zero"}
LINKS = {"fd", "stdin", "stdout", "stderr", "core"}


@pytest.fixture(scope="module")
def running(booted: Machine) -> Machine:
    """A machine that is up, for all questions of this module: they change nothing."""
    with booted.panel() as panel:
        panel.wait_for("ready")
    return booted


def test_unit_comes_up_by_itself(running: Machine) -> None:
    """All three processes are ready without a hand, a broker or a controller; nothing at all has failed."""
    assert running.ask("systemctl", "is-system-running").strip() == "running"
    states = {name: running.show(name, "ActiveState") for name in (*SERVICES, "backrow.target")}
    assert set(states.values()) == {"active"}, states
    assert running.show("backrow-selftest.timer", "ActiveState") == "active"


def test_every_file_of_ours_is_understood(running: Machine) -> None:
    """The tools of the unit's own systemd find nothing to say about units, rules, users and folders."""
    units = [f"/etc/systemd/system/{path.name}" for path in ours()]
    assert running.ask("sh", "-c", f"systemd-analyze verify {' '.join(units)} 2>&1") == ""
    assert "Success: 1" in running.run("udevadm", "verify", "/etc/udev/rules.d/72-backrow.rules")
    log = running.ask("journalctl", "--no-pager", "--output=cat", "--grep=backrow", "--priority=warning")
    assert not re.search(r"[Uu]nknown|[Ii]gnoring|[Ff]ailed to parse", log), log


@pytest.mark.parametrize("service", SERVICES)
def test_process_has_no_right_that_its_user_has_not(running: Machine, service: str) -> None:
    """A user of its own, no capability, filtered system calls, no way to gain more."""
    status = running.run("cat", f"/proc/{running.show(service, 'MainPID')}/status")
    facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    user = running.run("id", "-u", service).strip()
    assert facts["Uid"].split() == [user] * 4
    assert {facts[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert (facts["NoNewPrivs"], facts["Seccomp"]) == ("1", "2")


def test_recorder_has_no_network_and_the_others_no_devices(running: Machine) -> None:
    """In the recorder's world there is only a loopback that is down; in the others' no device but the harmless ones."""
    pid = running.show(SERVICES[0], "MainPID")
    links = running.run("cat", f"/proc/{pid}/net/dev").splitlines()[2:]
    assert [line.split(":")[0].strip() for line in links] == ["lo"]
    assert running.run("readlink", f"/proc/{pid}/ns/net") != running.run("readlink", "/proc/1/ns/net")
    for service in SERVICES[1:]:
        found = set(running.run("ls", f"/proc/{running.show(service, 'MainPID')}/root/dev").split())
        assert found - DEVICES - LINKS <= {"char", "hugepages", "log", "mqueue", "initctl"}, service


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(
    "place", ["spool", "recorder", "state", "uploads", "agent", "identity", "run", "selftest", "certificate"]
)
def test_who_writes_where_is_the_table(running: Machine, service: str, place: str) -> None:
    """In the process's own view of the machine, as its own user, exactly the folders of the table can be written."""
    writers = {
        "spool": {"backrow-recorder"},
        "recorder": {"backrow-recorder"},
        "run": {"backrow-recorder"},
        "state": {"backrow-agent", "backrow-uploader"},
        "uploads": {"backrow-uploader"},
        "agent": {"backrow-agent"},
    }
    assert _can_write(running, service, f"{DATA}/{place}") is (service in writers.get(place, set()))


def _can_write(machine: Machine, service: str, folder: str) -> bool:
    """Try it in the process's mount namespace, with its user and groups."""
    ids = [machine.run("id", option, service).strip() for option in ("-u",)]
    groups = machine.run("getent", "group", "backrow", service).split(":")
    numbers = sorted({each for each in groups if each.isdigit()})
    as_user = ("setpriv", f"--reuid={ids[0]}", f"--regid={numbers[0]}", f"--groups={','.join(numbers)}")
    namespace = ("nsenter", f"--target={machine.show(service, 'MainPID')}", "--mount")
    return not machine.fails(*namespace, *as_user, "sh", "-c", f"touch {folder}/.tried && rm {folder}/.tried")


def test_network_process_cannot_touch_the_spool_even_without_its_unit_file(running: Machine) -> None:
    """Outside its sandbox, too, the uploader's user can read sealed files and can neither write nor unlink any."""
    running.run("runuser", "-u", "backrow-recorder", "-g", "backrow", "--", "mkdir", "-m", "2750", f"{DATA}/spool/try")
    running.run("runuser", "-u", "backrow-recorder", "-g", "backrow", "--", "touch", f"{DATA}/spool/try/000001.age")
    for user in SERVICES[1:]:
        as_user = ("runuser", "-u", user, "-g", "backrow", "--")
        assert running.fails(*as_user, "rm", "-f", f"{DATA}/spool/try/000001.age")
        assert running.fails(*as_user, "touch", f"{DATA}/spool/try/000002.age")
        assert running.fails(*as_user, "cat", f"{DATA}/identity/recorder.key")
        assert running.fails(*as_user, "cat", f"{DATA}/recorder/journal")
    running.run("rm", "-r", f"{DATA}/spool/try")


@pytest.mark.parametrize(
    ("service", "keys"),
    [("backrow-recorder", {"recorder.key"}), ("backrow-agent", {"tls.key"}), ("backrow-uploader", {"tls.key"})],
)
def test_process_gets_its_own_key_and_no_other(running: Machine, service: str, keys: set[str]) -> None:
    """The folder of credentials holds exactly one key, and no other user of ours can open it."""
    folder = f"/run/credentials/{service}.service"
    assert set(running.run("ls", folder).split()) == keys
    for other in {*USERS} - {service}:
        assert running.fails("runuser", "-u", other, "-g", "backrow", "--", "cat", f"{folder}/{next(iter(keys))}")


def test_score_of_the_units_own_systemd_is_low(running: Machine) -> None:
    """`systemd-analyze security` of the very systemd that runs them: at most 2.0 each."""
    for service in (*SERVICES, "backrow-selftest"):
        told = running.run("systemd-analyze", "security", "--no-pager", f"{service}.service")
        score = re.search(r"Overall exposure level for \S+: ([\d.]+)", told)
        assert score, told
        assert float(score[1]) <= 2.0, told


def test_data_partition_is_mounted_to_its_places(running: Machine) -> None:
    """What must outlast a start lies on the data partition, and is mounted without device nodes and programs."""
    for place, program in ((DATA, False), ("/etc/backrow", False), ("/opt/backrow", True)):
        options = running.run("findmnt", "--noheadings", "--output=OPTIONS", "--target", place)
        assert {"noatime", "nodev", "nosuid"} <= set(options.strip().split(",")), place
        assert ("noexec" in options) is not program, place


def test_machine_obeys_its_files(running: Machine) -> None:
    """What the files of provisioning/machine say is what systemd says of itself, not what a file would like."""
    assert running.run("systemctl", "show", "--property=RuntimeWatchdogUSec", "--value").strip() == "14s"
    assert running.run("systemctl", "show", "--property=DefaultLimitCORE", "--value").strip() == "0"
    assert not list((running.root / "var/log").rglob("*.journal"))
    assert "/run/log/journal" in running.run("journalctl", "--header")
    login = (
        "busctl",
        "get-property",
        "org.freedesktop.login1",
        "/org/freedesktop/login1",
        "org.freedesktop.login1.Manager",
    )
    assert running.run(*login, "HandlePowerKey").strip() == 's "poweroff"'


def test_swap_cannot_be_switched_on_by_a_unit(running: Machine) -> None:
    """Whoever adds a swap unit sees it passed over: unsealed footage in memory never comes onto a card."""
    unit = "[Swap]\\nWhat=/data/swap\\n"
    running.run("sh", "-c", f"printf '{unit}' > /run/systemd/system/data-swap.swap && systemctl daemon-reload")
    running.ask("systemctl", "start", "data-swap.swap")
    assert running.show("data-swap.swap", "ConditionResult") == "no"
    assert running.show("data-swap.swap", "ActiveState") == "inactive"


def test_selftest_passes_in_its_sandbox(running: Machine) -> None:
    """The self-test of the timer, as its own user without devices and network, finds the unit in order."""
    running.ask("systemctl", "start", "backrow-selftest.service")
    assert running.show("backrow-selftest.service", "Result") == "success", running.journal("-u", "backrow-selftest")


def test_health_is_measured_in_the_agents_sandbox(running: Machine) -> None:
    """The agent's probes reach the kernel's files that they need."""
    wait_for(lambda: not running.fails("test", "-s", f"{DATA}/agent/boots"), "the agent has counted the start")


def test_unit_without_its_key_stays_dark(machine: Machine) -> None:
    """A recorder that gets no key does not start; the others do, and a key that is laid there brings it up."""
    key = machine.unit.data / "identity" / "recorder.key"
    key.unlink()
    machine.boot()
    wait_for(lambda: int(machine.show(SERVICES[0], "NRestarts")) >= 2, "systemd has tried it again and again")
    assert machine.show(SERVICES[0], "ActiveEnterTimestampMonotonic") == "0", "it has been up since the machine started"
    assert {machine.show(each, "ActiveState") for each in SERVICES[1:]} == {"active"}
    store_signing_key(key, SigningKey.generate(), "recorder")
    (machine.unit.data / "identity" / "recorder.pub").write_text("not the same\n", "ascii")
    wait_for(lambda: "recorder.pub" in machine.journal("--unit=backrow-recorder"), "it says what is wrong")
