"""The units' listener: which certificates the registry refuses though TLS takes them, and the recorder's key.

What TLS itself refuses is tests/unit/controller/core/test_units_tls.py's.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from sqlalchemy import select

from controller.devices.models import Device, DeviceState
from controller.devices.preparing import readopt_device
from controller.enrollment.models import Certificate, KeyOrigin, RecorderKey
from protocol.enrollment import RecorderKey as Statement
from protocol.enrollment import issue_recorder_key
from protocol.pki import Credential, issue_bridge, issue_device
from protocol.signing import SigningKey
from tests.school import new_id
from tests.unit.controller.enrollment.est_client import EST, PKCS10, Answer, Joining, Unit

KEY_PATH = "/units/v1/recorder-key"
FIRST, SECOND, THIRD = (SigningKey.from_seed(bytes([n]) * 32) for n in (1, 2, 3))
DAY = timedelta(days=1)


def store(folder: Path, credential: Credential, chain: Credential | None) -> tuple[Path, Path]:
    """Write a credential as a client presents it."""
    certificate, key = folder / "shown.pem", folder / "shown.key"
    certificate.write_bytes(credential.certificate_pem() + (chain.certificate_pem() if chain else b""))
    key.write_bytes(credential.key_pem())
    return certificate, key


def other_name(joining: Joining, device: str) -> Credential:
    """The unit's name as the common name, a stranger's as the alternative one, signed by the school's issuing CA."""
    key, now = ec.generate_private_key(ec.SECP256R1()), joining.house.clock()
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, device)]))
        .issuer_name(joining.issuing.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(new_id())]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    )
    return Credential(builder.sign(joining.issuing.key, hashes.SHA256()), key)


def unregistered(joining: Joining, device: str) -> Credential:
    """A certificate of the school's CA that the registry did not issue."""
    return issue_device(joining.issuing, device, now=joining.house.clock())


def of_bridge(joining: Joining, device: str) -> Credential:
    """The bridge's own certificate."""
    return issue_bridge(joining.issuing, now=joining.house.clock())


@pytest.mark.parametrize("make", [other_name, unregistered, of_bridge])
def test_certificate_that_the_registry_does_not_know_is_refused(
    joining: Joining, tmp_path: Path, make: Callable[[Joining, str], Credential]
) -> None:
    """What TLS accepts but nobody issued to a unit gets documents, renewal and key refused with a code."""
    unit, key = joining.prepare(), joining.make_key()
    joining.join(unit, key)
    certificate, shown = store(tmp_path, make(joining, unit.device), joining.issuing)
    answer = joining.ask_units("/units/v1/documents", certificate, shown)
    assert (answer.status, json.loads(answer.body)["error"]) == (403, "certificate_unknown")
    body = joining.request(key)
    for path in (f"{EST}/simplereenroll", KEY_PATH):
        method = ("-X", "PUT") if path == KEY_PATH else ("--header", PKCS10)
        assert joining.ask_units(path, certificate, shown, *method, data=body).status in (400, 403)
    with joining.house.services.database.reading() as session:
        assert len(session.scalars(select(Certificate)).all()) == 1


def joined(joining: Joining, label: str = "Room 12") -> tuple[Unit, Path, Path]:
    """Give a unit that has joined, its certificate and its key."""
    unit, key = joining.prepare(label), joining.make_key(label.replace(" ", "-"))
    return unit, joining.join(unit, key), key


def put_key(joining: Joining, shown: tuple[Unit, Path, Path], data: bytes) -> Answer:
    """Say which key the recorder signs with."""
    return joining.ask_units(KEY_PATH, shown[1], shown[2], "-X", "PUT", data=data)


def say(device: str, key: SigningKey, previous: SigningKey | None, *signers: SigningKey) -> bytes:
    """Sign a statement."""
    before = previous.verifying.encode() if previous else None
    return issue_recorder_key(Statement(device=device, key=key.verifying.encode(), previous=before), *signers)


def keys_of(joining: Joining, unit: Unit) -> list[tuple[str, KeyOrigin, bool]]:
    """Give what the registry knows of a recorder's keys: which, how, and whether it is in force."""
    with joining.house.services.database.reading() as session:
        rows = session.scalars(select(RecorderKey).where(RecorderKey.device == unit.device)).all()
        held = session.get_one(Device, unit.device).recorder_key
    assert [row.key for row in rows if row.until is None] == ([held] if held else [])
    return sorted((row.key, row.how, row.until is None) for row in rows)


def test_first_key_is_taken_and_said_again_without_harm(joining: Joining) -> None:
    """Proof of possession is enough for the first one; a lost answer is asked for again."""
    shown = joined(joining)
    for _ in range(2):
        answer = put_key(joining, shown, say(shown[0].device, FIRST, None, FIRST))
        assert (answer.status, json.loads(answer.body)) == (200, {"key": FIRST.verifying.encode()})
    assert keys_of(joining, shown[0]) == [(FIRST.verifying.encode(), KeyOrigin.ENROLLED, True)]


