"""What the agent knows of the unit: read from files that the recorder and the uploader wrote, never by asking them.

It reads the recorder's status, signed manifests and the uploader's records, and no footage. The formats of these files
are in docs/ARCHITECTURE.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from device.agent.session import Backlog, Fitness
from device.uploads.plan import waiting_bytes
from device.uploads.records import Records
from device.uploads.spooled import Spool
from protocol.codec import parse_canonical, parse_record
from protocol.errors import ProtocolError

LESSONS_PER_SCHOOL_DAY = 5


@dataclass(frozen=True, kw_only=True)
class Status:
    """The recorder's own word: fit or unfit and why, and how many bytes it may still write."""

    fit: bool
    reason: str = ""
    free_bytes: int | None = None


def load_fitness(path: Path, *, lesson_bytes: int, reserve_bytes: int) -> Fitness:
    """Read `recorder/status`; a unit whose recorder has said nothing readable is unfit, with the reason."""
    try:
        status = parse_record(Status, parse_canonical(path.read_bytes(), "recorder/status"), "recorder/status")
    except FileNotFoundError:
        return Fitness(fit=False, reason="the recorder has not said how it is")
    except (ProtocolError, OSError) as error:
        return Fitness(fit=False, reason=f"the recorder's status cannot be read: {error}")
    days = None
    if status.free_bytes is not None:
        days = max(0, status.free_bytes - reserve_bytes) // (lesson_bytes * LESSONS_PER_SCHOOL_DAY)
    return Fitness(fit=status.fit, reason=status.reason, school_days_left=days)


def look_at_backlog(spool: Spool, records: Records) -> Backlog:
    """Add up what waits to be delivered; what cannot be read counts nothing, the uploader says why."""
    waiting = [
        (recording, size)
        for recording in spool.look().recordings
        if (size := waiting_bytes(recording, records.load(recording.recording))) > 0
    ]
    oldest = min((recording.began_at for recording, _ in waiting), default=None)
    return Backlog(waiting_bytes=sum(size for _, size in waiting), oldest_at=oldest)
