"""The recorder process: one loop that takes events, asks the machine, writes the checkpoint, performs the effects.

Camera, writer and button only put events into its queue; nobody else touches lamp, journal or machine. It has no
network: neither this module nor what it imports speaks to one. The law it follows is machine.py.
"""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable
from dataclasses import dataclass

from device.hardware.ports import ButtonEdge, ButtonFault, DiskFault, HardwareError
from device.notify import SILENT, Notifier
from device.recorder.asking import TimeAsker
from device.recorder.commands import Commands
from device.recorder.epochs import EpochTeller
from device.recorder.fitness import RETIRED
from device.recorder.gestures import GestureTimings
from device.recorder.hands import Hands
from device.recorder.journal import Journal
from device.recorder.machine import step
from device.recorder.moments import Moments
from device.recorder.performer import Hardware, Performer, Workroom
from device.recorder.states import Event, Kind, Limits, State
from device.spool.inspecting import Inspector
from device.spool.releasing import Releaser

log = logging.getLogger(__name__)
TICK_S = 0.25
CONSENT_S = 0.5  # how often a recording's consent is looked at: a refusal on the card must stop it within a few seconds
STATUS = "watching the button"  # the same whatever the room does (promise P7)
LATE_S = 1.0  # time passes this late at the most, however much there is to do

Item = Event | ButtonEdge | HardwareError


@dataclass(frozen=True, kw_only=True)
class Pace:
    """The machine's limits, the hand's timings, and how often the spool is looked through."""

    limits: Limits
    gestures: GestureTimings
    look_every_s: float


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What only the loop uses: journal, clock, the school's commands, who erases, reads and tells of the epochs."""

    journal: Journal
    moments: Moments
    asker: TimeAsker
    commands: Commands
    releaser: Releaser
    inspector: Inspector
    epochs: EpochTeller


