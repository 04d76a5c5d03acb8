"""A microphone at ALSA, read through PyAV: named in the configuration, or the USB microphone that is there.

Gives mono sound of the muxer's rate with times of the unit's monotonic clock. It reads without ever waiting inside
ALSA, and never opens a card that the kernel does not list. What the times mean: docs/hardware/sound.md.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import InputContainer

from device.hardware.alsa_words import catch_words, give_words
from device.hardware.cards import ASOUND, choose_device
from device.hardware.listening import Gate, ListeningThread
from device.hardware.ports import (
    SOUND_RATE_HZ,
    AudioFrame,
    AudioSink,
    Clock,
    MicrophoneFault,
    PartFacts,
)
from device.media.soundclock import SoundClock
from device.media.stretcher import Stretcher

POLL_S = 0.1
_MOST_BYTES = SOUND_RATE_HZ * 2 * 2  # of one reading: ALSA's own buffer holds less than two seconds
_OPEN_S = 3.0
# PyAV's wheel looks for ALSA's configuration where it was built; the system's own stands here.
_ALSA_CONFIGURATION = ("ALSA_CONFIG_DIR", "/usr/share/alsa")
_OPTIONS = {
    "sample_rate": str(SOUND_RATE_HZ),
    "channels": "1",
    "fflags": "4",  # AVFMT_FLAG_NONBLOCK, which has no name among the options: a read never waits inside ALSA
}


@dataclass(frozen=True, slots=True)
class AlsaSettings:
    """`device`: a name by which ALSA opens it (`plughw:CARD=Device`), None for the USB microphone that is there.

    `latency_ms`: how long after it was made a sound can be read at the earliest; its time is set back by that much.
    `asound`: where the kernel lists its cards.
    """

    device: str | None = None
    latency_ms: float = 0.0
    asound: Path = ASOUND


class AlsaMicrophone:
    """One ALSA capture device; see `Microphone`."""

    def __init__(self, *, clock: Clock, settings: AlsaSettings | None = None) -> None:
        self._clock = clock
        self._settings = settings or AlsaSettings()
        self._thread = ListeningThread("microphone")

    @property
    def facts(self) -> PartFacts:
        """Says what is configured."""
        return PartFacts(f"microphone at ALSA: {self._settings.device or 'any USB microphone'}", is_production=True)

    def start(self, sink: AudioSink) -> None:
        """See `Microphone.start`; raises MicrophoneFault at once when no such card is listed."""
        name = choose_device(self._settings.device, self._settings.asound)
        self._thread.start(lambda gate: self._run(name, gate), sink, self.facts.description)

    def stop(self) -> None:
        """See `Microphone.stop`; never waits for a driver that hangs."""
        self._thread.stop()

    def _run(self, name: str, gate: Gate) -> None:
        try:
            with closing(_open(name)) as container:
                self._listen(_Ear(container, latency_s=self._settings.latency_ms / 1000), gate)
        except (av.FFmpegError, MicrophoneFault) as error:
            words = give_words()
            raise MicrophoneFault(f"{name}: {error}{f' (ALSA: {words})' if words else ''}") from error

    def _listen(self, ear: _Ear, gate: Gate) -> None:
        while not self._clock.wait_until(self._clock.monotonic_s() + POLL_S, gate):
            for frame in ear.hear(self._clock):
                gate.on_audio(frame)


def _open(name: str) -> InputContainer:
    os.environ.setdefault(*_ALSA_CONFIGURATION)
    catch_words()
    container = av.open(name, format="alsa", options=_OPTIONS, timeout=_OPEN_S)
    if not container.streams.audio:
        container.close()
        raise MicrophoneFault("ALSA gives no sound stream")
    return container


class _Ear:
    """One open device: reads what is there, and says when it was heard."""

    def __init__(self, container: InputContainer, *, latency_s: float) -> None:
        self._container = container
        self._stream: AudioStream = container.streams.audio[0]
        self._latency_s = latency_s
        self._clock = SoundClock(rate_hz=self._stream.rate)
        self._stretcher = Stretcher(rate_hz=self._stream.rate, layout=self._stream.layout.name)

    def hear(self, clock: Clock) -> Iterator[AudioFrame]:
        """Give what could be heard since the last time."""
        samples = self._read(clock)
        if samples:
            count = len(samples) // (2 * self._stream.channels)
            heard_s = self._clock.place(count, read_s=clock.monotonic_s()) - self._latency_s
            yield from self._stretcher.stretch(samples, count=count, heard_s=heard_s)

    def _read(self, clock: Clock) -> bytes:
        """Read until there is nothing left for now, but not for ever from what only looks like a sound card."""
        taken, until_s = bytearray(), clock.monotonic_s() + POLL_S
        try:
            for packet in self._container.demux(self._stream):
                if not packet.size:
                    raise MicrophoneFault("ALSA says that the sound has come to an end")
                taken += bytes(packet)
                if len(taken) >= _MOST_BYTES or clock.monotonic_s() > until_s:
                    break
        except av.BlockingIOError:
            return bytes(taken)
        return bytes(taken)
