"""The thread of a microphone: started once at a time, asked to end, and never waited for longer than a moment.

Whatever it dies of is told to the sink and never to the log: a traceback would say when a room records (promise P7).

A sound driver can keep a thread for ever, so the promise that nothing comes after `stop` (device/hardware/ports.py)
is kept by a gate before the sink and not by the thread's end.
"""

import threading
from collections.abc import Callable

from device.hardware.ports import AudioFrame, AudioSink, HardwareError, MicrophoneFault

LEAVE_S = 0.5


class Gate:
    """Stands before a sink; once shut, nothing passes. `is_set` and `wait` make it a `Cancel` for waits."""

    def __init__(self, sink: AudioSink) -> None:
        self._sink = sink
        self._lock = threading.Lock()
        self._shut = threading.Event()

    def is_set(self) -> bool:
        """Whether it is shut."""
        return self._shut.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is shut, or for `timeout` seconds; tells whether it is."""
        return self._shut.wait(timeout)

    def shut(self) -> None:
        """Let nothing pass from now on; returns when a call that is under way has ended."""
        self._shut.set()
        with self._lock:
            pass

    def on_audio(self, frame: AudioFrame) -> None:
        """See `AudioSink.on_audio`."""
        with self._lock:
            if not self._shut.is_set():
                self._sink.on_audio(frame)

    def on_fault(self, error: HardwareError) -> None:
        """See `AudioSink.on_fault`; shuts the gate."""
        with self._lock:
            if not self._shut.is_set():
                self._shut.set()
                self._sink.on_fault(error)


class ListeningThread:
    """Runs `listen(gate)` on a thread of its own; `listen` ends soon after the gate is shut, if its driver lets it."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._gate: Gate | None = None
        self._thread: threading.Thread | None = None

    def start(self, listen: Callable[[Gate], None], sink: AudioSink, description: str) -> None:
        """Begin; raises MicrophoneFault while the thread before has not ended."""
        if self._thread is not None and self._thread.is_alive():
            raise MicrophoneFault(f"{description}: is running already; stop it, and wait until its driver lets go")
        self._gate = Gate(sink)
        watched = (listen, self._gate, description)
        self._thread = threading.Thread(target=_listen_watched, args=watched, name=self._name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Shut the gate and give the thread LEAVE_S seconds to end; idempotent."""
        if self._gate is not None:
            self._gate.shut()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(LEAVE_S)


def _listen_watched(listen: Callable[[Gate], None], gate: Gate, description: str) -> None:
    """Listen, and say so when that ends in an error, even one that nobody foresaw: it is taken up again."""
    try:
        listen(gate)
    except MicrophoneFault as fault:
        gate.on_fault(fault)
    except Exception as error:  # noqa: BLE001 what nobody foresaw is told to the sink, never to the log
        gate.on_fault(MicrophoneFault(f"{description}: stopped: {type(error).__name__}: {error}"))
