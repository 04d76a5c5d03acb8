"""A lost unit, from the declaration to the sealed pack: revoked first, whatever fails after it; then list and pack.

What fails is told and can be made up for by declaring the unit lost once more. A pack that lies there is not made again
unless somebody asks for it. docs/runbooks/lost-unit.md.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from controller.devices.breach import find_breach_pack, make_breach_pack
from controller.devices.history import Deed
from controller.devices.life import declare_lost
from controller.devices.models import Device
from controller.enrollment.revocation import renew_list
from controller.errors import OperatorError
from controller.services import Services

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Lost:
    """What was done: the unit that is let in no more, its pack if there is one, and what went wrong beside.

    `is_held`: the pack is one that was made before.
    """

    unit: Device
    pack: Path | None
    is_held: bool
    troubles: tuple[str, ...]


class Pack(StrEnum):
    """Which pack is wanted: the one that is held, made where there is none; or one that is made anew."""

    HELD = "held"
    ANEW = "anew"


def lose(services: Services, unit: str, deed: Deed, *, pack: Pack = Pack.HELD) -> Lost:
    """Revoke a unit, issue the list of revoked certificates, see to its pack; raise `ChangeRefusedError`."""
    row, troubles, packs = declare_lost(services, unit, deed), [], []

    def attempt(step: Callable[[], object]) -> None:
        try:
            step()
        except (OperatorError, OSError) as error:
            log.error("unit %s is lost and let in no more, but: %s", row.id, error)
            troubles.append(str(error))

    attempt(lambda: renew_list(services))
    held = find_breach_pack(services, row.id) if pack is Pack.HELD else None
    if held is None:
        attempt(lambda: packs.append(make_breach_pack(services, row.id, deed)))
    made = packs[0] if packs else None
    return Lost(unit=row, pack=held or made, is_held=held is not None, troubles=tuple(troubles))
