"""A unit's whole life on a card: joined, recording, delivering, renewed, lost, refused; and a first start that is cut.

The commands are those of docs/runbooks/{new-room,lost-unit}.md; controller, jobs, bridge and Mosquitto are processes of
this machine, the unit is a machine of its own with a cable to it.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from sqlalchemy import select, update

from controller.config import load_config
from controller.enrollment.models import Certificate
from controller.uploads.models import SpoolReportRow
from controller.wiring import make_services
from protocol.pki import parse_certificates
from tests.boot.machine import CARD, wait_for
from tests.boot.room import NAME, Room, prepared_room
from tests.recorder_process import panel_of
from tests.unsealed import find_plaintext

pytestmark = pytest.mark.boot
CONNECTED = "connected to the broker"
ENDED = "the connection to the broker ended"
UNKNOWN = "certificate_unknown"
LOST_WITHIN_S = 5.0
"""Within which a revoked unit's session at the broker is closed: ADR 17."""
DROP_INS = "/run/systemd/system/backrow-renew.service.d"
RENEW_NOW = "[Service]\nExecStart=\nExecStart=/opt/backrow/bin/backrow device renew --now\nRestart=no\n"


@pytest.fixture
def room(tmp_path: Path, film: Path) -> Iterator[Room]:
    """A room with a card that was not started yet."""
    with prepared_room(tmp_path, film) as one:
        yield one


def test_card_becomes_a_unit_that_lives_until_it_is_lost(room: Room) -> None:
    """Prepared, started, joined, tested, ready; it records, delivers, renews; lost, it is let in no more."""
    _start(room)
    room.wait_home(room.record())
    _renew(room)
    room.wait_home(room.record())
    kept = _record_undelivered(room)
    with Thief(room) as thief:
        assert thief.ask("documents") == (200, "")
        pack = _lose(room)
        assert {thief.ask(what) for what in ("documents", "lease")} == {(403, UNKNOWN)}
    _open(room, pack)
    _see_it_refused(room, kept)
    sealed = room.data / "spool" / kept
    assert {path.name for path in sealed.glob("*.age")} >= {"key.age", "000001.age"}
    assert find_plaintext(sealed) == []
    assert not list((room.server.folder / "controller/objects").glob(f"{kept}/*"))


def _start(room: Room) -> None:
    """Switch on, wait for the lamp, and print how long it took."""
    began_s = time.monotonic()
    room.switch_on()
    room.go_on_until_through()
    with panel_of(room.machine.unit) as panel:
        panel.wait_for("ready")
    power_s = time.monotonic() - began_s
    written = f"the card was written in {room.card_s:.0f} s"
    print(f"\nfrom card to ready: {room.card_s + power_s:.0f} s; {written}, then {power_s:.0f} s")
    print(f"{room.starts} starts\n{room.result()}")
    assert "This unit is ready." in room.result()
    _assert_nothing_secret_stays(room)
    wait_for(lambda: CONNECTED in room.log("agent"), "the agent is connected")


def _renew(room: Room) -> None:
    """Let the unit's own service renew at once: the key stays, and the agent connects anew with the new certificate.

    Within an hour of a certificate the controller answers with the same one; so the registry's is dated back.
    """
    key, births, before = (room.data / "identity/tls.key").read_bytes(), _births(room), _certificate(room)
    room.machine.run("systemctl", "start", "backrow-renew.service")
    assert "nothing to do before" in room.log("renew")
    _date_back(room.server.config)
    _order_renewal(room)
    room.machine.run("systemctl", "start", "backrow-renew.service")
    assert "renewed; the certificate ends on" in room.log("renew")
    assert _certificate(room) != before
    assert (room.data / "identity/tls.key").read_bytes() == key
    wait_for(lambda: _births(room) > births, "the agent is connected with the new certificate")
    assert "connecting anew, with the certificate that is there now" in room.log("agent")


def _date_back(config: Path) -> None:
    services = make_services(load_config(config))
    with closing(services.database) as database, database.writing() as session:
        session.execute(update(Certificate).values(issued_at=services.clock() - timedelta(hours=2)))


def _waiting_bytes(config: Path) -> int:
    """Give how many bytes the unit has said that it holds."""
    with closing(make_services(load_config(config)).database) as database, database.reading() as session:
        return session.scalars(select(SpoolReportRow.waiting_bytes)).one_or_none() or 0


def _order_renewal(room: Room) -> None:
    """Change the unit's service until the next start: it renews at its next run, whether it is due or not."""
    room.machine.run("mkdir", "-p", DROP_INS)
    room.machine.run("sh", "-c", f"printf '{RENEW_NOW}' > {DROP_INS}/now.conf")
    room.machine.run("systemctl", "daemon-reload")


def _births(room: Room) -> int:
    """Count how often the agent has connected since the start."""
    return room.log("agent").count(CONNECTED)


def _certificate(room: Room) -> int:
    """Give the serial number of the unit's certificate."""
    return parse_certificates((room.data / "certificate/tls.pem").read_bytes())[0].serial_number


