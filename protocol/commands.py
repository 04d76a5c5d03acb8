"""Commands: the few things that IT may ask of a unit, each a signed document of its own stream.

Contents are strict: a task that this table does not name is no command. None touches camera or microphone, and none
ever may (promise P1): a unit that is found, or taken out of use, records nothing for it. Signed with a policy key,
like every other word about what happens in a room. Defined in docs/protocol/mqtt.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from protocol.documents import Document, Purpose
from protocol.ids import parse_id


class Task(StrEnum):
    """What a unit can be asked to do."""

    IDENTIFY = "identify"
    """Show for ten seconds at the lamp, at rest, that this is the unit that IT looks for."""
    RETIRE = "retire"
    """Record no more, deliver what is held, then wipe yourself."""


@dataclass(frozen=True, kw_only=True)
class Command(Document):
    """One task for one unit; of one unit and one task the newest holds.

    `not_before`: of a retirement alone, when the unit may wipe itself at the earliest. It is the same for a unit that
    holds lessons and for one that holds none, so that the end of a unit does not tell of either (promise P7).
    """

    KIND: ClassVar[str] = "command"
    SIGNED_FOR: ClassVar[Purpose] = Purpose.POLICY

    device: str
    task: Task
    not_before: datetime | None = None

    def __post_init__(self) -> None:
        """Refuse a device that is no identifier, and a time that the task has no use for, or lacks."""
        super().__post_init__()
        parse_id(self.device, "device")
        if (self.task is Task.RETIRE) != (self.not_before is not None):
            raise ValueError(f"not_before: expected of {Task.RETIRE} alone and always, got {self.not_before}")
        if self.not_before is not None and self.not_before >= self.expires_at:
            raise ValueError(f"not_before: expected before the end {self.expires_at}, got {self.not_before}")
