"""What the agent knows of the unit: read from files that the recorder and the uploader wrote, never by asking them.

It reads the recorder's status, signed manifests and the uploader's records, and no footage. What it says names no
recording: faults may be known, lessons may not. The files are listed in docs/ARCHITECTURE.md.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from device.agent.session import Facts, Fitness
from device.health.report import DELIVERY_STUCK, decide_condition
from device.health.status import RecorderStatus, load_status
from device.health.watch import Watch
from device.uploads.backlog import Backlogs
from device.uploads.records import Records
from protocol.errors import ProtocolError

log = logging.getLogger(__name__)
REASON_LIMIT = 400
SILENT, UNREADABLE, UNKNOWN = "recorder_silent", "recorder_unreadable", "unknown"


@dataclass(frozen=True, kw_only=True)
class Sources:
    """The files from which the agent learns how the unit is."""

    status: Path
    backlogs: Backlogs
    records: Records
    watch: Watch

    def facts(self, now: datetime) -> Facts:
        """Read how the unit is; the spool is looked at when the backlog is asked for, and not before."""
        return Facts(now=now, fitness=self._fitness(now), backlog=self.backlogs.look)

    def _fitness(self, now: datetime) -> Fitness:
        """Put together what the recorder says and what the probes found; neither is passed on with a number."""
        status = self._load_status()
        unfit = status.reasons or (() if status.fit else (UNKNOWN,))
        stuck = (DELIVERY_STUCK,) if self._is_delivery_stuck() else ()
        found = self.watch.look(now, (*unfit, *stuck))
        condition = decide_condition(found.now, found.before)
        return Fitness(
            fit=condition.fit,
            reason=_join((*condition.codes, *status.damaged)),
            school_days_left=status.school_days_left,
        )

    def _load_status(self) -> RecorderStatus:
        try:
            return load_status(self.status)
        except FileNotFoundError:
            return RecorderStatus(fit=False, reasons=(SILENT,))
        except (ProtocolError, OSError) as error:
            log.error("the recorder's status cannot be read: %s", error)
            return RecorderStatus(fit=False, reasons=(UNREADABLE,))

    def _is_delivery_stuck(self) -> bool:
        """Tell whether delivery needs a person; of what and why is for the unit's own records (promise P7)."""
        try:
            return any(record.needs_person for record in self.records.load_all())
        except OSError:
            return True  # the uploader meets the same card, and says so in its log


def _join(reasons: tuple[str, ...]) -> str:
    return "; ".join(reason for reason in reasons if reason)[:REASON_LIMIT]
