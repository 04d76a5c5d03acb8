"""One unit against all others at the broker: thousands of attempts to speak for them, hear them, or end their sessions.

What counts is what was delivered and what the broker kept; what it granted or acknowledged means nothing (a SUBSCRIBE
to everything is granted, a PUBLISH that is refused is acknowledged). The attempts are the same each time.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from protocol.pki import issue_device
from protocol.topics import PREFIX, Down, Up, down_topic, every_down, up_topic
from tests.broker import Broker
from tests.mqtt_wire import GRANTED, Papers, Will, Wire, dial_plain
from tests.school import new_id
from tests.school_broker import SchoolBroker

MARK = b"attack "
SECRET = b"for the unit alone "
VICTIMS = 4


class Attempt(StrEnum):
    """What is tried."""

    SPEAK_FOR = "speak on another unit's topics"
    SPEAK_TO = "speak to another unit as the school"
    SPEAK_ASTRAY = "speak on topics that are nobody's"
    LISTEN = "listen to others"
    WILL = "leave a last will on another's topics"
    STEAL = "take another's client id"


@dataclass
class Outcome:
    """How often each thing was tried, and what came of it."""

    tried: Counter[Attempt] = field(default_factory=Counter)
    delivered: list[bytes] = field(default_factory=list)
    """What the attacker said that reached a victim or the bridge."""
    overheard: list[str] = field(default_factory=list)
    """Topics of what the attacker was given that was for another."""
    ended: int = 0
    """Sessions of victims that ended."""
    kept: list[str] = field(default_factory=list)
    """Topics on which the broker kept what the attacker said."""

    @property
    def is_clean(self) -> bool:
        """Tell whether nothing came of anything."""
        return not (self.delivered or self.overheard or self.ended or self.kept)


@dataclass
class Parties:
    """Who is connected: the bridge, the victims, and the papers of the attacker."""

    bridge: Wire
    victims: dict[str, Wire]
    attacker: str
    papers: Papers


def attack(broker: SchoolBroker, count: int) -> Outcome:
    """Try everything, about `count` times in all; the broker is stopped at the end, and what it kept is read."""
    outcome = Outcome()
    with ExitStack() as wires:
        parties = _gather(broker, wires)
        few = max(10, count // 100)
        _listen_and_speak(broker, parties, outcome, count - 2 * few)
        _leave_wills(broker, parties, outcome, few)
        _hear(parties, outcome)
        _steal(broker, parties, outcome, few)
        _hear(parties, outcome)
    broker.stop()
    outcome.kept = [topic for topic, payload in kept_by(broker) if payload.startswith(MARK)]
    return outcome


def _gather(broker: SchoolBroker, wires: ExitStack) -> Parties:
    devices = [new_id() for _ in range(VICTIMS + 1)]
    papers = {one: broker.papers(one, issue_device(broker.authority, one, now=broker.now)) for one in devices}
    bridge = wires.enter_context(broker.dial_bridge())
    assert bridge.connect("backrow-bridge") == GRANTED
    bridge.subscribe(f"{PREFIX}/+/up/#")
    bridge.settle()
    victims = {one: wires.enter_context(broker.dial_unit(papers[one])) for one in devices[1:]}
    for device, wire in victims.items():
        assert wire.connect(device) == GRANTED
        wire.subscribe(every_down(device))
        wire.settle()
    return Parties(bridge, victims, devices[0], papers[devices[0]])


def _listen_and_speak(broker: SchoolBroker, parties: Parties, outcome: Outcome, count: int) -> None:
    """All over one connection: first every subscription, then what the others say and hear, then every publication."""
    with broker.dial_unit(parties.papers) as wire:
        assert wire.connect(parties.attacker) == GRANTED
        for each in _filters(parties):
            wire.subscribe(each)
            outcome.tried[Attempt.LISTEN] += 1
        wire.settle()
        _say_secrets(parties)
        attempts = itertools.cycle(_publications(parties))
        for number in range(count - outcome.tried[Attempt.LISTEN]):
            what, topic, qos, retain = next(attempts)
            wire.publish(topic, MARK + b"%d" % number, qos=qos, retain=retain)
            outcome.tried[what] += 1
            if number % 500 == 0:
                wire.settle()
        wire.settle()
        mine = f"{PREFIX}/{parties.attacker}/"
        outcome.overheard += [heard.topic for heard in wire.heard if not heard.topic.startswith(mine)]


def _filters(parties: Parties) -> Iterator[str]:
    for device in parties.victims:
        theirs = [every_down(device), f"{PREFIX}/{device}/up/#", f"{PREFIX}/{device}/#", f"+/+/{device}/down/+"]
        theirs += [down_topic(device, kind) for kind in Down] + [up_topic(device, kind) for kind in Up]
        yield from theirs
        yield from (f"$share/everybody/{one}" for one in theirs)
    for wide in ("#", "+/#", "backrow/#", f"{PREFIX}/#", f"{PREFIX}/+/down/#", f"{PREFIX}/+/+/policy", "+/+/+/+/+"):
        yield wide
        yield f"$share/everybody/{wide}"
    yield from ("$SYS/#", "$SYS/broker/#", "/#", "$CONTROL/#", f"{PREFIX}/bridge/#", f"{PREFIX}/backrow-bridge/down/#")


def _say_secrets(parties: Parties) -> None:
    for (device, wire), kind in itertools.product(parties.victims.items(), Down):
        for retain in (0, 1):
            parties.bridge.publish(down_topic(device, kind), SECRET + device.encode(), qos=1, retain=retain)
        wire.publish(up_topic(device, Up.HEALTH), SECRET + device.encode(), qos=1)
        wire.settle()
    parties.bridge.settle()


def _publications(parties: Parties) -> Iterator[tuple[Attempt, str, int, int]]:
    topics = [(Attempt.SPEAK_FOR, up_topic(device, kind)) for device in parties.victims for kind in Up]
    topics += [(Attempt.SPEAK_TO, down_topic(device, kind)) for device in parties.victims for kind in Down]
    mine = parties.attacker
    odd = [down_topic(mine, kind) for kind in Down]
    odd += [f"{PREFIX}/{mine}{rest}" for rest in ("", "/up", "/up/photo", "/up/presence/x")]
    odd += [f"{PREFIX}//up/health", "backrow", "/", "$SYS/broker/uptime"]
    for device in parties.victims:
        odd += [f"{PREFIX}/{name}/up/health" for name in (device.upper(), f"{mine}/../{device}", f"{device} ")]
        odd += [f"{PREFIX}/{device}/up/health/", f"/{PREFIX}/{device}/up/health", f"$share/a/{device}"]
    topics += [(Attempt.SPEAK_ASTRAY, topic) for topic in odd]
    for (what, topic), qos, retain in itertools.product(topics, (0, 1), (0, 1)):
        yield what, topic, qos, retain


def _leave_wills(broker: SchoolBroker, parties: Parties, outcome: Outcome, count: int) -> None:
    """Connect with a last will that is another's, and break the connection without a word."""
    topics = [up_topic(device, Up.PRESENCE) for device in parties.victims]
    topics += [down_topic(device, Down.POLICY) for device in parties.victims]
    for number, topic in zip(range(count), itertools.cycle(topics), strict=False):
        with suppress(OSError), broker.dial_unit(parties.papers) as wire:
            wire.connect(parties.attacker, will=Will(topic, MARK + b"will %d" % number))
        outcome.tried[Attempt.WILL] += 1


