"""What a unit says over MQTT: presence, health, spool and acknowledgements, as canonical JSON.

None of them carries footage, a name, or how often a room records: health is fit or unfit with a reason, and the
spool's bytes are said at fixed times, to the controller's scheduler alone. Nothing here is trusted for more than
scheduling and showing; what matters is signed (see protocol.documents). Defined in docs/protocol/mqtt.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from protocol.checks import require_at_least
from protocol.codec import encode_canonical, encode_record, parse_canonical, parse_record
from protocol.ids import parse_id

Message = TypeVar("Message", "Presence", "Health", "SpoolReport", "Ack")
MESSAGE_LIMIT_BYTES = 64 * 1024
MOST_SCHOOL_DAYS = 30  # a unit says no more, and means that many or more


@dataclass(frozen=True, kw_only=True)
class Presence:
    """Reachable or not. `birth` counts the agent's connections, so that an old will cannot shout down a new birth."""

    device: str
    birth: int
    online: bool
    version: str

    def __post_init__(self) -> None:
        """Refuse a device that is no identifier, and a birth before the first connection."""
        parse_id(self.device, "device")
        require_at_least(0, birth=self.birth)


@dataclass(frozen=True, kw_only=True)
class Health:
    """Fit or unfit with the reason, and how many whole school days of space are left, when that is known."""

    device: str
    fit: bool
    reason: str = ""
    school_days_left: int | None = None
    at: datetime

    def __post_init__(self) -> None:
        """Refuse a device that is no identifier, and less than no days."""
        parse_id(self.device, "device")
        require_at_least(0, school_days_left=self.school_days_left or 0)


@dataclass(frozen=True, kw_only=True)
class SpoolReport:
    """How many bytes wait to be uploaded, said at fixed intervals whatever happened in between.

    `due_bytes` of them must leave before the next school day, so that the card does not fill in it. `measured_bps` is
    what the unit really got while it last sent, `link_bps` the most that its link has given lately; 0: not known yet.
    """

    device: str
    waiting_bytes: int
    due_bytes: int = 0
    measured_bps: int = 0
    link_bps: int = 0
    oldest_at: datetime | None = None
    at: datetime

    def __post_init__(self) -> None:
        """Refuse a device that is no identifier, and less than no bytes."""
        parse_id(self.device, "device")
        require_at_least(
            0,
            waiting_bytes=self.waiting_bytes,
            due_bytes=self.due_bytes,
            measured_bps=self.measured_bps,
            link_bps=self.link_bps,
        )


class Verdict(StrEnum):
    """What a unit did with a document."""

    APPLIED = "applied"
    HELD_ALREADY = "held_already"
    REFUSED = "refused"


@dataclass(frozen=True, kw_only=True)
class Ack:
    """A unit's answer to a document: which one, and whether it was applied or why not."""

    device: str
    document: str
    generation: int
    version: int
    verdict: Verdict
    reason: str = ""

    def __post_init__(self) -> None:
        """Refuse a device that is no identifier, and counters below one."""
        parse_id(self.device, "device")
        require_at_least(1, generation=self.generation, version=self.version)


def encode_message(message: Presence | Health | SpoolReport | Ack) -> bytes:
    """Encode a message for its topic."""
    return encode_canonical(encode_record(message))


def parse_message(kind: type[Message], data: bytes) -> Message:
    """Read a message of `kind`; raise `CodecError` that says what was expected and got."""
    what = kind.__name__.lower()
    return parse_record(kind, parse_canonical(data, what, limit_bytes=MESSAGE_LIMIT_BYTES), what)