def _record_undelivered(room: Room) -> str:
    """Record while nothing is uploaded, and wait until the school knows that something waits."""
    room.machine.run("systemctl", "stop", "backrow-uploader")
    name = room.record()
    wait_for(lambda: _waiting_bytes(room.server.config), "the school knows that something waits")
    return name


class Thief:
    """Whoever has read the keys off the card, at the units' listener, over one connection."""

    def __init__(self, room: Room) -> None:
        self._url = f"https://{room.server.host}:{room.server.units}/units/v1"
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = str(room.data / "identity/ca.pem")
        self._session.cert = (str(room.data / "certificate/tls.pem"), str(room.data / "identity/tls.key"))

    def __enter__(self) -> Thief:
        return self

    def __exit__(self, *_error: object) -> None:
        self._session.close()

    def ask(self, what: str) -> tuple[int, str]:
        """Ask for something; give the status and the code of a refusal."""
        answer = self._session.get(f"{self._url}/{what}", timeout=30)
        return answer.status_code, "" if answer.ok else str(answer.json()["error"])


def _lose(room: Room) -> Path:
    """Declare the unit lost in another process, see its live session closed, and give the breach pack."""
    ended = len(_ends(room))
    printed = room.server.backrow("controller", "device", "lost", "--config", room.server.config, NAME)
    wait_for(lambda: len(_ends(room)) > ended, "the live session is closed")
    with closing(make_services(load_config(room.server.config)).database) as database, database.reading() as session:
        revoked_at = session.scalars(select(Certificate.revoked_at)).first()
    assert revoked_at is not None
    took_s = _ends(room)[ended] - revoked_at.timestamp()
    print(f"live MQTT session closed {took_s:.2f} s after the registry had revoked the unit's certificates")
    assert took_s < LOST_WITHIN_S
    return Path(printed.split("The breach pack is ")[1].split(". Give it")[0])


def _ends(room: Room) -> list[float]:
    """Give when the agent's sessions at the broker ended, in seconds since 1970."""
    lines = room.machine.run("journalctl", "--no-pager", "--output=short-unix", "--unit=backrow-agent").splitlines()
    return [float(line.split()[0]) for line in lines if ENDED in line]


def _open(room: Room, pack: Path) -> None:
    """Open the breach pack with the stock age, as the runbook says: the unit is named."""
    keys = room.server.folder / "keys"
    opened = subprocess.run(["age", "-d", "-i", keys / "keeper.key", pack], capture_output=True, check=True)
    told = json.loads(opened.stdout)
    assert told["unit"]["label"] == NAME
    assert int(told["unit"]["waiting_bytes"]) > 0


def _see_it_refused(room: Room, kept: str) -> None:
    """No session at the broker, no delivery, no documents and no renewal for the unit that goes on trying."""
    machine, births, record = room.machine, _births(room), room.data / "uploads" / kept
    wait_for(lambda: "certificate verify failed" in room.server.log("mosquitto"), "the broker refuses the unit")
    machine.run("systemctl", "start", "backrow-uploader")
    wait_for(lambda: record.exists() and UNKNOWN in record.read_text("utf-8"), "the lesson is refused")
    wait_for(lambda: f"403 {UNKNOWN}" in room.log("uploader"), "the unit's log tells that the school refuses it")
    assert machine.fails("systemctl", "start", "backrow-renew.service")
    assert "refused with 403: this certificate is not one that the registry issued" in room.log("renew")
    assert _births(room) == births


def test_power_cuts_end_in_the_same_unit(room: Room) -> None:
    """Cut in the middle of installing, of laying files and of joining, as it comes: the unit is ready in the end."""
    room.switch_on()
    room.go_on_until_through(cuts_s=(4.0, 9.0, 14.0))
    with panel_of(room.machine.unit) as panel:
        panel.wait_for("ready")
    print(f"\n{room.starts} starts\n{room.result()}")
    assert room.starts >= 5
    _assert_nothing_secret_stays(room)


def _everything(*folders: Path) -> Iterator[tuple[str, bytes]]:
    """Read every file of the card's partitions."""
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                yield str(path), path.read_bytes()


def _assert_nothing_secret_stays(room: Room) -> None:
    """Neither the secret nor a seed of cloud-init is left, cloud-init is off, and the overlay's package is there."""
    card = room.machine.unit.folder / CARD
    found = [name for name, data in _everything(room.boot, room.machine.root, card) if room.secret.encode() in data]
    assert found == []
    assert {path.name for path in room.boot.iterdir()} == {
        "cmdline.txt",
        "config.txt",
        "backrow.txt",
        "backrow-result.txt",
    }
    assert (room.machine.root / "etc/cloud/cloud-init.disabled").exists()
    assert (room.machine.root / "usr/share/initramfs-tools/scripts/init-bottom/overlayroot").exists()
    assert not (room.machine.root / "etc/netplan/50-cloud-init.yaml").exists()
