"""The agent process: one loop that connects, listens, stores verified documents and says how the unit is.

What is said and when is decided in device/agent/session.py; what is believed, by the document store. The loop survives
a broker that is gone for hours and a disk that refuses; nothing here touches camera, microphone or footage.
"""

from __future__ import annotations

import logging
from importlib.metadata import version

from device.agent.birth import next_birth
from device.agent.facts import Sources
from device.agent.link import Heard, Link, LinkSettings, Turn
from device.agent.session import Arrival, Intervals, Outcome, Refused, Saying, Session
from device.config import DeviceConfig
from device.counters import count
from device.hardware.clock import BOOT_ID
from device.health.boots import count_boot
from device.health.watch import make_watch
from device.identity import TELLTALE, DocumentStore, load_root
from device.identity.tls import tls_files
from device.uploads.backlog import Backlogs, receipts_at
from device.uploads.records import Records
from device.uploads.spooled import Spool
from device.world import REAL_WORLD, Stop, World
from protocol.durable import REAL
from protocol.errors import ProtocolError
from protocol.keyfiles import load_verifying_key

log = logging.getLogger(__name__)
POLL_S = 0.25
TICK_S = 1.0
GOODBYE_S = 3.0
READY_WITHIN_S = 30.0


def run(config: DeviceConfig, stop: Stop) -> None:
    """Run the agent until `stop` is set; raise `KeyFileError` or `OSError` when the unit's identity cannot be read."""
    try:
        count_boot(config.data / "agent" / "boots", BOOT_ID.read_text().strip())
    except OSError as error:
        log.warning("this start cannot be counted: %s", error)
    make_agent(config, REAL_WORLD).run(stop)


def make_agent(config: DeviceConfig, world: World) -> Agent:
    """Put the agent together from the unit's configuration."""
    data, identity = config.data, config.data / "identity"
    store = DocumentStore(data / "state", device=config.device.id, root=load_root(identity), files=REAL)
    spool, records = Spool(data / "spool", load_verifying_key(identity / "recorder.pub")), Records(data / "uploads")
    sources = Sources(
        status=data / "recorder" / "status",
        backlogs=Backlogs(
            data,
            spool,
            records,
            receipts=lambda: receipts_at(store, world.now()),
            reserve_bytes=config.limits.spool_reserve_bytes,
        ),
        records=records,
        watch=make_watch(config, world),
    )
    return Agent(config, store=store, sources=sources, link=Link(_link_settings(config)), world=world)


def _link_settings(config: DeviceConfig) -> LinkSettings:
    return LinkSettings(
        device=config.device.id,
        host=config.broker.host,
        port=config.broker.port,
        tls=tls_files(config) if config.broker.tls else None,
    )


