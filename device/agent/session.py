"""What the agent says and does on a connection, on a document and when time has passed. Pure: no clock, no socket.

Presence carries the birth counter, in the last will too, so that an old will cannot shout down a new birth. The spool
is said at fixed intervals whatever happened in between, so that nobody learns from it when a room records. Documents
are handed on to be verified; no message touches the camera. Defined in docs/protocol/mqtt.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from device.uploads.plan import Waiting
from protocol.codec import parse_canonical
from protocol.commands import Command
from protocol.documents import Document, Keyring, Lease, Policy, Receipt, Recipients, Undo, Withdrawal
from protocol.errors import ProtocolError
from protocol.messages import Ack, Health, Presence, SpoolReport, Verdict, encode_message
from protocol.schedule import Schedule
from protocol.signing import split_line
from protocol.topics import Down, Up, parse_down, up_topic

KINDS: dict[Down, type[Document]] = {
    Down.KEYRING: Keyring,
    Down.RECIPIENTS: Recipients,
    Down.POLICY: Policy,
    Down.WITHDRAWAL: Withdrawal,
    Down.LEASE: Lease,
    Down.SCHEDULE: Schedule,
    Down.RECEIPT: Receipt,
}
COMMANDS: dict[str, type[Document]] = {kind.KIND: kind for kind in (Undo, Command)}
"""What travels as a command: the line says of which kind it is, and is worth nothing when another kind was signed."""
HELD_LINES = 8
REASON_LIMIT = 400


@dataclass(frozen=True)
class Saying:
    """A message to publish at QoS 1; a retained one stays with the broker."""

    topic: str
    payload: bytes
    retained: bool = False


@dataclass(frozen=True, kw_only=True)
class Intervals:
    """How often, in seconds, presence, health and the spool are said while the connection lasts."""

    presence_s: float
    health_s: float
    spool_s: float


@dataclass(frozen=True, kw_only=True)
class Fitness:
    """What the recorder says of the unit: fit or unfit and why, and how many whole school days of space are left."""

    fit: bool
    reason: str = ""
    school_days_left: int | None = None


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the unit's files say at this moment; `backlog` looks at the spool, and is asked when that is due alone."""

    now: datetime
    fitness: Fitness
    backlog: Callable[[], Waiting]


@dataclass(frozen=True)
class Due:
    """When, on the monotonic clock in seconds, each thing is said next."""

    presence_s: float = 0.0
    health_s: float = 0.0
    spool_s: float = 0.0


