"""EST as curl and openssl speak it: authorities, a first certificate for a secret, and everything malformed."""

from __future__ import annotations

import base64
import os
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from sqlalchemy import func, select

from controller.devices import life
from controller.devices.history import Deed
from controller.devices.models import Device, DeviceEvent, DeviceState
from controller.devices.preparing import renew_secret
from controller.enrollment.adoption import OPERATOR, AdoptionError
from controller.enrollment.models import Certificate, EnrollmentRequest, EnrollmentSecret
from controller.enrollment.services import make_enrollment
from controller.errors import OperatorError
from protocol.documents import Policy, verify_document
from protocol.enrollment import digest_secret
from tests.unit.controller.enrollment.est_client import EST, PKCS10, Joining, Unit, run


def count(joining: Joining, table: type[Certificate] | type[EnrollmentRequest]) -> int:
    """Count a table's rows."""
    with joining.house.services.database.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def state_of(joining: Joining, unit: Unit) -> DeviceState:
    """Give where a unit stands."""
    with joining.house.services.database.reading() as session:
        return session.get_one(Device, unit.device).state


def test_authorities_are_the_root_and_the_issuing_ca(busy: Joining) -> None:
    """Both listeners give them, as base64 of a certs-only PKCS#7 that openssl reads."""
    answer = busy.curl(f"{busy.people}{EST}/cacerts")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/pkcs7-mime; smime-type=certs-only")
    wanted = {busy.root.certificate_pem(), busy.issuing.certificate_pem()}
    assert set(answer.certificates()) == wanted
    unit, key = busy.prepare(), busy.make_key()
    over_units = busy.ask_units(f"{EST}/cacerts", busy.join(unit, key), key)
    assert set(over_units.certificates()) == wanted


def test_retired_authority_is_given_until_it_is_gone(joining: Joining) -> None:
    """After a rotation units of the authority before still build their chain."""
    before = set(joining.curl(f"{joining.people}{EST}/cacerts").certificates())
    folder = joining.root_ca.parent / "retired-ca"
    folder.mkdir()
    (folder / "1.pem").write_bytes(joining.web_ca.read_bytes())
    after = set(joining.curl(f"{joining.people}{EST}/cacerts").certificates())
    assert after - before == {joining.web_ca.read_bytes()}


def test_attributes_ask_for_p256_and_sha256(busy: Joining) -> None:
    """openssl's parser finds the OIDs of a key on P-256 and of ECDSA with SHA-256, and nothing else."""
    answer = busy.curl(f"{busy.people}{EST}/csrattrs")
    assert answer.headers["content-type"] == "application/csrattrs"
    text = run("openssl", "asn1parse", "-inform", "DER", data=base64.b64decode(answer.body)).decode()
    names = [line.rsplit(":", 1)[1] for line in text.splitlines() if "OBJECT" in line]
    assert names == ["id-ecPublicKey", "prime256v1", "ecdsa-with-SHA256"]


def test_secret_gives_a_certificate_that_openssl_accepts(busy: Joining) -> None:
    """It chains to the pinned root for a TLS client, and TLS with it reaches the documents."""
    unit, key = busy.prepare(), busy.make_key()
    stored = busy.join(unit, key)
    (busy.folder / "issuing.pem").write_bytes(busy.issuing.certificate_pem())
    chain = ("-CAfile", busy.root_ca, "-untrusted", busy.folder / "issuing.pem")
    assert b": OK" in run("openssl", "verify", "-purpose", "sslclient", *chain, stored)
    assert run("openssl", "x509", "-pubkey", "-noout", "-in", stored) == run("openssl", "pkey", "-pubout", "-in", key)
    answer = busy.ask_units("/units/v1/documents", stored, key)
    assert answer.status == 200, answer.words
    policy = verify_document(Policy, answer.body.splitlines(keepends=True)[2], busy.house.services.keys.trust)
    assert (policy.device, state_of(busy, unit)) == (unit.device, DeviceState.ACTIVE)


