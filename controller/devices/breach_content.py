"""What the breach pack of a lost unit says: the form, and the words about keys. Pure; gathering it is breach.py's.

The words are those of docs/THREAT_MODEL.md ("What a compromise of each part can surrender"). A pack is read by the
keeper of the root, who has to tell people and authorities what was on a card and what its finder can do with it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

FORM = "backrow-breach-pack-v1"
BLOCK_BYTES = 1024 * 1024
"""A pack's length tells of nothing that is in it: it is filled up to whole blocks of this size."""
CARD = {
    "gives_away": "when and how long it recorded since the last delivery, and of what was delivered and is kept a few "
    "days longer (not past its epoch); owner and lesson as opaque ids; sound "
    "measures and bookmarks' times; the room's label; the consent snapshot (times of lessons, ids); the Wi-Fi "
    "password; the unit's keys",
    "cannot_give_away": "picture, sound, names: segments are sealed to keys that the unit does not hold; nothing of "
    "what was released already",
    "if_it_recorded_when_it_was_taken": "from memory, while it had power: the file key of the open segment (about "
    "30 s) and the media being made",
}
KEYS = (
    (
        "recorder.key",
        "sign false lessons as this unit; nothing signed reaches the school, for the unit is let in no more",
    ),
    ("tls.key and certificate", "speak to controller and broker as this unit; revoked with this declaration"),
    ("root.pub, ca.pem, keyring, recipients", "nothing: these are public halves"),
    ("the network's password, if it has one", "use the school's network: change it, or end this unit's account there"),
)
UNKNOWN = (
    "This pack says what the controller knows. What the unit recorded after it was last heard of, and what it had not "
    "announced by then, is not in it: waiting_bytes is what the unit itself said last. Nothing of it can be opened "
    "without the identities of the epochs, which no unit holds."
)


@dataclass(frozen=True, kw_only=True)
class PersonFacts:
    """An owner, so that the keeper can tell them."""

    id: str
    name: str
    email: str


@dataclass(frozen=True, kw_only=True)
class RecordingFacts:
    """A recording that was or may still be on the unit; counts are of sealed objects, the key among them."""

    recording: str
    owner: str
    began_at: datetime
    epoch: str
    closed: bool
    objects: int
    delivered_objects: int
    missing_bytes: int
    delivered_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class CertificateFacts:
    """A certificate that the unit had."""

    serial: str
    issued_at: datetime
    ends_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class EpochFacts:
    """An epoch to which something on the unit was sealed, and whether the school can still open it."""

    name: str
    identity: str


@dataclass(frozen=True, kw_only=True)
class UnitFacts:
    """Which unit, where, and when it was last heard of, by what it did."""

    id: str
    label: str
    room: str
    site: str
    model: str
    serial: str
    software: str
    added_at: datetime
    presence_at: datetime | None
    health_at: datetime | None
    spool_report_at: datetime | None
    waiting_bytes: int | None
    epochs_said_at: datetime | None
    may_hold_of_any_epoch: bool


@dataclass(frozen=True, kw_only=True)
class Breach:
    """Everything that the controller's own records say of a lost unit."""

    made_at: datetime
    unit: UnitFacts
    not_delivered: Sequence[RecordingFacts]
    delivered_perhaps_still_held: Sequence[RecordingFacts]
    delivered_and_released: int
    epochs: Sequence[EpochFacts]
    owners: Sequence[PersonFacts]
    certificates: Sequence[CertificateFacts]


def encode_breach(breach: Breach) -> bytes:
    """Write a pack as JSON that a person can read, filled up with blanks to whole blocks."""
    told = {"form": FORM, "unknown": UNKNOWN, **asdict(breach), "card": CARD, "keys": [_key(*key) for key in KEYS]}
    text = json.dumps(told, indent=2, ensure_ascii=False, default=_encode_instant).encode() + b"\n"
    return text + b" " * (-len(text) % BLOCK_BYTES)


def _key(name: str, can: str) -> dict[str, str]:
    return {"key": name, "whoever_has_it_can": can}


def _encode_instant(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"a breach pack holds no {type(value).__name__}")
