"""A door for the demo: another process presses the mock button and sees the lamp, through a Unix socket.

It exists only where the configuration says mock pins; a production configuration refuses it. In: the lines `down`
and `up`. Out: a JSON line on connecting and at each change of light, `{"pattern", "lit": [red, green, blue], "words"}`,
and `{"tune"}` for each tune of the mock buzzer.
Never reaches the camera: what it can do is what a finger at the button can do.
"""

import json
import selectors
import socket
import threading
from collections.abc import Callable
from pathlib import Path

from device.hardware.ports import HardwareError, PartFacts, Tune
from protocol.room.lamp import DARK, LampPattern, Light

_MAX_LINE = 256
_MAX_PATH = 107


class PanelFault(HardwareError):
    """The mock panel's socket cannot be opened."""


class MockPanel:
    """Serves the panel's socket on one thread; `press(True)` is a finger going down, `press(False)` one going up."""

    def __init__(self, path: Path, *, press: Callable[[bool], None]) -> None:
        self._path = path
        self._press = press
        self._lock = threading.Lock()
        self._shown = _line(DARK, Light.DARK)
        self._readers: dict[socket.socket, bytes] = {}
        self._selector: selectors.BaseSelector | None = None
        self._waker: socket.socket | None = None
        self._thread: threading.Thread | None = None

    @property
    def facts(self) -> PartFacts:
        """Says loudly that nobody's finger is needed."""
        return PartFacts(f"MOCK panel, anyone with access may press: {self._path}", is_production=False)

    def start(self) -> None:
        """Open the socket, readable by this user only; raises PanelFault."""
        listener = self._listen()
        woken, self._waker = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._selector.register(listener, selectors.EVENT_READ, self._accept)
        self._selector.register(woken, selectors.EVENT_READ, None)
        self._thread = threading.Thread(target=self._run, args=(self._selector,), name="mock-panel", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close every connection, remove the socket, end the thread; idempotent."""
        if self._waker is None or self._thread is None:
            return
        self._waker.close()
        self._thread.join()
        self._waker, self._thread = None, None
        self._path.unlink(missing_ok=True)

    def show(self, pattern: LampPattern, light: Light) -> None:
        """Tell everybody who is connected; give it to `GpioLamp` as its observer. Never blocks, never raises."""
        with self._lock:
            self._shown = _line(pattern, light)
            for connection in list(self._readers):
                self._tell(connection)

    def hear(self, tune: Tune) -> None:
        """Tell everybody who is connected what the buzzer plays; give it to `GpioBuzzer` as its observer."""
        with self._lock:
            for connection in list(self._readers):
                _send(connection, json.dumps({"tune": tune.value}))

    def _listen(self) -> socket.socket:
        if len(str(self._path).encode()) > _MAX_PATH:
            raise PanelFault(f"{self._path}: longer than the {_MAX_PATH} bytes of a Unix socket; use a shorter folder")
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._path.unlink(missing_ok=True)
            listener.bind(str(self._path))
            self._path.chmod(0o600)
            listener.listen()
        except OSError as error:
            listener.close()
            raise PanelFault(f"{self._path}: the panel's socket cannot be opened: {error.strerror}") from error
        return listener

    def _run(self, selector: selectors.BaseSelector) -> None:
        while True:
            for key, _ in selector.select():
                if key.data is None:
                    self._close_all(selector)
                    return
                key.data(key.fileobj, selector)

    def _accept(self, listener: socket.socket, selector: selectors.BaseSelector) -> None:
        connection, _ = listener.accept()
        connection.settimeout(0)
        with self._lock:
            self._readers[connection] = b""
            self._tell(connection)
        selector.register(connection, selectors.EVENT_READ, self._read)

    def _read(self, connection: socket.socket, selector: selectors.BaseSelector) -> None:
        try:
            data = connection.recv(4096)
        except OSError:
            data = b""
        if not data or len(self._readers[connection]) > _MAX_LINE:
            self._drop(connection, selector)
            return
        *lines, rest = (self._readers[connection] + data).split(b"\n")
        with self._lock:
            self._readers[connection] = rest
        for line in lines:
            self._obey(line.strip(), connection)

    def _obey(self, word: bytes, connection: socket.socket) -> None:
        """The press runs without the lock: it may change the lamp, which comes back here through `show`."""
        if word in (b"down", b"up"):
            self._press(word == b"down")
            return
        _send(connection, json.dumps({"error": f"expected down or up, got {word.decode(errors='replace')!r}"}))

    def _tell(self, connection: socket.socket) -> None:
        _send(connection, self._shown)

    def _drop(self, connection: socket.socket, selector: selectors.BaseSelector) -> None:
        selector.unregister(connection)
        with self._lock:
            del self._readers[connection]
        connection.close()

    def _close_all(self, selector: selectors.BaseSelector) -> None:
        with self._lock:
            self._readers.clear()
        for key in list(selector.get_map().values()):
            selector.unregister(key.fileobj)
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.close()
        selector.close()


def _line(pattern: LampPattern, light: Light) -> str:
    return json.dumps({"pattern": pattern.name, "lit": light.value, "words": pattern.words})


def _send(connection: socket.socket, text: str) -> None:
    """A listener that does not read misses lines; the lamp does not wait for it."""
    try:
        connection.send(text.encode() + b"\n")
    except OSError:
        return
