"""The bridge's service, with a real Mosquitto between it and a unit that speaks MQTT."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from sqlalchemy import select

from controller.bridge import outbox
from controller.bridge.link import BridgeLink, BridgeSettings
from controller.bridge.models import Outbox
from controller.bridge.service import Bridge
from controller.devices.models import Device, Health, Presence
from controller.devices.policies import issue_policy
from controller.recordings.models import Recording
from controller.uploads.models import SpoolReportRow
from protocol import messages
from protocol.topics import Down, Up, down_topic, up_topic
from tests.broker import Broker, wait_online
from tests.house import House, Teacher, make_house
from tests.unit.controller.uploads.unit_client import made_up_segment, make_unit

PATIENCE_S = 20.0


@dataclass
class Room:
    """A unit at the broker: what it hears is asked from its own link, which listens to everything said down to it."""

    house: House
    teacher: Teacher
    broker: Broker
    strangers: list[str] = field(default_factory=list)

    @property
    def device(self) -> str:
        """Give the unit's id."""
        return self.teacher.device

    def wait_for(self, fact: Callable[[], object]) -> None:
        """Wait until something holds."""
        deadline = time.monotonic() + PATIENCE_S
        while not fact():
            assert time.monotonic() < deadline, "it did not come about"
            time.sleep(0.02)

    def row(self, kind: type) -> object:
        """Read one of the unit's rows anew."""
        with self.house.services.database.reading() as session:
            return session.get(kind, self.device)

    def unsent(self) -> list[str]:
        """Name the topics that wait in the outbox."""
        with self.house.services.database.reading() as session:
            return [row.topic.rsplit("/", 1)[1] for row in outbox.unsent(session, 100)]


def link_to(broker: Broker, name: str) -> BridgeLink:
    """Make a link that comes back quickly."""
    return BridgeLink(BridgeSettings(host=broker.host, port=broker.port, client_id=name, reconnect_max_s=1))


@contextmanager
def bridged(room: Room) -> Iterator[Bridge]:
    """Run the bridge."""
    stop, link, strangers = threading.Event(), link_to(room.broker, "bridge"), room.strangers
    bridge = Bridge(room.house.services, link, stop, strangers.append)
    threads = [threading.Thread(target=loop) for loop in (bridge.hear_all, bridge.send_all)]
    link.start()
    for thread in threads:
        thread.start()
    try:
        yield bridge
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        link.stop()


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    """Make a controller, a unit and a broker."""
    house = make_house(tmp_path)
    with Broker() as broker:
        yield Room(house, house.add_teacher(), broker)
    house.services.database.close()


@contextmanager
def speaking(room: Room) -> Iterator[Callable[[Up, messages.Presence | messages.Health | messages.SpoolReport], None]]:
    """Speak as the unit does."""
    link = link_to(room.broker, "unit")
    link.start()
    assert wait_online(link)

    def say(kind: Up, message: messages.Presence | messages.Health | messages.SpoolReport) -> None:
        data = messages.encode_message(message)
        assert link.publish(up_topic(room.device, kind), data, retain=kind is Up.PRESENCE, timeout_s=PATIENCE_S)

    yield say
    link.stop()


def presence(room: Room, birth: int, *, online: bool = True) -> messages.Presence:
    """Make a birth or its will."""
    return messages.Presence(device=room.device, birth=birth, online=online, version="0.1")


def test_what_a_unit_says_is_written_down(room: Room) -> None:
    """Presence, health and waiting bytes come through broker and bridge into their rows."""
    now = room.house.clock()
    with bridged(room), speaking(room) as say:
        say(Up.PRESENCE, presence(room, 1))
        say(Up.HEALTH, messages.Health(device=room.device, fit=False, reason="disk_full", at=now))
        say(Up.SPOOL, messages.SpoolReport(device=room.device, waiting_bytes=7, at=now))
        room.wait_for(lambda: room.row(SpoolReportRow))
    health, report, here = room.row(Health), room.row(SpoolReportRow), room.row(Presence)
    assert isinstance(health, Health)
    assert isinstance(report, SpoolReportRow)
    assert isinstance(here, Presence)
    assert (health.fit, health.reason, report.waiting_bytes, here.online) == (False, "disk_full", 7, True)
    assert report.waiting_since == now


def test_old_will_cannot_shout_down_a_new_birth(room: Room) -> None:
    """A will of an earlier connection that arrives late leaves the unit reachable; its own will does not."""
    with bridged(room), speaking(room) as say:
        say(Up.PRESENCE, presence(room, 5))
        say(Up.PRESENCE, presence(room, 4, online=False))
        say(Up.SPOOL, messages.SpoolReport(device=room.device, waiting_bytes=1, at=room.house.clock()))
        room.wait_for(lambda: room.row(SpoolReportRow))
        here = room.row(Presence)
        assert isinstance(here, Presence)
        assert (here.birth, here.online) == (5, True)
        say(Up.PRESENCE, presence(room, 5, online=False))
        room.wait_for(lambda: not getattr(room.row(Presence), "online", True))


