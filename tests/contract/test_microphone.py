"""What every microphone promises (`device/hardware/ports.py`): the synthetic one, and ALSA's real library."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from device.hardware.clock import SystemClock
from device.hardware.microphone import AlsaMicrophone, AlsaSettings
from device.hardware.ports import SOUND_RATE_HZ, TICKS_PER_S, AudioFrame, Microphone, MicrophoneFault
from device.hardware.synthetic_sound import SyntheticMicrophone
from tests.fakes.alsa import NAME, PipedSound
from tests.fakes.sink import CollectingSink

SAMPLE = (1000).to_bytes(2, "little")


@pytest.fixture(params=["synthetic", "alsa"])
def microphone(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Microphone]:
    """A microphone to which somebody speaks."""
    if request.param == "synthetic":
        yield SyntheticMicrophone(clock=SystemClock())
        return
    piped = PipedSound(tmp_path)
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(piped.configuration))
    made = AlsaMicrophone(clock=SystemClock(), settings=AlsaSettings(device=NAME))
    with piped.playing(SAMPLE):
        yield made
        made.stop()
    piped.release()


def listen(microphone: Microphone, frames: int = 5) -> CollectingSink:
    """Listen until some frames have come."""
    sink = CollectingSink()
    microphone.start(sink)
    sink.wait_items(frames)
    microphone.stop()
    return sink


def test_microphone_gives_nothing_before_start(microphone: Microphone) -> None:
    """No thread listens until somebody starts it."""
    names = {thread.name for thread in threading.enumerate()}
    assert not names & {"microphone", "synthetic-microphone"}
    assert microphone.facts.description


def test_sound_is_mono_of_the_muxers_rate_in_order(microphone: Microphone) -> None:
    """Whole samples at 48 kHz, each stretch after the one before."""
    audio = listen(microphone).audio
    assert all(frame.rate_hz == SOUND_RATE_HZ and len(frame.samples) % 2 == 0 for frame in audio)
    assert all(after.pts >= before.pts for before, after in itertools.pairwise(audio))
    assert any(frame.samples.strip(b"\0") for frame in audio)


def test_times_are_those_of_the_units_clock(microphone: Microphone) -> None:
    """What is heard between two instants has times between them."""
    before_s = time.monotonic()
    audio = listen(microphone).audio
    after_s = time.monotonic()
    ends_s = [frame.pts / TICKS_PER_S + frame.sample_count / SOUND_RATE_HZ for frame in audio]
    assert before_s < min(ends_s)
    assert max(ends_s) <= after_s + 0.02


def test_sink_is_called_from_a_thread_of_the_microphones_own(microphone: Microphone) -> None:
    """Never from the thread that starts it."""
    assert threading.current_thread().name not in listen(microphone).threads


def test_nothing_comes_after_stop(microphone: Microphone) -> None:
    """After `stop` has returned the sink is not called, neither with sound nor with a fault."""
    sink = listen(microphone)
    count = len(sink.items)
    time.sleep(0.3)
    assert (len(sink.items), sink.faults) == (count, [])


def test_stop_is_idempotent_and_a_stopped_microphone_starts_again(microphone: Microphone) -> None:
    """Before any start, twice, and then once more from the beginning."""
    microphone.stop()
    listen(microphone)
    microphone.stop()
    assert listen(microphone).audio


def test_second_start_while_running_is_refused(microphone: Microphone) -> None:
    """Two captures of one device would take the sound from each other."""
    microphone.start(CollectingSink())
    with pytest.raises(MicrophoneFault, match="running already"):
        microphone.start(CollectingSink())
    microphone.stop()


class BrokenSink(CollectingSink):
    """A sink with a defect that no microphone foresees."""

    def on_audio(self, frame: AudioFrame) -> None:
        """Fail at the first sound."""
        raise RuntimeError(f"no room for {frame.rate_hz} Hz")


def test_error_that_nobody_foresaw_is_a_fault_and_no_line_in_the_log(
    microphone: Microphone, capfd: pytest.CaptureFixture[str]
) -> None:
    """The sink is told the error's type and words, once; a traceback in the log would tell when a room records (P7)."""
    sink = BrokenSink()
    microphone.start(sink)
    sink.wait_over()
    microphone.stop()
    (fault,) = sink.faults
    assert isinstance(fault, MicrophoneFault)
    assert str(fault).endswith(": stopped: RuntimeError: no room for 48000 Hz")
    assert "Traceback" not in capfd.readouterr().err