def test_names_that_a_request_asks_for_are_ignored(busy: Joining, tmp_path: Path) -> None:
    """Another unit's name, a server's use, a CA's power: the certificate says what the registry says, for 90 days."""
    unit, key = busy.prepare(), busy.make_key()
    wishes = (
        "-addext", "subjectAltName=DNS:bridge,DNS:backrow.school.example",
        "-addext", "extendedKeyUsage=serverAuth",
        "-addext", "basicConstraints=critical,CA:TRUE",
    )  # fmt: skip
    request = busy.request(key, *wishes)
    answer = busy.post("simpleenroll", request, "--user", f"{unit.device}:{unit.secret}")
    leaf = x509.load_pem_x509_certificate(answer.certificates()[0])
    assert leaf.subject.rfc4514_string() == f"CN={unit.device}"
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [unit.device]
    assert list(leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [
        ExtendedKeyUsageOID.CLIENT_AUTH
    ]
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert leaf.not_valid_after_utc - busy.house.clock() < timedelta(days=90, hours=1)


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--header", "Content-Transfer-Encoding: base64"),
        ("--header", "Content-Transfer-Encoding: 8bit"),
        ("--header", "Content-Transfer-Encoding: nonsense"),
        ("--header", "Content-Type: application/pkcs10; charset=us-ascii"),
    ],
)
def test_transfer_encoding_is_ignored(busy: Joining, options: tuple[str, ...]) -> None:
    """Whatever a client says of the encoding, the body is base64 (RFC 8951 section 3.2)."""
    assert busy.enroll(busy.prepare(), busy.make_key(), *options).status == 200


@pytest.mark.parametrize("ends", [b"", b"\n", b"\r\n"])
def test_base64_is_read_with_any_line_ends(busy: Joining, ends: bytes) -> None:
    """One long line, and lines with either end, are the same request."""
    unit, der = busy.prepare(), busy.request(busy.make_key())
    text = base64.b64encode(der)
    body = ends.join(text[at : at + 64] for at in range(0, len(text), 64)) + ends
    answer = busy.post("simpleenroll", body, "--user", f"{unit.device}:{unit.secret}", encode=False)
    assert answer.status == 200, answer.words


def test_lost_reply_gives_the_same_key_its_certificate_again(joining: Joining) -> None:
    """Asked twice with another request of the same key, the same certificate comes; another key is refused."""
    unit, key = joining.prepare(), joining.make_key()
    first, second = joining.enroll(unit, key), joining.enroll(unit, key)
    assert first.certificates() == second.certificates()
    assert count(joining, Certificate) == 1
    joining.house.clock.pass_time(timedelta(hours=2))
    third = joining.enroll(unit, key)
    assert third.status == 200
    assert third.certificates() != first.certificates()
    stranger = joining.enroll(unit, joining.make_key("stranger"))
    assert (stranger.status, "another key has used" in stranger.words) == (403, True)


def test_copied_card_is_told_in_the_history(joining: Joining) -> None:
    """The right secret with another key is a line of the unit's history, not one for each attempt."""
    unit = joining.prepare()
    joining.join(unit, joining.make_key())
    for name in ("first", "second"):
        assert joining.enroll(unit, joining.make_key(name)).status == 403
    with joining.house.services.database.reading() as session:
        told = session.scalars(select(DeviceEvent.what).where(DeviceEvent.device == unit.device)).all()
    assert told == ["prepared", "secret_made", "enrolled", "secret_reused"]


def test_secret_is_kept_as_a_digest_only(joining: Joining) -> None:
    """Neither the database's file nor its log holds a secret that was made and used."""
    unit = joining.prepare()
    joining.join(unit, joining.make_key())
    data = joining.house.services.config.controller.data
    held = b"".join(path.read_bytes() for path in data.glob("controller.sqlite3*"))
    assert digest_secret(unit.secret).encode() in held
    for form in (unit.secret, unit.secret.replace("-", "")):
        assert form.encode() not in held


def test_secret_ends(joining: Joining) -> None:
    """After 7 days a secret lets nobody in, nor the key that used it; the words say when it ended."""
    used, unused = joining.prepare("Room 1"), joining.prepare("Room 2")
    key = joining.make_key()
    joining.join(used, key)
    joining.house.clock.pass_time(timedelta(days=7))
    for unit, with_key in ((used, key), (unused, joining.make_key("late"))):
        answer = joining.enroll(unit, with_key)
        assert (answer.status, "this one-time secret ended on" in answer.words) == (401, True)
        assert answer.headers["www-authenticate"] == 'Basic realm="backrow"'
    assert state_of(joining, unused) is DeviceState.PENDING


