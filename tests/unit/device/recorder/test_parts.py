"""The recorder's small parts: journal, moments, hands, the beginning of a recording, the sound's verdict, imports."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from device.consent import PressDecision
from device.hardware.disk import SystemDisk
from device.hardware.ports import ButtonEdge, ButtonFault
from device.identity import DocumentStore
from device.media.levels import SoundMeasures, Verdict
from device.media.muxer import TakeSummary
from device.recorder.begin import Beginner, CannotBegin, SpoolLimits
from device.recorder.gestures import GestureTimings
from device.recorder.hands import Hands
from device.recorder.journal import Journal
from device.recorder.media import judge_sound
from device.recorder.moments import RELEASED_AT, Moments
from device.recorder.states import Event, Hold, Kind, Phase, State
from device.spool.manifest import Signer
from device.spool.store import SpoolStore
from protocol.codec import encode_record
from protocol.documents import Recipients
from protocol.durable import REAL, Files
from protocol.envelope import HybridRecipient, X25519Recipient, open_sealed, parse_identities, parse_recipient
from protocol.manifest import CloseReason, SoundVerdict
from tests.fakes.button import FakeButton
from tests.fakes.clock import BEGAN_AT, ManualClock
from tests.fakes.cutfiles import CountingFiles
from tests.school import WEEK, School, UnitBundle, make_school

ROOT = Path(__file__).parents[4]
MEBIBYTE = 1024 * 1024
PERMIT_LIMITS = SpoolLimits(lesson_bytes=MEBIBYTE, reserve_bytes=MEBIBYTE)


# ---- journal


def test_journal_keeps_phase_recording_and_reason(tmp_path: Path) -> None:
    """What a restart must know comes back as it was written."""
    journal = Journal(tmp_path / "journal", REAL)
    state = State(phase=Phase.STOPPING, recording="r", reason=CloseReason.DISCARDED)
    journal.save(state, boot="boot-1", wall_at=BEGAN_AT)
    checkpoint = Journal(tmp_path / "journal", REAL).load()
    assert checkpoint is not None
    assert (checkpoint.phase, checkpoint.recording, checkpoint.reason) == (
        Phase.STOPPING,
        "r",
        CloseReason.DISCARDED,
    )
    assert (checkpoint.boot, checkpoint.wall_at) == ("boot-1", BEGAN_AT)


def test_journal_is_written_only_for_what_a_restart_must_know(tmp_path: Path) -> None:
    """Ticks and durable bytes cost no write: cards wear out by small syncs."""
    files = CountingFiles()
    journal = Journal(tmp_path / "journal", files)
    for durable_s in range(100):
        state = State(phase=Phase.RECORDING, recording="r", durable_s=float(durable_s))
        journal.save(state, boot="boot-1", wall_at=BEGAN_AT + timedelta(seconds=durable_s))
    assert files.names.count("sync") == 1


def test_journal_is_not_written_for_phases_that_a_restart_treats_alike(tmp_path: Path) -> None:
    """A press waits for no checkpoint that nobody would read differently; every change of fate is one."""
    files = CountingFiles()
    journal = Journal(tmp_path / "journal", files)
    alike = [
        [State(phase=Phase.READY), State(phase=Phase.ASKING), State(phase=Phase.SEATS), State(phase=Phase.PREPARING)],
        [State(phase=phase, recording="r") for phase in (Phase.RECORDING, Phase.STALLED, Phase.LOST)],
        [State(phase=Phase.PAUSED, recording="r")],
        [State(phase=Phase.ASKING, recording="r"), State(phase=Phase.RECORDING, recording="r")],
        [State(phase=each, recording="r", reason=CloseReason.BELL) for each in (Phase.STOPPING, Phase.CLOSING)],
        [State(phase=Phase.READY)],
    ]
    for written, states in enumerate(alike, start=1):
        for state in states:
            journal.save(state, boot="boot-1", wall_at=BEGAN_AT)
            assert files.names.count("sync") == written, state


@pytest.mark.parametrize("content", [None, b"", b"{", b'{"phase":"dancing"}', b"\x00" * 100])
def test_journal_that_cannot_be_read_is_none(tmp_path: Path, content: bytes | None) -> None:
    """A damaged journal makes no camera run and stops no start."""
    if content is not None:
        (tmp_path / "journal").write_bytes(content)
    assert Journal(tmp_path / "journal", REAL).load() is None


# ---- moments


def test_trusted_clock_is_believed() -> None:
    """What the network has set is the time, also when a document claims to be of the future."""
    moments = Moments(ManualClock(), BEGAN_AT + WEEK)
    assert moments.now_at() == BEGAN_AT


def test_clock_that_is_not_trusted_is_at_least_what_is_known() -> None:
    """A Pi wakes up in the past: it is at least the release, the newest document, the last checkpoint."""
    clock = ManualClock()
    clock.trusted = False
    moments = Moments(clock, None)
    assert moments.now_at() == RELEASED_AT
    moments.learn(RELEASED_AT + WEEK)
    assert moments.now_at() == RELEASED_AT + WEEK
    moments.learn(RELEASED_AT)
    assert moments.now_at() == RELEASED_AT + WEEK
    clock.advance(60)
    assert moments.now_at() == RELEASED_AT + WEEK + timedelta(minutes=1)
    assert not moments.moment().wall_trusted


def test_moment_carries_the_boot_and_its_own_clock() -> None:
    """Where wall time is unsure, boot id and monotonic time still order the lines."""
    moment = Moments(ManualClock(began_s=12.5)).moment()
    assert (moment.boot, moment.monotonic_ms) == (ManualClock().boot_id, 12_500)


# ---- hands


def _hands(clock: ManualClock) -> tuple[Hands, FakeButton]:
    button = FakeButton(clock=clock)
    button.start(lambda _edge: None)
    return Hands(button, GestureTimings(), clock), button


def _down(at_s: float) -> ButtonEdge:
    return ButtonEdge(down=True, at_s=at_s)


def _up(at_s: float) -> ButtonEdge:
    return ButtonEdge(down=False, at_s=at_s)


def test_hold_becomes_the_machines_words() -> None:
    """Press, let go, let go or hold on, discard, and what releasing means, in order and with the press's beginning."""
    hands, _ = _hands(ManualClock())
    events = [*hands.take(_down(10.0))]
    for now_s in (10.1, 12.1, 15.1, 16.1):
        events += hands.pass_time(now_s)
    events += [*hands.take(_up(17.0)), *hands.pass_time(17.1)]
    assert [(event.kind, event.hold) for event in events[1:]] == [
        (Kind.HOLDING, Hold.KEEP),
        (Kind.HOLDING, Hold.NOTHING),
        (Kind.HOLDING, Hold.DISCARD),
        (Kind.RELEASED, Hold.DISCARD),
    ]
    assert events[0].kind is Kind.PRESS
    assert {event.since_s for event in events} == {10.0}


