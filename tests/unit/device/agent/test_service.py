"""The agent against a real Mosquitto: life cycle, wills, documents in every order, a broker that goes and comes."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from controller.bridge.link import Arrived, BridgeLink, BridgeSettings
from device.agent.service import make_agent, run
from device.claims import PARTS, Claim
from device.config import load_config
from device.counters import load_counters
from device.health.status import RecorderStatus, StatusFile
from protocol.commands import Command, Task
from protocol.documents import KeyringKey, Purpose, issue_document
from protocol.durable import REAL
from protocol.manifest import CloseReason
from protocol.messages import Ack, Health, Presence, SpoolReport, Verdict, parse_message
from protocol.signing import SigningKey, sign_line, split_line
from protocol.topics import Down, Up, down_topic, parse_up
from tests.broker import Broker, wait_online
from tests.fakes.spooled import spool_recording
from tests.fakes.world import FakeWorld
from tests.school import WEEK, School, UnitBundle, make_school, new_id

PATIENCE_S = 30.0


@dataclass
class Stage:
    """A school, a broker, a unit's configuration, and the controller's ear and voice."""

    school: School
    broker: Broker
    unit: UnitBundle
    bridge: BridgeLink
    heard: list[tuple[Up, bytes, bool]]

    def tell(self, kind: Down, line: bytes) -> None:
        """Publish a document as the bridge does."""
        assert self.bridge.publish(down_topic(self.unit.device, kind), line, retain=False, timeout_s=PATIENCE_S)

    def listen(self, wanted: Callable[[Up, bytes], bool]) -> bytes:
        """Wait for a message."""
        deadline = time.monotonic() + PATIENCE_S
        while (left := deadline - time.monotonic()) > 0:
            arrived: Arrived = self.bridge.messages.get(timeout=left)
            kind = parse_up(arrived.topic).kind
            self.heard.append((kind, arrived.payload, arrived.retain))
            if wanted(kind, arrived.payload):
                return arrived.payload
        raise AssertionError("never heard")

    def listen_for(self, kind: Up) -> bytes:
        """Wait for the next message of a kind."""
        return self.listen(lambda heard, _: heard is kind)

    def presence(self, *, online: bool) -> Presence:
        """Wait until presence says so."""
        payload = self.listen(lambda kind, data: kind is Up.PRESENCE and parse_message(Presence, data).online is online)
        return parse_message(Presence, payload)

    def ack(self) -> Ack:
        """Wait for the next answer to a document."""
        return parse_message(Ack, self.listen_for(Up.ACK))

    def state(self, kind: str) -> bytes:
        """Read what the unit holds."""
        return (self.unit.data / "state" / kind).read_bytes()


@contextmanager
def bridge_at(port: int) -> Iterator[BridgeLink]:
    link = BridgeLink(BridgeSettings(host="127.0.0.1", port=port, reconnect_max_s=1, keepalive_s=5))
    link.start()
    try:
        assert wait_online(link)
        yield link
    finally:
        link.stop()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """Everything up but the agent."""
    school = make_school(tmp_path / "school", now=datetime.now(UTC))
    with Broker() as broker, bridge_at(broker.port) as bridge:
        tables: dict[str, dict[str, Any]] = {
            "broker": {"port": broker.port},
            "agent": {"spool_every_s": 1.0, "reconnect_min_s": 0.05, "reconnect_max_s": 0.2},
        }
        yield Stage(school, broker, school.make_unit(tmp_path / "unit", tables=tables), bridge, [])


@contextmanager
def running_agent(stage: Stage) -> Iterator[None]:
    """Run the agent in a thread until the block ends."""
    stop = threading.Event()
    thread = threading.Thread(target=run, args=(load_config(stage.unit.config), stop))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


def start_process(unit: UnitBundle) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", "from device.cli import group; group()", "agent", "--config", str(unit.config)]
    return subprocess.Popen(command, cwd=Path(__file__).parents[4], stderr=subprocess.DEVNULL)


def test_agent_says_birth_health_and_spool_and_leaves_in_order(stage: Stage) -> None:
    """Presence, health and spool come at once; at the end presence says offline under the same birth."""
    with running_agent(stage):
        birth = stage.presence(online=True).birth
        assert "recorder_silent" in parse_message(Health, stage.listen_for(Up.HEALTH)).reason
        assert parse_message(SpoolReport, stage.listen_for(Up.SPOOL)).waiting_bytes == 0
    assert stage.presence(online=False).birth == birth
    with running_agent(stage):
        assert stage.presence(online=True).birth == birth + 1


def test_agent_reports_what_waits_and_how_the_recorder_is(stage: Stage) -> None:
    """Bytes of closed recordings alone are reported, not of unfinished or discarded ones; fitness is the recorder's."""
    recorder = Claim(stage.unit.data / "recorder" / PARTS)
    assert recorder.take()
    status = StatusFile(stage.unit.data / "recorder" / "status", REAL)
    status.say(RecorderStatus(fit=True, school_days_left=15, notes=("tail_recovered",)))
    began_at = stage.school.now - timedelta(hours=2)
    spooled = spool_recording(stage.unit, began_at=began_at)
    spool_recording(stage.unit, began_at=began_at, closed=None)
    spool_recording(stage.unit, began_at=began_at, closed=CloseReason.DISCARDED)
    with running_agent(stage):
        health = parse_message(Health, stage.listen_for(Up.HEALTH))
        report = parse_message(SpoolReport, stage.listen_for(Up.SPOOL))
        assert (health.fit, health.reason, health.school_days_left) == (True, "", 15)
        assert report.waiting_bytes == spooled.total_bytes
        assert report.oldest_at == began_at.replace(microsecond=began_at.microsecond // 1000 * 1000)
        status.say(RecorderStatus(fit=False, reasons=("no_policy",)))
        health = parse_message(Health, stage.listen_for(Up.HEALTH))
        assert (health.fit, health.reason) == (False, "no_policy")
        recorder.give_back()
        gone = "no_policy; recorder_not_running"
        stage.listen(lambda kind, data: kind is Up.HEALTH and parse_message(Health, data).reason == gone)


def test_agent_stores_a_lease_and_acknowledges(stage: Stage) -> None:
    """A lease is verified, stored as it came and acknowledged; the same again is held; an older one is refused."""
    first, second = (stage.school.issue_lease(stage.unit.device, fence=fence) for fence in (1, 2))
    with running_agent(stage):
        stage.presence(online=True)
        for line, verdict in (
            (second, Verdict.APPLIED),
            (second, Verdict.HELD_ALREADY),
            (first, Verdict.REFUSED),
        ):
            stage.tell(Down.LEASE, line)
            assert stage.ack().verdict is verdict
    assert stage.state("lease") == second


def test_agent_stores_withdrawal_and_undo_and_its_log_tells_of_neither(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    """Both are stored where the recorder looks for them and acknowledged; IT learns from the log of neither (P7)."""
    recording = new_id()
    withdrawal = stage.school.issue_withdrawal(stage.unit.device, recording)
    undo = stage.school.issue_undo(stage.unit.device, recording)
    with caplog.at_level(logging.INFO), running_agent(stage):
        stage.presence(online=True)
        for topic, line in ((Down.WITHDRAWAL, withdrawal), (Down.COMMAND, undo)):
            stage.tell(topic, line)
            assert stage.ack().verdict is Verdict.APPLIED
    assert stage.state("withdrawal") == withdrawal
    assert stage.state(f"undo/{recording}") == undo
    assert "undo" not in caplog.text
    assert "withdrawal" not in caplog.text


def test_agent_stores_a_command_where_the_recorder_looks_for_it(stage: Stage) -> None:
    """Of each task the newest is held; a task that is none is refused, also with the school's own signature."""
    device, now = stage.unit.device, datetime.now(UTC)
    blink = stage.school.issue_command(device, issued_at=now)
    retirement = stage.school.issue_command(device, Task.RETIRE, lasts=52 * WEEK, not_before=stage.school.now)
    unknown = split_line(blink).body.replace(b'"identify"', b'"record"')
    forged = sign_line(unknown, domain=Command.KIND, key=stage.school.policy_key)
    with running_agent(stage):
        stage.presence(online=True)
        for line, verdict in ((blink, Verdict.APPLIED), (retirement, Verdict.APPLIED), (blink, Verdict.HELD_ALREADY)):
            stage.tell(Down.COMMAND, line)
            assert stage.ack().verdict is verdict
        stage.tell(Down.COMMAND, forged)
        assert stage.ack().verdict is Verdict.REFUSED
    assert stage.state("commands/identify") == blink
    assert stage.state("commands/retire") == retirement


def test_agent_lays_its_counters_where_the_uploader_reads_them(stage: Stage) -> None:
    """The birth that the controller hears is the one that goes with the request for documents."""
    with running_agent(stage):
        birth = stage.presence(online=True).birth
    told = load_counters(stage.unit.data / "state")
    assert told is not None
    assert told.birth == birth
    with running_agent(stage):
        stage.presence(online=True)
    again = load_counters(stage.unit.data / "state")
    assert again is not None
    assert (again.birth, again.boots, again.boot) == (birth + 1, told.boots, told.boot)


def test_agent_refuses_forged_and_foreign_documents(stage: Stage) -> None:
    """A lease of a stranger's key, one for another unit, and noise change nothing; the agent stays."""
    stranger = replace(stage.school, lease_key=SigningKey.generate())
    good = stage.school.issue_lease(stage.unit.device)
    with running_agent(stage):
        stage.presence(online=True)
        stage.tell(Down.LEASE, stranger.issue_lease(stage.unit.device, fence=9))
        assert stage.ack().verdict is Verdict.REFUSED
        stage.tell(Down.LEASE, stage.school.issue_lease("a" * 26, fence=9))
        assert stage.ack().verdict is Verdict.REFUSED
        for noise in (b"", b"\xff" * 1000, b"{}", good[:-9] + b"\n", good + good, b"x" * 200_000):
            stage.tell(Down.LEASE, noise)
            stage.tell(Down.COMMAND, noise)
        stage.tell(Down.LEASE, good)
        ack = stage.listen(lambda kind, data: kind is Up.ACK and parse_message(Ack, data).verdict is Verdict.APPLIED)
        assert parse_message(Ack, ack).document == "lease"
    assert stage.state("lease") == good


def test_agent_heals_a_policy_that_overtook_its_keyring(stage: Stage) -> None:
    """A policy of a new key is refused, then applied by itself when the keyring that names the key arrives."""
    new_key = SigningKey.generate()
    ours = stage.school.trust.keyring
    assert ours
    named = KeyringKey(purpose=Purpose.POLICY, public=new_key.verifying.encode())
    keyring = issue_document(replace(ours, version=2, keys=(*ours.keys, named)), stage.school.root)
    policy = replace(stage.school, policy_key=new_key).issue_policy(stage.unit.device, version=2)
    with running_agent(stage):
        stage.presence(online=True)
        stage.tell(Down.POLICY, policy)
        assert (stage.ack().document, stage.state("policy") == policy) == ("policy", False)
        stage.tell(Down.KEYRING, keyring)
        acks = [stage.ack() for _ in range(2)]
    assert [(ack.document, ack.verdict) for ack in acks] == [
        ("keyring", Verdict.APPLIED),
        ("policy", Verdict.APPLIED),
    ]
    assert stage.state("policy") == policy


def test_agent_stores_receipts_by_recording(stage: Stage) -> None:
    """A receipt that comes over MQTT is laid where the recorder looks for it."""
    spooled = spool_recording(stage.unit, began_at=stage.school.now)
    line = stage.school.issue_receipt(spooled.manifest)
    with running_agent(stage):
        stage.presence(online=True)
        stage.tell(Down.RECEIPT, line)
        assert stage.ack().verdict is Verdict.APPLIED
    assert stage.state(f"receipts/{spooled.recording}") == line


def test_agent_survives_a_broker_that_goes_and_comes(stage: Stage) -> None:
    """When the broker dies and returns, the agent is born again, subscribed, and takes documents as before."""
    with running_agent(stage):
        birth = stage.presence(online=True).birth
        stage.broker.kill()
        time.sleep(0.6)  # some attempts fail meanwhile
        stage.broker.start()
        again = stage.listen(lambda kind, data: kind is Up.PRESENCE and parse_message(Presence, data).birth > birth)
        assert parse_message(Presence, again).online
        deadline = time.monotonic() + PATIENCE_S
        line = stage.school.issue_lease(stage.unit.device)
        while not (stage.unit.data / "state" / "lease").exists() and time.monotonic() < deadline:
            stage.tell(Down.LEASE, line)
            time.sleep(0.1)
    assert stage.state("lease") == line


def test_agent_begins_without_a_broker(stage: Stage) -> None:
    """An agent that is started while the broker is away waits and is born when it comes."""
    stage.broker.kill()
    with running_agent(stage):
        time.sleep(0.3)
        stage.broker.start()
        assert stage.presence(online=True).birth > 0


def test_agent_gives_up_a_broker_that_never_answers(tmp_path: Path) -> None:
    """A broker that takes the connection and says nothing is left after 30 s, and tried again later."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(PATIENCE_S)
        port = silent.getsockname()[1]
        unit = make_school(tmp_path / "school", now=datetime.now(UTC)).make_unit(
            tmp_path / "unit", tables={"broker": {"port": port}}
        )
        world = FakeWorld(datetime.now(UTC))
        agent = make_agent(load_config(unit.config), world.world)
        agent.turn(world)
        first, _ = silent.accept()
        world.advance(31)
        agent.turn(world)
        with first:
            assert first.recv(1024)[:1] == b"\x10"  # the CONNECT, and then the end of the connection
            assert first.recv(1024) == b""
        world.advance(60)
        agent.turn(world)
        second, _ = silent.accept()
        with second:
            assert second.recv(1024)[:1] == b"\x10"
        agent.turn(world)


def test_killed_agent_is_declared_offline_by_its_own_birth(stage: Stage) -> None:
    """After `kill -9` the broker publishes the will under that birth; the next start has a higher one and wins."""
    process = start_process(stage.unit)
    birth = stage.presence(online=True).birth
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert stage.presence(online=False).birth == birth
    with running_agent(stage):
        assert stage.presence(online=True).birth > birth


def test_a_takeover_leaves_the_higher_birth_online(stage: Stage) -> None:
    """When a second connection of the unit takes over, the old will carries the lower birth, so that it can be told."""
    process = start_process(stage.unit)
    old = stage.presence(online=True).birth
    os.kill(process.pid, signal.SIGSTOP)  # the old connection hangs: the broker does not know yet
    with running_agent(stage):
        new = stage.listen(lambda kind, data: kind is Up.PRESENCE and parse_message(Presence, data).birth > old)
        assert parse_message(Presence, new).online
        wills = [
            parse_message(Presence, data)
            for kind, data, _ in stage.heard
            if kind is Up.PRESENCE and not parse_message(Presence, data).online
        ]
        assert all(will.birth == old for will in wills)
    process.kill()
    process.wait()


def test_sigterm_ends_the_process_in_order(stage: Stage) -> None:
    """On SIGTERM the process says goodbye and ends with status 0; the broker has no will to publish."""
    process = start_process(stage.unit)
    stage.presence(online=True)
    process.terminate()
    assert process.wait(PATIENCE_S) == 0
    stage.presence(online=False)
    time.sleep(0.3)
    assert stage.bridge.messages.empty()
