"""The broker as a school installs it: a real Mosquitto with exactly the files of `backrow provision broker`.

What Mosquitto would do by itself, and must not, is asked of it here; who is let in at all is in test_broker_tls.py,
and the thousands of attempts of one unit to be another are in test_broker_attacks.py.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import pytest
from click.testing import CliRunner

from protocol.durable import PRIVATE
from protocol.messages import MESSAGE_LIMIT_BYTES
from protocol.pki import (
    Credential,
    issue_authority,
    issue_crl,
    issue_device,
    issue_issuing_authority,
    issue_root_authority,
)
from protocol.topics import PREFIX, Down, Up, down_topic, every_down, up_topic
from provisioning.broker.files import PUBLIC, Placed, store_files
from provisioning.commands import group
from tests.mqtt_wire import GRANTED, Wire
from tests.school import make_school, new_id
from tests.school_broker import SchoolBroker, school_broker

NOW = datetime.now(UTC)
DEVICE, OTHER = new_id(), new_id()
QUIET_S = 0.3
PATIENCE_S = 20.0


@pytest.fixture(scope="module")
def root() -> Credential:
    """The school's root CA."""
    return issue_root_authority("Root", now=NOW)


@pytest.fixture(scope="module")
def authority(root: Credential) -> Credential:
    """The CA that issues."""
    return issue_issuing_authority(root, "Issuing", now=NOW)


@pytest.fixture(scope="module")
def broker(root: Credential, authority: Credential) -> Iterator[SchoolBroker]:
    """One broker for what leaves nothing behind."""
    with school_broker(authority, root=root, now=NOW) as running:
        yield running


def unit(broker: SchoolBroker, device: str = DEVICE) -> Wire:
    """Connect as a unit does."""
    wire = broker.dial_unit(broker.papers(device, issue_device(broker.authority, device, now=NOW)))
    assert wire.connect(device) == GRANTED
    return wire


def bridge(broker: SchoolBroker, *filters: str) -> Wire:
    """Connect as the bridge does, and listen."""
    wire = broker.dial_bridge()
    assert wire.connect("backrow-bridge") == GRANTED
    wire.subscribe(*(filters or (f"{PREFIX}/+/up/#",)))
    wire.settle()
    return wire


def test_unit_and_bridge_speak_to_each_other(broker: SchoolBroker) -> None:
    """Each of the four things that a unit says reaches the bridge, each document the unit, as they were sent."""
    with unit(broker) as one, bridge(broker) as the_bridge:
        one.subscribe(every_down(DEVICE))
        one.settle()
        for kind in Up:
            one.publish(up_topic(DEVICE, kind), kind.encode(), qos=1)
        for down in Down:
            the_bridge.publish(down_topic(DEVICE, down), down.encode(), qos=1)
        one.settle(), the_bridge.settle(), one.settle()
        assert [heard.payload.decode() for heard in the_bridge.heard] == list(Up)
        assert [heard.payload.decode() for heard in one.heard] == list(Down)


def test_broker_tells_nothing_of_itself(broker: SchoolBroker) -> None:
    """Nobody is sent a $SYS topic: they count clients and messages. Neither unit nor bridge."""
    with unit(broker) as one, bridge(broker, "$SYS/#", "$SYS/broker/clients/connected") as the_bridge:
        one.subscribe("$SYS/#")
        assert not one.is_closed(QUIET_S)
        assert not the_bridge.is_closed(QUIET_S)
        assert (one.heard, the_bridge.heard) == ([], [])
    assert "sys_interval 0\n" in (broker.files / "mosquitto.conf").read_text()


def test_longest_message_passes_and_a_longer_packet_ends_the_connection(broker: SchoolBroker) -> None:
    """64 KiB, the limit of the contract, are carried; what is longer is never kept, and its sender notices."""
    with unit(broker) as one, bridge(broker) as the_bridge:
        one.publish(up_topic(DEVICE, Up.HEALTH), bytes(MESSAGE_LIMIT_BYTES), qos=1)
        one.settle(), the_bridge.settle()
        assert [len(heard.payload) for heard in the_bridge.heard] == [MESSAGE_LIMIT_BYTES]
        with pytest.raises(OSError, match=r"EOF|hung up|reset|pipe"):
            overflow(one)
        the_bridge.settle()
        assert len(the_bridge.heard) == 1


def overflow(one: Wire) -> None:
    """Send a retained message that is too long; the broker may hang up before it has taken it in."""
    one.publish(up_topic(DEVICE, Up.HEALTH), bytes(MESSAGE_LIMIT_BYTES + 1024), retain=1)
    one.settle()


