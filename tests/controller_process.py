"""A real controller for tests: its own process on loopback, TLS with client certificates, and one unit's bundle.

It can be killed at any time and started again on the same folder. The test's own process looks into the same database
and grants leases there, as the jobs would.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import requests

from controller import wiring
from controller.accounts.models import Role
from controller.accounts.services import make_accounts
from controller.config import load_config
from controller.devices.services import NewDevice
from controller.migrations import upgrade
from controller.services import Services
from controller.uploads.scheduler.plan import Grant
from protocol.documents import Receipt, verify_document
from protocol.keyfiles import load_signing_key
from protocol.signing import SigningKey
from tests.broker import free_port
from tests.joined import add_device
from tests.leasing import issue_lease
from tests.school import encode_toml, make_school

if TYPE_CHECKING:
    from tests.lesson import Lesson, MediaSegment

PATH = "/units/v1"
TIMEOUT_S = 30.0
FAST_BPS = 10**12  # so that nothing waits for the pace


@dataclass
class ControllerProcess:
    """One controller: its files, its process, and the unit that delivers to it."""

    folder: Path
    services: Services
    owner: str
    device: str
    recorder: SigningKey
    process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        """Give the address of the units' listener."""
        units = self.services.config.units
        return f"{'https' if units.tls else 'http'}://{units.host}:{units.port}{PATH}"

    @property
    def certificate(self) -> tuple[str, str]:
        """Give the unit's certificate and key."""
        data = self.folder / "unit" / "data"
        return str(data / "certificate" / "tls.pem"), str(data / "identity" / "tls.key")

    @property
    def authority(self) -> str:
        """Give the file of the school's CA."""
        return str(self.services.config.controller.keys / "root-ca.pem")

    @property
    def data(self) -> Path:
        """Give the controller's data folder."""
        return self.services.config.controller.data

    def start(self) -> None:
        """Start the process and wait until it serves."""
        command = [sys.executable, "-m", "controller.cli", "serve", "--config", str(self.folder / "controller.toml")]
        with (self.folder / "serve.log").open("a") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line.startswith("Serving"), (self.folder / "serve.log").read_text()

    def kill(self) -> None:
        """End the process as a power cut would."""
        if self.process:
            self.process.kill()
            self._end()

    def stop(self) -> int | None:
        """End the process as systemd would, and give its exit status."""
        if not self.process:
            return None
        self.process.terminate()
        return self._end()

    def _end(self) -> int:
        assert self.process
        assert self.process.stdout
        status = self.process.wait(TIMEOUT_S)
        self.process.stdout.close()
        self.process = None
        return status

    def close(self) -> None:
        """End the process, if it runs, and let go of the database."""
        self.kill()
        self.services.database.close()

    def grant_lease(self) -> dict[str, str]:
        """Grant a lease for an hour and give the header that shows it."""
        now = self.services.clock()
        with self.services.database.writing() as session:
            grant = Grant(self.device, FAST_BPS, now, now + timedelta(hours=1))
            line = issue_lease(self.services, session, grant).line
        return {"Backrow-Lease": line.decode().strip()}

    def session(self) -> requests.Session:
        """Make an HTTPS session with the unit's certificate and a new lease."""
        made = requests.Session()
        made.trust_env = False
        made.verify, made.cert = self.authority, self.certificate
        made.headers.update(self.grant_lease())
        return made

    def make_lesson(self, *segments: MediaSegment) -> Lesson:
        """Record a lesson on the unit; it has not been delivered yet."""
        from tests.lesson import Lesson  # brings the whole muxer along, which not every test needs

        epoch = self.services.keys.recipients.epoch_at(self.services.clock())
        assert epoch
        return Lesson(
            device=self.device,
            owner=self.owner,
            recorder=self.recorder,
            epoch=epoch.name,
            epoch_identity=self.services.keys.epochs[epoch.name],
            segments=segments,
        )

    def put_manifest(self, session: requests.Session, lesson: Lesson) -> list[int]:
        """Send a lesson's manifest and give what is wanted."""
        address = f"{self.url}/recordings/{lesson.id}/manifest"
        answer = session.put(address, data=lesson.manifest, timeout=TIMEOUT_S)
        assert answer.status_code == 200, answer.text
        wanted: list[int] = answer.json()["wanted"]
        return wanted

    def receipt(self, session: requests.Session, lesson: Lesson) -> Receipt:
        """Fetch and verify the newest receipt of a lesson."""
        answer = session.get(f"{self.url}/recordings/{lesson.id}/receipt", timeout=TIMEOUT_S)
        assert answer.status_code == 200, answer.text
        return verify_document(Receipt, answer.content, self.services.keys.trust)


def make_controller(
    folder: Path, *, tls: bool = True, units: Mapping[str, int | str] | None = None
) -> ControllerProcess:
    """Lay out a school, its controller's configuration and database, a teacher and a unit; start nothing.

    `units` is added to `[units]` of the configuration.
    """
    school = make_school(folder, now=datetime.now(UTC))
    tables = {
        "controller": {"data": "controller", "keys": school.keys, "key_store": "key-store"},
        "people": {"port": free_port()},
        "units": {"port": free_port(), "tls": tls, **(units or {})},
        "broker": {"port": free_port()},
        "uploads": {"window": "always", "reserve_bytes": 1_000_000},
    }
    (folder / "controller").mkdir()
    (folder / "controller.toml").write_text(encode_toml(tables), "utf-8")
    services = wiring.make_services(load_config(folder / "controller.toml"))
    upgrade(services.database)
    owner = make_accounts(services).add(email="ada@school.example", name="Ada", role=Role.TEACHER)
    row = add_device(services, NewDevice(label="Room 12", owner=owner, settings={}), folder / "unit")
    recorder = load_signing_key(folder / "unit" / "data" / "identity" / "recorder.key")
    return ControllerProcess(folder, services, owner, row.id, recorder)