def test_held_too_long_is_stuck_and_then_freed() -> None:
    """Over ten seconds it is a school bag; when it falls off, the button works again."""
    hands, _ = _hands(ManualClock())
    hands.take(_down(10.0))
    assert [event.kind for event in hands.pass_time(21.0)][-1] is Kind.STUCK
    hands.take(_up(22.0))
    assert [event.kind for event in hands.pass_time(22.1)] == [Kind.FREED]


def test_two_taps_are_one_pause_and_no_bookmark() -> None:
    """Two quick taps pause at the moment of the first; neither is a tap of its own."""
    hands, _ = _hands(ManualClock())
    events: list[Event] = []
    for at_s in (10.0, 10.3):
        events += hands.take(_down(at_s))
        events += hands.take(_up(at_s + 0.1))
    events += hands.pass_time(12.0)
    meant = [(event.kind, event.since_s) for event in events if event.kind is not Kind.PRESS]
    assert meant == [(Kind.DOUBLE_TAP, 10.0)]


def test_lost_release_is_found_by_looking_again() -> None:
    """An edge that never came does not leave the button down for ever."""
    clock = ManualClock(began_s=10.0)
    hands, _ = _hands(clock)  # the contact itself is up: only the edge down was seen
    hands.take(_down(10.0))
    seen: list[Event] = []
    for seconds in (0.1, 0.1, 0.8):
        clock.advance(seconds)
        seen += hands.look()
    assert [event.kind for event in seen] == [Kind.PRESS, Kind.TAP]


