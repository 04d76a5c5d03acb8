"""Asks the controller for a lease: when the schedule opens the line, and before a lease ends that nobody renews.

Over MQTT leases come by themselves; all this is for a unit whose broker is away, and it does it all the same when the
broker is there, whatever waits in the spool (promise P7). When it is worth while is decided in
device/uploads/follow.py.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from device.identity import DocumentStore
from device.uploads.backlog import Backlogs
from device.uploads.client import LinkError
from device.uploads.endpoints import RefusalError
from device.uploads.follow import Line, began_at, is_renewal_due, judge_line
from device.uploads.inbox import Inbox
from device.uploads.knocking import Knocking
from device.uploads.leases import Leases
from device.uploads.pause import Pause
from device.uploads.plan import Patience
from device.world import World
from protocol.documents import Lease
from protocol.schedule import Schedule

log = logging.getLogger(__name__)
OUTSIDE_EVERY_S = 6 * 3600.0
"""How often a lease is asked for while the schedule says that the line is closed. A calendar that has changed brings a
newer schedule with the documents, within the hour; this is for what nobody thought of."""
LATE_S = 60.0
"""How late into an opening a unit is that was not waiting for it; then it waits at random, for so long at the most:
a pause that is lifted, or a power cut that ends, opens the line to all units in the same second."""
RENEWAL_LEAST_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What the asking is done with."""

    inbox: Inbox
    leases: Leases
    store: DocumentStore
    backlogs: Backlogs
    knocking: Knocking


class Asker:
    """Remembers how the line was, and when it may bother the controller again."""

    def __init__(self, sources: Sources, patience: Patience, *, world: World) -> None:
        self._sources = sources
        self._world = world
        self._pause = Pause(patience, world)
        least_s = min(RENEWAL_LEAST_S, patience.most_s)
        self._renewal_pause = Pause(Patience(least_s=least_s, most_s=patience.most_s), world)
        self._line: Line | None = None

    def ask_when_due(self) -> float:
        """Ask for a lease if it is time, and give the seconds until it is time again; 0 when there is a lease now."""
        line = self._follow()
        if self._pause.left_s == 0:
            self._ask()
            if self._sources.leases.in_force():
                self._pause.clear()
                return 0.0
            self._rest(line)
        return min(self._pause.left_s, self._opens_in_s())

    def renew_when_due(self) -> None:
        """Ask for a newer version of the lease in force if little is left of it."""
        now = self._sources.leases.now()
        held = self._sources.leases.current(now).document
        if held is None or not is_renewal_due(held, self._schedule(), now) or self._renewal_pause.left_s > 0:
            return
        self._ask()
        if self._is_renewed(held):
            self._renewal_pause.clear()
        else:
            self._renewal_pause.lengthen()

    def _is_renewed(self, before: Lease) -> bool:
        newest = self._sources.leases.current(self._sources.leases.now()).document
        return newest is not None and newest.order > before.order

    def _follow(self) -> Line:
        """Give how the line is; when that has changed, what was to be waited for is another thing."""
        line = Line.UNKNOWN if self._sources.knocking.is_shut_out else self._judge()
        if line is not self._line:
            self._pause.clear()
            if line is Line.CLOSED:
                self._rest(line)
            elif line is Line.OPEN and self._is_late():
                self._pause.wait(LATE_S * self._world.jitter())
            self._line = line
        return line

    def _judge(self) -> Line:
        return judge_line(self._schedule(), self._sources.leases.now())

    def _is_late(self) -> bool:
        now, schedule = self._sources.leases.now(), self._schedule()
        began = began_at(schedule, now) if schedule else None
        return began is not None and (now - began).total_seconds() > LATE_S

    def _rest(self, line: Line) -> None:
        """Wait for the next asking: ever longer while the line may be open, hours while it is closed."""
        if line is Line.CLOSED:
            self._pause.wait(OUTSIDE_EVERY_S * (0.5 + self._world.jitter()))
        else:
            self._pause.lengthen()

    def _opens_in_s(self) -> float:
        now, schedule = self._sources.leases.now(), self._schedule()
        coming = schedule.next_after(now) if schedule else None
        return (coming.begins_at - now).total_seconds() if coming else OUTSIDE_EVERY_S

    def _schedule(self) -> Schedule | None:
        return self._sources.store.load(Schedule, self._sources.leases.now()).document

    def _ask(self) -> None:
        try:
            self._sources.inbox.fetch_lease(self._sources.backlogs.look().backlog)
        except (LinkError, RefusalError) as error:
            log.info("no lease: %s", error)
            self._sources.knocking.note_refusal(error)
        else:
            self._sources.knocking.note_let_in()