def test_secret_of_another_unit_is_refused(joining: Joining) -> None:
    """Each secret is one unit's; with another unit's id it is as wrong as any text, and stays unbound."""
    ours, theirs, key = joining.prepare("Room 1"), joining.prepare("Room 2"), joining.make_key()
    for device, secret in ((ours.device, theirs.secret), ("a" * 26, ours.secret), (ours.device, "ABCD-" * 6)):
        answer = joining.post("simpleenroll", joining.request(key), "--user", f"{device}:{secret}")
        assert answer.status == 401
    with joining.house.services.database.reading() as session:
        assert list(session.scalars(select(EnrollmentSecret.spki))) == [None, None]
    assert count(joining, Certificate) == 0


def test_credentials_of_another_kind_are_asked_for_again(joining: Joining) -> None:
    """A bearer token, half a header: 401 with the challenge, and no request waits for a person."""
    request = joining.request(joining.make_key())
    for header in ("Authorization: Bearer abc", "Authorization: Basic !", "Authorization: Basic Og=="):
        answer = joining.post("simpleenroll", request, "--header", header)
        assert (answer.status, answer.headers["www-authenticate"]) == (401, 'Basic realm="backrow"')
    assert count(joining, EnrollmentRequest) == 0


def test_key_of_another_unit_is_refused(joining: Joining) -> None:
    """A card that was copied and given another id must make a key of its own."""
    first, second, key = joining.prepare("Room 1"), joining.prepare("Room 2"), joining.make_key()
    joining.join(first, key)
    answer = joining.enroll(second, key)
    assert (answer.status, "another unit's" in answer.words) == (403, True)
    assert state_of(joining, second) is DeviceState.PENDING


@pytest.mark.parametrize("state", [DeviceState.QUARANTINED, DeviceState.RETIRED, DeviceState.LOST])
def test_unit_out_of_use_does_not_join(busy: Joining, state: DeviceState) -> None:
    """A secret that was made before a unit was retired or lost opens nothing."""
    unit = busy.prepare()
    with busy.house.services.database.writing() as session:
        session.get_one(Device, unit.device).state = state
    before = count(busy, Certificate)
    answer = busy.enroll(unit, busy.make_key())
    assert (answer.status, f"is {state}" in answer.words) == (403, True)
    assert count(busy, Certificate) == before