@pytest.mark.parametrize("payload", [b"", b"{", b'{"device":"x"}', b"\xff" * 70_000, b'{"birth":1}'])
def test_malformed_message_is_counted_and_never_ends_the_loop(room: Room, payload: bytes) -> None:
    """After any rubbish, from a known unit or on a topic of nobody, the next good message is still heard."""
    with bridged(room) as bridge, speaking(room) as say:
        link = link_to(room.broker, "rubbish")
        link.start()
        assert wait_online(link)
        for topic in (up_topic(room.device, Up.PRESENCE), up_topic("a" * 26, Up.HEALTH), "backrow/v1/x/up/nothing"):
            assert link.publish(topic, payload, retain=False, timeout_s=PATIENCE_S)
        say(Up.PRESENCE, presence(room, 1))
        room.wait_for(lambda: room.row(Presence))
        link.stop()
        room.wait_for(lambda: bridge.counts.malformed == 3)  # counted after the batch was written down
        assert room.strangers == ["a" * 26], "who is none of the school's is told of, whatever it says"


def test_unit_cannot_speak_for_another(room: Room) -> None:
    """A message whose body names another device than its topic is dropped."""
    with bridged(room) as bridge, speaking(room) as say:
        say(Up.HEALTH, messages.Health(device="b" * 25 + "a", fit=True, at=room.house.clock()))
        room.wait_for(lambda: bridge.counts.malformed)
    assert room.row(Health) is None


def test_birth_brings_every_document_again(room: Room) -> None:
    """Keyring, recipients, policy, lease and the receipts that the unit has not acknowledged follow its birth."""
    services = room.house.services
    unit = make_unit(room.house, room.teacher)
    lesson = room.house.make_lesson(room.teacher, [made_up_segment()])
    unit.deliver(lesson)
    with services.database.writing() as session:
        issue_policy(services, session, session.get_one(Device, room.device))
        outbox.mark_sent(session, [row.id for row in outbox.unsent(session, 100)], services.clock())
    assert room.unsent() == []
    with bridged(room), speaking(room) as say, hearing(room) as heard:
        say(Up.PRESENCE, presence(room, 1))
        room.wait_for(lambda: {"keyring", "recipients", "policy", "lease", "receipt"} <= heard.keys())
        version = unit.receipt(lesson).version
        said = messages.Ack(
            device=room.device, document="receipt", generation=1, version=version, verdict=messages.Verdict.APPLIED
        )
        say(Up.ACK, said)  # type: ignore[arg-type]  # an Ack is said like the others
        room.wait_for(lambda: _acked(room, lesson.id) == version)
        heard.clear()
        say(Up.PRESENCE, presence(room, 2))
        room.wait_for(lambda: "lease" in heard)
        assert "receipt" not in heard, "an acknowledged receipt is not sent again"


def _acked(room: Room, recording: str) -> int:
    with room.house.services.database.reading() as session:
        return session.get_one(Recording, recording).receipt_acked


@contextmanager
def hearing(room: Room) -> Iterator[dict[str, bytes]]:
    """Collect what is said to the unit, by kind."""
    heard: dict[str, bytes] = {}
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="ears")
    subscribed = threading.Event()
    client.on_subscribe = lambda *_: subscribed.set()
    client.on_message = lambda _client, _data, message: heard.update({message.topic.rsplit("/", 1)[1]: message.payload})
    client.connect(room.broker.host, room.broker.port)
    client.subscribe(f"backrow/v1/{room.device}/down/#", qos=1)
    client.loop_start()
    assert subscribed.wait(PATIENCE_S)
    yield heard
    client.disconnect()
    client.loop_stop()


def test_nothing_is_lost_while_the_broker_is_gone(room: Room) -> None:
    """What was put into the outbox while the broker was away is sent in order when it is back, and only then marked."""
    services = room.house.services
    with bridged(room) as bridge:
        room.wait_for(lambda: getattr(bridge.link, "online", False))
        room.broker.kill()
        for number in range(5):
            with services.database.writing() as session:
                line = f"{number}\n".encode()
                outbox.enqueue(session, device=room.device, kind=Down.RECEIPT, line=line, now=services.clock())
        time.sleep(1.0)
        assert room.unsent() == ["receipt"] * 5
        room.broker.start()
        room.wait_for(lambda: room.unsent() == [])
        assert bridge.counts.sent == 5


def test_unsent_older_document_is_dropped_for_the_newer(room: Room) -> None:
    """Of a kind that the broker retains, only the newest waits; receipts and leases all wait, and are not retained."""
    services = room.house.services
    with services.database.writing() as session:
        for kind in (Down.POLICY, Down.POLICY, Down.LEASE, Down.LEASE):
            outbox.enqueue(session, device=room.device, kind=kind, line=b"x\n", now=services.clock())
    with services.database.reading() as session:
        rows = [(row.topic, row.retain) for row in session.scalars(select(Outbox).order_by(Outbox.id))]
    policy, lease = down_topic(room.device, Down.POLICY), down_topic(room.device, Down.LEASE)
    assert rows == [(policy, True), (lease, False), (lease, False)]
