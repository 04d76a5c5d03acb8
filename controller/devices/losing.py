"""A lost unit, from the declaration to the sealed pack: revoked first, whatever fails after it; then list and pack.

What fails is told and can be made up for by declaring the unit lost once more. docs/runbooks/lost-unit.md.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from controller.devices.breach import make_breach_pack
from controller.devices.history import Deed
from controller.devices.life import declare_lost
from controller.devices.models import Device
from controller.enrollment.revocation import renew_list
from controller.errors import OperatorError
from controller.services import Services

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Lost:
    """What was done: the unit that is let in no more, its pack if one could be made, and what went wrong beside."""

    unit: Device
    pack: Path | None
    troubles: tuple[str, ...]


def lose(services: Services, unit: str, deed: Deed) -> Lost:
    """Revoke a unit, issue the list of revoked certificates, make the pack; raise `ChangeRefusedError` for no unit."""
    row, troubles, packs = declare_lost(services, unit, deed), [], []

    def attempt(step: Callable[[], object]) -> None:
        try:
            step()
        except (OperatorError, OSError) as error:
            log.error("unit %s is lost and let in no more, but: %s", row.id, error)
            troubles.append(str(error))

    attempt(lambda: renew_list(services))
    attempt(lambda: packs.append(make_breach_pack(services, row.id, deed)))
    return Lost(unit=row, pack=packs[0] if packs else None, troubles=tuple(troubles))
