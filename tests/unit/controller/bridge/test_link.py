"""The bridge's door to the broker, against a real Mosquitto."""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import BinaryIO

import pytest

from controller.bridge.link import IN_FLIGHT, Arrived, BridgeLink, BridgeSettings
from protocol.topics import Down, Up, down_topic, up_topic
from tests.broker import Broker, free_port, wait_online

DEVICE = "a" * 26
PATIENCE_S = 20.0


@pytest.fixture
def broker() -> Iterator[Broker]:
    with Broker() as running:
        yield running


def make_link(port: int, *, client_id: str = "bridge", queue_size: int = 100) -> BridgeLink:
    settings = BridgeSettings(
        host="127.0.0.1", port=port, client_id=client_id, queue_size=queue_size, reconnect_max_s=1, keepalive_s=5
    )
    return BridgeLink(settings)


@pytest.fixture
def link(broker: Broker) -> Iterator[BridgeLink]:
    made = make_link(broker.port)
    made.start()
    assert wait_online(made)
    yield made
    made.stop()


@pytest.fixture
def unit(broker: Broker) -> Iterator[BridgeLink]:
    """A second client, which speaks as a unit would."""
    made = make_link(broker.port, client_id="unit")
    made.start()
    assert wait_online(made)
    yield made
    made.stop()


def wait_for(condition: Callable[[BridgeLink], bool], link: BridgeLink) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if condition(link):
            return True
        time.sleep(0.02)
    return False


def test_link_hands_over_what_a_unit_says(link: BridgeLink, unit: BridgeLink) -> None:
    """A unit's message comes out of the queue with topic, bytes and the retain flag of live messages."""
    topic = up_topic(DEVICE, Up.ACK)
    assert unit.publish(topic, b"bytes", retain=False, timeout_s=PATIENCE_S)
    assert link.messages.get(timeout=PATIENCE_S) == Arrived(topic, b"bytes", retain=False)


def test_link_marks_what_the_broker_kept(broker: Broker, unit: BridgeLink) -> None:
    """Presence that was said before the bridge came is delivered to it, marked as retained."""
    topic = up_topic(DEVICE, Up.PRESENCE)
    assert unit.publish(topic, b"here", retain=True, timeout_s=PATIENCE_S)
    late = make_link(broker.port, client_id="late")
    late.start()
    assert late.messages.get(timeout=PATIENCE_S) == Arrived(topic, b"here", retain=True)
    late.stop()


def test_link_does_not_hear_what_the_controller_says(link: BridgeLink, unit: BridgeLink) -> None:
    """Only `up` topics are subscribed: the bridge's own documents do not come back to it."""
    assert link.publish(down_topic(DEVICE, Down.KEYRING), b"document", retain=False, timeout_s=PATIENCE_S)
    assert unit.publish(up_topic(DEVICE, Up.ACK), b"after", retain=False, timeout_s=PATIENCE_S)
    assert link.messages.get(timeout=PATIENCE_S).payload == b"after"


def test_publish_says_no_at_once_while_the_broker_is_gone() -> None:
    """A link without a broker reports that nothing was sent, and keeps nothing for later."""
    link = make_link(free_port())
    link.start()
    assert link.publish(down_topic(DEVICE, Down.LEASE), b"lease", retain=False, timeout_s=PATIENCE_S) is False
    assert not link.online
    link.stop()


def confirm_when_all_are_here(listener: socket.socket, count: int) -> None:
    """Answer as a broker that confirms nothing until it has so many messages, and then everything."""
    connection, _ = listener.accept()
    waiting: list[bytes] = []
    with connection, connection.makefile("rb") as said:
        while head := said.read(1):
            body = said.read(_read_length(said))
            match head[0] >> 4:
                case 1:
                    connection.sendall(b"\x20\x02\x00\x00")
                case 8:
                    connection.sendall(b"\x90\x03" + body[:2] + b"\x01")
                case 3:
                    topic_end = 2 + int.from_bytes(body[:2])
                    waiting.append(b"\x40\x02" + body[topic_end : topic_end + 2])
            if len(waiting) == count:
                connection.sendall(b"".join(waiting))
                waiting.clear()


