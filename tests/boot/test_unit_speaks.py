"""The network processes in their sandboxes, with a school to speak to: a real Mosquitto, and a listener for units.

Both demand the unit's certificate, whose key each process has from systemd alone. What they then say is tested
elsewhere; here it is that they can say it under everything that their unit files forbid.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.boot.conftest import BROKER_PORT, CONTROLLER_PORT
from tests.boot.machine import SERVICES, Machine, wait_for
from tests.broker import tls_lines
from tests.school import School

pytestmark = pytest.mark.boot
AGENT, UPLOADER = SERVICES[1:]
SCHOOL = "/etc/school"
LISTENER = f"""
import http.server, ssl

class Units(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        names = dict(pair[0] for pair in self.connection.getpeercert()["subject"])
        print("asked by", names["commonName"], "for", self.path, flush=True)
        self.send_response(204)
        self.end_headers()

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("{SCHOOL}/server.pem", "{SCHOOL}/server.key")
context.load_verify_locations("{SCHOOL}/root-ca.pem")
context.verify_mode = ssl.CERT_REQUIRED
server = http.server.HTTPServer(("127.0.0.1", {CONTROLLER_PORT}), Units)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""


@pytest.fixture
def at_school(machine_at_school: Machine, school: School) -> Machine:
    """A unit and its school on one machine, switched on."""
    machine, folder = machine_at_school, machine_at_school.root / SCHOOL.lstrip("/")
    folder.mkdir()
    for name in ("root-ca.pem", "server.pem", "server.key"):
        shutil.copy(school.keys / name, folder)
    (folder / "listener.py").write_text(LISTENER, "utf-8")
    lines = tls_lines(folder / "root-ca.pem", folder / "server.pem", folder / "server.key")
    here = [line.replace(str(folder), SCHOOL) for line in lines]
    broker = machine.root / "etc/mosquitto/conf.d/school.conf"
    broker.write_text("\n".join((f"listener {BROKER_PORT}", *here, "log_type all", "")), "utf-8")
    _close_to_others(folder)
    machine.boot()
    machine.run("chown", "-R", "mosquitto", SCHOOL)
    machine.run("systemctl", "start", "mosquitto")
    machine.run("systemd-run", "--unit=listener", "/opt/backrow/bin/python3", f"{SCHOOL}/listener.py")
    return machine


def _close_to_others(folder: Path) -> None:
    for path in folder.iterdir():
        path.chmod(0o600)


def test_agent_proves_itself_to_the_broker(at_school: Machine) -> None:
    """By mutual TLS, with the key from its credentials: the broker knows the unit by its certificate."""
    wait_for(lambda: "connected to the broker" in at_school.journal(f"--unit={AGENT}"), "the agent is connected")
    log = at_school.run("cat", "/var/log/mosquitto/mosquitto.log")
    assert f"u'{at_school.unit.device}'" in log
    assert f"backrow/v1/{at_school.unit.device}/up/presence" in log


def test_uploader_proves_itself_to_the_controller(at_school: Machine) -> None:
    """It asks for a lease over TLS, and the listener reads the unit's id out of its certificate."""
    asked = f"asked by {at_school.unit.device} for /units/v1/lease"
    wait_for(lambda: asked in at_school.journal("--unit=listener"), "the uploader has asked for a lease")
