"""Agent and bridge with a broker as a school runs it: mutual TLS, and rules that keep units apart."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from controller.bridge import link as bridge_door
from device.agent.link import Heard, Link, LinkEvent, LinkSettings, Turn
from device.agent.service import run
from device.agent.session import Saying
from device.config import load_config
from device.identity.tls import TlsFiles
from protocol.messages import Presence, parse_message
from protocol.pki import Credential, issue_authority, issue_device, issue_server
from protocol.topics import Down, Up, down_topic, up_topic
from tests.broker import Broker, tls_lines, wait_online
from tests.school import School, UnitBundle, make_school

PATIENCE_S = 30.0
TURNS = 200


@pytest.fixture
def school(tmp_path: Path) -> School:
    return make_school(tmp_path / "school", now=datetime.now(UTC))


@pytest.fixture
def broker(school: School) -> Iterator[Broker]:
    keys = school.keys
    with Broker(lines=tls_lines(keys / "root-ca.pem", keys / "server.pem", keys / "server.key")) as running:
        yield running


@pytest.fixture
def bridge(school: School, broker: Broker, tmp_path: Path) -> Iterator[bridge_door.BridgeLink]:
    credential = issue_device(school.authority, "backrow-bridge", now=school.now)
    certificate, key = store(credential, tmp_path / "bridge")
    tls = bridge_door.TlsFiles(authority=school.keys / "root-ca.pem", certificate=certificate, key=key)
    door = bridge_door.BridgeLink(
        bridge_door.BridgeSettings(host="127.0.0.1", port=broker.port, tls=tls, reconnect_max_s=1)
    )
    door.start()
    assert wait_online(door), broker.log_text
    yield door
    door.stop()


def store(credential: Credential, stem: Path) -> tuple[Path, Path]:
    certificate, key = stem.with_suffix(".pem"), stem.with_suffix(".key")
    certificate.write_bytes(credential.certificate_pem())
    key.write_bytes(credential.key_pem())
    return certificate, key


def make_link(
    unit: UnitBundle,
    port: int,
    *,
    device: str | None = None,
    keepalive_s: int = 30,
    is_clock_trusted: Callable[[], bool] = lambda: True,
) -> Link:
    identity, certificate = unit.data / "identity", unit.data / "certificate" / "tls.pem"
    tls = TlsFiles(
        authority=identity / "ca.pem",
        certificate=certificate,
        key=identity / "tls.key",
        is_clock_trusted=is_clock_trusted,
    )
    return Link(
        LinkSettings(device=device or unit.device, host="127.0.0.1", port=port, tls=tls, keepalive_s=keepalive_s)
    )


def poll_for(link: Link, wanted: LinkEvent) -> list[LinkEvent]:
    """Let the link work until an event comes; give everything that came."""
    events: list[LinkEvent] = []
    for _ in range(TURNS):
        events += link.poll(0.1)
        if wanted in events:
            return events
    raise AssertionError(f"{wanted} never came; got {events}")


def saying(device: str, payload: bytes = b"said") -> Saying:
    return Saying(up_topic(device, Up.ACK), payload)


def test_agent_speaks_over_mutual_tls(
    school: School, broker: Broker, bridge: bridge_door.BridgeLink, tmp_path: Path
) -> None:
    """With the unit's certificate the agent is born, and takes a lease from the bridge."""
    unit = school.make_unit(tmp_path / "unit", tables={"broker": {"port": broker.port, "tls": True}})
    stop = threading.Event()
    thread = threading.Thread(target=run, args=(load_config(unit.config), stop))
    thread.start()
    try:
        arrived = bridge.messages.get(timeout=PATIENCE_S)
        assert parse_message(Presence, arrived.payload).online
        line = school.issue_lease(unit.device)
        assert bridge.publish(down_topic(unit.device, Down.LEASE), line, retain=False, timeout_s=PATIENCE_S)
        while not arrived.topic.endswith("/ack"):
            arrived = bridge.messages.get(timeout=PATIENCE_S)
    finally:
        stop.set()
        thread.join()
    assert (unit.data / "state" / "lease").read_bytes() == line


def test_unit_neither_hears_nor_speaks_for_another(
    school: School, broker: Broker, bridge: bridge_door.BridgeLink, tmp_path: Path
) -> None:
    """The broker's rules bind a unit to the name in its certificate, whatever name it uses as client and topic."""
    unit, other = (school.make_unit(tmp_path / name) for name in ("unit", "other"))
    liar = make_link(unit, broker.port, device=other.device)
    liar.open(saying(other.device))
    for _ in range(10):
        liar.poll(0.1)
    liar.say(saying(other.device, b"forged"))
    assert bridge.publish(down_topic(other.device, Down.POLICY), b"secret", retain=False, timeout_s=PATIENCE_S)
    heard = [event for _ in range(10) for event in liar.poll(0.1)]
    liar.close(saying(other.device, b"forged"), timeout_s=1)
    honest = make_link(unit, broker.port)
    honest.open(saying(unit.device))
    poll_for(honest, Turn.READY)
    honest.say(saying(unit.device, b"honest"))
    honest.poll(0.1)
    assert bridge.messages.get(timeout=PATIENCE_S).payload == b"honest"
    assert not any(isinstance(event, Heard) for event in heard)
    honest.close(saying(unit.device), timeout_s=1)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # paho, as below, with TLS 1.2
