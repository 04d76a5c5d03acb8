"""Whether a press could record now, and what of that the status file says.

The reasons are a small set of codes for IT: unit_retired, no_keyring, no_recipients, no_policy, disk_full,
card_read_only, spool_not_writable, spool_failed, and what the machine reports of a recording. It looks; what follows is
the machine's to say.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable

from device.hardware.ports import DiskFault
from device.health.status import RecorderStatus, StatusFile
from device.identity import DocumentStore
from device.recorder.begin import SPOOL_FAILED, Beginner, CannotBegin
from device.recorder.moments import Moments
from device.spool.outlook import Outlook
from protocol.commands import Task
from protocol.documents import Keyring, Policy
from protocol.manifest import Manifest, Recovered

log = logging.getLogger(__name__)
NO_KEYRING = "no_keyring"
NO_POLICY = "no_policy"
RETIRED = "unit_retired"
SPOOL_DAMAGED = "spool_damaged"
TAIL_RECOVERED = "tail_recovered"


class Fitness:
    """What could keep a press from recording, other than consent."""

    def __init__(
        self,
        documents: DocumentStore,
        moments: Moments,
        *,
        beginner: Beginner,
        status: StatusFile,
        outlook: Outlook,
    ) -> None:
        self._documents = documents
        self._moments = moments
        self._beginner = beginner
        self._status = status
        self._outlook = outlook
        self._reasons: tuple[str, ...] = ()
        self._complaint = ""
        self._obstacle = ""
        self._damaged: tuple[str, ...] = ()
        self._notes: tuple[str, ...] = ()

    def note_damage(self, *problems: str) -> None:
        """Tell what lies damaged in the spool and is left alone, as one code in log and status.

        IT reads both and must not learn which or how many recordings there are (promise P7): the words are for
        `--verbose`, the code stands once.
        """
        for problem in problems:
            log.debug("%s", problem)
        if problems and not self._damaged:
            log.error("%s: something on the card is not what was sealed, and is left alone", SPOOL_DAMAGED)
            self._damaged = (SPOOL_DAMAGED,)

    def look_ahead(
        self, held: Iterable[Manifest], erased: Iterable[Manifest], *, delivered: Collection[str] = ()
    ) -> None:
        """Work out once a school day how long the space will last; note recovered tails of what is not `delivered`."""
        held = tuple(held)
        for manifest in erased:
            self._outlook.note_erased(manifest)
        waiting = (each for each in held if each.begun.recording not in delivered)
        recovered = any(isinstance(segment.ended, Recovered) for each in waiting for segment in each.segments)
        self._notes = (TAIL_RECOVERED,) if recovered else ()
        now = self._moments.now_at()
        if not self._outlook.is_due(now):
            return
        try:
            self._outlook.look_ahead(now, self._beginner.room_bytes(), held)
        except DiskFault as fault:
            log.error("%s", fault)

    def find_fault(self, active: str) -> str:
        """Give the reason why a press could not record now, or nothing; the disk counts while none is `active`.

        What whoever looks after the unit can mend is said in the log as well, once: a line at each look would end
        while a lesson is recorded (promise P7).
        """
        reason, obstacle = self._find_fault(active)
        if not active:
            if obstacle and obstacle != self._obstacle:
                log.error("%s", obstacle)
            self._obstacle = obstacle
        return reason

    def _find_fault(self, active: str) -> tuple[str, str]:
        """Give the reason, and words for the log, if there are any."""
        now = self._moments.now_at()
        if self._documents.load_command(Task.RETIRE, now).document:
            return RETIRED, ""
        if not self._documents.load(Keyring, now).document:
            return NO_KEYRING, self._documents.find_obstacle()
        try:
            self._beginner.require_epoch()
            if not active:
                self._beginner.require_space()
        except CannotBegin as cause:
            return cause.code, cause.words or self._documents.find_obstacle()
        except DiskFault as fault:
            return SPOOL_FAILED, str(fault)
        return ("", "") if self._documents.load(Policy, now).document else (NO_POLICY, self._documents.find_obstacle())

    def say(self, reasons: tuple[str, ...]) -> None:
        """Write the status file with these reasons, none for fit; a disk that refuses is only told in the log."""
        self._reasons = reasons
        try:
            self._status.say(self._describe())
            self._complaint = ""
        except OSError as error:
            if str(error) != self._complaint:
                log.error("the status file cannot be written: %s", error)
            self._complaint = str(error)

    def say_again(self) -> None:
        """Bring the status file up to date."""
        self.say(self._reasons)

    def _describe(self) -> RecorderStatus:
        return RecorderStatus(
            fit=not self._reasons,
            reasons=self._reasons,
            school_days_left=self._outlook.days_left,
            day_bytes=self._outlook.day_bytes,
            damaged=self._damaged,
            notes=self._notes,
        )
