"""Signed documents: whole statements that can be sent again and applied twice.

Every document carries `(generation, version)` and an end inside its signature. A reader verifies it, stores it, and
only then uses it; of two documents of one stream the higher `(generation, version)` wins, and two different ones with
the same pair are a fork that is refused. Which key may sign which kind is fixed here, once. Defined in
docs/protocol/mqtt.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from typing import Any, ClassVar, TypeVar

from protocol.checks import require_at_least, require_digest, require_name
from protocol.codec import encode_canonical, encode_record, parse_canonical, parse_record
from protocol.errors import ProtocolError
from protocol.ids import parse_id
from protocol.masks import Mask
from protocol.signing import SigningKey, VerifyingKey, sign_line, split_line, verify_line


class DocumentError(ProtocolError):
    """A document is of another kind, for another device, older than the one held, or a fork of it."""


class ExpiredError(DocumentError):
    """A document's end has passed."""


LONGEST_MARGIN_S = 1800


class Purpose(StrEnum):
    """What a key may sign. The root signs keyring and recipients; the keyring names the keys of the others."""

    ROOT = "root"
    POLICY = "policy"
    RECEIPT = "receipt"
    LEASE = "lease"
    SETTINGS = "settings"


def _require_span(begins_at: datetime, ends_at: datetime) -> None:
    if ends_at <= begins_at:
        raise ValueError(f"the end {ends_at} is not after the beginning {begins_at}")


@dataclass(frozen=True, kw_only=True)
class Document:
    """What all signed documents have in common. `expires_at` is the first instant at which it no longer holds."""

    KIND: ClassVar[str]
    SIGNED_FOR: ClassVar[Purpose]

    generation: int
    version: int
    issued_at: datetime
    expires_at: datetime

    def __post_init__(self) -> None:
        """Refuse counters below one and an end before the beginning."""
        if self.generation < 1 or self.version < 1:
            raise ValueError(f"generation and version begin at 1, got {self.generation} and {self.version}")
        if self.expires_at <= self.issued_at:
            raise ValueError(f"expires_at {self.expires_at} is not after issued_at {self.issued_at}")

    @property
    def order(self) -> tuple[int, int]:
        """Give what decides which of two documents of a stream is newer."""
        return (self.generation, self.version)


DocumentType = TypeVar("DocumentType", bound=Document)


@dataclass(frozen=True, kw_only=True)
class KeyringKey:
    """One key of the school and the purpose that it may sign for."""

    purpose: Purpose
    public: str

    def __post_init__(self) -> None:
        """Refuse a public key that cannot be read, and the root itself: a keyring never replaces its own root."""
        VerifyingKey.parse(self.public, "keyring key")
        if self.purpose is Purpose.ROOT:
            raise ValueError("a keyring holds no root key: units pin the root")


@dataclass(frozen=True, kw_only=True)
class Keyring(Document):
    """The school's signing keys by purpose, signed by the root."""

    KIND: ClassVar[str] = "keyring"
    SIGNED_FOR: ClassVar[Purpose] = Purpose.ROOT

    school: str
    keys: tuple[KeyringKey, ...]


@dataclass(frozen=True, kw_only=True)
class Trust:
    """The root that a unit pins, and the newest keyring that it has verified."""

    root: VerifyingKey
    keyring: Keyring | None = None

    def keys_for(self, purpose: Purpose) -> tuple[VerifyingKey, ...]:
        """Give the keys that may sign for `purpose`; none while no keyring is known."""
        if purpose is Purpose.ROOT:
            return (self.root,)
        keys = self.keyring.keys if self.keyring else ()
        return tuple(VerifyingKey.parse(key.public) for key in keys if key.purpose is purpose)


def issue_document(document: Document, key: SigningKey) -> bytes:
    """Sign a document: one line of bytes, to be stored and sent as it is."""
    body = encode_canonical({"document": document.KIND, **encode_record(document)})
    return sign_line(body, domain=document.KIND, key=key)


def verify_document(kind: type[DocumentType], line: bytes, trust: Trust) -> DocumentType:
    """Verify signature, kind and form of a document; whether it still holds at a time is `require_current`'s question.

    Raises `SignatureError`, `CodecError` or `DocumentError`.
    """
    body = verify_line(line, domain=kind.KIND, keys=trust.keys_for(kind.SIGNED_FOR), what=kind.KIND)
    return _parse_body(kind, body)


