"""What a unit lacks to be enrolled and what it does next, and when its certificate is renewed and how. Pure.

Every step can be cut off and done again: what comes next follows from what lies on the disk, and never from what was
meant to be done. Defined in docs/protocol/enrollment.md, "The unit".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

DUE_PART = 2 / 3
SPREAD_PART = 1 / 30
"""Over how much of a certificate's life the renewals of units that joined together are spread: three days of ninety."""


class Fit(Enum):
    """What the certificate that lies here is worth to this unit."""

    NONE = "none"
    OURS = "ours"
    STAGED = "of the new key"
    STRANGE = "of another key, unit or school"


class Step(Enum):
    """One thing that brings a unit nearer to being enrolled."""

    KEEP_STAGED_KEY = "put the new TLS key in the place of the old one"
    MAKE_TLS_KEY = "make the TLS key"
    MAKE_RECORDER_KEY = "make the recorder's key"
    SHOW_RECORDER_KEY = "write the recorder's public key"
    JOIN = "get the first certificate"
    SHRED = "shred the one-time secret"
    RENEW = "renew the certificate, if it is due"
    REGISTER = "register the recorder's key"
    FETCH = "fetch the school's documents"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What lies on the disk, what was asked of this run, and what it has done at the controller.

    `joins_anew`: a person wants a new key and does not trust the certificate that is here to vouch for it.
    """

    certificate: Fit
    has_tls_key: bool
    has_staged_key: bool
    has_recorder_key: bool
    shows_recorder_key: bool
    has_secret: bool
    joins_anew: bool
    is_renewed: bool
    is_registered: bool
    is_fetched: bool


def plan_next(standing: Standing) -> Step | None:
    """Give what comes next, or None when the unit is enrolled.

    A certificate is asked for only when both keys are durable: what the controller has bound to a key is lost with it.
    The secret is shredded as soon as the certificate is durable: from then on it can do nothing but be found.
    """
    rules = (
        (Step.KEEP_STAGED_KEY, standing.certificate is Fit.STAGED),
        (Step.MAKE_TLS_KEY, not standing.has_tls_key),
        (Step.MAKE_RECORDER_KEY, not standing.has_recorder_key),
        (Step.SHOW_RECORDER_KEY, not standing.shows_recorder_key),
        (Step.JOIN, standing.certificate is not Fit.OURS or (standing.joins_anew and standing.has_staged_key)),
        (Step.SHRED, standing.has_secret),
        (Step.RENEW, not standing.is_renewed),
        (Step.REGISTER, not standing.is_registered),
        (Step.FETCH, not standing.is_fetched),
    )
    return next((step for step, is_due in rules if is_due), None)


class Way(Enum):
    """How a unit proves that the certificate to be renewed is its own."""

    SHOWN = "over TLS, at the units' listener"
    SIGNED = "by a signature, at the people's listener"


@dataclass(frozen=True, kw_only=True)
class Life:
    """From when to when a certificate holds; `spread`, from 0 up to 1, is the same at every look at it."""

    begins_at: datetime
    ends_at: datetime
    spread: float

    @property
    def due_at(self) -> datetime:
        """Give when the renewal begins to be tried: at two thirds of the life, or up to a thirtieth of it later."""
        return self.begins_at + (self.ends_at - self.begins_at) * (DUE_PART + SPREAD_PART * self.spread)


def plan_renewal(life: Life, now: datetime) -> tuple[Way, ...]:
    """Give the ways to renew that are to be tried in turn; none before it is due.

    A certificate that is over is refused by TLS, and one that is not is tried by a signature when the units' listener
    does not answer: two doors, of which one is enough.
    """
    if now < life.due_at:
        return ()
    return (Way.SHOWN, Way.SIGNED) if now < life.ends_at else (Way.SIGNED,)


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long to wait after the n-th failure in a row: ever longer, spread, and never shorter than was asked for."""

    least_s: float = 2.0
    most_s: float = 60.0
    most_asked_s: float = 900.0

    def delay(self, failures: int, asked_s: float, jitter: float) -> timedelta:
        """Give the wait; `asked_s` is the controller's own wish (0: none), `jitter` goes from 0 up to 1."""
        own_s = min(self.most_s, self.least_s * 2 ** min(failures - 1, 30))
        wait_s = max(own_s * (0.5 + jitter / 2), min(asked_s, self.most_asked_s) * (1 + jitter / 5))
        return timedelta(seconds=wait_s)
