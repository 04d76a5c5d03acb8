"""The microphone at ALSA, behind the real library: drivers that hang, cards that are not there, latency."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from array import array
from collections.abc import Iterator
from pathlib import Path

import pytest

from device.hardware.clock import SystemClock
from device.hardware.microphone import AlsaMicrophone, AlsaSettings
from device.hardware.ports import TICKS_PER_S, MicrophoneFault, NotForProduction, Purpose, require_fit
from device.hardware.synthetic_sound import SyntheticMicrophone, SyntheticSound
from tests.fakes.alsa import NAME, PipedSound
from tests.fakes.sink import CollectingSink

LEVEL = 1000


@pytest.fixture
def piped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PipedSound]:
    """A pipe that ALSA takes for a microphone."""
    made = PipedSound(tmp_path)
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(made.configuration))
    yield made
    made.release()


def make(device: str | None, asound: Path = Path("/nowhere")) -> AlsaMicrophone:
    """A microphone under test."""
    return AlsaMicrophone(clock=SystemClock(), settings=AlsaSettings(device=device, asound=asound))


def test_what_was_played_is_what_is_heard(piped: PipedSound) -> None:
    """The samples come through as they are; where the pipe's pace was not a sound card's there is silence."""
    microphone, sink = make(NAME), CollectingSink()
    with piped.playing(LEVEL.to_bytes(2, "little")):
        microphone.start(sink)
        sink.wait_items(5)
        microphone.stop()
    values = array("h", b"".join(frame.samples for frame in sink.audio))
    heard = [value for value in values if abs(value - LEVEL) <= LEVEL // 10]
    assert len(heard) > len(values) / 4
    assert max(values) < 1.3 * LEVEL


def test_driver_that_hangs_does_not_keep_stop_waiting(piped: PipedSound) -> None:
    """A read that never returns is left behind; the next start says so until it has returned."""
    microphone, sink = make(NAME), CollectingSink()
    microphone.start(sink)
    time.sleep(0.3)  # until it reads from the empty pipe
    before_s = time.monotonic()
    microphone.stop()
    assert time.monotonic() - before_s < 5
    with pytest.raises(MicrophoneFault, match="until its driver lets go"):
        microphone.start(CollectingSink())
    assert (sink.items, sink.faults) == ([], [])


def test_device_that_cannot_be_opened_is_told_to_the_sink(piped: PipedSound) -> None:
    """A card that ALSA cannot open is a fault with its name, told once."""
    microphone, sink = make("gone"), CollectingSink()
    microphone.start(sink)
    sink.wait_over()
    microphone.stop()
    (fault,) = sink.faults
    assert isinstance(fault, MicrophoneFault)
    assert str(fault).startswith("gone: ")


@pytest.mark.parametrize(
    ("device", "words"),
    [
        (None, r"lists no USB microphone \(none at all\); plug one in"),
        ("plughw:CARD=Device", "Device: .* lists no such card"),
    ],
)
def test_card_that_is_not_there_is_known_without_asking_alsa(tmp_path: Path, device: str | None, words: str) -> None:
    """ALSA's library would write a line to the log at each attempt, which would tell when a room records."""
    with pytest.raises(MicrophoneFault, match=words):
        make(device, tmp_path).start(CollectingSink())


def fault_elsewhere(**more: str) -> tuple[str, str]:
    """Open a card that is not there in a process of its own, which reads ALSA's configuration anew.

    Gives the fault's words, and what the process wrote to its standard error.
    """
    program = (
        "from tests.unit.device.hardware.test_microphone import *\n"
        "sink = CollectingSink(); made = make('plughw:31'); made.start(sink); sink.wait_over(); made.stop()\n"
        "print(sink.faults[0])"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ALSA_")}
    done = subprocess.run(
        [sys.executable, "-c", program], env={**environment, **more}, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def test_alsa_finds_the_systems_configuration() -> None:
    """PyAV's own copy of ALSA looks for its configuration where the wheel was built; the door tells it where it is.

    Without it no `plughw:` is known at all, as the second process shows.
    """
    assert "Unknown PCM" not in fault_elsewhere()[0]
    assert "Unknown PCM" in fault_elsewhere(ALSA_CONFIG_DIR="/nowhere")[0]


def test_alsas_words_are_in_the_fault_and_not_in_the_journal() -> None:
    """What the library dislikes is for the manifest; a line at each attempt would tell when the room records (P7)."""
    fault, journal = fault_elsewhere()
    assert "(ALSA: " in fault
    assert journal == ""


def test_microphone_at_alsa_is_fit_for_production() -> None:
    """It hears a room; the synthetic one does not and is refused."""
    require_fit(make(NAME), Purpose.PRODUCTION)
    with pytest.raises(NotForProduction, match="not a classroom"):
        require_fit(SyntheticMicrophone(clock=SystemClock()), Purpose.PRODUCTION)


@pytest.mark.parametrize(("late_ms", "latency_ms", "off_s"), [(0, 0, 0.0), (120, 0, 0.12), (120, 120, 0.0)])
def test_latency_is_taken_off_the_time_of_the_sound(late_ms: float, latency_ms: float, off_s: float) -> None:
    """A beep made at a full second that can only be read 120 ms later has the full second's time, once that is set."""
    settings = SyntheticSound(latency_ms=latency_ms, late_ms=late_ms)
    microphone, sink = SyntheticMicrophone(clock=SystemClock(), settings=settings), CollectingSink()
    microphone.start(sink)
    sink.wait_items(15)
    microphone.stop()
    first = sink.audio[0].pts
    loud = [abs(value) > 5000 for value in array("h", b"".join(frame.samples for frame in sink.audio))]
    begins = next(at for at in range(24_000, len(loud)) if loud[at] and not any(loud[at - 2_400 : at]))
    second = (first + begins * TICKS_PER_S / 48_000) / TICKS_PER_S - off_s
    assert second == pytest.approx(round(second), abs=0.002)
