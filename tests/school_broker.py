"""The school's broker as it is installed: Mosquitto with exactly the files of `backrow provision broker`.

The files are made for a folder of the test's and laid there with the rights that the tmpfiles.d snippet gives; nothing
in them is changed. `reload` is what backrow-crl.service does at a new list. Stopped by its own process handle.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath

from protocol.pki import Credential, Revoked, encode_certificates, issue_bridge, issue_crl
from provisioning.broker.files import BrokerPlan, BrokerTrust, issue_broker, place_files, store_files
from tests.broker import PATIENCE_S, BrokerError, free_port
from tests.mqtt_wire import Papers, Wire, dial

LOOK_S = 0.02
MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


@dataclass
class SchoolBroker:
    """One broker with its authority; `root` is what it trusts, `authority` issues everybody's certificates."""

    folder: Path
    root: Credential
    authority: Credential
    now: datetime
    plan: BrokerPlan
    process: subprocess.Popen[bytes] | None = None
    launcher: tuple[str, ...] = ()
    """What comes before its command: a clock of its own, say."""
    _papers: dict[str, Papers] = field(default_factory=dict)

    @property
    def files(self) -> Path:
        """Give the folder of the broker's files."""
        return Path(self.plan.folder)

    @property
    def log_text(self) -> str:
        """Give what Mosquitto has written so far."""
        return (self.folder / "log").read_text("utf-8", "replace")

    def install(self) -> None:
        """Make the files and lay them where they belong, as a person does by the runbook."""
        server = issue_broker(self.authority, ("127.0.0.1",), now=self.now)
        authority_pem = encode_certificates([self.root.certificate])
        placed = place_files(self.plan, BrokerTrust(authority_pem=authority_pem, server=server))
        store_files(self.folder / "out", placed)
        self.place(self.folder / "out")
        self.revoke()

    def place(self, out: Path) -> None:
        """Copy what was made below `out` to where it belongs, with the owner that the tmpfiles.d snippet gives it."""
        shutil.copytree(out / str(self.plan.folder).lstrip("/"), self.files)
        Path(self.plan.state).mkdir()
        if os.geteuid() == 0:  # then Mosquitto runs as its own user
            for path in (*self.files.iterdir(), Path(self.plan.state)):
                shutil.chown(path, "mosquitto")

    def revoke(self, *certificates: Credential, now: datetime | None = None) -> None:
        """Issue a list and lay it beside the other files, as backrow-crl.service does."""
        revoked = [Revoked(each.certificate.serial_number, self.now) for each in certificates]
        self.put_crl([issue_crl(self.authority, revoked, now=now or self.now)])

    def put_crl(self, lists: Iterable[bytes]) -> None:
        """Replace the list."""
        draft = self.files / "revoked.crl.new"
        draft.write_bytes(b"".join(lists))
        draft.chmod(0o644)
        draft.rename(self.files / "revoked.crl")

    def start(self) -> None:
        """Start Mosquitto and return when both listeners accept connections."""
        if MOSQUITTO is None:
            raise BrokerError("mosquitto is not installed; run: apt-get install mosquitto")
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*self.launcher, MOSQUITTO, "-c", str(self.files / "mosquitto.conf")], stderr=log
            )
        deadline = time.monotonic() + PATIENCE_S
        while not all(_answers(port) for port in (self.plan.units_port, self.plan.bridge_port)):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise BrokerError(f"mosquitto did not come up:\n{self.log_text}")
            time.sleep(0.02)

    def reload(self) -> None:
        """Let Mosquitto read its list again."""
        assert self.process
        self.process.send_signal(signal.SIGHUP)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End Mosquitto; SIGKILL is the power cut."""
        if self.process:
            self.process.send_signal(number)
            self.process.wait(PATIENCE_S)
            self.process = None

    def papers(self, name: str, credential: Credential | None = None) -> Papers:
        """Write a credential to files and give what a client shows; without one, what was written under the name."""
        if credential is None:
            return self._papers[name]
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        certificate.write_bytes(credential.certificate_pem())
        key.touch(0o600)
        key.write_bytes(credential.key_pem())
        self._papers[name] = Papers(authority=self.files / "ca.pem", certificate=certificate, key=key)
        return self._papers[name]

    def dial_unit(self, papers: Papers) -> Wire:
        """Open a connection to the units' listener."""
        return dial(self.plan.units_port, papers)

    def dial_bridge(self, papers: Papers | None = None) -> Wire:
        """Open a connection to the bridge's listener, with the bridge's own certificate unless told otherwise."""
        return dial(self.plan.bridge_port, papers or self.bridge_papers)

    @property
    def bridge_papers(self) -> Papers:
        """Give the bridge's certificate, made once."""
        if "bridge" not in self._papers:
            self.papers("bridge", issue_bridge(self.authority, now=self.now))
        return self._papers["bridge"]


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
    except OSError:
        return False
    return True


@contextmanager
def school_broker(
    authority: Credential, *, root: Credential | None = None, now: datetime, connections: int = 64
) -> Iterator[SchoolBroker]:
    """Install and run a broker whose files lie in a folder that its own user may reach."""
    folder = Path(tempfile.mkdtemp(prefix="backrow-broker-"))
    folder.chmod(0o755)
    plan = BrokerPlan(
        folder=PurePosixPath(folder / "etc"),
        state=PurePosixPath(folder / "state"),
        crl=PurePosixPath(folder / "controller" / "revoked.crl"),
        units_host="127.0.0.1",
        units_port=free_port(),
        bridge_port=free_port(),
        connections=connections,
    )
    broker = SchoolBroker(folder, root or authority, authority, now, plan)
    try:
        broker.install()
        broker.start()
        yield broker
    finally:
        broker.stop()
        shutil.rmtree(folder)


@contextmanager
def following(broker: SchoolBroker, source: Path) -> Iterator[None]:
    """Do what backrow-crl.path and its service do: at each new list of the controller, copy it and reload."""

    def hand_over(lists: bytes) -> None:
        broker.put_crl([lists])
        broker.reload()

    with handing_over(source, hand_over):
        yield


@contextmanager
def handing_over(source: Path, hand_over: Callable[[bytes], None]) -> Iterator[None]:
    """Give each new list of the controller to `hand_over`, as backrow-crl.path gives it to its service."""
    stop = threading.Event()

    def follow() -> None:
        known: tuple[int, int] | None = None
        while not stop.wait(LOOK_S):
            with suppress(FileNotFoundError):
                found = source.stat()
                if (found.st_ino, found.st_mtime_ns) != known:
                    known = (found.st_ino, found.st_mtime_ns)
                    hand_over(source.read_bytes())

    thread = threading.Thread(target=follow)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