def _steal(broker: SchoolBroker, parties: Parties, outcome: Outcome, count: int) -> None:
    """Connect under another's client id, with and without a clean session, and look at what waits for it."""
    for number, device in zip(range(count), itertools.cycle([*parties.victims, "backrow-bridge"]), strict=False):
        with suppress(OSError), broker.dial_unit(parties.papers) as wire:
            wire.connect(device, clean=number % 2)
            wire.publish(up_topic(parties.attacker, Up.HEALTH), b"still itself")
            wire.settle()
            outcome.overheard += [heard.topic for heard in wire.heard]
        outcome.tried[Attempt.STEAL] += 1


def _hear(parties: Parties, outcome: Outcome) -> None:
    """Ask everybody for what they were given; whose session was ended is counted."""
    for wire in (parties.bridge, *parties.victims.values()):
        try:
            wire.settle()
        except OSError:
            outcome.ended += 1
        outcome.delivered += [heard.payload for heard in wire.heard if heard.payload.startswith(MARK)]
        wire.heard.clear()


def kept_by(broker: SchoolBroker) -> list[tuple[str, bytes]]:
    """Read what a stopped broker kept, with another one that has no rules and takes over its file."""
    saved = Path(broker.plan.state)
    lines = ("allow_anonymous true", "persistence true", f"persistence_location {saved}/")
    with Broker(lines=lines) as bare, dial_plain(bare.port) as wire:
        assert wire.connect("reader") == GRANTED
        wire.subscribe("#")
        wire.settle()
        return [(heard.topic, heard.payload) for heard in wire.heard if heard.retain]
