"""Failed attempts to join or renew: written down, counted by address and by unit, and refused when there are too many.

Counts failures only: a school brings up forty units from one address. A person may forget those of a unit or an address
that is held off. Defined in docs/protocol/enrollment.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from controller.devices.history import Deed, Happening, note_event
from controller.devices.models import Device
from controller.enrollment import policy, repo
from controller.enrollment.issuing import refuse_for_now
from controller.enrollment.policy import Limits
from controller.errors import OperatorError
from controller.services import Services
from protocol.ids import is_id


@dataclass(frozen=True, kw_only=True)
class HeldOff:
    """A unit, or with an empty `device` an address, that is refused until `until` whatever it presents."""

    device: str = ""
    label: str = ""
    address: str = ""
    until: datetime

    @property
    def name(self) -> str:
        """Name it as a person does who lifts it."""
        return self.device or self.address


class Attempts:
    """The failures of one school's units and of whoever pretends to be one."""

    def __init__(self, services: Services, limits: Limits) -> None:
        self._services = services
        self._limits = limits

    def require_patience(self, address: str, device: str | None = None) -> None:
        """Raise `EnrollmentRefusal` (429) when too many attempts failed lately, whatever is presented now."""
        now = self._services.clock()
        since = now - policy.FAILURES_WITHIN
        with self._services.database.reading() as session:
            of_address = repo.failures_from(session, address, since)
            of_device = repo.failures_of(session, device, since) if device else []
        wait = max(
            self._wait(of_address, self._limits.failures_from_address, now),
            self._wait(of_device, self._limits.failures_of_device, now),
        )
        if wait:
            detail = "too many attempts failed; wait, then try again, or an admin lifts this on the page Joining"
            raise refuse_for_now("too_many_failures", detail, wait)

    @staticmethod
    def _wait(failures: Sequence[datetime], most: int, now: datetime) -> timedelta:
        return policy.decide_wait(failures, most=most, within=policy.FAILURES_WITHIN, now=now)

    def note(self, address: str, device: str | None = None) -> None:
        """Write a failure down, and forget those that no longer count."""
        known = device if device and is_id(device) else None
        with self._services.database.writing() as session:
            repo.note_failure(session, address, known, now=self._services.clock(), keep=policy.FAILURES_WITHIN)

    def held(self) -> list[HeldOff]:
        """Give the school's own units and the addresses that are held off now."""
        with self._services.database.reading() as session:
            return list(self._held(session))

    def lift(self, name: str, deed: Deed) -> HeldOff:
        """Forget the failures of a unit, by its id, or of an address; raise `OperatorError` when it is not held off."""
        with self._services.database.writing() as session:
            found = next((one for one in self._held(session) if one.name == name), None)
            if found is None:
                raise OperatorError(f"{name[:64]}: is not held off; `enrollment list` shows what is")
            repo.forget_failures(session, device=found.device or None, address=found.address or None)
            if found.device:
                note_event(session, found.device, Happening.HOLD_LIFTED, deed)
        return found

    def _held(self, session: Session) -> Iterator[HeldOff]:
        now = self._services.clock()
        failures = repo.failures_since(session, now - policy.FAILURES_WITHIN)
        for device, instants in _group((row.device, row.at) for row in failures):
            row, wait = session.get(Device, device), self._wait(instants, self._limits.failures_of_device, now)
            if row is not None and wait:
                yield HeldOff(device=device, label=row.label, until=now + wait)
        for address, instants in _group((row.address, row.at) for row in failures):
            if wait := self._wait(instants, self._limits.failures_from_address, now):
                yield HeldOff(address=address, until=now + wait)


def _group(failures: Iterable[tuple[str | None, datetime]]) -> list[tuple[str, list[datetime]]]:
    found: defaultdict[str, list[datetime]] = defaultdict(list)
    for name, at in failures:
        if name:
            found[name].append(at)
    return sorted(found.items())
