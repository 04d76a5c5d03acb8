"""Begins a recording: its identity is made, sealed to the epoch's recipient, laid down durably, and forgotten.

From then on the unit can seal to the recording and open nothing of it. The camera is not touched here. Keys: the
design in docs/ARCHITECTURE.md; `begun`: docs/protocol/manifest.md.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from device.consent import PressDecision
from device.hardware.ports import Disk
from device.identity import DocumentStore
from device.recorder.moments import Moments
from device.spool.delivered import Copies, NoCopies
from device.spool.manifest import Signer, continue_manifest, start_manifest
from device.spool.recording import OpenRecording
from device.spool.store import FULL, SpoolStore
from protocol.documents import Epoch, Recipients
from protocol.envelope import EnvelopeError, Recipient, generate_hybrid, generate_x25519, parse_recipient, seal
from protocol.ids import ID_BYTES, make_id
from protocol.manifest import Begun, digest_of

DISK_FULL = "disk_full"
NO_RECIPIENTS = "no_recipients"
CARD_READ_ONLY = "card_read_only"
SPOOL_NOT_WRITABLE = "spool_not_writable"
SPOOL_FAILED = "spool_failed"
_CODES = {
    **dict.fromkeys(FULL, DISK_FULL),
    errno.EROFS: CARD_READ_ONLY,
    errno.EACCES: SPOOL_NOT_WRITABLE,
    errno.EPERM: SPOOL_NOT_WRITABLE,
}
_REMEDIES = {
    CARD_READ_ONLY: "restart the unit; if it happens again, replace the card",
    SPOOL_NOT_WRITABLE: "the recorder's user must own this folder; run: systemd-tmpfiles --create backrow.conf",
    SPOOL_FAILED: "look at the system's log; if it says that the card fails, replace it",
}


class CannotBegin(Exception):
    """A precondition of recording is missing; the text is the code for IT, `words` are for the log, if any."""

    def __init__(self, code: str, words: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.words = words


@dataclass(frozen=True, kw_only=True)
class SpoolLimits:
    """What must be free before a recording begins, and what is set aside so that a full disk can end one well."""

    lesson_bytes: int
    reserve_bytes: int


def _never() -> None:
    """Nothing was said: the self-test's rehearsal tells nobody of its epoch."""


@dataclass(frozen=True, kw_only=True)
class Beginner:
    """What beginning a recording takes."""

    device: str
    camera: str
    store: SpoolStore
    signer: Signer
    documents: DocumentStore
    moments: Moments
    disk: Disk
    limits: SpoolLimits
    random_bytes: Callable[[int], bytes]
    said_at: Callable[[], datetime | None] = _never
    """When the unit last said to which epochs something here is sealed."""
    copies: Copies = field(default_factory=NoCopies)
    """What was delivered and is kept: it gives way to every press."""

    def begin(self, permit: PressDecision) -> OpenRecording:
        """Make a recording that `permit` allows; raise `CannotBegin` or `OSError`, then nothing was captured."""
        self.require_space()
        epoch, recipient = self.require_epoch()
        recording = make_id(self.random_bytes(ID_BYTES))
        self.store.create(recording)
        try:
            return self._begin(recording, permit, epoch=epoch.name, recipient=recipient)
        except OSError:
            self.store.remove_recording(recording)
            raise

    def resume(self, recording: str) -> OpenRecording:
        """Take up a recording that was mended; it needs no whole lesson's space, only the reserve for its end."""
        self._require_writable()
        self._hold_reserve()
        return OpenRecording(self.store, *continue_manifest(self.store.manifest_path(recording), self.signer))

    def require_space(self) -> None:
        """Raise `CannotBegin` unless the spool can be written and a whole lesson is free beside the reserve.

        The reserve is held from then on.
        """
        self._require_writable()
        try:
            self.make_room()
        except OSError as error:
            raise self._refusal(error) from error
        if self._free_bytes() < self.limits.lesson_bytes:
            raise CannotBegin(DISK_FULL)
        self._hold_reserve()

    def make_room(self) -> None:
        """Let copies of what was delivered give way until a lesson, and as much as the reserve again, is really free.

        In a recording, too, so that it never meets a disk that copies have filled. Raises `OSError`, `DiskFault`.
        """
        wanted = self.limits.lesson_bytes + self.limits.reserve_bytes
        while (missing := wanted - self._free_bytes()) > 0 and self.copies.give_way(missing):
            pass  # what somebody still reads is not free yet: the next goes as well

    def room_bytes(self) -> int:
        """Tell how much may be recorded beside the reserve, in the place of copies, too; raise `DiskFault`."""
        return self._free_bytes() + self.copies.kept_bytes

    def _free_bytes(self) -> int:
        """Tell what is free beside the reserve, held or not yet."""
        missing = self.limits.reserve_bytes - self.store.reserve_bytes
        return self.disk.free_bytes(self.store.root) - missing

    def require_epoch(self) -> tuple[Epoch, Recipient]:
        """Give the epoch to whose recipient a recording that begins now is sealed.

        A clock that was set back must not bring back an epoch of which the unit has said that it is over here: what
        was sealed to it might never be opened. A later epoch does no harm.
        """
        now = self.moments.now_at()
        held = self.documents.load(Recipients, now).document
        epoch = (held.epoch_at(max(now, self.said_at() or now)) or held.epoch_at(now)) if held else None
        if epoch is None:
            raise CannotBegin(NO_RECIPIENTS)
        try:
            return epoch, parse_recipient(epoch.recipient)
        except EnvelopeError:
            raise CannotBegin(NO_RECIPIENTS) from None

    def epoch_in_force(self) -> str | None:
        """Name the epoch to which a press would seal; None while no press can record."""
        try:
            return self.require_epoch()[0].name
        except CannotBegin:
            return None

    def _require_writable(self) -> None:
        try:
            self.store.require_writable()
        except OSError as error:
            raise self._refusal(error) from error

    def _hold_reserve(self) -> None:
        try:
            self.store.hold_reserve(self.limits.reserve_bytes)
        except OSError as error:
            raise self._refusal(error) from error

    def _refusal(self, error: OSError) -> CannotBegin:
        """Tell what the disk's refusal means, and to whoever reads the log what to do."""
        code = _CODES.get(error.errno or 0, SPOOL_FAILED)
        if code == DISK_FULL:  # that a lesson has filled the card is no word for the log (promise P7)
            return CannotBegin(code)
        return CannotBegin(code, f"{self.store.root}: {error.strerror}; {_REMEDIES[code]}")

    def _begin(self, recording: str, permit: PressDecision, *, epoch: str, recipient: Recipient) -> OpenRecording:
        identity = generate_hybrid() if recipient.post_quantum else generate_x25519()
        sealed = seal((identity.encode() + "\n").encode("ascii"), [recipient])
        self.store.put_key(recording, sealed)
        begun = Begun(
            recording=recording,
            device=self.device,
            owner=permit.owner,
            epoch=epoch,
            key_digest=digest_of(sealed),
            key_bytes=len(sealed),
            recipient=str(identity.recipient),
            policy_generation=permit.policy_generation,
            policy_version=permit.policy_version,
            camera=self.camera,
            lesson=permit.lesson,
            seats=permit.seats,
            without_sound=None if permit.sound else True,
            mask_version=permit.mask_version,
        )
        return OpenRecording(self.store, *start_manifest(self.store.manifest_path(recording), begun, self.signer))