def _read_length(said: BinaryIO) -> int:
    length, shift = 0, 0
    while True:
        (byte,) = said.read(1)
        length, shift = length | (byte & 127) << shift, shift + 7
        if byte < 128:
            return length


def test_messages_are_on_their_way_together() -> None:
    """A broker that confirms none before it has a hundred gets a hundred; one after the other the first would wait."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=confirm_when_all_are_here, args=(listener, IN_FLIGHT))
        thread.start()
        link = make_link(listener.getsockname()[1])
        link.start()
        assert wait_online(link)
        topic = down_topic(DEVICE, Down.LEASE)
        messages = [Arrived(topic, b"%d" % number, retain=False) for number in range(IN_FLIGHT)]
        assert link.publish_all(messages, timeout_s=PATIENCE_S) == IN_FLIGHT
        link.stop()
        thread.join()


def test_messages_come_in_their_order(broker: Broker, link: BridgeLink) -> None:
    """What is sent together arrives as it was given, more of it than is in flight at a time, too."""
    topic = up_topic(DEVICE, Up.ACK)
    big = make_link(broker.port, client_id="big", queue_size=1000)
    big.start()
    assert wait_online(big)
    messages = [Arrived(topic, b"%d" % number, retain=False) for number in range(3 * IN_FLIGHT)]
    assert link.publish_all(messages, timeout_s=PATIENCE_S) == len(messages)
    heard = [big.messages.get(timeout=PATIENCE_S).payload for _ in messages]
    assert heard == [one.payload for one in messages]
    big.stop()


def test_link_comes_back(broker: Broker, link: BridgeLink) -> None:
    """After a broker's death the link reconnects and subscribes again."""
    broker.kill()
    assert wait_for(lambda it: not it.online, link)
    assert link.publish(down_topic(DEVICE, Down.LEASE), b"old", retain=True, timeout_s=PATIENCE_S) is False
    broker.start()
    assert wait_online(link)
    assert link.publish(up_topic(DEVICE, Up.ACK), b"again", retain=False, timeout_s=PATIENCE_S)
    assert link.messages.get(timeout=PATIENCE_S).payload == b"again"


def test_link_forgets_what_was_not_confirmed(broker: Broker, link: BridgeLink) -> None:
    """A message that was unconfirmed when the connection ended is not sent later, when it may be out of date."""
    broker.kill()
    link._client.publish(up_topic(DEVICE, Up.ACK), b"stale", qos=1)  # as if the cut came between check and sending
    assert wait_for(lambda it: not it.online, link)
    broker.start()
    assert wait_online(link)
    assert link.publish(up_topic(DEVICE, Up.ACK), b"fresh", retain=False, timeout_s=PATIENCE_S)
    assert link.messages.get(timeout=PATIENCE_S).payload == b"fresh"


def test_link_counts_what_it_had_to_drop(broker: Broker, unit: BridgeLink, caplog: pytest.LogCaptureFixture) -> None:
    """When nobody empties the queue, messages are dropped aloud and the connection stays alive."""
    slow = make_link(broker.port, client_id="slow", queue_size=1)
    slow.start()
    assert wait_online(slow)
    for number in range(3):
        assert unit.publish(up_topic(DEVICE, Up.ACK), b"%d" % number, retain=False, timeout_s=PATIENCE_S)
    assert wait_for(lambda _: "2 message(s) dropped, the last on" in caplog.text, slow)
    assert slow.messages.get(timeout=PATIENCE_S).payload == b"0"
    with pytest.raises(queue.Empty):
        slow.messages.get_nowait()
    assert slow.online
    slow.stop()