@dataclass(frozen=True)
class Arrival:
    """A document that came: its kind, and the signed line that nobody has verified yet."""

    kind: type[Document]
    line: bytes


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a document; `verified` tells that a trusted key signed it, whatever the verdict."""

    verdict: Verdict
    verified: bool
    reason: str = ""

    @classmethod
    def refused(cls, reason: str) -> Outcome:
        """Refuse something that was not offered to be verified."""
        return cls(verdict=Verdict.REFUSED, verified=True, reason=reason)


@dataclass(frozen=True)
class Refused:
    """A message that was not even offered for verification: what it was, why, and what to answer."""

    document: str
    reason: str
    sayings: tuple[Saying, ...]


@dataclass(frozen=True)
class Session:
    """One unit's side of the conversation. Every method gives a new session; nothing is ever sent from here."""

    device: str
    version: str
    intervals: Intervals
    birth: int = 0
    online: bool = False
    due: Due = Due()
    said_health: tuple[bool, str] | None = None
    held: tuple[Arrival, ...] = ()

    def begin(self, birth: int) -> tuple[Session, Saying]:
        """Begin a connection under a new birth; give the last will that must be set before connecting."""
        session = replace(self, birth=birth, online=False, said_health=None)
        return session, session._presence(online=False)

    def connected(self, facts: Facts, monotonic_s: float) -> tuple[Session, tuple[Saying, ...]]:
        """The connection stands and is subscribed: say presence, health and the spool at once."""
        return replace(self, online=True, due=Due(), said_health=None).tick(facts, monotonic_s)

    def lost(self) -> Session:
        """The connection is gone: nothing is said until the next one."""
        return replace(self, online=False)

    def tick(self, facts: Facts, monotonic_s: float) -> tuple[Session, tuple[Saying, ...]]:
        """Say what is due. Health is said at once, too, when the unit has become fit or unfit."""
        if not self.online:
            return self, ()
        due, every, sayings = self.due, self.intervals, []
        condition = (facts.fitness.fit, facts.fitness.reason)
        if monotonic_s >= due.presence_s:
            sayings.append(self._presence(online=True))
            due = replace(due, presence_s=monotonic_s + every.presence_s)
        if monotonic_s >= due.health_s or self.said_health != condition:
            sayings.append(self._health(facts))
            due = replace(due, health_s=monotonic_s + every.health_s)
        if monotonic_s >= due.spool_s:
            sayings.append(self._spool(facts))
            due = replace(due, spool_s=_next_on_grid(due.spool_s, monotonic_s, every.spool_s))
        return replace(self, due=due, said_health=condition), tuple(sayings)

    def goodbye(self) -> Saying:
        """Say that the unit leaves, before an orderly end; the broker then drops the last will."""
        return self._presence(online=False)

    def read(self, topic: str, payload: bytes) -> Arrival | Refused:
        """Read what the controller said: a document to verify, or one that this release of the unit does not know.

        Raises `TopicError` for a topic that is not this unit's.
        """
        kind = parse_down(topic, self.device)
        document = COMMANDS.get(_peek_kind(payload)) if kind is Down.COMMAND else KINDS.get(kind)
        if document is not None:
            return Arrival(document, payload)
        reason = "this release of the unit does not know it"
        return Refused(kind.value, reason, self._ack(kind.value, payload, Outcome.refused(reason)))

    def answer(self, arrival: Arrival, outcome: Outcome) -> tuple[Session, tuple[Saying, ...]]:
        """Acknowledge a document. One that no trusted key signed is held in memory until a new keyring comes."""
        ack = self._ack(arrival.kind.KIND, arrival.line, outcome)
        return self if outcome.verified else self._hold(arrival), ack

    def release(self, arrival: Arrival, outcome: Outcome) -> tuple[Session, tuple[Arrival, ...]]:
        """Give what must be offered again: everything held, once a keyring was applied; it is no longer held then."""
        if arrival.kind is not Keyring or outcome.verdict is not Verdict.APPLIED:
            return self, ()
        return replace(self, held=()), self.held

    def _hold(self, arrival: Arrival) -> Session:
        """Keep the newest few: a document that overtook its keyring is refused first and accepted afterwards."""
        if arrival.kind is Keyring:
            return self
        others = tuple(one for one in self.held if one != arrival)
        return replace(self, held=(*others, arrival)[-HELD_LINES:])

    def _ack(self, document: str, line: bytes, outcome: Outcome) -> tuple[Saying, ...]:
        """Acknowledge by generation and version; what does not even say these cannot be acknowledged."""
        order = _peek_order(line)
        if order is None:
            return ()
        ack = Ack(
            device=self.device,
            document=document,
            generation=order[0],
            version=order[1],
            verdict=outcome.verdict,
            reason=outcome.reason[:REASON_LIMIT],
        )
        return (self._say(Up.ACK, ack),)

    def _presence(self, *, online: bool) -> Saying:
        presence = Presence(device=self.device, birth=self.birth, online=online, version=self.version)
        return Saying(up_topic(self.device, Up.PRESENCE), encode_message(presence), retained=True)

    def _health(self, facts: Facts) -> Saying:
        fitness = facts.fitness
        health = Health(
            device=self.device,
            fit=fitness.fit,
            reason=fitness.reason,
            school_days_left=fitness.school_days_left,
            at=facts.now,
        )
        return self._say(Up.HEALTH, health)

    def _spool(self, facts: Facts) -> Saying:
        waiting = facts.backlog()
        report = SpoolReport(
            device=self.device,
            waiting_bytes=waiting.backlog.waiting_bytes,
            due_bytes=waiting.backlog.due_bytes,
            measured_bps=waiting.backlog.measured_bps,
            link_bps=waiting.backlog.link_bps,
            oldest_at=waiting.oldest_at,
            at=facts.now,
        )
        return self._say(Up.SPOOL, report)

    def _say(self, kind: Up, message: Health | SpoolReport | Ack) -> Saying:
        return Saying(up_topic(self.device, kind), encode_message(message))


def _peek_kind(line: bytes) -> str:
    """Read of which kind a signed line says that it is, unverified; empty when it says nothing."""
    try:
        return str(parse_canonical(split_line(line).body).get("document", ""))
    except ProtocolError:
        return ""


def _peek_order(line: bytes) -> tuple[int, int] | None:
    """Read generation and version of any signed line, unverified, or None when it holds none."""
    try:
        body = parse_canonical(split_line(line).body)
    except ProtocolError:
        return None
    generation, version = body.get("generation"), body.get("version")
    if type(generation) is not int or type(version) is not int or min(generation, version) < 1:
        return None
    return (generation, version)


def _next_on_grid(due_s: float, now_s: float, every_s: float) -> float:
    """Give the next multiple of the interval, counted from the first saying, so that a late tick shifts nothing."""
    if due_s <= 0:
        return now_s + every_s
    return due_s + every_s * (1 + (now_s - due_s) // every_s)
