"""Performs the machine's effects in the world: lamp, camera, keys, manifest, status.

It does what it is told and answers with events; what to do next is the machine's to say. The disk's refusals become
events, a lamp that cannot be set ends the process (promise P1: no recording without a true lamp). What fails in a
recording is logged for `--verbose` alone: a log that IT reads tells of no recording (promise P7).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import singledispatchmethod

from device.consent import PressDecision, permit_of
from device.hardware.ports import (
    Button,
    Buzzer,
    BuzzerFault,
    Camera,
    Clock,
    Disk,
    DiskFault,
    Lamp,
    Microphone,
)
from device.masking.veil import Veil
from device.media.segments import SegmentLimits
from device.recorder.begin import SPOOL_FAILED, Beginner, CannotBegin
from device.recorder.effects import (
    Ask,
    Begin,
    Chirp,
    Close,
    Effect,
    Exit,
    GiveUp,
    Note,
    Report,
    Resume,
    Show,
    StartTake,
    StopTake,
)
from device.recorder.fitness import Fitness
from device.recorder.media import MediaWriter, SoundRules
from device.recorder.permission import Outcome, Permission
from device.recorder.recovery import plan_boot
from device.recorder.sound import NO_SOUND, SoundKeeper
from device.recorder.states import Checkpoint, Event, Kind
from device.recorder.take import Take
from device.spool.keeping import SpoolKeeper
from device.spool.recording import OpenRecording
from protocol import manifest
from protocol.errors import ProtocolError
from protocol.manifest import CloseReason, EventName

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Hardware:
    """The unit's parts; a microphone of its own and a buzzer may be missing. `veil` covers the camera's pictures."""

    button: Button
    camera: Camera
    microphone: Microphone | None
    lamp: Lamp
    clock: Clock
    disk: Disk
    buzzer: Buzzer | None = None
    veil: Veil | None = None


@dataclass(frozen=True, kw_only=True)
class Workroom:
    """What the recorder works with on its disk."""

    keeper: SpoolKeeper
    beginner: Beginner
    permission: Permission
    fitness: Fitness
    segments: SegmentLimits
    sound: SoundRules


class Performer:
    """Holds what is going on in the world: the open recording and the running take. Used by the main loop alone."""

    def __init__(self, hardware: Hardware, room: Workroom, post: Callable[[Event], None]) -> None:
        self._hardware = hardware
        self._room = room
        self._post = post
        self._recording: OpenRecording | None = None
        self._permit: PressDecision | None = None
        self._policy = (0, 0)
        self._take: Take | None = None
        microphone = hardware.microphone
        self._sound = SoundKeeper(microphone, hardware.clock) if microphone is not None else None
        self._take_number = 0
        self._leftovers: dict[str, CloseReason] = {}
        self._is_mute = False
        self.exit_status: int | None = None

    @property
    def active(self) -> str:
        """Name the recording that is being made, if any."""
        return self._recording.name if self._recording else ""

    def look_around(self, checkpoint: Checkpoint | None) -> Event:
        """Bring the spool into order after a restart, close what does not go on, and give BOOTED.

        It is the first event that the machine takes: an earlier one would write a checkpoint that has forgotten.
        """
        mended = self._room.keeper.mend_all()
        self._room.fitness.note_damage(*(problem for each in mended for problem in each.problems))
        plan = plan_boot(
            checkpoint,
            boot=self._hardware.clock.boot_id,
            open_recordings=tuple(each.recording for each in mended if each.is_open),
            refused=tuple(each.recording for each in mended if each.is_refused),
        )
        for recording, reason in plan.close:
            log.debug("a recording was cut off: closing it as %s", reason.value)
            self._end(recording, reason)
        paused = plan.paused and self._take_up_paused(plan.resume)
        going_on = plan.resume if paused or not plan.paused else ""
        return Event(
            kind=Kind.BOOTED,
            at_s=self._hardware.clock.monotonic_s(),
            since_s=self._begun_s() if paused else 0.0,
            recording=going_on,
            paused=paused,
            paused_s=self._paused_s() if paused else 0.0,
            interrupted=plan.interrupted or going_on != plan.resume,
        )

    def end_leftovers(self) -> None:
        """Close what the disk refused to have closed before, unless it has been erased."""
        for recording, reason in list(self._leftovers.items()):
            if self._room.keeper.holds(recording):
                self._end(recording, reason)
            else:
                del self._leftovers[recording]

    def end_take(self) -> None:
        """Let go of the take that has ended, or of the one that still runs when the process leaves."""
        if self._take is not None:
            self._take.dispose()
            self._take = None

    def check_permission(self) -> None:
        """Say FORBIDDEN when a newer policy forbids the recording that lives, BELL when its lesson is over.

        A newer policy under which it goes on is written down.
        """
        if self._recording is None or self._permit is None:
            return
        review = self._room.permission.review(self._recording.name, self._permit, self._recording.began)
        if review.outcome is Outcome.FORBIDDEN:
            self._say(Kind.FORBIDDEN)
        elif review.outcome is Outcome.RUNG:
            self._say(Kind.BELL)
        else:
            self._permit = review.permit
            self._write_policy(review.permit.policy_generation, review.permit.policy_version)

    @singledispatchmethod
    def perform(self, effect: Effect) -> None:
        """Do one thing in the world."""
        raise TypeError(f"no way to perform {effect!r}")

    @perform.register
    def _show(self, effect: Show) -> None:
        self._hardware.lamp.show(effect.pattern)

    @perform.register
    def _chirp(self, effect: Chirp) -> None:
        if self._hardware.buzzer is None:
            return
        try:
            self._hardware.buzzer.play(effect.tune)
        except BuzzerFault as fault:
            # once: a line at each chirp would tell when the room records (promise P7)
            log.log(logging.DEBUG if self._is_mute else logging.ERROR, "%s", fault)
            self._is_mute = True

    @perform.register
    def _ask(self, effect: Ask) -> None:
        going_on = self._begun_of(effect.recording) if effect.recording else None
        permit = self._room.permission.ask(checked=effect.checked, going_on=going_on)
        kind = Kind.ALLOWED if permit.allowed else Kind.REFUSED if permit.seats is None else Kind.UNCHECKED
        if effect.recording and going_on is None:
            kind = Kind.REFUSED
        self._post(Event(kind=kind, at_s=self._hardware.clock.monotonic_s(), permit=permit, reason=permit.reason))

    @perform.register
    def _begin(self, effect: Begin) -> None:
        self._take_up(effect.permit, lambda: self._room.beginner.begin(effect.permit))

    @perform.register
    def _resume(self, effect: Resume) -> None:
        held = self._recording
        if held is not None and held.name == effect.recording:
            self._take_up(effect.permit, lambda: held)
        else:
            self._take_up(effect.permit, lambda: self._room.beginner.resume(effect.recording))

    @perform.register
    def _start_take(self, _effect: StartTake) -> None:
        self.end_take()
        hardware, recording = self._hardware, self._required_recording()
        sound = self._room.sound.of(recording.begun)
        writer = MediaWriter(recording, hardware.camera.picture, self._room.segments, sound)
        keeper = NO_SOUND if sound.is_omitted else self._sound
        self._take_number = writer.number
        if hardware.veil is not None:
            hardware.veil.put_on(self._permit.mask if self._permit else None)
        self._take = Take(hardware.camera, keeper, writer=writer, clock=hardware.clock, post=self._post)
        self._take.start()

    @perform.register
    def _stop_take(self, _effect: StopTake) -> None:
        if self._take is not None:
            self._take.stop()

    @perform.register
    def _note(self, effect: Note) -> None:
        self._write(effect.name, self._take.ticks_at(effect.at_s) if self._take else 0)

    @perform.register
    def _close(self, effect: Close) -> None:
        self._recording, self._permit = None, None
        if self._end(effect.recording, effect.reason):
            self._say(Kind.CLOSED)
        else:
            self._say(Kind.NOT_CLOSED, SPOOL_FAILED)

    @perform.register
    def _report(self, effect: Report) -> None:
        self._room.fitness.say(effect.reasons)

    @perform.register
    def _exit(self, _effect: Exit) -> None:
        self.exit_status = 0

    @perform.register
    def _give_up(self, effect: GiveUp) -> None:
        log.error("a part does not answer; ending, to be started again")
        log.debug("giving up: %s; a restart recovers the recording", effect.reason)
        self.exit_status = 1

    def _take_up(self, permit: PressDecision, make: Callable[[], OpenRecording]) -> None:
        try:
            recording = make()
        except CannotBegin as cause:
            self._say(Kind.NOT_BEGUN, str(cause))
        except (OSError, DiskFault, ProtocolError) as error:
            log.debug("a recording could not be begun: %s", error)
            self._say(Kind.NOT_BEGUN, SPOOL_FAILED)
        else:
            self._hold(recording, permit)
            now_s, since_s = self._hardware.clock.monotonic_s(), self._begun_s()
            self._post(Event(kind=Kind.BEGUN, at_s=now_s, recording=recording.name, since_s=since_s))

    def _hold(self, recording: OpenRecording, permit: PressDecision) -> None:
        """Remember what is being made, and under which policy it was when that was last written down."""
        if recording is not self._recording:
            self._policy = (recording.begun.policy_generation, recording.begun.policy_version)
        self._recording, self._permit = recording, permit

    def _end(self, recording: str, reason: CloseReason) -> bool:
        """Write a recording's last line, and tell whether it stands; if not, it is tried again later."""
        try:
            self._room.keeper.end(recording, reason)
        except (OSError, ProtocolError) as error:
            if recording not in self._leftovers:
                log.debug("recording %s could not be closed: %s", recording, error)
            self._leftovers[recording] = reason
            return False
        self._leftovers.pop(recording, None)
        return True

    def _write_policy(self, generation: int, version: int) -> None:
        if (generation, version) != self._policy:
            self._policy = (generation, version)
            self._write(EventName.POLICY, detail=f"{generation}.{version}")

    def _write(self, name: EventName, ticks: int = 0, *, detail: str = "") -> None:
        event = manifest.Event(name=name, take=self._take_number, at_ticks=ticks, detail=detail)
        try:
            self._required_recording().note(event)
        except OSError as error:
            log.debug("a %s could not be written: %s", name.value, error)  # the take meets the same disk and says so

    def _take_up_paused(self, recording: str) -> bool:
        """Take up a recording that a restart found paused, without a camera; one that cannot be is closed."""
        try:
            taken_up = self._room.beginner.resume(recording)
        except (CannotBegin, OSError, ProtocolError) as error:
            log.debug("a recording could not be taken up: %s", error)
            self._end(recording, CloseReason.INTERRUPTED)
            return False
        self._hold(taken_up, permit_of(taken_up.begun))
        return True

    def _begun_of(self, recording: str) -> manifest.Begun | None:
        """Give the first line of the recording that is open, or of one that a restart left."""
        if self._recording is not None and self._recording.name == recording:
            return self._recording.begun
        return self._room.keeper.begun_of(recording)

    def _begun_s(self) -> float:
        """Tell when the recording was begun on this boot's clock, also when it is taken up after a restart."""
        return self._on_this_clock(self._required_recording().began)

    def _paused_s(self) -> float:
        """Tell when the pause began in which a restart found the recording; a line that is missing counts as now."""
        return self._on_this_clock(self._required_recording().paused)

    def _on_this_clock(self, moment: manifest.Moment | None) -> float:
        now_s, boot = self._hardware.clock.monotonic_s(), self._hardware.clock.boot_id
        return min(now_s, moment.monotonic_ms / 1000) if moment and moment.boot == boot else now_s

    def _required_recording(self) -> OpenRecording:
        if self._recording is None:
            raise AssertionError("the machine asked for a take without a recording")
        return self._recording

    def _say(self, kind: Kind, reason: str = "") -> None:
        self._post(Event(kind=kind, at_s=self._hardware.clock.monotonic_s(), reason=reason))
