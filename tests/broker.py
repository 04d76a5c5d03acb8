"""A private, real Mosquitto for tests: its own port on loopback, its own configuration in a temporary folder.

It is stopped by its own process handle, never by name. `start` after `stop` listens on the same port again, for tests
of a broker that is gone and comes back. Nothing is kept on disk between the two unless the extra lines say so.
"""

from __future__ import annotations

import getpass
import os
import random
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from controller.bridge.link import BridgeLink

PATIENCE_S = 20.0


def wait_online(link: BridgeLink) -> bool:
    """Wait until a link is connected and subscribed; False when patience ends first."""
    deadline = time.monotonic() + PATIENCE_S
    while not link.online and time.monotonic() < deadline:
        time.sleep(0.02)
    return link.online


class BrokerError(Exception):
    """Mosquitto is not installed, or did not come up; its log stands in the message."""


def free_port() -> int:
    """Give a loopback port that nobody listens on at this moment.

    It is below those that the system gives to clients by itself (32768 and on): a test beside this one that makes a
    thousand connections would have it before the server of this one is up.
    """
    while True:
        port = random.SystemRandom().randrange(10_240, 32_768)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def tls_lines(authority: Path, certificate: Path, key: Path) -> tuple[str, ...]:
    """Give the configuration lines of a school's broker: mutual TLS, a unit's name is its certificate's, and its rules.

    A unit may write its own `up` and read its own `down` topics; whoever is called `backrow-bridge` may read all `up`
    and write all `down`.
    """
    rules = authority.with_name("broker.acl")
    rules.write_text(
        "user backrow-bridge\ntopic read backrow/v1/+/up/#\ntopic write backrow/v1/+/down/#\n"
        "pattern write backrow/v1/%u/up/#\npattern read backrow/v1/%u/down/#\n",
        "utf-8",
    )
    rules.chmod(0o600)
    files = (f"cafile {authority}", f"certfile {certificate}", f"keyfile {key}", f"acl_file {rules}")
    return (*files, "allow_anonymous false", "require_certificate true", "use_identity_as_username true")


class Broker:
    """A Mosquitto in the foreground. `lines` are added to its configuration, e.g. TLS files or access rules."""

    def __init__(self, *, host: str = "127.0.0.1", lines: tuple[str, ...] = ("allow_anonymous true",)) -> None:
        self.host = host
        self.port = free_port()
        self._lines = lines
        self._folder = Path(tempfile.mkdtemp(prefix="backrow-broker-"))
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()
        shutil.rmtree(self._folder)

    def start(self) -> None:
        """Start Mosquitto on the port of before and return when it accepts connections."""
        if self._process is not None:
            raise BrokerError(f"the broker on port {self.port} runs already")
        program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
        if program is None:
            raise BrokerError("mosquitto is not installed; run: apt-get install mosquitto")
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([program, "-c", self._configure()], stdout=log, stderr=log)
        self._wait_until_it_listens(self._process)

    def stop(self) -> None:
        """End Mosquitto as an administrator would; none running is no error."""
        if self._process is not None:
            self._process.terminate()
            self._end(self._process)

    def kill(self) -> None:
        """End Mosquitto as a power cut would: it tells nobody, and forgets what it had not written."""
        if self._process is not None:
            self._process.kill()
            self._end(self._process)

    @property
    def log_text(self) -> str:
        """Give what Mosquitto has written so far."""
        return self._log.read_text("utf-8", "replace") if self._log.exists() else ""

    @property
    def _log(self) -> Path:
        return self._folder / "mosquitto.log"

    def _configure(self) -> str:
        fixed = (f"listener {self.port} {self.host}", f"user {getpass.getuser()}", "persistence false", "log_type all")
        path = self._folder / "mosquitto.conf"
        path.write_text("\n".join((*fixed, *self._lines)) + "\n", "utf-8")
        return str(path)

    def _wait_until_it_listens(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            if process.poll() is not None:
                self._process = None
                break
            try:
                socket.create_connection((self.host, self.port), timeout=1.0).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        self.stop()
        raise BrokerError(f"mosquitto did not come up on port {self.port}:\n{self.log_text}")

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._process = None