def peek_document(kind: type[DocumentType], line: bytes) -> DocumentType:
    """Read a document without verifying it: for showing and for routing, never for deciding."""
    return _parse_body(kind, split_line(line, kind.KIND).body)


def _parse_body(kind: type[DocumentType], body: bytes) -> DocumentType:
    mapping: dict[str, Any] = parse_canonical(body, kind.KIND)
    named = mapping.pop("document", None)
    if named != kind.KIND:
        raise DocumentError(f"{kind.KIND}.document: expected {kind.KIND!r}, got {str(named)[:40]!r}")
    return parse_record(kind, mapping, kind.KIND)


def require_current(document: Document, now: datetime) -> None:
    """Raise `ExpiredError` when the document's end has come."""
    if now >= document.expires_at:
        raise ExpiredError(f"{document.KIND} version {document.version} ended at {document.expires_at}, now is {now}")


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """A week of device recipients: recordings begun in it are wrapped to its recipient."""

    name: str
    begins_at: datetime
    ends_at: datetime
    recipient: str

    def __post_init__(self) -> None:
        """Refuse a name that is no file name, and an end that is not after the beginning."""
        require_name(self.name, "name")
        _require_span(self.begins_at, self.ends_at)


@dataclass(frozen=True, kw_only=True)
class Recipients(Document):
    """The epoch recipients, weeks ahead, signed by the root."""

    KIND: ClassVar[str] = "recipients"
    SIGNED_FOR: ClassVar[Purpose] = Purpose.ROOT

    epochs: tuple[Epoch, ...]

    def __post_init__(self) -> None:
        """Refuse epochs that overlap or do not stand in the order of time: one instant has at most one epoch."""
        super().__post_init__()
        for before, after in pairwise(self.epochs):
            if after.begins_at < before.ends_at:
                raise ValueError(f"epoch {after.name} begins at {after.begins_at}, before {before.name} has ended")

    def epoch_at(self, now: datetime) -> Epoch | None:
        """Give the epoch that covers `now`, or None when the list does not reach that far."""
        return next((epoch for epoch in self.epochs if epoch.begins_at <= now < epoch.ends_at), None)


class Permission(StrEnum):
    """What a consent decision says of a press."""

    ALLOWED = "allowed"
    ALLOWED_IF_SEATS_ARE_CHECKED = "allowed_if_seats_are_checked"
    REFUSED = "refused"


@dataclass(frozen=True, kw_only=True)
class Decision:
    """One consent decision: the permission, why, and whose recording it would be.

    `must_omit_sound`: what is recorded has no sound; a reader that does not know the field may not go by the document.
    """

    permission: Permission
    reason: str
    owner: str | None = None
    seats: int = 0
    must_omit_sound: bool | None = None

    def __post_init__(self) -> None:
        """Refuse an owner that is no identifier."""
        if self.owner is not None:
            parse_id(self.owner, "owner")
        require_at_least(0, seats=self.seats)

    @property
    def sound(self) -> bool:
        """Tell whether the room may be heard."""
        return not self.must_omit_sound


@dataclass(frozen=True, kw_only=True)
class LessonDecision:
    """The decision for one lesson of the timetable: of which class, by which teacher, in which room, from when to when.

    Class, teacher and room are opaque ids; entries that share all three and follow each other are one lesson to the
    bell. Without class and teacher an entry stands alone.
    """

    lesson: str
    begins_at: datetime
    ends_at: datetime
    decision: Decision
    class_id: str | None = None
    teacher: str | None = None
    room: str | None = None

    def __post_init__(self) -> None:
        """Refuse an end that is not after the beginning, and what is no identifier."""
        _require_span(self.begins_at, self.ends_at)
        for name in ("class_id", "teacher", "room"):
            if (value := getattr(self, name)) is not None:
                parse_id(value, name)


@dataclass(frozen=True, kw_only=True)
class Policy(Document):
    """The consent snapshot of one unit: decisions by lesson, and the one that holds outside every lesson.

    It carries no pupil's name. `policy_version` names the school's policy that the decisions were taken under.
    `margin_s`: how long before its beginning a press counts for a lesson, and how long after its end a recording may
    go on, as far as the next entry leaves room. Defined in docs/protocol/consent.md.
    """

    KIND: ClassVar[str] = "policy"
    SIGNED_FOR: ClassVar[Purpose] = Purpose.POLICY

    device: str
    policy_version: int
    lessons: tuple[LessonDecision, ...] = ()
    otherwise: Decision = field(default=Decision(permission=Permission.REFUSED, reason="no_lesson"))
    margin_s: int = 0
    must_mask: Mask | None = None
    """What must be hidden of every picture; a reader that does not know the field may not go by the document."""

    def __post_init__(self) -> None:
        """Refuse a device that is no identifier, and a margin longer than half an hour."""
        super().__post_init__()
        parse_id(self.device, "device")
        require_at_least(0, margin_s=self.margin_s)
        if self.margin_s > LONGEST_MARGIN_S:
            raise ValueError(f"margin_s: expected at most {LONGEST_MARGIN_S} s, got {self.margin_s}")


