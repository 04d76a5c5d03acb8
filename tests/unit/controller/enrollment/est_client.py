"""An EST client that is not ours: `openssl` makes keys and requests, `curl` asks; and the controller that it asks.

The controller is real cheroot listeners over TLS with a real database. Its people's listener has a certificate of a CA
that units do not know, as a browser-trusted one is; its units' listener stands below the school's root CA.
"""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from cheroot.wsgi import Server

from controller import Surface, create_app, server
from controller.config import People, Units
from controller.devices.bundle import parse_settings
from controller.devices.preparing import prepare_device
from controller.devices.services import NewDevice
from controller.live_keys import LiveKeys
from protocol.durable import replace_file
from protocol.pki import Credential, issue_authority, issue_issuing_authority, issue_root_authority, issue_server
from tests.house import House, make_house

HOSTS = ("localhost", "127.0.0.1")
PATIENCE_S = 60.0
EST = "/.well-known/est"
PKCS10 = "Content-Type: application/pkcs10"


def run(*command: str | Path, data: bytes = b"") -> bytes:
    """Run a program and give what it says; a failure shows its words."""
    done = subprocess.run([str(part) for part in command], input=data, capture_output=True, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What curl got: the last status, headers by lower-case name, body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def words(self) -> str:
        """Give the body as text."""
        return self.body.decode()

    def certificates(self) -> list[bytes]:
        """Give the PEM certificates of a certs-only PKCS#7, as openssl reads it."""
        der = run("openssl", "base64", "-d", data=self.body)
        text = run("openssl", "pkcs7", "-inform", "DER", "-print_certs", data=der)
        return re.findall(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", text, re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Unit:
    """A prepared unit: its id, and its one-time secret."""

    device: str
    secret: str
    bundle: Path


@dataclass(frozen=True, kw_only=True)
class Joining:
    """A controller that serves, and a folder for what clients make."""

    house: House
    folder: Path
    people: str
    units: str
    root: Credential
    issuing: Credential

    @property
    def web_ca(self) -> Path:
        """Give the CA that people's browsers know."""
        return self.folder / "web-ca.pem"

    @property
    def root_ca(self) -> Path:
        """Give the CA that units pin."""
        return self.house.services.config.controller.keys / "root-ca.pem"

    def prepare(self, label: str = "") -> Unit:
        """Prepare a unit for Ada, in the next room when none is named."""
        label = label or f"Room {12 + len(list(self.folder.glob('bundle-*')))}"
        out = self.folder / f"bundle-{label}"
        wanted = NewDevice(label=label, owner="ada@school.example", settings=parse_settings(("pins.kind=mock",)))
        made = prepare_device(self.house.services, wanted, out)
        return Unit(device=made.device, secret=(out / "secret").read_text().strip(), bundle=out)

    def make_key(self, name: str = "tls", curve: str = "prime256v1") -> Path:
        """Make a key with openssl."""
        path = self.folder / f"{name}.key"
        run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{curve}", "-out", path)
        return path

    def request(self, key: Path, *options: str | Path) -> bytes:
        """Make a PKCS#10 request with openssl, in DER; it asks for a name that nobody shall get."""
        subject = ("-subj", "/CN=the head teacher/serialNumber=10000000abcdef")
        return run("openssl", "req", "-new", "-key", key, *subject, *options, "-outform", "DER")

    def curl(self, url: str, *options: str | Path, data: bytes | None = None, ca: Path | None = None) -> Answer:
        """Ask with curl; `data` is posted."""
        heads = self.folder / f"heads-{threading.get_ident()}"
        body = ("--data-binary", "@-") if data is not None else ()
        command = ("curl", "--silent", "--show-error", "--max-time", "50", "--dump-header", heads, "--cacert")
        said = run(*command, ca or self.web_ca, *body, *options, url, data=data or b"")
        return _parse_answer(heads.read_bytes().decode("latin-1"), said)

    def post(self, name: str, data: bytes, *options: str | Path, encode: bool = True) -> Answer:
        """Post a request in DER to the people's listener as base64; `encode` is off for bodies that are none."""
        body = run("openssl", "base64", "-e", data=data) if encode else data
        return self.curl(f"{self.people}{EST}/{name}", "--header", PKCS10, *options, data=body)

    def enroll(self, unit: Unit, key: Path, *options: str | Path) -> Answer:
        """Join with the unit's secret."""
        return self.post("simpleenroll", self.request(key), "--user", f"{unit.device}:{unit.secret}", *options)

    def join(self, unit: Unit, key: Path) -> Path:
        """Join, and give the file of leaf and issuing CA."""
        answer = self.enroll(unit, key)
        assert answer.status == 200, answer.words
        return self.keep(answer, key)

    def keep(self, answer: Answer, key: Path) -> Path:
        """Store what a unit presents: the certificate of an answer, and the issuing CA."""
        (leaf,) = answer.certificates()
        path = key.with_suffix(".pem")
        path.write_bytes(leaf + self.issuing.certificate_pem())
        return path

    def ask_units(
        self, path: str, certificate: Path, key: Path, *options: str | Path, data: bytes | None = None
    ) -> Answer:
        """Ask the units' listener with a client certificate."""
        shown = ("--cert", certificate, "--key", key)
        return self.curl(f"{self.units}{path}", *shown, *options, data=data, ca=self.root_ca)


def _parse_answer(heads: str, body: bytes) -> Answer:
    *_, last = (block for block in heads.split("\r\n\r\n") if block.strip())
    first, *lines = last.split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Answer(status=int(first.split()[1]), headers=headers, body=body)


@contextmanager
def serving(listener: Server) -> Iterator[str]:
    """Serve, and give the address."""
    listener.prepare()
    thread = threading.Thread(target=listener.serve)
    thread.start()
    try:
        yield f"https://localhost:{listener.bind_addr[1]}"
    finally:
        listener.stop()
        thread.join()


@contextmanager
def make_joining(folder: Path) -> Iterator[Joining]:
    """Make a school below a root CA, with a teacher, and serve both listeners at the real time."""
    house, now = make_house(folder), datetime.now(UTC)
    house.clock.now = now
    keys = house.services.config.controller.keys
    root = issue_root_authority("A made-up school", now=now)
    issuing = issue_issuing_authority(root, "A made-up school, units", now=now)
    _store_authorities(keys, root, issuing)
    people = _make_people(folder, now)
    config = replace(house.services.config, people=people, units=Units(port=0))
    house = replace(house, services=replace(house.services, config=config, live_keys=LiveKeys(keys)))
    house.add_teacher()
    services = house.services
    people_app, units_app = (create_app(config, surface, services) for surface in (Surface.PEOPLE, Surface.UNITS))
    with (
        serving(server.people_listener(people_app, config)) as people_url,
        serving(server.units_listener(units_app, config)) as units_url,
    ):
        yield Joining(house=house, folder=folder, people=people_url, units=units_url, root=root, issuing=issuing)
    services.database.close()


def _store_authorities(keys: Path, root: Credential, issuing: Credential) -> None:
    listener = issue_server(issuing, HOSTS, now=datetime.now(UTC))
    for stem, credential in (("root-ca", root), ("ca", issuing), ("server", listener)):
        (keys / f"{stem}.pem").write_bytes(credential.certificate_pem())
    replace_file(keys / "ca.key", issuing.key_pem())
    replace_file(keys / "server.key", listener.key_pem())


def _make_people(folder: Path, now: datetime) -> People:
    web = issue_authority("A CA that browsers know", now=now)
    listener = issue_server(web, HOSTS, now=now)
    (folder / "web-ca.pem").write_bytes(web.certificate_pem())
    (folder / "people.pem").write_bytes(listener.certificate_pem())
    replace_file(folder / "people.key", listener.key_pem())
    return People(port=0, tls_certificate=folder / "people.pem", tls_key=folder / "people.key")
