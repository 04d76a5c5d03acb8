"""A school with everything that a revocation has to pass: controller, its broker as installed, the bridge, live units.

Controller and bridge are processes of their own; what revokes is a third one, the test. The broker's list follows the
controller's as backrow-crl.path does it.
"""

from __future__ import annotations

import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from controller.devices.services import NewDevice
from controller.enrollment.revocation import LIST, renew_list, revoke_unit
from controller.keys import load_authority
from protocol.pki import Credential, parse_credential
from tests.broker import PATIENCE_S
from tests.controller_process import ControllerProcess, make_controller
from tests.joined import add_device
from tests.mqtt_wire import GRANTED, Papers, Wire
from tests.school import encode_toml
from tests.school_broker import SchoolBroker, following, school_broker


@dataclass
class Unit:
    """A unit that was added: its id and the files of its certificate."""

    device: str
    papers: Papers


@dataclass
class Stand:
    """The school. `bridge` is None while it is stopped."""

    controller: ControllerProcess
    broker: SchoolBroker
    bridge: subprocess.Popen[bytes] | None = None

    def add_unit(self, name: str) -> Unit:
        """Enter a unit and give it a certificate."""
        folder = self.controller.folder / name
        row = add_device(
            self.controller.services, NewDevice(label=name, owner=self.controller.owner, settings={}), folder
        )
        certificate = next(folder.rglob("tls.pem"))
        key = next(folder.rglob("tls.key"))
        return Unit(row.id, Papers(authority=self.broker.files / "ca.pem", certificate=certificate, key=key))

    def connect(self, unit: Unit) -> Wire:
        """Open a unit's MQTT session; raise `OSError` when it is not let in."""
        wire = self.broker.dial_unit(unit.papers)
        if wire.connect(unit.device) != GRANTED:
            wire.drop()
            raise ConnectionRefusedError("the broker refused the connection")
        return wire

    def is_let_in(self, unit: Unit) -> bool:
        """Tell whether a unit can open a session now."""
        try:
            self.connect(unit).drop()
        except OSError:
            return False
        return True

    def revoke(self, unit: Unit) -> None:
        """Take back a unit's certificates and issue the list, as a command of the operator does."""
        services = self.controller.services
        with services.database.writing() as session:
            revoke_unit(session, unit.device, why="lost", now=services.clock())
        renew_list(services)

    def start_bridge(self) -> None:
        """Start the bridge's process and wait until it listens."""
        log = self.controller.folder / "bridge.log"
        before = log.read_text().count("connected to the broker") if log.exists() else 0
        command = [sys.executable, "-m", "controller.cli", "bridge", "--config", str(self._config)]
        with log.open("ab") as out:
            self.bridge = subprocess.Popen(command, stderr=out, stdout=out)
        wait_for(lambda: log.read_text().count("connected to the broker") > before, log.read_text)

    def stop_bridge(self) -> None:
        """End the bridge's process."""
        if self.bridge:
            self.bridge.terminate()
            self.bridge.wait(PATIENCE_S)
            self.bridge = None

    @property
    def _config(self) -> Path:
        return self.controller.folder / "controller.toml"


def wait_for(fact: Callable[[], object], words: Callable[[], str] = lambda: "it did not come about") -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + PATIENCE_S
    while not fact():
        assert time.monotonic() < deadline, words()
        time.sleep(0.02)


def _credential(keys: Path, name: str) -> Credential:
    return parse_credential((keys / f"{name}.pem").read_bytes(), (keys / f"{name}.key").read_bytes())


@contextmanager
def school_that_revokes(folder: Path) -> Iterator[Stand]:
    """Lay everything out, start broker and bridge; the units' listener is started by whoever needs it."""
    controller = make_controller(folder)
    keys, now = controller.services.config.controller.keys, datetime.now(UTC)
    with ExitStack() as ending:
        ending.callback(controller.close)
        broker = ending.enter_context(school_broker(load_authority(keys), root=_credential(keys, "root-ca"), now=now))
        _name_broker(folder / "controller.toml", broker, keys)
        ending.enter_context(following(broker, controller.data / LIST))
        stand = Stand(controller, broker)
        ending.callback(stand.stop_bridge)
        renew_list(controller.services)
        stand.start_bridge()
        yield stand


def _name_broker(path: Path, broker: SchoolBroker, keys: Path) -> None:
    tables = tomllib.loads(path.read_text())
    tables["broker"] = {
        "host": "127.0.0.1",
        "port": broker.plan.bridge_port,
        "tls": True,
        "certificate": str(keys / "bridge.pem"),
        "key": str(keys / "bridge.key"),
        "units_port": broker.plan.units_port,
    }
    path.write_text(encode_toml(tables))
