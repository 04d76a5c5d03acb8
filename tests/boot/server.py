"""A school's server as a person sets it up: keys by the ceremony, controller with TLS, Mosquitto with its own files.

Everything is made by the product's commands and runs as processes of this machine, at an address that a unit in a
container reaches. Every process that is started here is ended here.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from protocol.durable import replace_file
from tests.boot.machine import wait_for
from tests.broker import free_port
from tests.school import encode_toml
from tests.school_broker import MOSQUITTO, handing_over

OWNER = "ada@school.example"
PATIENCE_S = 60.0


@dataclass
class SchoolServer:
    """One server; `broker_folder` can be reached by Mosquitto's user, as pytest's own folders cannot for long."""

    folder: Path
    broker_folder: Path
    host: str
    people: int = field(default_factory=free_port)
    units: int = field(default_factory=free_port)
    broker: int = field(default_factory=free_port)
    bridge: int = field(default_factory=free_port)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    ending: ExitStack = field(default_factory=ExitStack)

    @property
    def config(self) -> Path:
        """Give the controller's configuration."""
        return self.folder / "controller.toml"

    def backrow(self, *arguments: str | Path) -> str:
        """Run a command of the product, and give what it said."""
        command = [sys.executable, "-m", "provisioning", *map(str, arguments)]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
        return done.stdout

    def found(self) -> None:
        """Make keys, database, teacher and the broker's files."""
        names = ("--host", self.host, "--host", "localhost")
        self.backrow("provision", "keys", "init", "--school", "A made-up school", *names, "--out", "keys")
        self.config.write_text(encode_toml(self._tables()), "utf-8")
        self.backrow("controller", "migrate", "--config", self.config)
        self.backrow("controller", "teacher", "add", "--config", self.config, "--email", OWNER, "--name", "Ada")
        self._lay_broker()

    def _tables(self) -> dict[str, dict[str, object]]:
        keys = self.folder / "keys"
        people = f"https://{self.host}:{self.people}"
        tls = {"tls_certificate": keys / "server.pem", "tls_key": keys / "server.key"}
        broker = {"host": "127.0.0.1", "port": self.bridge, "units_host": self.host, "units_port": self.broker}
        return {
            "controller": {"data": "controller", "keys": "keys", "key_store": "key-store"},
            "people": {"host": self.host, "port": self.people, "url": people, **tls},
            "units": {"host": self.host, "port": self.units},
            "broker": {**broker, "tls": True, "certificate": keys / "bridge.pem", "key": keys / "bridge.key"},
            "uploads": {"window": "always", "tick_s": 1, "reserve_bytes": 100_000_000},
            "retention": {"keep_delivered_days": 0},  # the unit lets go of a lesson at its receipt, which is waited for
        }

    def _lay_broker(self) -> None:
        files, state = self.broker_folder / "etc", self.broker_folder / "state"
        places = ("--folder", files, "--state", state, "--crl", self.folder / "controller/revoked.crl")
        ports = ("--listen", self.host, "--port", str(self.broker), "--bridge-port", str(self.bridge))
        self.backrow("provision", "broker", "--keys", "keys", *places, *ports, "--out", "broker-files")
        shutil.copytree(self.folder / "broker-files" / str(files).lstrip("/"), files)
        state.mkdir()
        for path in (files, *files.rglob("*"), state):
            shutil.chown(path, "mosquitto")

    def start(self) -> None:
        """Start controller, jobs, broker and bridge, and wait until they answer."""
        for name in ("serve", "jobs"):
            self._start(name, sys.executable, "-m", "provisioning", "controller", name, "--config", str(self.config))
        listed = self.folder / "controller" / "revoked.crl"
        wait_for(lambda: listed.exists() or "", "the controller has made its list of revoked certificates")
        shutil.copy(listed, self.broker_folder / "etc" / "revoked.crl")
        assert MOSQUITTO is not None
        broker = self._start("mosquitto", MOSQUITTO, "-c", str(self.broker_folder / "etc" / "mosquitto.conf"))
        self.ending.enter_context(handing_over(listed, partial(self._hand_over, broker)))
        self._start(
            "bridge", sys.executable, "-m", "provisioning", "controller", "bridge", "--config", str(self.config)
        )

    def log(self, name: str) -> str:
        """Give what a process has said."""
        return (self.folder / f"{name}.log").read_text("utf-8", "replace")

    def _hand_over(self, broker: subprocess.Popen[bytes], lists: bytes) -> None:
        """Do as backrow-crl.service does."""
        replace_file(self.broker_folder / "etc" / "revoked.crl", lists, mode=0o644)
        broker.send_signal(signal.SIGHUP)

    def _start(self, name: str, *command: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes.append(subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log))
        return self.processes[-1]

    def stop(self) -> None:
        """End every process."""
        self.ending.close()
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def school_server(folder: Path, host: str) -> Iterator[SchoolServer]:
    """Set a server up and run it."""
    folder.mkdir()
    with TemporaryDirectory(prefix="backrow-broker-") as name:
        Path(name).chmod(0o755)
        server = SchoolServer(folder, Path(name), host)
        server.found()
        try:
            server.start()
            yield server
        finally:
            server.stop()
