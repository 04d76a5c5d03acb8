"""The controller's door to the broker: the only module of the controller that knows paho.

It connects, subscribes to what every unit says, hands messages over through a bounded queue and publishes with
confirmed delivery. It decides nothing: what a message means, and what must be sent again, is the bridge's business,
whose outbox is durable while everything here is in memory. Topics and order of work: docs/protocol/mqtt.md.
"""

from __future__ import annotations

import logging
import queue
import ssl
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage, MQTTMessageInfo
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from protocol.topics import EVERY_UP

STEP_S = 0.1  # of waiting for an answer
IN_FLIGHT = 100  # messages that wait for the broker's confirmation at a time; paho's 20 wait for one another
log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class TlsFiles:
    """The authority whose certificate the broker must show, and the bridge's own certificate where the broker asks."""

    authority: Path
    certificate: Path | None = None
    key: Path | None = None

    def context(self) -> ssl.SSLContext:
        """Build a context that checks the broker's name; raise `OSError` or `ssl.SSLError` on unreadable files."""
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=str(self.authority))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.certificate:
            context.load_cert_chain(self.certificate, self.key)
        return context


@dataclass(frozen=True, kw_only=True)
class BridgeSettings:
    """Where the broker is and how patient the bridge is. Without `tls` only a loopback broker should be named."""

    host: str
    port: int
    client_id: str = "backrow-bridge"
    tls: TlsFiles | None = None
    keepalive_s: int = 30
    connect_timeout_s: float = 10.0
    reconnect_max_s: int = 30
    queue_size: int = 10_000


class Arrived(NamedTuple):
    """A message; of one that a unit said `retain` tells that the broker kept it from before the bridge connected."""

    topic: str
    payload: bytes
    retain: bool


class Sendable(Protocol):
    """A message to a unit; a row of the outbox is one."""

    @property
    def topic(self) -> str: ...
    @property
    def payload(self) -> bytes: ...
    @property
    def retain(self) -> bool: ...


class SessionCloser:
    """Ends sessions of other clients by connecting under their names, each time over a connection of its own."""

    def __init__(self, settings: BridgeSettings) -> None:
        self._settings = settings

    def take_over(self, client: str) -> bool:
        """End the session of a client id, if there is one; False when the broker did not confirm: do it again later.

        The broker sends the last will of the session that it ends (MQTT 3.1.1, section 3.1.2.5), and forgets what it
        kept for that client.
        """
        settings, answers = self._settings, queue.SimpleQueue[bool]()
        taker = Client(
            CallbackAPIVersion.VERSION2, client_id=client, clean_session=True, protocol=MQTTProtocolVersion.MQTTv311
        )
        taker.on_connect = lambda _client, _data, _flags, reason, _properties: answers.put(not reason.is_failure)
        taker.connect_timeout = settings.connect_timeout_s
        try:
            if settings.tls:
                taker.tls_set_context(settings.tls.context())
            taker.connect(settings.host, settings.port, keepalive=settings.keepalive_s)
            return self._confirmed(taker, answers)
        except OSError as error:  # ssl.SSLError is one
            log.info("the broker at %s:%d cannot be asked to end a session: %s", settings.host, settings.port, error)
            return False

    def _confirmed(self, taker: Client, answers: queue.SimpleQueue[bool]) -> bool:
        deadline = time.monotonic() + self._settings.connect_timeout_s
        while answers.empty() and time.monotonic() < deadline:
            if taker.loop(STEP_S) is not MQTTErrorCode.MQTT_ERR_SUCCESS:
                break
        taker.disconnect()
        return not answers.empty() and answers.get()


