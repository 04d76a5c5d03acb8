"""Three simulated years of a thousand units that are off for weeks and lose replies: the plan and the registry's law.

Both sides are the real, pure decisions (device/enrollment/plan.py, controller/enrollment/policy.py); the network, the
rooms' switches and people who replace a key are made up, from one seed.
`python -m tests.contract.test_nobody_locked_out` prints the figures that docs/FAULTS.md tells.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from controller.devices.models import DeviceState
from controller.enrollment import policy
from controller.enrollment.policy import Held
from device.enrollment.plan import Life, Way, plan_renewal
from protocol.pki import DEVICE_DAYS

UNITS, YEARS = 1000, 3
BEGIN = datetime(2026, 9, 1, tzinfo=UTC)
END = BEGIN + timedelta(days=365 * YEARS)
LIFE = timedelta(days=DEVICE_DAYS)
SKEW = timedelta(hours=1)
HOUR, MINUTES = timedelta(hours=1), timedelta(minutes=2)  # the timer, and a renewal that presses
UNREACHED, LOST = 0.25, 0.15
NEW_KEY = 0.02


@dataclass(frozen=True)
class Shown:
    """A certificate as a unit holds it: its place in the registry, its key, its life."""

    place: int
    key: str
    life: Life


@dataclass
class Registered:
    """What the registry holds of one unit: every certificate that it ever gave."""

    held: list[Held] = field(default_factory=list)
    lives: list[Life] = field(default_factory=list)
    revoked: set[int] = field(default_factory=set)
    most_living: int = 0

    def renew(self, shown: Shown, way: Way, key: str, now: datetime, spread: float) -> Shown | None:
        """Decide as the controller does; None is a refusal."""
        if shown.place in self.revoked or DeviceState.ACTIVE not in policy.RENEWING:
            return None
        if way is Way.SHOWN and now >= shown.life.ends_at:
            return None  # TLS
        older = policy.find_superseded(self._described(), shown.key)
        self.revoked |= {at for at, one in enumerate(self.held) if one.spki in older}
        return self.give(key, now, spread)

    def give(self, key: str, now: datetime, spread: float) -> Shown | None:
        """Give a key the certificate of the last hour again, or a new one, unless it was given too many."""
        described = self._described()
        place = policy.find_repeatable(described, key, now)
        if place is None:
            issued = [one.issued_at for one in described]
            most = policy.Limits().certificates_of_device
            if policy.decide_wait(issued, most=most, within=policy.CERTIFICATES_WITHIN, now=now):
                return None
            self.held.append(Held(key, now, is_revoked=False))
            self.lives.append(Life(begins_at=now - SKEW, ends_at=now + LIFE, spread=spread))
            place = len(self.held) - 1
        living = [at for at, life in enumerate(self.lives) if at not in self.revoked and life.ends_at > now]
        self.most_living = max(self.most_living, len(living))
        return Shown(place, key, self.lives[place])

    def _described(self) -> list[Held]:
        return [Held(one.spki, one.issued_at, at in self.revoked) for at, one in enumerate(self.held)]


@dataclass
class Figures:
    """What happened in all."""

    renewals: int = 0
    over: int = 0
    lost: int = 0
    refused: int = 0
    keys: int = 0
    locked_out: int = 0
    longest: timedelta = timedelta(0)
    most_living: int = 0


class Unit:
    """One unit: it holds one certificate, and does what its plan says whenever it is on."""

    def __init__(self, chance: random.Random, figures: Figures, registered: Registered) -> None:
        self._chance = chance
        self._figures = figures
        self.registered = registered
        first = self.registered.give("key 0", BEGIN, chance.random())
        assert first is not None
        self.shown = first
        self._staged: str | None = None

    def live(self, begins_at: datetime, ends_at: datetime, *, unreached: float = UNREACHED, lost: float = LOST) -> None:
        """Be on for a while."""
        now = begins_at
        over_since: datetime | None = None
        while now < ends_at:
            ways = plan_renewal(self.shown.life, now)
            if not ways and self._staged is None:
                now = max(now + HOUR, min(self.shown.life.due_at, ends_at))
                continue
            over_since = over_since or (now if now >= self.shown.life.ends_at else None)
            if self._try_each(ways or (Way.SHOWN, Way.SIGNED), now, unreached, lost) and over_since is not None:
                self._figures.longest = max(self._figures.longest, now - over_since)
                over_since = None
            now += MINUTES if now >= self.shown.life.ends_at else HOUR

    def _try_each(self, ways: tuple[Way, ...], now: datetime, unreached: float, lost: float) -> bool:
        if self._staged is None and self._chance.random() < NEW_KEY:
            self._staged = f"key {now}"
        for way in ways:
            if self._chance.random() < unreached:
                continue
            given = self.registered.renew(self.shown, way, self._staged or self.shown.key, now, self._chance.random())
            if given is None:
                self._figures.refused += 1
            elif self._chance.random() < lost:
                self._figures.lost += 1
            else:
                self._take(given, now)
                return True
        return False

    def _take(self, given: Shown, now: datetime) -> None:
        self._figures.renewals += 1
        self._figures.over += now >= self.shown.life.ends_at
        self._figures.keys += given.key != self.shown.key
        self.shown, self._staged = given, None


def switched_on(chance: random.Random) -> Iterator[tuple[datetime, datetime]]:
    """Give when a unit is on: days to months at a time, and off for hours, holidays, or half a year in a cupboard."""
    now = BEGIN
    while now < END:
        until = min(END, now + timedelta(days=chance.choice((0.4, 1, 5, 30, 90)) * (0.5 + chance.random())))
        yield now, until
        now = until + timedelta(days=chance.choice((0.5, 2, 14, 45, 98, 180)) * (0.5 + chance.random()))


def simulate(seed: int, units: int, kind: type[Registered] = Registered) -> Figures:
    """Let the years pass, then give each unit a day of power and network: who has no certificate then is locked out."""
    chance, figures = random.Random(seed), Figures()  # noqa: S311 a simulation, to be repeated by its seed
    for _ in range(units):
        unit = Unit(chance, figures, kind())
        for begins_at, ends_at in switched_on(chance):
            unit.live(begins_at, ends_at)
        unit.live(END + timedelta(days=98), END + timedelta(days=99), unreached=0.0, lost=0.0)
        ended = END + timedelta(days=99) >= unit.shown.life.ends_at
        figures.locked_out += ended or unit.shown.place in unit.registered.revoked
        figures.most_living = max(figures.most_living, unit.registered.most_living)
    return figures


def test_nobody_is_locked_out_in_three_years() -> None:
    """A thousand units, weeks off at random, a quarter of the requests lost and every seventh reply: all are in."""
    figures = simulate(1, UNITS)
    assert figures.locked_out == 0
    assert figures.renewals > 4 * UNITS
    assert figures.over > UNITS  # the case that the nonce is for is really met
    assert figures.lost > UNITS / 2
    assert figures.keys > UNITS / 20


class WithoutNonces(Registered):
    """A registry that lets nobody renew what is over."""

    def renew(self, shown: Shown, way: Way, key: str, now: datetime, spread: float) -> Shown | None:
        """See `Registered.renew`."""
        return None if now >= shown.life.ends_at else super().renew(shown, way, key, now, spread)


def test_simulation_would_find_who_is_locked_out() -> None:
    """Without the renewal of what is over, units are lost: the test above can fail."""
    assert simulate(1, 5, WithoutNonces).locked_out > 1


if __name__ == "__main__":
    print(simulate(1, UNITS))