class Agent:
    """The loop and what it holds: the session, the link, and when to connect next."""

    def __init__(
        self, config: DeviceConfig, *, store: DocumentStore, sources: Sources, link: Link, world: World
    ) -> None:
        self._config = config
        self._store = store
        self._sources = sources
        self._link = link
        self._world = world
        self._failures = 0
        self._connect_at_s = 0.0
        self._tick_at_s = 0.0
        self._ready_by_s = 0.0
        intervals = Intervals(
            presence_s=config.agent.presence_every_s,
            health_s=config.agent.health_every_s,
            spool_s=config.agent.spool_every_s,
        )
        self._session = Session(config.device.id, version("backrow"), intervals)

    def run(self, stop: Stop) -> None:
        """Turn until `stop` is set, then say goodbye."""
        try:
            while not stop.is_set():
                self.turn(stop)
        finally:
            self._link.close(self._session.goodbye(), timeout_s=GOODBYE_S)

    def turn(self, stop: Stop) -> None:
        """Connect when it is time, handle what came, say what is due."""
        if not self._link.is_open:
            self._connect_when_due(stop)
        for event in self._link.poll(POLL_S):
            match event:
                case Turn.READY:
                    self._ready()
                case Turn.LOST:
                    self._lost()
                case Heard():
                    self._hear(event)
        now_s = self._world.monotonic_s()
        if self._session.online and now_s >= self._tick_at_s:
            self._tick()
        elif self._link.is_open and not self._session.online and now_s >= self._ready_by_s:
            log.warning("the broker did not answer within %.0f s", READY_WITHIN_S)
            self._link.drop()
            self._lost()

    def _tick(self) -> None:
        now_s = self._world.monotonic_s()
        self._tick_at_s = now_s + TICK_S
        if self._link.is_outdated():
            self._reconnect()
            return
        self._session, sayings = self._session.tick(self._sources.facts(self._world.now()), now_s)
        self._say(sayings)

    def _reconnect(self) -> None:
        """Say goodbye, so that no last will speaks, and connect at the next turn."""
        log.info("connecting anew, with the certificate that is there now")
        self._link.close(self._session.goodbye(), timeout_s=GOODBYE_S)
        self._session = self._session.lost()
        self._connect_at_s = self._world.monotonic_s()

    def _connect_when_due(self, stop: Stop) -> None:
        wait_s = self._connect_at_s - self._world.monotonic_s()
        if wait_s > 0:
            stop.wait(min(wait_s, POLL_S))
            return
        self._session, will = self._session.begin(self._next_birth())
        self._ready_by_s = self._world.monotonic_s() + READY_WITHIN_S
        try:
            self._link.open(will)
        except OSError as error:
            log.info("no connection to %s:%d: %s", self._config.broker.host, self._config.broker.port, error)
            self._lost()

    def _next_birth(self) -> int:
        """Count one more birth; a count that was lost goes on from a time that is not before the newest document."""
        now, data = self._world.now(), self._config.data
        now = max(now, self._store.newest_instant() or now)
        try:
            birth = next_birth(data / "agent" / "birth", now)
            count(data / "state", birth=birth, boot=BOOT_ID.read_text().strip(), now=now)
        except OSError as error:
            log.warning("the birth counter cannot be written: %s", error.strerror)
            return max(self._session.birth + 1, int(now.timestamp()))
        return birth

    def _ready(self) -> None:
        log.info("connected to the broker, birth %d", self._session.birth)
        self._failures = 0
        facts = self._sources.facts(self._world.now())
        self._session, sayings = self._session.connected(facts, self._world.monotonic_s())
        self._say(sayings)

    def _lost(self) -> None:
        agent = self._config.agent
        most_s = min(agent.reconnect_max_s, agent.reconnect_min_s * 2 ** min(self._failures, 30))
        self._failures += 1
        self._connect_at_s = self._world.monotonic_s() + most_s * (0.5 + self._world.jitter() / 2)
        self._session = self._session.lost()

    def _hear(self, heard: Heard) -> None:
        try:
            arrival = self._session.read(heard.topic, heard.payload)
        except ProtocolError as error:
            log.warning("a message was ignored: %s", error)
            return
        if isinstance(arrival, Refused):
            log.info("a %s was refused: %s", arrival.document, arrival.reason)
            self._say(arrival.sayings)
        else:
            self._take(arrival)

    def _take(self, arrival: Arrival) -> None:
        """Offer a document to the store and acknowledge it; then offer again what had waited for a new keyring."""
        outcome = self._offer(arrival)
        self._session, sayings = self._session.answer(arrival, outcome)
        self._say(sayings)
        self._session, again = self._session.release(arrival, outcome)
        for held in again:
            self._take(held)

    def _offer(self, arrival: Arrival) -> Outcome:
        try:
            accepted = self._store.accept(arrival.kind, arrival.line)
        except OSError as error:
            log.error("a %s cannot be stored: %s", arrival.kind.KIND, error.strerror)  # a path would name a recording
            return Outcome.refused(f"the unit's card refuses: {error.strerror}")
        level = logging.DEBUG if arrival.kind in TELLTALE else logging.INFO
        log.log(level, "%s: %s %s", accepted.kind, accepted.verdict.value, accepted.reason)
        return Outcome(verdict=accepted.verdict, verified=accepted.generation > 0, reason=accepted.reason)

    def _say(self, sayings: tuple[Saying, ...]) -> None:
        for saying in sayings:
            self._link.say(saying)
