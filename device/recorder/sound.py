"""Keeps the unit's microphone going while a take runs, and lets go of it after: started, watched, taken back.

Whatever the microphone does, the take goes on: it never waits here, and hears words only when sound is lost and when
it has come back. One thread at a time touches the microphone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from device.hardware.ports import AudioFrame, Clock, HardwareError, Microphone

MOST_WORDS = 20  # of one take: a cable that comes and goes must not fill the manifest


@dataclass(frozen=True, slots=True)
class KeeperPace:
    """A microphone that gives nothing for `quiet_s` has failed; it is tried again after `first_s`, then ever more
    seldom, at the least every `longest_s`.
    """

    quiet_s: float = 2.0
    first_s: float = 0.5
    longest_s: float = 10.0


@dataclass(frozen=True)
class Listener:
    """Who listens: `hear` takes sound, `tell` takes words about a loss; both are called from other threads."""

    hear: Callable[[AudioFrame], None]
    tell: Callable[[str], None]


class Hearing(Protocol):
    """What a take may hear beside its camera's pictures. Both are called by the main loop's thread."""

    def begin(self, listener: Listener) -> None:
        """Listen for `listener` from now on."""

    def end(self) -> None:
        """Listen no more. Idempotent."""


class Deaf:
    """Hears nothing and opens no microphone: for a recording whose consent leaves the sound out."""

    def begin(self, listener: Listener) -> None:
        """See `Hearing.begin`: nobody is listened to."""

    def end(self) -> None:
        """See `Hearing.end`."""


NO_SOUND = Deaf()


class SoundKeeper:
    """The microphone of a unit. `begin` and `end` are called by the main loop's thread and return at once."""

    def __init__(self, microphone: Microphone, clock: Clock, pace: KeeperPace | None = None) -> None:
        self._microphone = microphone
        self._clock = clock
        self._pace = pace or KeeperPace()
        self._lock = threading.Lock()
        self._wanted: _Turn | None = None
        self._thread: threading.Thread | None = None

    def begin(self, listener: Listener) -> None:
        """Listen for `listener` from now on."""
        self.end()
        with self._lock:
            self._wanted = _Turn(listener, self._clock)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="sound-keeper", daemon=True)
                self._thread.start()

    def end(self) -> None:
        """Listen no more: nothing reaches the listener after this. Idempotent."""
        with self._lock:
            turn, self._wanted = self._wanted, None
        if turn is not None:
            turn.close()

    def _run(self) -> None:
        while (turn := self._next()) is not None:
            self._keep(turn)

    def _next(self) -> _Turn | None:
        """Give whose turn it is; with None this thread ends, and the next `begin` makes another."""
        with self._lock:
            if self._wanted is None:
                self._thread = None
            return self._wanted

    def _keep(self, turn: _Turn) -> None:
        pause_s = self._pace.first_s
        while not turn.is_over:
            turn.reset()
            try:
                heard = self._listen(turn)
            except HardwareError as error:
                heard = turn.lose(str(error))
            except Exception as error:  # noqa: BLE001 whatever it is, the manifest must say so and the sound be taken back
                heard = turn.lose(f"{type(error).__name__}: {error}")
            pause_s = self._pace.first_s if heard else min(2 * pause_s, self._pace.longest_s)
            self._clock.wait_until(self._clock.monotonic_s() + pause_s, turn.over)

    def _listen(self, turn: _Turn) -> bool:
        """Listen until the turn is over or the microphone fails; tell whether anything was heard."""
        self._microphone.start(turn)
        try:
            while not self._clock.wait_until(turn.heard_s + self._pace.quiet_s, turn.stirred):
                if self._clock.monotonic_s() - turn.heard_s >= self._pace.quiet_s:
                    return turn.lose(f"the microphone has given no sound for {self._pace.quiet_s:g} s")
            return turn.lose(turn.fault) if turn.fault else True
        finally:
            self._microphone.stop()


class _Turn:
    """One take's time with the microphone: the sink that it calls, and what has come of it."""

    def __init__(self, listener: Listener, clock: Clock) -> None:
        self._listener = listener
        self._clock = clock
        self._lock = threading.Lock()
        self._lost_s: float | None = None
        self._words = 0
        self._heard = False
        self.over = threading.Event()
        self.stirred = threading.Event()
        self.heard_s = clock.monotonic_s()
        self.fault = ""

    @property
    def is_over(self) -> bool:
        """Whether nobody listens any more."""
        return self.over.is_set()

    def close(self) -> None:
        """Nothing reaches the listener from now on."""
        with self._lock:  # so that a call that is under way has ended when this returns
            self.over.set()
            self.stirred.set()

    def reset(self) -> None:
        """Before the microphone is started again."""
        with self._lock:
            self.fault, self._heard, self.heard_s = "", False, self._clock.monotonic_s()
            if not self.is_over:
                self.stirred.clear()

    def on_audio(self, frame: AudioFrame) -> None:
        """See `AudioSink.on_audio`."""
        with self._lock:
            if self.is_over:
                return
            self._heard, self.heard_s = True, self._clock.monotonic_s()
            if self._lost_s is not None:
                self._say(f"the microphone answers again after {self.heard_s - self._lost_s:.0f} s")
                self._lost_s = None
            self._listener.hear(frame)

    def on_fault(self, error: HardwareError) -> None:
        """See `AudioSink.on_fault`."""
        self.fault = str(error) or type(error).__name__
        self.stirred.set()

    def lose(self, words: str) -> bool:
        """Say, once, that the sound is lost; tell whether anything had been heard since the last start."""
        with self._lock:
            if self._lost_s is None and not self.is_over:
                self._lost_s = self.heard_s
                self._say(words)
        return self._heard

    def _say(self, words: str) -> None:
        self._words += 1
        if self._words <= MOST_WORDS:
            self._listener.tell(words)
