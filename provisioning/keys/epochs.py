"""Epochs: one age identity a week, whose recipient units seal to; which weeks there shall be.

Decides names and spans and makes identities. What ends an epoch is the controller's. Defined in docs/protocol/keys.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from protocol.documents import Epoch, Recipients
from protocol.envelope import KeyIdentity

WEEK = timedelta(days=7)
Planned = tuple[str, datetime, datetime]


@dataclass(frozen=True, kw_only=True)
class EpochKey:
    """One epoch as the recipients list says it, and the identity that opens what was sealed in it."""

    epoch: Epoch
    identity: KeyIdentity = field(repr=False)


def plan_epochs(now: datetime, weeks: int) -> tuple[Planned, ...]:
    """Give name, beginning and end of the ISO week (UTC) that holds `now` and of the `weeks` after it."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    monday = midnight - timedelta(days=midnight.weekday())
    begins = (monday + count * WEEK for count in range(weeks + 1))
    return tuple((f"{at:%G-w%V}", at, at + WEEK) for at in begins)


def make_epoch(planned: Planned, identity: KeyIdentity) -> EpochKey:
    """Put a planned epoch and its identity together."""
    name, begins_at, ends_at = planned
    epoch = Epoch(name=name, begins_at=begins_at, ends_at=ends_at, recipient=str(identity.recipient))
    return EpochKey(epoch=epoch, identity=identity)


def make_epochs(now: datetime, weeks: int, generate: Callable[[], KeyIdentity]) -> tuple[EpochKey, ...]:
    """Make the current epoch and the `weeks` after it."""
    return tuple(make_epoch(planned, generate()) for planned in plan_epochs(now, weeks))


def list_recipients(epochs: tuple[Epoch, ...], now: datetime, *, order: tuple[int, int] = (1, 1)) -> Recipients:
    """Give the list that says these epochs; it holds as long as its last one."""
    generation, version = order
    ends_at = epochs[-1].ends_at
    return Recipients(generation=generation, version=version, issued_at=now, expires_at=ends_at, epochs=epochs)
