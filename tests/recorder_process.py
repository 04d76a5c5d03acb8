"""The real recorder as a process of its own, and a finger and an eye at its mock panel.

For crash and end-to-end tests. Every process that is started here is ended here.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from tests.school import UnitBundle

PATIENCE_S = 60.0
COMMAND = (sys.executable, "-m", "device.cli", "recorder", "--config")


class Panel:
    """The mock panel of a running recorder: presses, and what the lamp has shown and the buzzer played."""

    def __init__(self, path: Path) -> None:
        self._socket = _connect(path)
        self._file = self._socket.makefile("r", encoding="utf-8")
        self.shown: list[str] = []
        self.heard: list[str] = []

    def tap(self) -> None:
        """A short press."""
        self.hold(0.3)

    def hold(self, seconds: float) -> None:
        """Press, hold and let go."""
        self.press()
        time.sleep(seconds)
        self.release()

    def press(self) -> None:
        """Put the finger on the button."""
        self._socket.sendall(b"down\n")

    def release(self) -> None:
        """Take the finger away."""
        self._socket.sendall(b"up\n")

    def wait_for(self, *patterns: str, timeout_s: float = PATIENCE_S) -> str:
        """Read the lamp until it shows one of `patterns`; fails when it does not in time."""
        deadline = time.monotonic() + timeout_s
        while (left := deadline - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                line = self._file.readline()
            except TimeoutError:
                break
            if not line:
                raise AssertionError(f"the recorder went away; the lamp showed {self.shown}")
            said = json.loads(line)
            if "tune" in said:
                self.heard.append(said["tune"])
                continue
            name = said["pattern"]
            self.shown.append(name)
            if name in patterns:
                return str(name)
        raise AssertionError(f"the lamp did not show {patterns} within {timeout_s} s, but {self.shown[-12:]}")

    def close(self) -> None:
        """Let go of the socket."""
        self._file.close()
        self._socket.close()

    def __enter__(self) -> Panel:
        return self

    def __exit__(self, *_error: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()


def _connect(path: Path) -> socket.socket:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(str(path))
        except OSError:
            connection.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return connection


@contextmanager
def running_recorder(
    unit: UnitBundle, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Start the recorder of `unit`; whatever still runs at the end is killed. Its words are in `recorder.log`."""
    with (unit.folder / "recorder.log").open("ab") as log:
        process = subprocess.Popen(
            [*COMMAND, str(unit.config)],
            stdout=log,
            stderr=log,
            env={**os.environ, **(environment or {})},
            cwd=Path(__file__).parent.parent,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()


def panel_of(unit: UnitBundle) -> Panel:
    """Put finger and eye to the unit's panel; waits until it is there."""
    return Panel(unit.data / "run" / "panel.sock")


def terminate(process: subprocess.Popen[bytes]) -> int:
    """Ask for an orderly end and give the exit status."""
    process.send_signal(signal.SIGTERM)
    return process.wait(PATIENCE_S)
