"""The names of MQTT topics: `backrow/v1/<device>/up|down/<kind>`. Defined in docs/protocol/mqtt.md.

Nothing in a topic's name but the opaque device id tells one unit from another.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from protocol.errors import ProtocolError
from protocol.ids import IdError, parse_id

PREFIX = "backrow/v1"


class TopicError(ProtocolError):
    """A topic is none of Backrow's."""


class Up(StrEnum):
    """What a unit says. `PRESENCE` is retained and is also the last will."""

    PRESENCE = "presence"
    HEALTH = "health"
    SPOOL = "spool"
    ACK = "ack"


class Down(StrEnum):
    """What the controller says. There is no topic that could start a camera."""

    KEYRING = "keyring"
    RECIPIENTS = "recipients"
    POLICY = "policy"
    WITHDRAWAL = "withdrawal"
    SETTINGS = "settings"
    SCHEDULE = "schedule"
    LEASE = "lease"
    RECEIPT = "receipt"
    COMMAND = "command"


EVERY_UP = f"{PREFIX}/+/up/#"


@dataclass(frozen=True)
class UpTopic:
    """A topic on which a device speaks."""

    device: str
    kind: Up


def up_topic(device: str, kind: Up) -> str:
    """Name the topic on which `device` says `kind`."""
    return f"{PREFIX}/{parse_id(device, 'device')}/up/{kind}"


def down_topic(device: str, kind: Down) -> str:
    """Name the topic on which the controller says `kind` to `device`."""
    return f"{PREFIX}/{parse_id(device, 'device')}/down/{kind}"


def every_down(device: str) -> str:
    """Give the subscription of one device."""
    return f"{PREFIX}/{parse_id(device, 'device')}/down/#"


def parse_up(topic: str) -> UpTopic:
    """Read a topic on which a device speaks; raise `TopicError` for every other."""
    device, kind = _parts(topic, "up", [item.value for item in Up])
    try:
        return UpTopic(parse_id(device, "device"), Up(kind))
    except IdError as error:
        raise TopicError(f"topic {topic[:120]!r}: {error}") from None


def parse_down(topic: str, device: str) -> Down:
    """Read a topic on which the controller speaks to `device`; raise `TopicError` for every other."""
    named, kind = _parts(topic, "down", [item.value for item in Down])
    if named != device:
        raise TopicError(f"topic {topic[:120]!r} is for another device than {device}")
    return Down(kind)


def _parts(topic: str, direction: str, kinds: list[str]) -> tuple[str, str]:
    parts = topic.split("/")
    well_formed = len(parts) == 5 and "/".join(parts[:2]) == PREFIX and parts[3] == direction
    if not well_formed or parts[4] not in kinds:
        raise TopicError(f"expected {PREFIX}/<device>/{direction}/ and one of {kinds}, got {topic[:120]!r}")
    return parts[2], parts[4]
