"""Decides about accounts: which password is acceptable, how long links and logins last, when to try again.

Pure: time comes in as an argument, and the words shown to people are the pages' business. Defined in
docs/PRIVACY.md ("Signing in").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

LINK_LASTS = timedelta(hours=48)
LOGIN_LASTS = timedelta(days=7)
LOGIN_IDLE = timedelta(hours=12)
LOGIN_SEEN_EVERY = timedelta(minutes=5)
ATTEMPTS_WITHIN = timedelta(minutes=15)
SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 200
LONGEST_EMAIL = 254
LONGEST_NAME = 120
_FEWEST_DIFFERENT = 5


class PasswordFault(StrEnum):
    """Why a password is not accepted."""

    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    TOO_SIMPLE = "too_simple"
    LIKE_ADDRESS = "like_address"
    NOT_REPEATED = "not_repeated"


@dataclass(frozen=True, kw_only=True)
class AttemptLimit:
    """How many failed attempts of one kind are taken within `ATTEMPTS_WITHIN`."""

    kind: str
    most: int


PAIR_LIMIT = AttemptLimit(kind="account and address", most=8)
ACCOUNT_LIMIT = AttemptLimit(kind="account", most=60)
ADDRESS_LIMIT = AttemptLimit(kind="address", most=60)  # a school often has one address for everyone


def normalise_email(text: str) -> str:
    """Give the form in which an address is kept and compared."""
    return text.strip().casefold()


def may_be_email(text: str) -> bool:
    """Tell whether a text can be an address: one part before one `@` and one after it, nothing that is not shown."""
    text = text.strip()
    before, _, after = text.partition("@")
    shown = text.isprintable() and " " not in text
    return bool(before and after) and "@" not in after and shown and len(text) <= LONGEST_EMAIL


def may_be_name(text: str) -> bool:
    """Tell whether a text can be a person's name: something that is shown, in one line, and not too long."""
    return 0 < len(text.strip()) <= LONGEST_NAME and text.strip().isprintable()


def find_password_fault(password: str, *, repeated: str, email: str) -> PasswordFault | None:
    """Tell what is wrong with a new password, or None; lengths count characters, as NIST SP 800-63B-4 asks."""
    if len(password) < SHORTEST_PASSWORD:
        return PasswordFault.TOO_SHORT
    if len(password) > LONGEST_PASSWORD:
        return PasswordFault.TOO_LONG
    if len(set(password.casefold())) < _FEWEST_DIFFERENT:
        return PasswordFault.TOO_SIMPLE
    if password.casefold() in (email, email.partition("@")[0]):
        return PasswordFault.LIKE_ADDRESS
    return PasswordFault.NOT_REPEATED if password != repeated else None


def decide_wait(failed_at: Sequence[datetime], limit: AttemptLimit, now: datetime) -> timedelta:
    """Tell how long to wait before the next attempt: nothing while fewer than `limit.most` failed lately."""
    lately = sorted(instant for instant in failed_at if now - instant < ATTEMPTS_WITHIN)
    if len(lately) < limit.most:
        return timedelta(0)
    return lately[-limit.most] + ATTEMPTS_WITHIN - now


def link_holds(*, ends_at: datetime, used_at: datetime | None, now: datetime) -> bool:
    """Tell whether a one-time link may still be used."""
    return used_at is None and now < ends_at


def login_holds(*, last_seen_at: datetime, ends_at: datetime, now: datetime) -> bool:
    """Tell whether a login still holds: not over, and not left alone for too long."""
    return now < ends_at and now - last_seen_at < LOGIN_IDLE


def login_is_stale(last_seen_at: datetime, now: datetime) -> bool:
    """Tell whether it is time to write down again that the login is in use."""
    return now - last_seen_at >= LOGIN_SEEN_EVERY