class _HesitatingButton(FakeButton):
    """A button whose reading takes a tenth of a second, in which the finger goes up."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock=clock)
        self._slow = clock

    def is_down(self) -> bool:
        self._slow.advance(0.1)
        return False


def test_release_that_is_found_late_does_not_undo_the_press() -> None:
    """A loop that hesitates while it reads the pin dates the release after the reading: the press has been one."""
    clock = ManualClock(began_s=10.0)
    hands = Hands(_HesitatingButton(clock), GestureTimings(), clock)
    hands.take(_down(10.0))
    clock.advance(0.01)
    assert [event.kind for event in hands.look()] == [Kind.PRESS]


def test_button_that_cannot_be_read_is_a_stuck_one() -> None:
    """It is said once, and again when it can be read."""
    clock = ManualClock(began_s=10.0)
    hands, button = _hands(clock)
    hands.take(_down(10.0))
    button.fault = ButtonFault("FAKE button: unplugged")
    clock.advance(0.1)
    assert [event.kind for event in hands.look()] == [Kind.PRESS, Kind.STUCK]
    assert [event.kind for event in hands.look()] == []
    button.fault = None
    clock.advance(0.1)
    assert Kind.FREED in [event.kind for event in hands.look()]


def test_button_that_is_unplugged_while_it_rests_is_noticed() -> None:
    """Nobody walks to a ready lamp whose button is gone."""
    clock = ManualClock(began_s=10.0)
    hands, button = _hands(clock)
    assert hands.look() == ()
    button.fault = ButtonFault("FAKE button: unplugged")
    assert [event.kind for event in hands.look()] == [Kind.STUCK]
    button.fault = None
    assert [event.kind for event in hands.look()] == [Kind.FREED]


def test_one_wrong_reading_of_a_resting_button_starts_nothing() -> None:
    """A press needs an edge of its own."""
    clock = ManualClock(began_s=10.0)
    hands, button = _hands(clock)
    hands.look()
    button.press()  # its edge goes nowhere in this test
    seen = list(hands.look())
    clock.advance(1.0)
    assert [*seen, *hands.look()] == []


# ---- the beginning of a recording


@pytest.fixture(params=[False, True], ids=["x25519", "hybrid"])
def school(request: pytest.FixtureRequest, tmp_path: Path) -> School:
    """A school with classical and one with post-quantum recipients."""
    return make_school(tmp_path, now=BEGAN_AT, hybrid=request.param)


@pytest.fixture
def unit(school: School, tmp_path: Path) -> UnitBundle:
    """One unit."""
    return school.make_unit(tmp_path / "unit")


def _beginner(school: School, unit: UnitBundle, clock: ManualClock) -> Beginner:
    root = school.root.verifying
    documents = DocumentStore(unit.data / "state", device=unit.device, root=root, files=REAL)
    moments = Moments(clock)
    store = SpoolStore(unit.data / "spool", REAL)
    store.prepare()
    return Beginner(
        device=unit.device,
        camera="synthetic",
        store=store,
        signer=Signer(key=unit.recorder, moment=moments.moment, files=REAL),
        documents=documents,
        moments=moments,
        disk=SystemDisk(),
        limits=PERMIT_LIMITS,
        random_bytes=os.urandom,
    )


def _permit(unit: UnitBundle) -> PressDecision:
    return PressDecision(allowed=True, reason="", owner=unit.owner, lesson="7b", policy_generation=1, policy_version=4)


def test_recording_begins_with_a_key_for_the_epoch_alone(school: School, unit: UnitBundle) -> None:
    """The recording's identity opens with the epoch's key and stands nowhere else; its kind is the epoch's."""
    recording = _beginner(school, unit, ManualClock()).begin(_permit(unit))
    (folder,) = unit.recordings()
    begun = unit.manifest(folder).begun
    opened = open_sealed((folder / "key.age").read_bytes(), [school.epoch_identities[begun.epoch]])
    (identity,) = parse_identities(opened.decode())
    assert begun.recipient == str(identity.recipient)
    assert (begun.recording, begun.owner, begun.lesson, begun.policy_version) == (recording.name, unit.owner, "7b", 4)
    kind = type(parse_recipient(begun.recipient))
    assert kind is type(next(iter(school.epoch_identities.values())).recipient)
    assert kind in (X25519Recipient, HybridRecipient)
    secret = identity.encode().encode()
    assert not any(secret in path.read_bytes() for path in unit.data.rglob("*") if path.is_file())


