"""The real unit joins and renews at the real controller: the command as a process, listeners with TLS, wrong clocks."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from sqlalchemy import select

from controller import Surface, create_app, server
from controller.config import People
from controller.devices.models import Device, DeviceState
from controller.devices.preparing import renew_secret
from controller.enrollment.adoption import OPERATOR
from controller.enrollment.models import Certificate
from controller.enrollment.revocation import revoke_unit
from controller.enrollment.services import make_enrollment
from device.config import load_config
from device.enrollment.command import Workshop, renew_when_due
from protocol.keyfiles import load_verifying_key
from tests.fakes.world import FakeWorld
from tests.school import encode_toml
from tests.unit.controller.enrollment.est_client import Joining, Unit, make_joining, serving

PATIENCE_S = 120


@dataclass(frozen=True, kw_only=True)
class Place:
    """A controller, and where its people's listener is: below a CA that browsers know, or below the school's own."""

    joining: Joining
    people: str

    def prepare(self) -> Unit:
        """Prepare a unit that finds both listeners."""
        unit = self.joining.prepare()
        path = unit.bundle / "device.toml"
        tables = tomllib.loads(path.read_text("utf-8"))
        tables["controller"]["url"] = self.joining.units
        tables["enrollment"]["url"] = self.people
        path.write_text(encode_toml(tables), "utf-8")
        return unit


@pytest.fixture
def joining(tmp_path: Path) -> Iterator[Joining]:
    with make_joining(tmp_path) as made:
        yield made


@pytest.fixture
def public(joining: Joining) -> Place:
    """The people's listener has a certificate as browsers want it."""
    return Place(joining=joining, people=joining.people)


@pytest.fixture
def own(joining: Joining) -> Iterator[Place]:
    """The people's listener has a certificate of the school's own CA."""
    services = joining.house.services
    keys = services.config.controller.keys
    people = People(port=0, tls_certificate=keys / "server-chain.pem", tls_key=keys / "server.key")
    chain = (keys / "server.pem").read_bytes() + joining.issuing.certificate_pem()
    (keys / "server-chain.pem").write_bytes(chain)
    config = replace(services.config, people=people)
    app = create_app(config, Surface.PEOPLE, replace(services, config=config))
    with serving(server.people_listener(app, config)) as url:
        yield Place(joining=joining, people=url)