class Inbox:
    """The loop's queue: any thread, and a signal handler, may put something in; nothing ever waits."""

    def __init__(self) -> None:
        self._items: queue.SimpleQueue[Item] = queue.SimpleQueue()

    def put(self, item: Item) -> None:
        """Hand something to the loop."""
        self._items.put(item)

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing waits."""
        return self._items.empty()

    def get(self, timeout_s: float) -> Item | None:
        """Take the next thing, or None when nothing came in time."""
        try:
            return self._items.get(timeout=max(0.0, timeout_s))
        except queue.Empty:
            return None


class Recorder:
    """The whole recorder; `run` is its life."""

    def __init__(self, hardware: Hardware, *, room: Workroom, desk: Desk, pace: Pace, inbox: Inbox) -> None:
        self._hardware = hardware
        self._button = hardware.button
        self._desk = desk
        self._pace = pace
        self._inbox = inbox
        self._room = room
        self._performer = Performer(hardware, room, inbox.put)
        self._hands = Hands(hardware.button, pace.gestures, hardware.clock)
        self._state = State(limits=pace.limits)
        self._hears = self._is_deaf = False
        self._fault = ""
        self._complaints: dict[str, str] = {}
        self._next_tick_s = 0.0
        self._next_look_s = 0.0
        self._next_consent_s = 0.0

    def run(self, notifier: Notifier = SILENT) -> int:
        """Work until TERMINATE has been carried out; give the exit status. Raises `HardwareError` when a part fails."""
        try:
            self._boot()
            notifier.ready(STATUS)
            while self._performer.exit_status is None:
                self._turn()
                notifier.beat()
            return self._performer.exit_status
        finally:
            notifier.stopping()
            self._leave()

    def terminate(self) -> None:
        """Ask for an orderly end, from any thread, but no signal handler: what is recorded is kept, sealed, closed."""
        self._inbox.put(Event(kind=Kind.TERMINATE, at_s=self._now_s()))

    def _boot(self) -> None:
        checkpoint = self._desk.journal.load()
        self._desk.moments.learn(checkpoint.wall_at if checkpoint else None)
        booted = self._performer.look_around(checkpoint)
        self._look()
        self._take(booted)

    def _start_button(self) -> None:
        """Listen to the button; one that cannot be had is a stuck one, and keeps no recording from going on."""
        if self._hears:
            return
        try:
            self._button.start(self._inbox.put)
        except ButtonFault as fault:
            self._complain("button", str(fault))
            if not self._is_deaf:
                self._inbox.put(Event(kind=Kind.STUCK, at_s=self._now_s()))
            self._is_deaf = True
            return
        self._hears = True
        if self._is_deaf:
            self._inbox.put(Event(kind=Kind.FREED, at_s=self._now_s()))

    def _turn(self) -> None:
        """Take one thing; then let time pass, unless something waits that happened before now."""
        item = self._inbox.get(self._wake_s() - self._now_s())
        if isinstance(item, HardwareError):
            raise item
        if isinstance(item, ButtonEdge):
            self._follow(self._hands.take(item))
        elif item is not None:
            self._take(item)
        if self._inbox.is_empty or self._now_s() > self._wake_s() + LATE_S:
            self._pass_time()

    def _wake_s(self) -> float:
        deadlines = (self._next_tick_s, self._next_consent_s, self._next_look_s, self._hands.deadline_s)
        return min(each for each in deadlines if each is not None)

    def _pass_time(self) -> None:
        now_s = self._now_s()
        if self._hands.deadline_s is not None and self._hands.deadline_s <= now_s:
            self._follow(self._hands.pass_time(now_s))
        if now_s >= self._next_tick_s:
            self._next_tick_s = now_s + TICK_S
            self._follow((*self._hands.look(), Event(kind=Kind.TICK, at_s=now_s)))
        if now_s >= self._next_consent_s:
            self._next_consent_s = now_s + CONSENT_S
            self._performer.check_permission()
        if now_s >= self._next_look_s:
            self._next_look_s = now_s + self._pace.look_every_s
            self._look()

    def _follow(self, events: tuple[Event, ...]) -> None:
        for event in events:
            self._take(event)

    def _take(self, event: Event) -> None:
        """Event, step, checkpoint on the disk, effects: in this order, always."""
        if event.kind is Kind.TAKE_ENDED:
            self._performer.end_take()
            self._tell_end(event)
        before = self._state.phase
        self._state, effects = step(self._state, event)
        if self._state.phase is not before:
            log.debug("%s -> %s (%s)", before.value, self._state.phase.value, event.kind.value)
        self._checkpoint()
        for effect in effects:
            self._performer.perform(effect)

    def _tell_end(self, event: Event) -> None:
        """Say that a take ended, for `--verbose` alone: only a recording has one (promise P7)."""
        log.debug("the take ended: %s %s", event.cause.value, event.reason)

    def _checkpoint(self) -> None:
        """A disk that refuses the checkpoint must not keep a running recording from being stopped and closed."""
        boot, wall_at, journal = self._hardware.clock.boot_id, self._desk.moments.known_at(), self._desk.journal
        try:
            self._room.keeper.with_reserve(lambda: journal.save(self._state, boot=boot, wall_at=wall_at))
        except OSError as error:
            log.debug("the journal cannot be written: %s", error)  # it is when a hand has done something

    def _look(self) -> None:
        """Look through spool and documents: erase what may go, say how the unit is."""
        self._start_button()
        self._ask_for_time()
        self._room.permission.learn_time()  # not at a press alone: what depends on the time would tell of it
        self._performer.end_leftovers()
        self._obey()
        in_force = self._epoch_in_force()
        self._release(in_force)
        self._tell_epochs(in_force)
        if not self._performer.active:
            self._look_closer()
        fault = self._room.fitness.find_fault(self._performer.active)
        if fault != self._fault:
            self._fault = fault
            self._inbox.put(Event(kind=Kind.UNFIT if fault else Kind.FIT, at_s=self._now_s(), reason=fault))
        self._room.fitness.say_again()

    def _release(self, in_force: str | None) -> None:
        """Erase what may go, and copies whose space will be needed: in a recording, too."""
        moments, active = self._desk.moments, self._performer.active
        try:
            self._desk.releaser.release(now=moments.now_at(), trusted=moments.trusted, active=active, in_force=in_force)
            self._room.beginner.make_room()
        except OSError as error:
            self._complain(
                "spool", f"the spool cannot be looked through: {error.strerror}"
            )  # a path would name a recording
        except DiskFault as fault:
            self._complain("spool", str(fault))

    def _look_closer(self) -> None:
        """While nothing is recorded: read an object back, and work out how long the space will last."""
        releaser, fitness = self._desk.releaser, self._room.fitness
        delivered = releaser.delivered()
        if damage := self._desk.inspector.inspect_next(delivered):
            fitness.note_damage(damage)
        fitness.look_ahead(releaser.manifests(), releaser.take_erased(), delivered=delivered)

    def _ask_for_time(self) -> None:
        try:
            self._desk.asker.turn()
        except OSError as error:
            self._complain("time", f"the school cannot be asked for the time: {error.strerror}")

    def _obey(self) -> None:
        """Blink when the school's command says so: when, is the machine's to say. Let a retired one be wiped."""
        try:
            if not self._performer.active and self._desk.epochs.has_said_its_last_word(self._desk.moments.known_at()):
                self._desk.commands.allow_wipe()
            if self._desk.commands.take_blink():
                self._inbox.put(Event(kind=Kind.IDENTIFY, at_s=self._now_s()))
        except OSError as error:
            self._complain("commands", f"what a command asks for cannot be written down: {error.strerror}")

    def _epoch_in_force(self) -> str | None:
        """Name the epoch to which a press would seal; a retired unit seals to none, and keeps no copies."""
        return None if self._fault == RETIRED else self._room.beginner.epoch_in_force()

    def _tell_epochs(self, in_force: str | None) -> None:
        """Bring the unit's statement of epochs up to date, after everything that may go has gone."""
        try:
            self._desk.epochs.tell(self._desk.moments.known_at(), in_force)
        except OSError as error:
            self._complain("epochs", f"the statement of epochs cannot be written: {error.strerror}")

    def _complain(self, about: str, words: str) -> None:
        """Say what is wrong, once and not at every turn; several things may be wrong at a time."""
        if words != self._complaints.get(about):
            log.error("%s", words)
        self._complaints[about] = words

    def _leave(self) -> None:
        """Let go of everything; a take that still runs is stopped and sealed first."""
        buzzer, lamp = self._hardware.buzzer, self._hardware.lamp
        silence = (buzzer.close,) if buzzer else ()
        steps: tuple[Callable[[], None], ...] = (self._button.stop, self._performer.end_take, *silence, lamp.close)
        for let_go in steps:
            try:
                let_go()
            except HardwareError as error:
                log.error("while leaving: %s", error)

    def _now_s(self) -> float:
        return self._hardware.clock.monotonic_s()
