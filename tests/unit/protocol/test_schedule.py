"""The schedule: openings in order, found by an instant, signed by the lease key."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from protocol.codec import CodecError
from protocol.documents import Keyring, KeyringKey, Purpose, Trust, issue_document, verify_document
from protocol.ids import make_id
from protocol.schedule import Opening, OpeningKind, Schedule
from protocol.signing import SignatureError, SigningKey

NOW = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DEVICE = make_id(bytes(16))


def make_schedule(*openings: Opening) -> Schedule:
    """Make a schedule of two weeks."""
    return Schedule(
        generation=1, version=1, issued_at=NOW, expires_at=NOW + timedelta(days=14), device=DEVICE, openings=openings
    )


def opening(begins_h: float, ends_h: float) -> Opening:
    """Make an opening by hours from now."""
    return Opening(begins_at=NOW + begins_h * HOUR, ends_at=NOW + ends_h * HOUR, rate_bps=1_000_000)


def test_schedule_gives_the_opening_of_an_instant() -> None:
    """The first instant of an opening belongs to it, its end does not, and the next one is found from anywhere."""
    first, second = opening(0, 1), opening(2, 3)
    schedule = make_schedule(first, second)
    assert schedule.opening_at(NOW) == first
    assert schedule.opening_at(NOW + HOUR) is None
    assert schedule.next_after(NOW) == second
    assert schedule.next_after(NOW + 2 * HOUR) is None


def test_openings_that_meet_are_two_and_those_that_overlap_are_refused() -> None:
    """A cap may change on the hour; no instant has two."""
    assert len(make_schedule(opening(0, 1), opening(1, 2)).openings) == 2
    with pytest.raises(ValueError, match="before the one of"):
        make_schedule(opening(0, 2), opening(1, 3))
    with pytest.raises(ValueError, match="not after the beginning"):
        opening(1, 1)


def test_schedule_travels_signed_by_the_lease_key_alone() -> None:
    """What was issued is read back as it was; another purpose's key is not believed."""
    root, lease, other = SigningKey.generate(), SigningKey.generate(), SigningKey.generate()
    keys = tuple(
        KeyringKey(purpose=purpose, public=key.verifying.encode())
        for purpose, key in ((Purpose.LEASE, lease), (Purpose.SETTINGS, other))
    )
    keyring = Keyring(generation=1, version=1, issued_at=NOW, expires_at=NOW + HOUR, school="s", keys=keys)
    trust = Trust(root=root.verifying, keyring=keyring)
    trickle = Opening(begins_at=NOW, ends_at=NOW + HOUR, rate_bps=1, kind=OpeningKind.TRICKLE)
    schedule = make_schedule(trickle, opening(1, 2))
    assert verify_document(Schedule, issue_document(schedule, lease), trust) == schedule
    with pytest.raises(SignatureError):
        verify_document(Schedule, issue_document(schedule, other), trust)
    line = issue_document(schedule, lease).replace(b"trickle", b"always!")
    with pytest.raises((SignatureError, CodecError)):
        verify_document(Schedule, line, trust)