MALFORMED = {
    "empty": (b"", "got an empty body"),
    "garbage": (b"\x00\xff garbage \x80" * 40, "expected base64"),
    "base64 of garbage": (base64.b64encode(os.urandom(300)), "expected a PKCS#10 request"),
    "base64 of nothing much": (b"AAAA", "expected a PKCS#10 request"),
    "PEM instead": (b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n", "base64"),
    "a JSON object": (b'{"csr": "AAAA"}', "expected base64"),
}


@pytest.mark.parametrize("what", MALFORMED)
@pytest.mark.parametrize("secret", [True, False])
def test_malformed_body_is_a_clear_400(busy: Joining, what: str, *, secret: bool) -> None:
    """With a good secret or none: 400 in words that name what is wrong, nothing stored, the secret unbound."""
    unit, (body, words) = busy.prepare(), MALFORMED[what]
    before = (count(busy, Certificate), count(busy, EnrollmentRequest))
    user = ("--user", f"{unit.device}:{unit.secret}") if secret else ()
    answer = busy.post("simpleenroll", body, *user, encode=False)
    assert (answer.status, answer.headers["content-type"]) == (400, "text/plain; charset=utf-8")
    assert words in answer.words
    assert (count(busy, Certificate), count(busy, EnrollmentRequest)) == before
    assert busy.enroll(unit, busy.make_key()).status == 200


def test_request_signed_by_another_key_is_refused(busy: Joining) -> None:
    """A flipped bit anywhere in a request, its signature or key: 400, and the secret stays unbound."""
    unit, der, before = busy.prepare(), busy.request(busy.make_key()), count(busy, Certificate)
    for place in range(8, len(der), len(der) // 12):
        changed = bytearray(der)
        changed[place] ^= 1
        answer = busy.post("simpleenroll", bytes(changed), "--user", f"{unit.device}:{unit.secret}")
        assert answer.status == 400, (place, answer.words)
    assert count(busy, Certificate) == before


@pytest.mark.parametrize(
    "options",
    [
        ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"),
        ("-algorithm", "ED25519"),
        ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"),
        ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", "ec_param_enc:explicit"),
    ],
)
def test_key_of_another_kind_is_refused(busy: Joining, options: tuple[str, ...]) -> None:
    """RSA, Ed25519, a curve of bitcoin, a curve spelled out: 400 that says which keys are taken."""
    unit, key = busy.prepare(), busy.folder / "odd.key"
    run("openssl", "genpkey", *options, "-out", key)
    answer = busy.post("simpleenroll", busy.request(key), "--user", f"{unit.device}:{unit.secret}")
    assert (answer.status, "P-256" in answer.words or "curve" in answer.words) == (400, True), answer.words


def test_ten_megabytes_are_refused_unread(busy: Joining) -> None:
    """A body of 10 MB is a clear 400, with a go-ahead or without; 20 MB the listener itself refuses with 413.

    The connection ends behind the answer: who is still sending may find it broken, and asks again.
    """
    again, before = ("--retry", "5", "--retry-all-errors"), count(busy, EnrollmentRequest)
    for megabytes, expect, status in (
        (10, "Expect:", 400),
        (10, "Expect: 100-continue", 400),
        (20, "Expect: 100-continue", 413),
    ):
        body = b"A" * (megabytes * 1_000_000)
        answer = busy.post("simpleenroll", body, "--header", expect, *again, encode=False)
        assert answer.status == status, megabytes
        assert status == 413 or "expected at most 65536 bytes, got 10000000" in answer.words
    assert count(busy, EnrollmentRequest) == before


def test_request_padded_to_the_limit_is_a_clear_400(busy: Joining) -> None:
    """What is within the limit of a body and above that of a request says the limit of a request."""
    answer = busy.post("simpleenroll", b"\x30" * 40_000)
    assert (answer.status, "expected at most 16384 bytes" in answer.words) == (400, True)


def test_chunked_body_is_asked_for_its_length(busy: Joining) -> None:
    """A body without a length is 411, and the connection's next request is not read out of it."""
    unit, der = busy.prepare(), busy.request(busy.make_key())
    answer = busy.post("simpleenroll", der, "--header", "Transfer-Encoding: chunked")
    assert (answer.status, "Content-Length" in answer.words) == (411, True)
    assert state_of(busy, unit) is DeviceState.PENDING


@pytest.mark.parametrize("kind", ["", "text/plain", "application/pkcs7-mime", "application/x-www-form-urlencoded"])
def test_content_of_another_type_is_refused(busy: Joining, kind: str) -> None:
    """Only application/pkcs10 is taken: 415 that says so."""
    body = base64.b64encode(busy.request(busy.make_key()))
    answer = busy.curl(f"{busy.people}{EST}/simpleenroll", "--header", f"Content-Type: {kind}".rstrip(), data=body)
    assert (answer.status, "expected Content-Type application/pkcs10" in answer.words) == (415, True)


def test_other_methods_and_names_do_not_exist(busy: Joining) -> None:
    """GET of what is posted is 405, operations that are not offered are 404."""
    assert busy.curl(f"{busy.people}{EST}/simpleenroll").status == 405
    for name in ("serverkeygen", "fullcmc", "label/simpleenroll"):
        assert busy.post(name, b"", encode=False).status == 404
    assert busy.curl(f"{busy.people}/units/v1/recorder-key", "-X", "PUT", data=b"").status == 404


def test_reenrollment_without_a_certificate_is_refused(busy: Joining) -> None:
    """The people's listener asks for no certificate, so nobody renews there, with or without a secret."""
    unit, der = busy.prepare(), busy.request(busy.make_key())
    for user in ((), ("--user", f"{unit.device}:{unit.secret}")):
        answer = busy.post("simplereenroll", der, *user)
        assert (answer.status, "units' listener" in answer.words) == (403, True)


def test_wrong_secrets_are_limited_by_unit_and_address(joining: Joining) -> None:
    """After 10 failures for a unit it is 429 with Retry-After even for the right secret; others go on; time heals."""
    unit, other, key = joining.prepare("Room 1"), joining.prepare("Room 2"), joining.make_key()
    wrong = ("--user", f"{unit.device}:{other.secret}")
    statuses = [joining.post("simpleenroll", joining.request(key), *wrong).status for _ in range(12)]
    assert statuses == [401] * 10 + [429] * 2
    answer = joining.enroll(unit, key)
    assert (answer.status, 0 < int(answer.headers["retry-after"]) <= 900) == (429, True)
    assert joining.enroll(other, joining.make_key("other")).status == 200
    for number in range(20):
        joining.post("simpleenroll", joining.request(key), "--user", f"{number:a<26}:{unit.secret}")
    third = joining.prepare("Room 3")
    assert joining.enroll(third, joining.make_key("third")).status == 429, "30 failures from one address"
    joining.house.clock.pass_time(timedelta(minutes=15))
    assert joining.enroll(unit, key).status == 200


def test_body_is_never_read_as_a_form(busy: Joining) -> None:
    """No form token is asked of a program, and a login's cookie lends a request nothing."""
    ada = busy.house.add_admin()
    body = base64.b64encode(busy.request(busy.make_key()))
    answer = busy.curl(
        f"{busy.people}{EST}/simpleenroll", "--header", PKCS10, "--cookie", f"backrow_login={ada.login}", data=body
    )
    assert answer.status == 202


@pytest.mark.parametrize("path", [f"{EST}/fullcmc", f"{EST}/", "/enrollment/v1/other"])
def test_address_that_there_is_not_is_told_in_words(busy: Joining, path: str) -> None:
    """A program that asks at a wrong address gets a line that names it, and no page; so it is with a body, too."""
    for answer in (busy.curl(f"{busy.people}{path}"), busy.curl(f"{busy.people}{path}", data=b"x" * 9000)):
        assert (answer.status, answer.headers["content-type"]) == (404, "text/plain; charset=utf-8")
        assert path in answer.words
        assert "<" not in answer.words


@pytest.mark.parametrize(
    ("path", "method", "allowed"),
    [
        (f"{EST}/simpleenroll", "GET", {"POST", "OPTIONS"}),
        (f"{EST}/cacerts", "DELETE", {"GET", "HEAD", "OPTIONS"}),
        ("/enrollment/v1/renewal", "PUT", {"POST", "OPTIONS"}),
    ],
)
def test_wrong_method_is_told_in_words_with_those_that_there_are(
    busy: Joining, path: str, method: str, allowed: set[str]
) -> None:
    """405 carries `Allow`, as RFC 9110 wants, and words; it is no page."""
    answer = busy.curl(f"{busy.people}{path}", "--request", method)
    assert (answer.status, answer.headers["content-type"]) == (405, "text/plain; charset=utf-8")
    assert {name.strip() for name in answer.headers["allow"].split(",")} == allowed
    assert path in answer.words


def test_wrong_address_and_method_are_json_to_units(busy: Joining) -> None:
    """Behind the units' door they look as every refusal there, with `Allow` at a 405; a page's 405 carries it, too."""
    unit, key = busy.prepare(), busy.make_key()
    shown = busy.join(unit, key)
    unknown = busy.ask_units(f"{EST}/fullcmc", shown, key)
    assert (unknown.status, unknown.headers["content-type"]) == (404, "application/json")
    wrong = busy.ask_units(f"{EST}/simplereenroll", shown, key)
    assert (wrong.status, wrong.headers["content-type"]) == (405, "application/json")
    assert "POST" in wrong.headers["allow"]
    assert "POST" in busy.curl(f"{busy.people}/sign-out").headers["allow"]


def test_secret_of_a_removed_unit_is_void_at_once(joining: Joining) -> None:
    """A card that somebody finds lets nobody join; nor does a key that was adopted for it: it waits for a person."""
    unit, key = joining.prepare(), joining.make_key()
    adopting = make_enrollment(joining.house.services).adoption
    assert joining.post("simpleenroll", joining.request(key)).status == 202
    (asked,) = adopting.waiting()
    adopting.adopt(asked.spki, unit.device, by=OPERATOR)
    life.remove(joining.house.services, unit.device, Deed("operator", joining.house.clock()))
    assert joining.enroll(unit, joining.make_key("finder")).status == 401
    assert joining.post("simpleenroll", joining.request(key)).status == 202
    assert [row.spki for row in adopting.waiting()] == [asked.spki]
    assert count(joining, Certificate) == 0
    with pytest.raises(AdoptionError, match="no unit that can join"):
        adopting.adopt(asked.spki, unit.device, by=OPERATOR)
    with pytest.raises(OperatorError, match="is removed: it cannot join"):
        renew_secret(joining.house.services, unit.device)
