"""The keeper of the microphone: lost, watched, taken back; and nothing that it does can hold up the recorder."""

from __future__ import annotations

import queue
import threading
import time

import pytest

from device.hardware.clock import SystemClock
from device.hardware.ports import SOUND_RATE_HZ, AudioFrame, AudioSink, HardwareError, MicrophoneFault, PartFacts
from device.recorder.sound import MOST_WORDS, KeeperPace, Listener, SoundKeeper

FRAME = AudioFrame(bytes(960), SOUND_RATE_HZ, 0)
QUICK = KeeperPace(quiet_s=0.2, first_s=0.02, longest_s=0.1)
PATIENCE_S = 30


class ScriptedMicrophone:
    """Does at each start what the script says next (`refuse`, `crash`, `break`, `mute`), and after that it speaks."""

    def __init__(self, *script: str) -> None:
        self._script = list(script)
        self._stopped = threading.Event()
        self.starts = 0
        self.running = False
        self.hang = threading.Event()
        self.hang.set()

    @property
    def facts(self) -> PartFacts:
        """A fake, and it says so."""
        return PartFacts("FAKE microphone with a script", is_production=False)

    def start(self, sink: AudioSink) -> None:
        """See `Microphone.start`."""
        act = self._script.pop(0) if self._script else "speak"
        self.starts += 1
        if act == "crash":
            raise RuntimeError("can't start new thread")
        if act == "refuse":
            raise MicrophoneFault("nothing is plugged in")
        self.running, self._stopped = True, threading.Event()
        threading.Thread(target=self._act, args=(act, sink, self._stopped), daemon=True).start()

    def stop(self) -> None:
        """See `Microphone.stop`; hangs while the test says so."""
        self._stopped.set()
        self.hang.wait(PATIENCE_S)
        self.running = False

    def _act(self, act: str, sink: AudioSink, stopped: threading.Event) -> None:
        if act == "break":
            sink.on_audio(FRAME)
            sink.on_fault(MicrophoneFault("pulled out"))
        while act == "speak" and not stopped.wait(0.01):
            sink.on_audio(FRAME)


class Ear:
    """Who listens."""

    def __init__(self) -> None:
        self.frames: queue.SimpleQueue[AudioFrame] = queue.SimpleQueue()
        self.words: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.listener = Listener(self.frames.put, self.words.put)

    def wait_for_sound(self) -> None:
        """Wait for the next frame."""
        self.frames.get(timeout=PATIENCE_S)

    def wait_for_words(self) -> str:
        """Wait for the next words."""
        return self.words.get(timeout=PATIENCE_S)


def keep(microphone: ScriptedMicrophone) -> SoundKeeper:
    """A keeper that is quick."""
    return SoundKeeper(microphone, SystemClock(), QUICK)


@pytest.fixture
def ear() -> Ear:
    """Somebody who listens."""
    return Ear()


def wait_until_let_go(microphone: ScriptedMicrophone) -> None:
    """Wait until the microphone is stopped."""
    deadline_s = time.monotonic() + PATIENCE_S
    while microphone.running:
        assert time.monotonic() < deadline_s
        time.sleep(0.005)


def test_microphone_runs_only_while_somebody_listens(ear: Ear) -> None:
    """Started at the beginning, let go at the end, and nothing reaches the listener after."""
    microphone = ScriptedMicrophone()
    keeper = keep(microphone)
    assert microphone.starts == 0
    keeper.begin(ear.listener)
    ear.wait_for_sound()
    keeper.end()
    heard = ear.frames.qsize()
    wait_until_let_go(microphone)
    time.sleep(0.05)
    assert (ear.frames.qsize(), ear.words.qsize(), microphone.starts) == (heard, 0, 1)


@pytest.mark.parametrize(
    ("act", "words"),
    [
        ("refuse", "nothing is plugged in"),
        ("crash", "RuntimeError: can't start new thread"),
        ("break", "pulled out"),
        ("mute", "the microphone has given no sound for 0.2 s"),
    ],
)
def test_lost_sound_is_told_once_and_taken_back(ear: Ear, act: str, words: str) -> None:
    """Not there, a mistake of ours, pulled out, or a capture that ended in silence: told once, and taken back."""
    microphone = ScriptedMicrophone(act, act, act)
    keeper = keep(microphone)
    keeper.begin(ear.listener)
    assert ear.wait_for_words() == words
    if act != "break":
        assert ear.wait_for_words().startswith("the microphone answers again after ")
    while microphone.starts < 4:
        ear.wait_for_sound()
    keeper.end()
    wait_until_let_go(microphone)


def test_cable_that_comes_and_goes_does_not_fill_the_manifest(ear: Ear) -> None:
    """After a number of losses nothing is said any more; the sound is still taken back each time."""
    microphone = ScriptedMicrophone(*["break"] * 40)
    keeper = keep(microphone)
    keeper.begin(ear.listener)
    while microphone.starts <= 40:
        ear.wait_for_sound()
    keeper.end()
    assert ear.words.qsize() == MOST_WORDS
    wait_until_let_go(microphone)


def test_microphone_that_will_not_stop_holds_nobody_up(ear: Ear) -> None:
    """`end` and the next `begin` return at once; the next take hears again when the driver has let go."""
    microphone = ScriptedMicrophone()
    keeper = keep(microphone)
    keeper.begin(ear.listener)
    ear.wait_for_sound()
    microphone.hang.clear()
    before_s = time.monotonic()
    keeper.end()
    later = Ear()
    keeper.begin(later.listener)
    assert time.monotonic() - before_s < 5
    assert later.frames.empty()
    microphone.hang.set()
    later.wait_for_sound()
    keeper.end()
    wait_until_let_go(microphone)


def test_end_without_a_beginning_is_nothing() -> None:
    """A take whose camera could not start ends the sound that never began."""
    keeper = keep(ScriptedMicrophone())
    keeper.end()
    keeper.end()


def test_fault_without_words_is_a_fault(ear: Ear) -> None:
    """An error that says nothing about itself is told by its kind."""

    class Silent(ScriptedMicrophone):
        def _act(self, act: str, sink: AudioSink, stopped: threading.Event) -> None:
            if act == "break":
                sink.on_fault(HardwareError())
            else:
                super()._act(act, sink, stopped)

    keeper = keep(Silent("break"))
    keeper.begin(ear.listener)
    assert ear.wait_for_words() == "HardwareError"
    keeper.end()
