"""The bridge's door to the broker, against a real Mosquitto."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator

import pytest

from controller.bridge.link import Arrived, BridgeLink, BridgeSettings
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
