"""Renews the unit's certificate: at two thirds of its life over TLS, or when it is over by a signature of its key.

The key stays; only the certificate's file changes, in one durable replacement. While the clock is not trusted the time
is the controller's, told over a verified connection. Every failure leaves what was, and is tried again at the next run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from device.enrollment.checking import Chain, Wanted, choose_chain, life_of
from device.enrollment.client import Authorities, EnrollmentClient, Refused, try_each
from device.enrollment.plan import Life, Way, plan_renewal
from device.enrollment.store import EnrollmentStore
from device.uploads.client import LinkError
from protocol.errors import ProtocolError
from protocol.pki import make_request


class RenewalFailed(Exception):
    """No way led to another certificate; it presses when the present one has ended, or nobody can tell.

    It is final when the last door's answer was a refusal that waiting does not change.
    """

    def __init__(self, errors: list[str], *, presses: bool, is_final: bool = False) -> None:
        super().__init__("the certificate was not renewed: " + "; ".join(errors))
        self.presses = presses
        self.is_final = is_final


@dataclass(frozen=True, kw_only=True)
class Doors:
    """The controller's two listeners; `people` is None when the configuration names none."""

    units: EnrollmentClient
    people: EnrollmentClient | None

    def client(self, way: Way) -> EnrollmentClient:
        """Give the listener at which a way is gone; raise `LinkError` when none is configured."""
        if way is Way.SHOWN:
            return self.units
        if self.people is None:
            raise LinkError("[enrollment] url is missing in device.toml, where the controller's pages are")
        return self.people


@dataclass(frozen=True, kw_only=True)
class Watch:
    """The wall clock, and whether the network has set it."""

    now: Callable[[], datetime]
    is_trusted: Callable[[], bool]

    def trusted_now(self) -> datetime | None:
        """Give the time when it is known."""
        return self.now() if self.is_trusted() else None


class Renewing:
    """Renews for one unit."""

    def __init__(self, store: EnrollmentStore, doors: Doors, watch: Watch, *, device: str) -> None:
        self._store = store
        self._doors = doors
        self._watch = watch
        self._device = device

    def renew_when_due(self, old: Chain) -> datetime | None:
        """Renew when it is due and give None, or else when it will be due.

        `old` is the chain in force. Raises `RenewalFailed`, `OSError` or `ProtocolError`.
        """
        life, now = life_of(old[0]), self._watch.trusted_now()
        if now is not None and not plan_renewal(life, now):
            return life.due_at
        authorities = self._authorities(life, now)
        at = self._time(authorities, life)
        ways = plan_renewal(life, at)
        if not ways:
            return life.due_at
        self._renew(old[0], self._store.tls_key(), ways, authorities, at)
        return None

    def renew_now(self, old: Chain, key: ec.EllipticCurvePrivateKey) -> None:
        """Get another certificate now, for a key that may be a new one."""
        life = life_of(old[0])
        authorities = self._authorities(life, self._watch.trusted_now())
        at = self._time(authorities, life)
        ways = plan_renewal(life, max(at, life.due_at))
        self._renew(old[0], key, ways, authorities, at)

    def _authorities(self, life: Life, now: datetime | None) -> Authorities:
        """Fetch the school's authorities where an answer is likely: TLS refuses a certificate that is over."""
        over = now is not None and now >= life.ends_at
        clients = [self._doors.people] if over else [self._doors.units, self._doors.people]
        try:
            return try_each([client for client in clients if client] or [self._doors.client(Way.SIGNED)])
        except (LinkError, Refused, ProtocolError) as error:
            raise RenewalFailed([str(error)], presses=over or now is None) from error

    def _time(self, authorities: Authorities, life: Life) -> datetime:
        at = self._watch.trusted_now() or authorities.at
        if at is None:
            raise RenewalFailed(["the clock is not set, and the controller did not say the time"], presses=True)
        return max(at, life.begins_at)

    def _renew(
        self,
        old: x509.Certificate,
        key: ec.EllipticCurvePrivateKey,
        ways: tuple[Way, ...],
        authorities: Authorities,
        at: datetime,
    ) -> None:
        wanted = Wanted(device=self._device, key=key.public_key(), root=self._store.root())
        request, errors, is_final = make_request(key, self._device), [], False
        for way in ways:
            try:
                given = self._ask(way, request, old)
                chain = choose_chain(wanted, given, authorities.certificates, at=at)
            except (LinkError, Refused, ProtocolError) as error:
                errors.append(f"{way.value}: {error}")
                is_final = isinstance(error, Refused) and not error.is_passing
            else:
                self._store.put_certificate(chain)
                return
        raise RenewalFailed(errors, presses=at >= old.not_valid_after_utc, is_final=is_final)

    def _ask(self, way: Way, request: bytes, old: x509.Certificate) -> tuple[x509.Certificate, ...]:
        client = self._doors.client(way)
        if way is Way.SHOWN:
            return client.renew_shown(request)
        return client.renew_signed(request, old=old, key=self._store.tls_key())