def test_next_key_needs_the_signature_of_the_one_before(joining: Joining) -> None:
    """By its own word, or by another key's, no key replaces one; by the old key's it does; the old never comes back."""
    shown = joined(joining)
    device = shown[0].device
    put_key(joining, shown, say(device, FIRST, None, FIRST))
    for data, status, code in (
        (say(device, SECOND, None, SECOND), 409, "key_held"),
        (say(device, SECOND, THIRD, SECOND, THIRD), 409, "key_held"),
        (say(device, SECOND, FIRST, SECOND), 400, "malformed"),
        (say(device, SECOND, FIRST, SECOND, SECOND), 400, "malformed"),
        (say(device, SECOND, None, FIRST), 400, "malformed"),
        (b"", 400, "malformed"),
        (b"\xff" * 4000, 400, "malformed"),
        (b"x" * 5000, 413, "too_long"),
    ):
        answer = put_key(joining, shown, data)
        assert (answer.status, json.loads(answer.body)["error"]) == (status, code), data[:80]
    assert put_key(joining, shown, say(device, SECOND, FIRST, SECOND, FIRST)).status == 200
    assert put_key(joining, shown, say(device, FIRST, SECOND, FIRST, SECOND)).status == 409
    wanted = [(FIRST, KeyOrigin.ENROLLED, False), (SECOND, KeyOrigin.SUCCEEDED, True)]
    assert keys_of(joining, shown[0]) == sorted((key.verifying.encode(), how, held) for key, how, held in wanted)


def test_unit_says_no_other_units_key(joining: Joining) -> None:
    """A statement for another device is refused, whoever signed it."""
    ours, theirs = joined(joining, "Room 1"), joined(joining, "Room 2")
    answer = put_key(joining, ours, say(theirs[0].device, FIRST, None, FIRST))
    assert (answer.status, json.loads(answer.body)["error"]) == (403, "key_foreign")
    assert keys_of(joining, theirs[0]) == []


def test_readopted_unit_joins_with_new_keys(joining: Joining) -> None:
    """A card made anew: a person's word and a secret let new TLS and recorder keys in, and the old ones out."""
    old = joined(joining)
    unit = old[0]
    put_key(joining, old, say(unit.device, FIRST, None, FIRST))
    secret = readopt_device(joining.house.services, unit.device)
    key = joining.make_key("anew")
    renewed = Unit(device=unit.device, secret=secret, bundle=unit.bundle)
    new = (renewed, joining.join(renewed, key), key)
    assert put_key(joining, old, say(unit.device, THIRD, None, THIRD)).status == 403
    assert put_key(joining, new, say(unit.device, SECOND, None, SECOND)).status == 200
    wanted = [(FIRST, KeyOrigin.ENROLLED, False), (SECOND, KeyOrigin.ADOPTED, True)]
    assert keys_of(joining, unit) == sorted((one.verifying.encode(), how, held) for one, how, held in wanted)


def test_quarantined_unit_that_is_readopted_must_join_again(joining: Joining) -> None:
    """Its old certificate lets nobody in until the new secret was used; then the unit is active."""
    shown = joined(joining)
    with joining.house.services.database.writing() as session:
        session.get_one(Device, shown[0].device).state = DeviceState.QUARANTINED
    secret = readopt_device(joining.house.services, shown[0].device)
    assert put_key(joining, shown, say(shown[0].device, FIRST, None, FIRST)).status == 403
    joining.join(Unit(device=shown[0].device, secret=secret, bundle=shown[0].bundle), joining.make_key("anew"))
    with joining.house.services.database.reading() as session:
        assert session.get_one(Device, shown[0].device).state is DeviceState.ACTIVE


def test_est_over_plain_http_is_for_one_machine_alone(joining: Joining) -> None:
    """On loopback it is answered; what a proxy passed on in the clear, or came from elsewhere, is 403."""
    web = joining.house.app.test_client()
    paths = (f"{EST}/cacerts", "/enrollment/v1/nonce")
    assert [web.get(path).status_code for path in paths] == [200, 200]
    for headers in ({"X-Forwarded-For": "127.0.0.1"}, {"Forwarded": "for=192.0.2.1"}, {"Via": "1.1 proxy"}):
        assert [web.get(path, headers=headers).status_code for path in paths] == [403, 403]
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}
    answers = [web.get(path, environ_base=elsewhere) for path in paths]
    assert [answer.status_code for answer in answers] == [403, 403]
    assert "TLS only" in answers[0].text
    secure = {**elsewhere, "wsgi.url_scheme": "https"}
    assert [web.get(path, environ_overrides=secure).status_code for path in paths] == [200, 200]


def test_controller_without_its_ca_key_says_so_and_binds_nothing(joining: Joining) -> None:
    """503 to the unit, the file in the log; with the key back the same secret and key get the certificate."""
    unit, key = joining.prepare(), joining.make_key()
    path = joining.root_ca.parent / "ca.key"
    held = path.read_bytes()
    path.unlink()
    answer = joining.enroll(unit, key)
    assert (answer.status, "its log says why" in answer.words) == (503, True)
    path.write_bytes(held)
    path.chmod(0o600)
    assert joining.enroll(unit, joining.make_key("another")).status == 200


def test_pem_of_the_registry_is_the_certificate_that_was_given(joining: Joining) -> None:
    """The row has the digest, key, serial number and end of what the unit holds."""
    _, stored, _ = joined(joining)
    certificate = x509.load_pem_x509_certificate(stored.read_bytes())
    with joining.house.services.database.reading() as session:
        row = session.scalars(select(Certificate)).one()
    assert row.pem.encode() == certificate.public_bytes(serialization.Encoding.PEM)
    assert row.digest == certificate.fingerprint(hashes.SHA256()).hex()
    assert (int(row.serial, 16), row.ends_at) == (certificate.serial_number, certificate.not_valid_after_utc)