class _Kept:
    """A card with nothing on it but copies, which take their part until they give way."""

    def __init__(self, kept: list[int], card_bytes: int) -> None:
        self.kept = kept
        self.card_bytes = card_bytes

    @property
    def kept_bytes(self) -> int:
        """See `Copies.kept_bytes`."""
        return sum(self.kept)

    def give_way(self, missing_bytes: int) -> int:
        """Let copies go one by one."""
        gone = 0
        while self.kept and missing_bytes > 0:
            missing_bytes -= self.kept.pop(0)
            gone += 1
        return gone

    def free_bytes(self, _folder: Path) -> int:
        """See `Disk.free_bytes`."""
        return self.card_bytes - self.kept_bytes


def test_copies_give_way_to_a_press_and_count_as_free(school: School, unit: UnitBundle) -> None:
    """A card that copies have filled refuses no press, and is as empty as one without them in every estimate."""
    limits = PERMIT_LIMITS
    lesson = limits.lesson_bytes
    kept = _Kept([lesson // 4] * 12, card_bytes=3 * lesson + lesson // 2)
    beginner = replace(_beginner(school, unit, ManualClock()), disk=kept, copies=kept)
    before = beginner.room_bytes()
    assert before == kept.card_bytes - limits.reserve_bytes
    assert kept.free_bytes(unit.data) < lesson
    beginner.begin(_permit(unit))
    assert kept.kept, "no more gives way than a lesson, and the reserve again, need"
    assert kept.free_bytes(unit.data) >= lesson + limits.reserve_bytes
    assert kept.free_bytes(unit.data) < lesson + limits.reserve_bytes * 2 + lesson // 4


def test_card_that_is_full_of_what_waits_refuses_when_no_copy_is_left(school: School, unit: UnitBundle) -> None:
    """P5: everything that may give way has; the press is refused, and nothing else is erased."""
    kept = _Kept([10, 10], card_bytes=PERMIT_LIMITS.lesson_bytes - 1)
    beginner = replace(_beginner(school, unit, ManualClock()), disk=kept, copies=kept)
    with pytest.raises(CannotBegin, match="disk_full"):
        beginner.begin(_permit(unit))
    assert kept.kept == []


def test_recording_does_not_begin_without_an_epoch(school: School, unit: UnitBundle) -> None:
    """After the last published week nothing could be opened later: nothing begins, and nothing is left behind."""
    clock = ManualClock()
    clock.advance(14 * WEEK.total_seconds())
    with pytest.raises(CannotBegin, match="no_recipients"):
        _beginner(school, unit, clock).begin(_permit(unit))
    assert unit.recordings() == []


def test_clock_set_back_brings_no_epoch_back(school: School, unit: UnitBundle) -> None:
    """Once the unit has said that an epoch is over here, a clock that falls back into it seals to the later one; a
    statement from beyond the published weeks (a clock that was far ahead) keeps nothing from being recorded."""
    beginner = _beginner(school, unit, ManualClock())
    this_week = beginner.epoch_in_force()
    said_at = beginner.moments.now_at() + WEEK
    after = replace(beginner, said_at=lambda: said_at)
    assert after.epoch_in_force() not in (None, this_week)
    after.begin(_permit(unit))
    assert unit.manifest(unit.recordings()[0]).begun.epoch == after.epoch_in_force()
    far = replace(beginner, said_at=lambda: said_at + 52 * WEEK)
    assert far.epoch_in_force() == this_week


def test_recording_does_not_begin_without_the_recipients_document(school: School, unit: UnitBundle) -> None:
    """No document, no key: refused."""
    (unit.data / "state" / Recipients.KIND).unlink()
    with pytest.raises(CannotBegin, match="no_recipients"):
        _beginner(school, unit, ManualClock()).begin(_permit(unit))


def test_recording_does_not_begin_without_a_lessons_space(school: School, unit: UnitBundle) -> None:
    """P5: less than one lesson beside the reserve is a full card."""
    beginner = _beginner(school, unit, ManualClock())
    free = beginner.disk.free_bytes(unit.data)
    huge = SpoolLimits(lesson_bytes=2 * free, reserve_bytes=MEBIBYTE)
    with pytest.raises(CannotBegin, match="disk_full"):
        replace(beginner, limits=huge).begin(_permit(unit))
    assert unit.recordings() == []


class _RefusingReserve(Files):
    """A disk that refuses to set the reserve aside."""

    def __init__(self, code: int) -> None:
        self._code = code

    def allocate(self, descriptor: int, size_bytes: int) -> None:
        raise OSError(self._code, os.strerror(self._code))


@pytest.mark.parametrize(
    ("code", "said", "words"),
    [
        (errno.ENOSPC, "disk_full", ""),
        (errno.EDQUOT, "disk_full", ""),
        (errno.EROFS, "card_read_only", "spool: Read-only file system; restart the unit"),
        (errno.EACCES, "spool_not_writable", "spool: Permission denied; the recorder's user must own this folder"),
        (errno.EIO, "spool_failed", "spool: Input/output error; look at the system's log"),
    ],
)
def test_reserve_that_is_refused_tells_why(school: School, unit: UnitBundle, code: int, said: str, words: str) -> None:
    """Only a full disk is called full; the words for the log name the folder and what to do."""
    beginner = _beginner(school, unit, ManualClock())
    refusing = replace(beginner, store=SpoolStore(beginner.store.root, _RefusingReserve(code)))
    with pytest.raises(CannotBegin, match=said) as refused:
        refusing.require_space()
    assert words in refused.value.words
    assert bool(words) == bool(refused.value.words)


# ---- the sound's verdict


def _summary(sound_s: float, silent_s: float) -> TakeSummary:
    return TakeSummary(
        pictures=100,
        pictures_before_keyframe=0,
        end_ticks=90_000,
        sound_samples=round(48_000 * sound_s),
        silent_samples=round(48_000 * silent_s),
        late_samples=0,
    )


@pytest.mark.parametrize(
    ("verdict", "sound_s", "silent_s", "expected"),
    [
        (Verdict.GOOD, 60, 0, SoundVerdict.GOOD),
        (Verdict.QUIET, 60, 0, SoundVerdict.QUIET),
        (Verdict.CLIPPING, 60, 600, SoundVerdict.CLIPPING),
        (Verdict.GOOD, 60, 600, SoundVerdict.SILENT),
        (Verdict.SILENT, 0, 60, SoundVerdict.NONE),
    ],
)
def test_sound_is_judged_with_the_silence_that_was_filled_in(
    verdict: Verdict, sound_s: float, silent_s: float, expected: SoundVerdict
) -> None:
    """A microphone that dies after a minute is no good sound, and none at all is said to be none."""
    seconds = int(sound_s)
    measures = SoundMeasures(seconds, -20.0, -3.0, 0.0, 0.0, verdict)
    sound = judge_sound(measures, _summary(sound_s, silent_s), 0.5)
    assert sound.verdict is expected
    assert sound.speech_permille == round(500 * seconds / (seconds + silent_s))
    assert sound.loudness_mdbfs == -20_000
    assert sound.silent_permille == round(1000 * silent_s / (seconds + silent_s))


def test_speech_that_was_not_measured_is_left_out() -> None:
    """Without the extra, and in a take of a few seconds, the manifest has no speech share, not 0."""
    measures = SoundMeasures(60, -20.0, -3.0, 0.0, 0.0, Verdict.GOOD)
    assert "speech_permille" not in encode_record(judge_sound(measures, _summary(60, 0), None))


# ---- what the recorder does not import


def test_recorder_imports_no_network() -> None:
    """The process that can see has no network: nothing that it loads speaks to one."""
    code = (
        "import sys, device.recorder.service, device.wiring.recorder\n"
        "import device.hardware.replay, device.hardware.synthetic, device.hardware.gpio\n"
        "import device.hardware.microphone, device.media.speech\n"
        "print(' '.join(sys.modules))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, cwd=ROOT, text=True)
    names = set(loaded.stdout.split())
    network = {"paho", "requests", "urllib3", "http.client", "ssl", "device.agent", "device.uploads"}
    assert names & network == set()
    assert "device.hardware.panel" not in names
