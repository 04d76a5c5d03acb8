"""Bodies as they come in under a lease: no faster than it allows, and not one block more once it is over.

A unit keeps to its lease by itself; what is here holds for one that does not, or whose clock is wrong. Before and after
each block it is asked whether the lease still holds: its end by the clock, fence and state of the unit by the database,
at most `FRESH_S` ago, with one question for all bodies that run. A block that came too late is thrown away. Decides
nothing about what is kept. Defined in docs/protocol/uploads.md and docs/adr/0024-the-controller-reads-no-faster.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from threading import Lock

from controller.errors import Refusal
from controller.nights.line import LineMeter
from controller.services import Services
from controller.uploads import policy, repo
from controller.uploads.body import Body, filler
from controller.uploads.pace import Bucket
from controller.uploads.policy import Standing
from protocol.documents import Lease

FRESH_S = 0.5
MOST_BODIES = 8
"""Bodies of one unit at the same time: one that runs, and those of links that broke and were not noticed yet."""


class LeaseOverError(Refusal):
    """The lease ended, or was taken back, while a body under it came in; what follows is not read."""


@dataclass(frozen=True)
class Timing:
    """The monotonic clock in seconds, and how to wait."""

    monotonic: Callable[[], float]
    sleep: Callable[[float], object]


@dataclass
class _Unit:
    """A unit's bucket, the version of the lease whose rate it has, and how many of its bodies run."""

    bucket: Bucket
    version: int
    bodies: int = 0

    def follow(self, version: int, rate_bps: int, now_s: float) -> None:
        """Go by the rate of this version of its lease; one that was read before a newer one is too late to count."""
        if version >= self.version:
            self.version = version
            self.bucket.set_rate(rate_bps, now_s)


class Ingress:
    """All bodies under leases of one controller process. Safe for threads."""

    def __init__(self, services: Services, timing: Timing) -> None:
        self._services = services
        self._timing = timing
        self._lock = Lock()
        self._units: dict[str, _Unit] = {}
        self._asking = Lock()
        self._standings: dict[str, Standing] = {}
        self._asked_at_s = -FRESH_S
        self.meter = LineMeter()

    @contextmanager
    def body(self, lease: Lease, stream: Body) -> Iterator[LeasedBody]:
        """Give a body to read under a lease that was judged just now, at the newest version's rate.

        Raise `Refusal` when too many run already.
        """
        self._begin(lease)
        try:
            yield LeasedBody(self, lease, stream)
        finally:
            with self._lock:
                self._units[lease.device].bodies -= 1

    def _begin(self, lease: Lease) -> None:
        now_s = self._timing.monotonic()
        with self._lock:
            new = _Unit(Bucket(lease.rate_bps, now_s), lease.version)
            unit = self._units.setdefault(lease.device, new)
            if unit.bodies >= MOST_BODIES:
                detail = f"{MOST_BODIES} bodies of this unit are being read already; wait until one has ended"
                raise Refusal(HTTPStatus.LOCKED, "busy", detail)
            unit.bodies += 1
            unit.follow(lease.version, lease.rate_bps, now_s)

    def admit(self, lease: Lease, most: int) -> int:
        """Wait until bytes may be read and tell how many, at most `most`; raise `LeaseOverError`."""
        while True:
            now_s = self._timing.monotonic()
            with self._lock:
                unit = self._units[lease.device]
                count = min(most, unit.bucket.block_bytes(unit.bodies))
                wait_s = unit.bucket.wait_s(count, unit.bodies, now_s)
            if wait_s <= 0:
                self.require(lease)
                return count
            self._timing.sleep(wait_s)

    def account(self, lease: Lease, count: int) -> None:
        """Account for bytes that were read; raise `LeaseOverError` when they came too late."""
        self.meter.count(lease.device, count)
        with self._lock:
            self._units[lease.device].bucket.take(count)
        self.require(lease)

    def require(self, lease: Lease) -> None:
        """Raise `LeaseOverError` unless the lease still holds."""
        standing = self._standing(lease.device)
        denial = policy.judge_running(lease, standing=standing, now=self._services.clock())
        if denial:
            raise LeaseOverError(HTTPStatus.FORBIDDEN, denial.code, denial.detail)

    def _standing(self, device: str) -> Standing | None:
        """Give what the database said at most `FRESH_S` ago; None of a unit whose body began after that."""
        if self._timing.monotonic() - self._asked_at_s >= FRESH_S:
            with self._asking:
                if self._timing.monotonic() - self._asked_at_s >= FRESH_S:
                    self._ask()
        return self._standings.get(device)

    def _ask(self) -> None:
        asked_at_s = self._timing.monotonic()
        with self._lock:
            running = [device for device, unit in self._units.items() if unit.bodies]
        with self._services.database.reading() as session:
            found = repo.find_standings(session, running)
        with self._lock:
            for device, standing in found.items():
                if standing.version and standing.rate_bps:
                    self._units[device].follow(standing.version, standing.rate_bps, asked_at_s)
        self._standings, self._asked_at_s = found, asked_at_s


class LeasedBody:
    """A request's body, read under a lease; `block_bytes` is the most that its lease lets come at once."""

    def __init__(self, ingress: Ingress, lease: Lease, stream: Body) -> None:
        self.block_bytes = Bucket(lease.rate_bps, at_s=0.0).block_bytes(1)
        self._ingress = ingress
        self._lease = lease
        self._stream = stream
        self._fill = filler(stream)

    def readinto(self, buffer: memoryview) -> int:
        """Read some of the next bytes and tell how many, none at the end; raise `LeaseOverError`."""
        rest: int = getattr(self._stream, "remaining", len(buffer))  # cheroot's body tells; nobody waits for its end
        if rest == 0:
            return 0
        most = self._ingress.admit(self._lease, min(rest, len(buffer)))
        count = self._fill(buffer[:most])
        self._ingress.account(self._lease, count)
        return count

    def read(self, size_bytes: int, /) -> bytes:
        """Give some of the next bytes, at most so many; none at the end. Raise `LeaseOverError`."""
        buffer = bytearray(size_bytes)
        return bytes(memoryview(buffer)[: self.readinto(memoryview(buffer))])
