"""Whether a press could record now, and what of that the status file says.

The reasons are a small set of codes for IT: no_keyring, no_recipients, no_policy, disk_full, and what the machine
reports of a recording. It looks; what follows is the machine's to say.
"""

from __future__ import annotations

import logging

from device.hardware.ports import DiskFault
from device.health.status import RecorderStatus, StatusFile, round_down
from device.identity import DocumentStore
from device.recorder.begin import DISK_FULL, Beginner, CannotBegin
from device.recorder.moments import Moments
from protocol.documents import Keyring, Policy

log = logging.getLogger(__name__)
NO_KEYRING = "no_keyring"
NO_POLICY = "no_policy"
SPOOL_DAMAGED = "spool_damaged"
STEPS_PER_LESSON = 4


class Fitness:
    """What could keep a press from recording, other than consent."""

    def __init__(self, documents: DocumentStore, moments: Moments, *, beginner: Beginner, status: StatusFile) -> None:
        self._documents = documents
        self._moments = moments
        self._beginner = beginner
        self._status = status
        self._reason = ""
        self._complaint = ""
        self._damaged: tuple[str, ...] = ()

    def note_damage(self, *problems: str) -> None:
        """Tell what lies damaged in the spool and is left alone: in words in the log, as one code in the status.

        The status travels to IT, who must not learn from it which or how many recordings there are (promise P7).
        """
        for problem in problems:
            log.error("%s", problem)
            self._damaged = (SPOOL_DAMAGED,)

    def find_fault(self, active: str) -> str:
        """Give the reason why a press could not record now, or nothing; space counts while no recording is `active`."""
        now = self._moments.now_at()
        if not self._documents.load(Keyring, now).document:
            return NO_KEYRING
        try:
            self._beginner.require_epoch()
            if not active:
                self._beginner.require_space()
        except CannotBegin as cause:
            return str(cause)
        except DiskFault as fault:
            log.error("%s", fault)
            return DISK_FULL
        return "" if self._documents.load(Policy, now).document else NO_POLICY

    def say(self, reason: str) -> None:
        """Write the status file with this reason, empty for fit; a disk that refuses is only told in the log."""
        self._reason = reason
        try:
            self._status.say(self._describe())
            self._complaint = ""
        except (OSError, DiskFault) as error:
            if str(error) != self._complaint:
                log.error("the status file cannot be written: %s", error)
            self._complaint = str(error)

    def say_again(self) -> None:
        """Bring the status file up to date."""
        self.say(self._reason)

    def _describe(self) -> RecorderStatus:
        step = max(1, self._beginner.limits.lesson_bytes // STEPS_PER_LESSON)
        free = self._beginner.disk.free_bytes(self._beginner.store.root)
        return RecorderStatus(
            fit=not self._reason, reason=self._reason, free_bytes=round_down(free, step), damaged=self._damaged
        )
