"""Random walks through the recorder's machine, and a small world that remembers what the effects did to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from device.consent import PressDecision
from device.recorder.effects import Close, Effect, Exit, GiveUp, Show, StartTake, StopTake
from device.recorder.machine import step
from device.recorder.states import Event, Hold, Kind, State, TakeEnd
from protocol.room.lamp import DARK, LampPattern

LAW = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""How laws are tried: a machine with much to do makes no law false."""
ALLOWED = PressDecision(allowed=True, reason="adults_accepted", owner="owner")
REFUSED = PressDecision(allowed=False, reason="no_lesson")
UNCHECKED = PressDecision(allowed=False, reason="seats_must_be_checked", seats=2)
RECORDINGS = ("recording-1", "recording-2")

SECONDS = (0.0, 0.1, 0.5, 1.0, 2.5, 3.0, 3.1, 7.0, 16.0, 31.0, 61.0)
happenings = st.builds(
    Event,
    kind=st.sampled_from(Kind),
    at_s=st.sampled_from(SECONDS),
    since_s=st.sampled_from((-1.0, *SECONDS)),
    hold=st.sampled_from(Hold),
    permit=st.sampled_from((ALLOWED, REFUSED, UNCHECKED, None)),
    recording=st.sampled_from(("", *RECORDINGS)),
    paused=st.booleans(),
    interrupted=st.booleans(),
    cause=st.sampled_from(TakeEnd),
    reason=st.sampled_from(("", "disk_full", "no_policy")),
)
"""Anything, also what cannot come in this order; `at_s` is the time since the event before."""

likely = st.lists(
    st.sampled_from(
        [
            Event(kind=Kind.PRESS, at_s=1, since_s=0.9),
            Event(kind=Kind.ALLOWED, at_s=0.1, permit=ALLOWED),
            Event(kind=Kind.BEGUN, at_s=0.1, recording="recording-1"),
            Event(kind=Kind.DURABLE, at_s=0.5),
            Event(kind=Kind.UNCHECKED, at_s=0.1, permit=UNCHECKED),
            Event(kind=Kind.DOUBLE_TAP, at_s=4, since_s=0.5),
            Event(kind=Kind.TAP, at_s=4, since_s=0.2),
            Event(kind=Kind.TAKE_ENDED, at_s=0.5, cause=TakeEnd.CAMERA_FAILED),
            Event(kind=Kind.RELEASED, at_s=3, since_s=0.5, hold=Hold.KEEP),
            Event(kind=Kind.TAKE_ENDED, at_s=0.1),
            Event(kind=Kind.CLOSED, at_s=0.1),
            Event(kind=Kind.TICK, at_s=1),
        ]
    )
)
BOOT = Event(kind=Kind.BOOTED, at_s=0.0)
TO_RECORDING = (
    BOOT,
    Event(kind=Kind.PRESS, at_s=1.0, since_s=0.9),
    Event(kind=Kind.ALLOWED, at_s=0.1, permit=ALLOWED),
    Event(kind=Kind.BEGUN, at_s=0.1, recording="recording-1", since_s=0.0),
)

walks = st.one_of(
    st.lists(happenings, max_size=25),
    st.lists(happenings, max_size=20).map(lambda walk: [*TO_RECORDING[1:], *walk]),
    st.lists(likely | st.lists(happenings, max_size=2), max_size=8).map(lambda parts: [e for p in parts for e in p]),
)
"""Walks after a boot: anything at all, anything during a recording, and what is likely with surprises between."""


@dataclass
class World:
    """What the effects did: what the lamp shows, whether the camera runs, and all of them in order."""

    state: State = field(default_factory=State)
    now_s: float = 0.0
    lamp: LampPattern = DARK
    camera: bool = False
    performed: list[Effect] = field(default_factory=list)
    last: tuple[Effect, ...] = ()

    def take(self, event: Event) -> None:
        """Let time pass, take one event, perform its effects."""
        self.now_s += event.at_s
        if event.kind is Kind.TAKE_ENDED:
            self.camera = False
        self.state, self.last = step(self.state, replace(event, at_s=self.now_s, since_s=self.now_s - event.since_s))
        for effect in self.last:
            self._perform(effect)

    def follow(self, events: Iterable[Event]) -> None:
        """Take one event after the other."""
        for event in events:
            self.take(event)

    def _perform(self, effect: Effect) -> None:
        self.performed.append(effect)
        match effect:
            case Show(pattern):
                self.lamp = self.lamp if pattern.plays else pattern
            case StartTake():
                assert not self.camera, "one camera, one take"
                self.camera = True
            case StopTake():
                self.camera = False

    @property
    def has_left(self) -> bool:
        """Whether the process is to end."""
        return any(isinstance(effect, Exit | GiveUp) for effect in self.performed)

    @property
    def closed(self) -> list[Close]:
        """The recordings that were closed."""
        return [effect for effect in self.performed if isinstance(effect, Close)]


def recording_world(*more: Event) -> World:
    """Give a world in which a recording goes on, and let `more` happen in it."""
    world = World()
    world.follow((*TO_RECORDING, *more))
    return world