def test_unit_can_leave_four_retained_messages_and_no_fifth(broker: SchoolBroker) -> None:
    """A topic that is not one of the four is neither delivered nor kept, so that no unit can fill the broker."""
    device = new_id()
    with unit(broker, device) as one:
        for name in (*Up, "photo", "presence/2", "presence/", "", "health/a/b"):
            one.publish(f"{PREFIX}/{device}/up/{name}", b"kept?", retain=1)
        one.settle()
    with bridge(broker) as the_bridge:
        mine = [heard.topic.rsplit("/", 1)[1] for heard in the_bridge.heard if device in heard.topic]
    assert sorted(mine) == sorted(Up)


def test_client_id_is_the_name_in_the_certificate(broker: SchoolBroker) -> None:
    """A unit that calls itself by another unit's name ends nobody's session but its own earlier one."""
    with unit(broker) as honest, unit(broker, OTHER) as first, broker.dial_unit(broker.papers(OTHER)) as thief:
        assert thief.connect(DEVICE) == GRANTED
        assert first.is_closed(PATIENCE_S)
        honest.settle()


def test_bridge_closes_the_session_of_a_unit_by_its_client_id(broker: SchoolBroker) -> None:
    """On its own listener client ids are not replaced: a take-over ends a unit's live session at once."""
    with unit(broker) as one, broker.dial_bridge() as the_bridge:
        assert the_bridge.connect(DEVICE) == GRANTED
        assert one.is_closed(PATIENCE_S)


def test_unit_may_nothing_on_the_bridges_listener(broker: SchoolBroker) -> None:
    """A unit's certificate that reaches the bridge's listener is heard by nobody and hears nothing."""
    with bridge(broker) as the_bridge, unit(broker, OTHER) as other:
        other.subscribe(every_down(OTHER))
        papers = broker.papers("stray", issue_device(broker.authority, DEVICE, now=NOW))
        with broker.dial_bridge(papers) as stray:
            assert stray.connect("stray") == GRANTED
            stray.subscribe("#", every_down(OTHER), every_down(DEVICE))
            for topic in (up_topic(DEVICE, Up.HEALTH), up_topic(OTHER, Up.HEALTH), down_topic(OTHER, Down.POLICY)):
                stray.publish(topic, b"stray", qos=1)
            stray.settle()
            the_bridge.publish(down_topic(DEVICE, Down.POLICY), b"for the unit", qos=1)
            the_bridge.settle(), stray.settle(), other.settle()
            assert (stray.heard, other.heard) == ([], [])
            assert b"stray" not in [heard.payload for heard in the_bridge.heard]


def test_bridges_name_may_nothing_on_the_units_listener(broker: SchoolBroker) -> None:
    """The rules are each listener's own: the bridge's certificate has no power over units where units connect."""
    with broker.dial_unit(broker.bridge_papers) as stray, unit(broker) as one:
        assert stray.connect("anything") == GRANTED
        one.subscribe(every_down(DEVICE))
        one.settle()
        stray.publish(down_topic(DEVICE, Down.POLICY), b"stray", qos=1)
        stray.settle(), one.settle()
        assert one.heard == []


def test_connections_are_counted(root: Credential, authority: Credential) -> None:
    """The units' listener takes as many connections as it was told, 8 here; the bridge's is not one of them."""
    with school_broker(authority, root=root, now=NOW, connections=8) as broker, ExitStack() as wires:
        let_in = [wires.enter_context(unit(broker, new_id())) for _ in range(8)]
        assert [wire.is_closed(0.1) for wire in let_in] == [False] * 8
        with pytest.raises(OSError, match=r"EOF|hung up|reset|pipe"):
            wires.enter_context(unit(broker, new_id()))
        wires.enter_context(bridge(broker)).settle()


def test_quality_of_service_above_one_is_refused(broker: SchoolBroker) -> None:
    """A unit that publishes at QoS 2, for which the broker would keep state, is disconnected."""
    with unit(broker) as one:
        one.publish(up_topic(DEVICE, Up.HEALTH), b"", qos=2)
        assert one.is_closed(PATIENCE_S)