class BridgeLink:
    """One connection to the broker, kept up by paho's own thread. paho's callbacks here only count and enqueue."""

    def __init__(self, settings: BridgeSettings) -> None:
        self._settings = settings
        self._client = self._make_client()
        self._online = threading.Event()
        self._dropped_count = 0
        self.messages: queue.Queue[Arrived] = queue.Queue(settings.queue_size)

    @property
    def online(self) -> bool:
        """Tell whether the link is connected and subscribed now."""
        return self._online.is_set()

    def start(self) -> None:
        """Begin to connect, and keep trying; raise `OSError` or `ssl.SSLError` when the TLS files cannot be read."""
        settings = self._settings
        if settings.tls:
            self._client.tls_set_context(settings.tls.context())
        self._client.connect_timeout = settings.connect_timeout_s
        self._client.reconnect_delay_set(1, settings.reconnect_max_s)
        self._client.connect_async(settings.host, settings.port, keepalive=settings.keepalive_s)
        self._client.loop_start()

    def stop(self) -> None:
        """Say goodbye to the broker and end paho's thread; a stopped link is not started again."""
        self._client.disconnect()
        self._client.loop_stop()
        self._online.clear()

    def publish(self, topic: str, payload: bytes, *, retain: bool, timeout_s: float) -> bool:
        """Publish one message at QoS 1 and return True only when the broker confirmed it; see `publish_all`."""
        return self.publish_all([Arrived(topic, payload, retain)], timeout_s=timeout_s) == 1

    def publish_all(self, messages: Sequence[Sendable], *, timeout_s: float) -> int:
        """Publish in order at QoS 1, and tell how many, from the first on, the broker confirmed in time.

        All are on their way before the first is waited for: one by one, every message would cost the time that broker
        and bridge need to answer each other, and a thousand leases would come minutes late. What is not counted must be
        sent again. Nothing is kept for later here: offline it returns 0 at once, and what was unconfirmed when a
        connection ended is forgotten at the next, so that an old message never overtakes what the outbox sends then.
        """
        if not self.online:
            return 0
        deadline = time.monotonic() + timeout_s
        sent = [self._client.publish(one.topic, one.payload, qos=1, retain=one.retain) for one in messages]
        confirmed = takewhile(lambda info: self._is_confirmed(info, deadline), sent)
        return sum(1 for _ in confirmed)

    def _is_confirmed(self, info: MQTTMessageInfo, deadline: float) -> bool:
        try:
            info.wait_for_publish(max(0.0, deadline - time.monotonic()))
        except (RuntimeError, ValueError) as error:  # paho's words for: no connection any more; its own queue is full
            log.info("a message was not sent: %s", error)
            return False
        return info.is_published()

    def _make_client(self) -> Client:
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._settings.client_id,
            clean_session=True,
            protocol=MQTTProtocolVersion.MQTTv311,
        )
        client.max_inflight_messages_set(IN_FLIGHT)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        return client

    def _on_connect(
        self, client: Client, _data: Any, _flags: ConnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        client.drop_out_messages()
        if reason.is_failure:
            log.warning("the broker at %s:%d refused the bridge: %s", client.host, client.port, reason)
        else:
            client.subscribe(EVERY_UP, qos=1)

    def _on_subscribe(
        self, client: Client, _data: Any, _mid: int, reasons: list[ReasonCode], _properties: Properties | None
    ) -> None:
        if any(reason.is_failure for reason in reasons):
            log.error("the broker refused the subscription to %s: mend its access rules and restart it", EVERY_UP)
            return
        self._online.set()
        log.info("connected to the broker at %s:%d", client.host, client.port)

    def _on_disconnect(
        self, _client: Client, _data: Any, _flags: DisconnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        self._online.clear()
        log.info("the connection to the broker ended: %s", reason)

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        try:
            self.messages.put_nowait(Arrived(message.topic, bytes(message.payload), message.retain))
        except queue.Full:
            self._count_dropped(message.topic)
        except UnicodeDecodeError:
            log.warning("a topic that is no UTF-8 was ignored")

    def _count_dropped(self, topic: str) -> None:
        self._dropped_count += 1  # by paho's thread alone
        log.error("%d message(s) dropped, the last on %s: the bridge does not keep up", self._dropped_count, topic)
