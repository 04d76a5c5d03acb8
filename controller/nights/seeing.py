"""What is seen of units for the report of a night: registry, presence, health, certificates, refusals.

No table of recordings, uploads or spool reports is asked here (promise P7).
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from controller.devices.models import Device, DeviceState, Health, Presence
from controller.devices.policy import DELIVERING
from controller.enrollment.models import Certificate
from controller.nights.outcomes import Seen
from controller.services import Services
from controller.uploads.quotas import over_quota

COUNTED = (*DELIVERING, DeviceState.QUARANTINED)
"""Units of whose night something is said: what may deliver, and what would but for us."""


@dataclass(frozen=True)
class SeenUnit:
    """One unit, by what people call it, and what is seen of it."""

    id: str
    label: str
    site: str
    seen: Seen
    days_left: int | None

    @property
    def may_deliver(self) -> bool:
        """Tell whether it is let in."""
        return self.seen.state in DELIVERING


def see_units(services: Services, session: Session) -> list[SeenUnit]:
    """See every unit that counts in a night, by label."""
    refused = over_quota(session, services.clock())
    ends = select(Certificate.device, func.max(Certificate.ends_at)).where(Certificate.revoked_at.is_(None))
    certificates = {device: at for device, at in session.execute(ends.group_by(Certificate.device))}
    wanted = (
        select(
            Device.id,
            Device.label,
            Device.site,
            Device.state,
            Device.asked_at,
            Presence.online,
            Presence.changed_at,
            Health.reason,
            Health.school_days_left,
        )
        .outerjoin(Presence, Presence.device == Device.id)
        .outerjoin(Health, Health.device == Device.id)
        .where(Device.state.in_(COUNTED))
        .order_by(Device.label, Device.id)
    )
    return [
        SeenUnit(
            row.id,
            row.label,
            row.site,
            Seen(
                state=row.state,
                online=row.online,
                changed_at=row.changed_at,
                asked_at=row.asked_at,
                certificate_ends_at=certificates.get(row.id),
                reasons=frozenset(row.reason.split("; ")) if row.reason else frozenset(),
                was_refused=row.id in refused,
            ),
            row.school_days_left,
        )
        for row in session.execute(wanted)
    ]
