"""Decides about joining: how long secrets, adoptions and nonces last, who may join or renew, when to try again.

Pure: time comes in as an argument. Defined in docs/protocol/enrollment.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from controller.devices.policy import ADMITTED, RULES, Change, Need

SECRET_LASTS = timedelta(days=7)
ADOPTION_LASTS = timedelta(days=7)
REFUSAL_LASTS = timedelta(days=7)
WAITING_LASTS = timedelta(hours=24)
NOTED_EVERY = timedelta(seconds=10)  # how often a waiting unit's asking is written down
ASK_AGAIN = timedelta(seconds=30)
MOST_WAITING = 50
MOST_WAITING_OF_ADDRESS = 5
NONCE_LASTS = timedelta(minutes=5)
REPEATED_WITHIN = timedelta(hours=1)
CERTIFICATES_WITHIN = timedelta(hours=1)
FAILURES_WITHIN = timedelta(minutes=15)
SHOWN_GROUPS = 6
"""How many of the eight groups of a fingerprint the page shows; the others are typed from the unit's screen."""

JOINING = RULES[Change.ENROLL].allowed_in
RENEWING = ADMITTED[Need.RENEWAL]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How often is too often: failures within `FAILURES_WITHIN`, certificates within `CERTIFICATES_WITHIN`."""

    failures_of_device: int = 10
    failures_from_address: int = 30  # a school often has one address for everyone
    certificates_of_device: int = 12


@dataclass(frozen=True, kw_only=True)
class Offered:
    """What the registry knows of a secret that was presented."""

    device: str
    expires_at: datetime
    revoked_at: datetime | None


def find_secret_fault(offered: Offered | None, *, device: str, now: datetime) -> str | None:
    """Say why a secret lets nobody in, or None; that another key holds it is another question."""
    if offered is None or offered.device != device:
        return "device id and one-time secret do not fit"
    if offered.revoked_at is not None:
        return "this one-time secret was replaced by a newer one, or taken back"
    if now >= offered.expires_at:
        return f"this one-time secret ended on {offered.expires_at:%Y-%m-%d %H:%M} UTC; a new one must be made"
    return None


def decide_wait(instants: Sequence[datetime], *, most: int, within: timedelta, now: datetime) -> timedelta:
    """Tell how long to wait until fewer than `most` of the instants lie within the time before now; zero at once."""
    lately = sorted(instant for instant in instants if now - instant < within)
    return lately[-most] + within - now if len(lately) >= most else timedelta(0)


def nonce_holds(made_at: datetime, now: datetime) -> bool:
    """Tell whether a nonce may still be used."""
    return timedelta(0) <= now - made_at < NONCE_LASTS


def adoption_holds(decided_at: datetime, now: datetime) -> bool:
    """Tell whether a person's adoption still lets the key in."""
    return now - decided_at < ADOPTION_LASTS


@dataclass(frozen=True)
class Held:
    """A certificate of a unit as far as it decides what becomes of another."""

    spki: str
    issued_at: datetime
    is_revoked: bool


def find_repeatable(held: Sequence[Held], spki: str, now: datetime) -> int | None:
    """Give the place of the newest certificate of a key that is given out again instead of a new one, or None."""
    fitting = [
        (one.issued_at, place)
        for place, one in enumerate(held)
        if one.spki == spki and not one.is_revoked and now - one.issued_at < REPEATED_WITHIN
    ]
    return max(fitting)[1] if fitting else None


def find_superseded(held: Sequence[Held], spki: str) -> set[str]:
    """Give the keys with living certificates that are older than a key which is in use now."""
    begun: dict[str, datetime] = {}
    for one in held:
        begun[one.spki] = min(one.issued_at, begun.get(one.spki, one.issued_at))
    living = {one.spki for one in held if not one.is_revoked}
    return {key for key in living if key != spki and spki in begun and begun[key] < begun[spki]}


def tidy_hint(text: str) -> str:
    """Make what a request says of itself fit to be shown: one line, printable, at most 120 characters."""
    return "".join(char if char.isprintable() else "?" for char in text).strip()[:120]


def is_same_fingerprint(typed: str, spelled: str) -> bool:
    """Tell whether a typed fingerprint is the spelled one; blanks, hyphens, colons and case are free."""
    return _digits(typed) == _digits(spelled)


def split_fingerprint(spelled: str) -> tuple[str, str]:
    """Give the part of a fingerprint that the page shows, and the part that a person reads off the unit."""
    groups = spelled.split()
    return " ".join(groups[:SHOWN_GROUPS]), " ".join(groups[SHOWN_GROUPS:])


def _digits(text: str) -> str:
    return "".join(char for char in text.lower() if char not in " -:\t\n")
