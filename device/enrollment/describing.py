"""Says for `backrow device check` how enrollment stands, out of the files alone; asks nobody and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from device.config import DeviceConfig
from device.enrollment.plan import Fit
from device.enrollment.store import EnrollmentStore, places_of
from device.findings import Finding
from protocol.durable import REAL
from protocol.errors import ProtocolError
from protocol.pki import spell_fingerprint, spki_digest

JOIN = "run, as root: backrow device enroll"
RENEW = "look at: systemctl status backrow-renew"
SUCCEED = "run, as root and with the recorder stopped: backrow device new-recorder-key"


def describe_enrollment(config: DeviceConfig, now: datetime) -> Iterator[Finding]:
    """Look at the certificate, and at changes of a key that a cut left unfinished."""
    store = EnrollmentStore(places_of(config), config.device.id, REAL)
    try:
        yield _describe_certificate(store, now)
    except (ProtocolError, OSError) as error:
        yield Finding("certificate/tls.pem", str(error))
    if store.has_staged_key():
        yield Finding("identity/tls.key.next", f"a new TLS key has no certificate yet; {JOIN}")
    if store.has_staged_recorder_key():
        yield Finding("identity/recorder.key.next", f"a change of the recorder's key was cut off; {SUCCEED}")


def _describe_certificate(store: EnrollmentStore, now: datetime) -> Finding:
    match store.fit():
        case Fit.OURS:
            ends_at = store.certificate()[0].not_valid_after_utc
            words = f"ended on {ends_at:%Y-%m-%d} by this unit's clock; {RENEW}"
            return Finding(f"certificate/tls.pem, until {ends_at:%Y-%m-%d}", words if ends_at <= now else "")
        case Fit.NONE:
            fingerprint = spell_fingerprint(spki_digest(store.tls_key().public_key()))
            return Finding("certificate/tls.pem", f"missing; {JOIN}. The fingerprint of its key is {fingerprint}")
        case other:
            return Finding("certificate/tls.pem", f"it is {other.value}; {JOIN}")
