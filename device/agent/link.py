"""The unit's door to the broker: the only module of the unit that knows paho.

One paho client for one connection, driven from the agent's own loop by `poll`: no thread, and nothing is left of an
old connection in the next. paho's callbacks only enqueue. What is said and what an event means is decided in
device/agent/session.py; when to connect again is decided in device/agent/service.py.
"""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from device.agent.session import Saying
from device.identity.tls import Stamp, TlsFiles
from protocol.topics import every_down

log = logging.getLogger(__name__)
QUEUE_SIZE = 256


@dataclass(frozen=True, kw_only=True)
class LinkSettings:
    """Where the broker is and how patient the unit is; `tls` is None on loopback alone: device/config.py."""

    device: str
    host: str
    port: int
    tls: TlsFiles | None
    keepalive_s: int = 30
    connect_timeout_s: float = 10.0


class Turn(Enum):
    """What happened to the connection: it stands and is subscribed, or it is over."""

    READY = "ready"
    LOST = "lost"


@dataclass(frozen=True)
class Heard:
    """A message from the controller."""

    topic: str
    payload: bytes


LinkEvent: TypeAlias = Turn | Heard


class Link:
    """At most one connection at a time; used from one thread alone."""

    def __init__(self, settings: LinkSettings) -> None:
        self._settings = settings
        self._client: Client | None = None
        self._stamp: Stamp | None = None
        self._unusable: Stamp | None = None
        self._events: deque[LinkEvent] = deque(maxlen=QUEUE_SIZE)

    @property
    def is_open(self) -> bool:
        """Tell whether a connection stands or is being made."""
        return self._client is not None

    def is_outdated(self) -> bool:
        """Tell whether an open connection should be made anew: the certificate was renewed, or dates count now.

        A certificate that cannot be used is no reason to let go of a connection that stands.
        """
        tls = self._settings.tls
        if tls is None or self._stamp is None or not self.is_open:
            return False
        now = tls.stamp()
        return self._stamp.is_older_than(now) and self._can_use(tls, now)

    def _can_use(self, tls: TlsFiles, stamp: Stamp) -> bool:
        try:
            tls.context()
        except OSError as error:
            if stamp != self._unusable:
                log.error("the certificate has changed and cannot be used: %s", error)
            self._unusable = stamp
            return False
        return True

    def open(self, will: Saying) -> None:
        """Set the last will and connect; `READY` follows from `poll` once the subscription stands.

        Takes at most the connection time-out twice (TCP, then TLS). Raises `OSError`, which includes every TLS error.
        """
        self.drop()
        client = self._make_client(will)
        self._client = client
        try:
            client.connect(self._settings.host, self._settings.port, keepalive=self._settings.keepalive_s)
        except OSError:
            self.drop()
            raise

    def poll(self, timeout_s: float) -> tuple[LinkEvent, ...]:
        """Let paho work for at most `timeout_s` and give what happened, in order."""
        if self._client is not None and self._client.loop(timeout_s) is not MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._events.append(Turn.LOST)
            self.drop()
        events = tuple(self._events)
        self._events.clear()
        return events

    def say(self, saying: Saying) -> None:
        """Give a message to paho, which sends it again until the broker confirms it or the connection ends."""
        if self._client is not None:
            self._client.publish(saying.topic, saying.payload, qos=1, retain=saying.retained)

    def close(self, goodbye: Saying, *, timeout_s: float) -> None:
        """Say goodbye, wait at most `timeout_s` until the broker has it, and end the connection in order."""
        client = self._client
        if client is None:
            return
        info = client.publish(goodbye.topic, goodbye.payload, qos=1, retain=goodbye.retained)
        step_s = 0.1
        for _ in range(max(1, round(timeout_s / step_s))):
            if client.loop(step_s) is not MQTTErrorCode.MQTT_ERR_SUCCESS or info.is_published():
                break
        client.disconnect()
        self.drop()

    def drop(self) -> None:
        """Let go of the connection without a word: paho closes its socket when the last reference to it goes."""
        if self._client is not None:
            self._client.on_connect = self._client.on_subscribe = self._client.on_message = None
            self._client.on_disconnect = None
            self._client = None

    def _make_client(self, will: Saying) -> Client:
        settings = self._settings
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=settings.device,
            clean_session=True,
            protocol=MQTTProtocolVersion.MQTTv311,
        )
        client.connect_timeout = settings.connect_timeout_s
        if settings.tls:
            self._stamp = settings.tls.stamp()
            client.tls_set_context(settings.tls.context())
        client.will_set(will.topic, will.payload, qos=1, retain=will.retained)
        client.max_queued_messages_set(QUEUE_SIZE)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_disconnect = self._on_disconnect
        return client

    def _on_connect(
        self, client: Client, _data: Any, _flags: ConnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if reason.is_failure:
            log.warning("the broker refused the unit: %s", reason)
        else:
            client.subscribe(every_down(self._settings.device), qos=1)

    def _on_subscribe(
        self, client: Client, _data: Any, _mid: int, reasons: list[ReasonCode], _properties: Properties | None
    ) -> None:
        if any(reason.is_failure for reason in reasons):
            log.error("the broker refused the subscription: its access rules do not know %s", self._settings.device)
            client.disconnect()
        else:
            self._events.append(Turn.READY)

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        try:
            self._events.append(Heard(message.topic, bytes(message.payload)))
        except UnicodeDecodeError:
            log.warning("a topic that is no UTF-8 was ignored")

    def _on_disconnect(
        self, _client: Client, _data: Any, _flags: DisconnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        log.info("the connection to the broker ended: %s", reason)
