"""The processes of a demo: started in order, watched, and all stopped at the end, the last one first.

Each writes into a log file of its own. A process that ends unasked ends the demo, with the last lines of its log.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

from provisioning.demo.errors import DemoError

STOP_SECONDS = 20
LOG_LINES = 15
LOOPBACK_ALONE = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
"""All that a demo speaks with is here; a proxy of the person's would not find it."""


def backrow(*arguments: str | Path) -> list[str]:
    """Give the command line of one of our own commands, in this very environment."""
    return [sys.executable, "-m", "provisioning", *map(str, arguments)]


def run(*arguments: str | Path, cwd: Path) -> str:
    """Run one of our own commands to its end and give what it printed; raise `DemoError` with its words otherwise."""
    done = subprocess.run(backrow(*arguments), cwd=cwd, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode:
        words = (done.stderr or done.stdout).strip()
        raise DemoError(f"`backrow {' '.join(map(str, arguments))}` ended with status {done.returncode}: {words}")
    return done.stdout


def inspect_video(video: Path) -> list[str]:
    """Have the unit's own command look at a video; give its sentences, or raise `DemoError` with its refusal."""
    done = subprocess.run(backrow("device", "inspect", video), capture_output=True, text=True, check=False)
    if done.returncode == 1:
        raise DemoError(done.stderr.strip().removeprefix("Error: "))
    if done.returncode:
        words = done.stderr.strip() or "no words"
        raise DemoError(f"{video}: looking at it ended with status {done.returncode} ({words}); give another video")
    return done.stdout.splitlines()


class Crew:
    """The running processes by name; a context manager that leaves none."""

    def __init__(self, folder: Path) -> None:
        """Run processes with `folder` as their working folder, logs in `folder/logs`."""
        self._folder = folder
        self._logs = folder / "logs"
        self._logs.mkdir(parents=True, exist_ok=True)
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Crew:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything that still runs."""
        self.stop_all()

    def start(self, name: str, command: Sequence[str]) -> None:
        """Start a process; a Ctrl-C in the terminal reaches the demo alone, which then stops its crew in order."""
        with (self._logs / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                command,
                cwd=self._folder,
                env=os.environ | LOOPBACK_ALONE,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def pids(self) -> list[int]:
        """Give the processes' numbers, in the order in which they were started."""
        return [process.pid for process in self._running.values()]

    def check(self) -> None:
        """Raise `DemoError` when a process has ended unasked."""
        for name, process in self._running.items():
            if process.poll() is not None:
                raise DemoError(
                    f"the process {name!r} ended with status {process.returncode}; "
                    f"the end of {self._logs / name}.log:\n{self._tail(name)}"
                )

    def wait_for(self, what: str, answer: Callable[[], bool], *, seconds: float) -> None:
        """Wait until `answer` says yes; raise `DemoError` when a process ends or the time is over."""
        end = time.monotonic() + seconds
        while not answer():
            self.check()
            if time.monotonic() > end:
                raise DemoError(f"waited {seconds:.0f} s for {what} in vain; the logs are in {self._logs}")
            time.sleep(0.1)

    def stop_all(self) -> None:
        """Ask each process to end, the last started first, and kill what does not."""
        while self._running:
            _, process = self._running.popitem()
            _stop(process)

    def _tail(self, name: str) -> str:
        lines = (self._logs / f"{name}.log").read_text("utf-8", "replace").splitlines()
        return "\n".join(f"  {line}" for line in lines[-LOG_LINES:])


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