def test_session_that_is_kept_ends_with_its_unit(broker: SchoolBroker) -> None:
    """What waits for a unit that is away is bounded: a session is its certificate's, one a unit, for a day."""
    device = new_id()
    papers = broker.papers(device, issue_device(broker.authority, device, now=NOW))
    for name in ("a", "b", "c"):
        with broker.dial_unit(papers) as one:
            assert one.connect(name, clean=0) == GRANTED
            one.subscribe(every_down(device))
            one.settle()
    with bridge(broker) as the_bridge:
        the_bridge.publish(down_topic(device, Down.POLICY), b"once", qos=1)
        the_bridge.settle()
    with broker.dial_unit(papers) as one:
        assert one.connect("d") == GRANTED, "a clean session forgets the kept one"


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_retained_messages_outlive_the_broker(root: Credential, authority: Credential, end: signal.Signals) -> None:
    """Documents and presence are there again after a stop, and after a power cut what the last minute's writing took.

    What came later is said again at the next birth (tests/unit/controller/bridge/test_service.py).
    """
    with school_broker(authority, root=root, now=NOW) as broker:
        with unit(broker) as one, bridge(broker) as the_bridge:
            one.publish(up_topic(DEVICE, Up.PRESENCE), b"here", qos=1, retain=1)
            for kind in (Down.KEYRING, Down.RECIPIENTS, Down.POLICY):
                the_bridge.publish(down_topic(DEVICE, kind), kind.encode(), qos=1, retain=1)
            one.settle(), the_bridge.settle()
            if end is signal.SIGKILL:
                write_as_each_minute(broker, b"policy")
        broker.stop(end)
        broker.start()
        with bridge(broker) as the_bridge, unit(broker) as one:
            one.subscribe(every_down(DEVICE))
            one.settle()
            assert [heard.payload for heard in the_bridge.heard] == [b"here"]
            assert {heard.payload for heard in one.heard} == {b"keyring", b"recipients", b"policy"}


def write_as_each_minute(broker: SchoolBroker, text: bytes) -> None:
    """Have Mosquitto write now what it writes each minute (SIGUSR1, mosquitto(8)), and wait until it has."""
    assert broker.process
    broker.process.send_signal(signal.SIGUSR1)
    saved = Path(broker.plan.state) / "mosquitto.db"
    deadline = time.monotonic() + PATIENCE_S
    while not (saved.exists() and text in saved.read_bytes()):
        assert time.monotonic() < deadline, "it was not saved"
        time.sleep(0.05)


def test_log_tells_of_connections_and_never_of_messages(broker: SchoolBroker) -> None:
    """Whoever reads the broker's log does not learn when a lease or a receipt went to a room."""
    with unit(broker) as one, bridge(broker) as the_bridge:
        one.subscribe(every_down(DEVICE))
        one.settle()
        for kind in (Down.LEASE, Down.RECEIPT):
            the_bridge.publish(down_topic(DEVICE, kind), b"x", qos=1)
        one.publish(up_topic(DEVICE, Up.SPOOL), b"x", qos=1)
        one.settle(), the_bridge.settle()
    log = broker.log_text
    assert f"as {DEVICE}" in log
    assert [kind for kind in (*Down, *Up) if f"/{kind}" in log] == []


def test_command_makes_files_that_mosquitto_accepts(tmp_path: Path) -> None:
    """What the command writes is a configuration without a line that Mosquitto does not know, with strict modes."""
    school, out = make_school(tmp_path, now=NOW), tmp_path / "out"
    options = ("--keys", str(school.keys), "--out", str(out), "--crl", "/srv/backrow/revoked.crl")
    made = CliRunner().invoke(group, ["broker", *options], catch_exceptions=False)
    assert made.exit_code == 0, made.output
    assert 'units_host = "localhost"' in made.output
    files = {path.relative_to(out).as_posix(): path for path in out.rglob("*") if path.is_file()}
    modes = {name: path.stat().st_mode & 0o777 for name, path in files.items()}
    private = {name.rsplit("/", 1)[1] for name, mode in modes.items() if mode == 0o600}
    assert private == {"server.key", "units.acl", "bridge.acl"}
    assert "PathChanged=/srv/backrow/revoked.crl\n" in files["etc/systemd/system/backrow-crl.path"].read_text()
    assert [line for line in _filled(files) if "$folder" in line or "$crl" in line] == []
    again = CliRunner().invoke(group, ["broker", *options])
    assert (again.exit_code, "new or an empty folder" in again.output) == (1, True)


def _filled(files: dict[str, Path]) -> Iterator[str]:
    for path in files.values():
        yield from path.read_text().splitlines()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--crl", "revoked.crl"), "'--crl': expected an absolute path"),
        (("--crl", "/a/b.crl", "--folder", "/etc/with space"), "'--folder': expected an absolute path"),
        (("--crl", "/a/b.crl", "--listen", "10.1.0.5\nallow_anonymous true"), "'--listen': expected an address"),
        (("--crl", "/a/b.crl", "--listen", "localhost"), "'--listen': expected an address"),
        (("--crl", "/a/b.crl", "--port", "8884"), "--port and --bridge-port: expected two different ports"),
        (("--crl", "/a/b.crl", "--out", "n" * 300), "cannot be looked at"),
        (("--crl", "/a/b.crl", "--host", "ä.example"), "no certificate can name"),
    ],
)
def test_command_refuses_what_no_file_could_hold(tmp_path: Path, options: tuple[str, ...], words: str) -> None:
    """A path that would mean something else in a unit file, and a name that fits no certificate, are refused."""
    school, out = make_school(tmp_path, now=NOW), tmp_path / "out"
    made = CliRunner().invoke(group, ["broker", "--keys", str(school.keys), "--out", str(out), *options])
    assert made.exit_code != 0
    assert words in made.output
    assert not out.exists()


