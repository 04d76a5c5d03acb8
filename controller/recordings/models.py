"""Tables of the recordings: the recording, the objects held of it, and the names that its bookmarks were given.

The manifest itself lies in the object store beside the objects; the rows hold what pages and receipts ask for often.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from controller.db import DIGEST_CHARS, ID_CHARS, Base, ChoiceType

OMITTED = "omitted"
"""Beside the verdicts on sound that a manifest gives: it was recorded without any, as its consent says."""


class RecordingState(StrEnum):
    """Arriving until manifest, key and all objects are held; locked when its owner deleted it; destroyed for good."""

    ARRIVING = "arriving"
    READY = "ready"
    LOCKED = "locked"
    DESTROYED = "destroyed"


NOBODY = ""
"""Stands for the owner of a recording that nobody owns: no account has it, so that every question for it is denied."""


class Ownership(StrEnum):
    """Whose a recording is: its owner is asked, or said yes; nobody's; claimed, while a second person is asked.

    What leads from one to another stands in controller/claims/policy.py. Only a confirmed one is ever opened.
    """

    PROVISIONAL = "provisional"
    CONFIRMED = "confirmed"
    UNCLAIMED = "unclaimed"
    CLAIMED = "claimed"


class Recording(Base):
    """One recording. Rows of destroyed ones stay, as proof that the unit may forget them."""

    __tablename__ = "recording"

    id: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True)
    device: Mapped[str] = mapped_column(ForeignKey("device.id"), index=True)
    owner: Mapped[str] = mapped_column(String(ID_CHARS), index=True)
    """Whom the manifest names, until somebody else claims it; `NOBODY` while it is unclaimed or claimed."""
    ownership: Mapped[Ownership] = mapped_column(ChoiceType(Ownership), default=Ownership.PROVISIONAL, index=True)
    room: Mapped[str | None] = mapped_column(String(ID_CHARS))
    """The room in which its unit stood when its manifest first came; None where that was known of none."""
    recorder_key: Mapped[str] = mapped_column(String(64))
    """The key that signed its manifest: a unit's recorder may have had another one since."""
    title: Mapped[str] = mapped_column(String(200), default="")
    state: Mapped[RecordingState] = mapped_column(ChoiceType(RecordingState))
    began_at: Mapped[datetime]
    duration_ms: Mapped[int] = mapped_column(default=0)
    segments: Mapped[int] = mapped_column(default=0)
    sound_verdict: Mapped[str | None] = mapped_column(String(32))
    """A `protocol.manifest.SoundVerdict` or OMITTED, None until the manifest holds measures of the sound."""
    speech_permille: Mapped[int | None]
    """For how much of the time somebody spoke, None where the unit did not measure it."""
    closed: Mapped[bool] = mapped_column(default=False)
    """The manifest that is held has its `closed` line."""
    first_seen_at: Mapped[datetime]
    ready_at: Mapped[datetime | None]
    locked_at: Mapped[datetime | None]
    destroy_after: Mapped[datetime | None]
    destroyed_at: Mapped[datetime | None]
    manifest_lines: Mapped[int] = mapped_column(default=0)
    manifest_head: Mapped[str] = mapped_column(String(DIGEST_CHARS))
    receipt_due: Mapped[bool] = mapped_column(default=False)
    """Something became durable since the newest receipt was signed."""
    receipt_version: Mapped[int] = mapped_column(default=0)
    receipt_line: Mapped[bytes | None] = mapped_column(LargeBinary)
    receipt_issued_at: Mapped[datetime | None]
    receipt_acked: Mapped[int] = mapped_column(default=0)
    """The newest version of the receipt that the unit said it has."""


class HeldObject(Base):
    """One object that is held durably: index 0 is `key.age` (re-wrapped into the key store), segments count from 1."""

    __tablename__ = "held_object"
    __table_args__ = (Index(None, "verified_at", "held_at"), Index(None, "damaged_at"))

    recording: Mapped[str] = mapped_column(ForeignKey("recording.id"), primary_key=True)
    object_index: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    digest: Mapped[str] = mapped_column(String(DIGEST_CHARS))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    held_at: Mapped[datetime]
    verified_at: Mapped[datetime | None]
    """When its bytes were last read back and were what had been signed; None: not since they were taken in."""
    damaged_at: Mapped[datetime | None]
    """When they were found to be damaged or gone; the unit is asked for them again while it has them."""


class BookmarkName(Base):
    """The name that the owner gave to a bookmark; `line` is the number of its line in the manifest."""

    __tablename__ = "bookmark_name"

    recording: Mapped[str] = mapped_column(ForeignKey("recording.id"), primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(200))
    named_at: Mapped[datetime]


class LateRecording(Base):
    """A recording that a unit wanted to deliver when nothing could open it any more: its epoch had ended.

    It was not taken in, and lies on the unit as before. Only its owner is told (promise P7).
    """

    __tablename__ = "late_recording"

    recording: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True)
    device: Mapped[str] = mapped_column(ForeignKey("device.id"))
    owner: Mapped[str] = mapped_column(String(ID_CHARS), index=True)
    epoch: Mapped[str] = mapped_column(String(64))
    began_at: Mapped[datetime]
    learned_at: Mapped[datetime]
    put_aside_at: Mapped[datetime | None]
    """When its owner, having read of it, took the note off their page."""