def test_unit_of_another_school_is_not_let_in(school: School, broker: Broker, tmp_path: Path) -> None:
    """A certificate of another authority ends in an error that the loop survives, never in a connection."""
    unit = school.make_unit(tmp_path / "unit")
    stranger = issue_device(issue_authority("Stranger", now=school.now), unit.device, now=school.now)
    school.put_certificate(unit.data, stranger)
    link = make_link(unit, broker.port)
    events: list[LinkEvent] = []
    try:
        link.open(saying(unit.device))
        events = poll_for(link, Turn.LOST)
    except OSError:
        pass  # TLS 1.2 tells during the handshake, TLS 1.3 with the first bytes after it
    assert Turn.READY not in events
    assert not link.is_open


# paho leaves the socket of a failed handshake to the garbage collector, which closes it with a warning
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_unit_does_not_speak_to_a_broker_of_another_name(school: School, tmp_path: Path) -> None:
    """A broker whose genuine certificate names another machine is refused: a stolen unit key cannot play broker."""
    unit = school.make_unit(tmp_path / "unit")
    certificate, key = store(issue_server(school.authority, ("elsewhere.school",), now=school.now), tmp_path / "other")
    with Broker(lines=tls_lines(school.keys / "root-ca.pem", certificate, key)) as broker:
        link = make_link(unit, broker.port)
        with pytest.raises(OSError, match="certificate"):
            link.open(saying(unit.device))
        assert not link.is_open


# paho, as above
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_dates_of_the_broker_count_by_a_trusted_clock_alone(school: School, tmp_path: Path) -> None:
    """While nobody has set the clock an old certificate is spoken to; once somebody has, that connection is outdated,
    and no new one is made."""
    unit, trusted = school.make_unit(tmp_path / "unit"), [False]
    old = issue_server(school.authority, ("127.0.0.1",), now=school.now - timedelta(days=500))
    certificate, key = store(old, tmp_path / "old")
    with Broker(lines=tls_lines(school.keys / "root-ca.pem", certificate, key)) as broker:
        link = make_link(unit, broker.port, is_clock_trusted=lambda: trusted[0])
        link.open(saying(unit.device))
        poll_for(link, Turn.READY)
        assert not link.is_outdated()
        trusted[0] = True
        assert link.is_outdated()
        with pytest.raises(OSError, match="certificate has expired"):
            link.open(saying(unit.device))
        assert not link.is_open


def test_agent_takes_up_a_new_certificate_without_a_restart(
    school: School, broker: Broker, bridge: bridge_door.BridgeLink, tmp_path: Path
) -> None:
    """A renewed certificate makes the agent say goodbye and connect anew; one that does not fit leaves it connected."""
    unit = school.make_unit(tmp_path / "unit", tables={"broker": {"port": broker.port, "tls": True}})
    stop = threading.Event()
    thread = threading.Thread(target=run, args=(load_config(unit.config), stop))
    thread.start()
    try:
        first = _next_presence(bridge)
        (unit.data / "certificate" / "tls.pem").write_bytes(school.authority.certificate_pem())
        stop.wait(2.5)
        school.put_certificate(unit.data, issue_device(school.authority, unit.device, now=school.now))
        said = [_next_presence(bridge) for _ in range(2)]
    finally:
        stop.set()
        thread.join()
    assert [(each.birth > first.birth, each.online) for each in said] == [(False, False), (True, True)]


def _next_presence(bridge: bridge_door.BridgeLink) -> Presence:
    while True:
        arrived = bridge.messages.get(timeout=PATIENCE_S)
        if arrived.topic.endswith("/presence"):
            return parse_message(Presence, arrived.payload)


def test_link_to_nobody_is_an_error_and_leaves_nothing(school: School, tmp_path: Path) -> None:
    """When nobody listens, or the certificate files are missing, `open` raises and the link is closed."""
    unit = school.make_unit(tmp_path / "unit")
    link = make_link(unit, 9)
    with pytest.raises(ConnectionRefusedError):
        link.open(saying(unit.device))
    (unit.data / "identity" / "ca.pem").unlink()
    with pytest.raises(FileNotFoundError):
        link.open(saying(unit.device))
    assert not link.is_open
    assert link.poll(0.01) == ()
    link.close(saying(unit.device), timeout_s=1)