def device(place: Place, unit: Unit, *words: str, clock: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command of the unit, on a machine that believes the web's CA, and whose clock stands at `clock`."""
    environment = {
        **os.environ,
        "SSL_CERT_FILE": str(place.joining.web_ca),
        "TZ": "UTC",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    name, *options = words
    command = [sys.executable, "-m", "device.cli", name, "--config", str(unit.bundle / "device.toml"), *options]
    if clock:
        command = ["faketime", clock, *command]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False)


def join(place: Place, unit: Unit, clock: str = "") -> None:
    secret = ("--secret-file", str(unit.bundle / "secret"))
    done = device(place, unit, "enroll", *secret, "--patience", "60", clock=clock)
    assert done.returncode == 0, done.stdout + done.stderr


def certificates(place: Place, unit: Unit) -> list[Certificate]:
    with place.joining.house.services.database.reading() as session:
        wanted = select(Certificate).where(Certificate.device == unit.device).order_by(Certificate.issued_at)
        return list(session.scalars(wanted))


def test_prepared_unit_joins_by_itself(public: Place) -> None:
    """One command: the unit is active, its recorder's key is known, documents lie there, the secret is gone."""
    unit = public.prepare()
    join(public, unit)
    joining = public.joining
    data = unit.bundle / "data"
    with joining.house.services.database.reading() as session:
        row = session.get_one(Device, unit.device)
    assert row.state is DeviceState.ACTIVE
    assert row.recorder_key == load_verifying_key(data / "identity" / "recorder.pub").encode()
    assert {path.name for path in (data / "state").iterdir()} >= {"keyring", "recipients", "policy"}
    assert not (unit.bundle / "secret").exists()
    (known,) = certificates(public, unit)
    leaf, *issuers = x509.load_pem_x509_certificates((data / "certificate" / "tls.pem").read_bytes())
    assert x509.load_pem_x509_certificate(known.pem.encode()) == leaf
    assert issuers == [joining.issuing.certificate]


@pytest.mark.parametrize("clock", ["1970-01-02 03:04:05", f"{datetime.now(UTC).year + 10}-06-01 12:00:00"])
def test_unit_with_a_wrong_clock_joins_and_renews(own: Place, clock: str) -> None:
    """At 1970 and ten years ahead, as long as the network has not set the clock, both doors are open to it."""
    unit = own.prepare()
    join(own, unit, clock)
    done = device(own, unit, "renew", clock=clock)
    assert (done.returncode, done.stdout[:20]) == (0, "nothing to do before")
    done = device(own, unit, "renew", "--now", clock=clock)
    assert done.returncode == 0, done.stdout + done.stderr


def test_wrong_clock_and_a_public_certificate_wait_for_the_time(public: Place) -> None:
    """The system's authorities are not believed without dates: the unit says so, and goes on trying."""
    unit = public.prepare()
    done = device(public, unit, "enroll", "--patience", "1", clock="1970-01-02 03:04:05")
    assert done.returncode == 75
    assert "neither the school's pinned root nor the system's authorities" in done.stdout
    assert "not yet valid" in done.stdout
    assert done.stderr == ""


def test_certificate_that_is_over_is_renewed_at_the_real_controller(own: Place) -> None:
    """A hundred days later by both clocks the nonce, the old key's signature and the registry agree.

    Not as a process: the listener's own `Date` cannot be moved, and a trusted clock is asked first.
    """
    unit = own.prepare()
    join(own, unit)
    own.joining.house.clock.pass_time(timedelta(days=100))
    said: list[str] = []
    later = FakeWorld(own.joining.house.clock()).world
    shop = Workshop(world=later, is_clock_trusted=lambda: True, say=said.append)
    renew_when_due(load_config(unit.bundle / "device.toml"), shop)
    assert said[0].startswith("renewed")
    old, new = certificates(own, unit)
    assert new.issued_at - old.issued_at == timedelta(days=100)
    leaf = x509.load_pem_x509_certificate((unit.bundle / "data" / "certificate" / "tls.pem").read_bytes())
    assert leaf == x509.load_pem_x509_certificate(new.pem.encode())


def test_new_key_ends_the_old_one_at_the_real_controller(public: Place) -> None:
    """`renew --new-key`: another key in the same place, and the registry lets the old one in no more."""
    unit = public.prepare()
    join(public, unit)
    before = (unit.bundle / "data" / "identity" / "tls.key").read_bytes()
    public.joining.house.clock.pass_time(timedelta(minutes=1))
    done = device(public, unit, "renew", "--new-key")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (unit.bundle / "data" / "identity" / "tls.key").read_bytes() != before
    old, new = certificates(public, unit)
    assert old.revoked_at is not None
    assert new.revoked_at is None
    assert device(public, unit, "enroll", "--patience", "20").returncode == 0


def test_unit_is_adopted_by_the_fingerprint_that_it_shows(public: Place) -> None:
    """Without a secret: what the unit prints is what the person types, and then it joins."""
    unit = public.prepare()
    done = device(public, unit, "enroll", "--patience", "1")
    assert done.returncode == 75
    shown = done.stdout.partition("fingerprint of its key:")[2].splitlines()[0].strip()
    services = public.joining.house.services
    adoption = make_enrollment(services).adoption
    adoption.adopt(adoption.find(shown).spki, unit.device, by=OPERATOR)
    assert device(public, unit, "enroll", "--patience", "60").returncode == 0
    assert len(certificates(public, unit)) == 1


def test_revoked_unit_is_told_to_make_a_new_key(public: Place) -> None:
    """A key whose certificate was revoked gets none again; with `--new-key` and a new secret the unit is back."""
    unit = public.prepare()
    join(public, unit)
    services = public.joining.house.services
    with services.database.writing() as session:
        revoke_unit(session, unit.device, why="lost", now=services.clock())
    (unit.bundle / "data" / "certificate" / "tls.pem").unlink()
    secret = unit.bundle / "secret"
    secret.write_text(renew_secret(services, unit.device), "ascii")
    done = device(public, unit, "enroll", "--secret-file", str(secret), "--patience", "1")
    assert "must make a new key" in done.stdout + done.stderr
    secret.write_text(renew_secret(services, unit.device), "ascii")
    done = device(public, unit, "enroll", "--new-key", "--secret-file", str(secret), "--patience", "60")
    assert done.returncode == 0, done.stdout + done.stderr