def test_files_are_there_whole_or_not_at_all(tmp_path: Path) -> None:
    """When one cannot be written, as on a full disk, neither a folder nor a draft with the key stays behind."""
    key, plain = PurePosixPath("etc/server.key"), PurePosixPath("etc/ok")
    with pytest.raises(OSError, match="too long"):
        store_files(tmp_path / "out", {key: Placed(b"secret"), plain / ("n" * 300): Placed(b"x")})
    assert list(tmp_path.iterdir()) == []
    store_files(tmp_path / "out", {key: Placed(b"secret", PRIVATE)})
    assert (tmp_path / "out" / key).read_bytes() == b"secret"


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_folders_can_be_gone_through_by_the_brokers_user(tmp_path: Path, umask: int) -> None:
    """A person whose umask closes new folders to others makes files that the broker can read all the same."""
    before = os.umask(umask)
    try:
        store_files(tmp_path / "out", {PurePosixPath("etc/mosquitto/backrow/units.acl"): Placed(b"x")})
    finally:
        os.umask(before)
    inner = sorted(path for path in (tmp_path / "out").rglob("*") if path.is_dir())
    assert {path.stat().st_mode & 0o777 for path in inner} == {0o755}
    assert len(inner) == 3
    assert (inner[-1] / "units.acl").stat().st_mode & 0o777 == PUBLIC


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd")
def test_units_for_systemd_are_understood(tmp_path: Path) -> None:
    """systemd knows every line of the drop-in, the path unit, the timer and the service, and finds their programs."""
    school, out, folder = make_school(tmp_path, now=NOW), tmp_path / "out", tmp_path / "installed"
    options = ("--keys", str(school.keys), "--out", str(out), "--crl", "/srv/backrow/revoked.crl")
    assert CliRunner().invoke(group, ["broker", *options, "--folder", str(folder)]).exit_code == 0
    shutil.copytree(out / str(folder)[1:], folder)
    units = out / "etc/systemd/system"
    shutil.copy("/lib/systemd/system/mosquitto.service", units)
    names = sorted(str(path) for path in units.iterdir() if path.is_file())
    environment = {**os.environ, "SYSTEMD_UNIT_PATH": f"{units}:"}
    command = ["systemd-analyze", "verify", "--man=no", *names]
    found = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert len(names) == 4
    assert [line for line in found.stderr.splitlines() if str(tmp_path) in line or "backrow" in line] == []


def test_list_is_handed_on_only_when_it_is_one(tmp_path: Path) -> None:
    """What the service runs copies a new list, leaves the same one alone, and keeps the old one when it is none."""
    school, out, folder = make_school(tmp_path, now=NOW), tmp_path / "out", tmp_path / "installed"
    source = tmp_path / "revoked.crl"
    options = ("--keys", str(school.keys), "--out", str(out), "--crl", str(source), "--folder", str(folder))
    assert CliRunner().invoke(group, ["broker", *options]).exit_code == 0
    shutil.copytree(out / str(folder)[1:], folder)
    no_broker = tmp_path / "bin" / "systemctl"  # says that no broker runs, as on a machine that starts
    no_broker.parent.mkdir()
    no_broker.write_text("#!/bin/sh\nexit 3\n")
    no_broker.chmod(0o755)
    environment = {"PATH": f"{no_broker.parent}:{os.environ['PATH']}"}
    first, second = (issue_crl(school.authority, [], now=NOW, number=number) for number in (1, 2))

    def take(content: bytes) -> int:
        source.write_bytes(content)
        command = subprocess.run([str(folder / "take-list")], env=environment, capture_output=True, check=False)
        return command.returncode

    assert [take(first), (folder / "revoked.crl").read_bytes()] == [0, first]
    assert [take(b"rubbish"), (folder / "revoked.crl").read_bytes()] == [1, first]
    assert [take(second), (folder / "revoked.crl").read_bytes()] == [0, second]
    before = (folder / "revoked.crl").stat().st_mtime_ns
    assert [take(second), (folder / "revoked.crl").stat().st_mtime_ns] == [0, before]


def test_authority_without_a_root_is_trusted_itself() -> None:
    """A school whose only CA signed itself, as the demo's, is served as well."""
    authority = issue_authority("Alone", now=NOW)
    with school_broker(authority, now=NOW) as broker, unit(broker) as one:
        one.settle()