@dataclass(frozen=True, kw_only=True)
class Undo(Document):
    """The owner takes back that one recording was discarded at the button; the recorder then lifts the discard."""

    KIND: ClassVar[str] = "undo"
    SIGNED_FOR: ClassVar[Purpose] = Purpose.POLICY

    device: str
    recording: str

    def __post_init__(self) -> None:
        """Refuse what is no identifier."""
        super().__post_init__()
        parse_id(self.device, "device")
        parse_id(self.recording, "recording")


@dataclass(frozen=True, kw_only=True)
class Withdrawal(Document):
    """Recordings of one unit that consent no longer covers: the recorder erases them, delivered or not.

    One stream a unit, and the newest holds alone: it names every recording that is withdrawn and may still be there.
    """

    KIND: ClassVar[str] = "withdrawal"
    SIGNED_FOR: ClassVar[Purpose] = Purpose.POLICY

    device: str
    recordings: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse what is no identifier."""
        super().__post_init__()
        parse_id(self.device, "device")
        for at, recording in enumerate(self.recordings):
            parse_id(recording, f"recordings[{at}]")


@dataclass(frozen=True, kw_only=True)
class Lease(Document):
    """The controller's time-boxed permission to upload. Bytes under a fence lower than the newest are refused."""

    KIND: ClassVar[str] = "lease"
    SIGNED_FOR: ClassVar[Purpose] = Purpose.LEASE

    device: str
    lease: str
    fence: int
    rate_bps: int
    not_before: datetime
    first: str | None = None
    """The recording that its owner needs today: it goes ahead of the older ones."""

    def __post_init__(self) -> None:
        """Refuse a lease that never holds, allows no bit, or names no device."""
        super().__post_init__()
        parse_id(self.device, "device")
        if self.first is not None:
            parse_id(self.first, "first")
        parse_id(self.lease, "lease")
        require_at_least(1, fence=self.fence, rate_bps=self.rate_bps)
        _require_span(self.not_before, self.expires_at)

    @property
    def not_after(self) -> datetime:
        """Give the end of the permission, which is the document's own end."""
        return self.expires_at


@dataclass(frozen=True, kw_only=True)
class ReceiptItem:
    """One object of a recording that is durable: index 0 is `key.age`, segments count from 1."""

    index: int
    digest: str
    size_bytes: int

    def __post_init__(self) -> None:
        """Refuse counts below nothing, and what is no digest."""
        require_at_least(0, index=self.index, size_bytes=self.size_bytes)
        require_digest(self.digest, "digest")


@dataclass(frozen=True, kw_only=True)
class Receipt(Document):
    """The controller's statement of what it holds durably of one recording.

    `manifest_lines` and `manifest_head` (SHA-256 of the last line) say how much of the manifest it holds.
    """

    KIND: ClassVar[str] = "receipt"
    SIGNED_FOR: ClassVar[Purpose] = Purpose.RECEIPT

    device: str
    recording: str
    manifest_lines: int
    manifest_head: str
    items: tuple[ReceiptItem, ...]
    backed_up_at: datetime | None = None
    keep_until: datetime | None = None
    """Until when the unit may keep what is named here, while it has the space; None: it lets go at once."""
    wanted: tuple[int, ...] | None = None
    """What was named once and is damaged now: the unit is asked to send it again, if it still has it."""

    def __post_init__(self) -> None:
        """Refuse a receipt that names an object twice, or as held and as wanted: it would leave open which is meant."""
        super().__post_init__()
        parse_id(self.device, "device")
        parse_id(self.recording, "recording")
        require_at_least(1, manifest_lines=self.manifest_lines)
        require_digest(self.manifest_head, "manifest_head")
        indexes = [*(item.index for item in self.items), *(self.wanted or ())]
        require_at_least(0, wanted=min(self.wanted or (0,)))
        if len(set(indexes)) != len(indexes):
            raise ValueError(f"items: an index stands twice among {sorted(indexes)[:20]}")
