"""Renewal: over TLS with a certificate that lives, and by a signature with one that is over; `openssl` signs."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from controller.devices.models import Device, DeviceState
from controller.enrollment.models import Certificate, RenewalNonce
from controller.enrollment.revocation import LIST
from protocol.pki import issue_device, parse_crls
from tests.unit.controller.enrollment.est_client import EST, PKCS10, Answer, Joining, Unit, run

HOUR = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Joined:
    """A unit that has joined: its key, and the file of its certificate and the issuing CA."""

    joining: Joining
    unit: Unit
    key: Path
    stored: Path

    def renew(self, key: Path | None = None) -> Answer:
        """Renew over TLS, with the present certificate."""
        body = base64.encodebytes(self.joining.request(key or self.key))
        return self.joining.ask_units(f"{EST}/simplereenroll", self.stored, self.key, "--header", PKCS10, data=body)

    def fetch_documents(self) -> Answer:
        """Do what needs a good certificate."""
        return self.joining.ask_units("/units/v1/documents", self.stored, self.key)

    def let_end(self) -> None:
        """Let the certificate have ended ten days ago; TLS goes by its own clock and is not asked here."""
        self.joining.house.clock.pass_time(timedelta(days=100))

    def make_renewal(self, *, nonce: str | None = None, signer: Path | None = None) -> dict[str, str]:
        """Make the signed request of an expired unit with openssl."""
        asked = nonce or json.loads(self.joining.curl(f"{self.joining.people}/enrollment/v1/nonce").body)["nonce"]
        request = self.joining.request(self.key)
        signed = f"backrow-renewal-v1\n{asked}\n{hashlib.sha256(request).hexdigest()}".encode()
        signature = run("openssl", "dgst", "-sha256", "-sign", signer or self.key, data=signed)
        leaf = run("openssl", "x509", "-in", self.stored, "-outform", "DER")
        values = {"certificate": leaf, "request": request, "signature": signature}
        return {name: base64.b64encode(value).decode() for name, value in values.items()} | {"nonce": asked}

    def send_renewal(self, fields: object) -> Answer:
        """Send it."""
        body, kind = json.dumps(fields).encode(), ("--header", "Content-Type: application/json")
        return self.joining.curl(f"{self.joining.people}/enrollment/v1/renewal", *kind, data=body)


@pytest.fixture
def joined(joining: Joining) -> Joined:
    """Give a unit that joined five hours ago; TLS goes by the real time, so that a test may let that much pass."""
    joining.house.clock.pass_time(-5 * HOUR)
    unit, key = joining.prepare(), joining.make_key()
    return Joined(joining=joining, unit=unit, key=key, stored=joining.join(unit, key))


@pytest.fixture(scope="module")
def waiting(busy: Joining) -> Joined:
    """Give a unit that joined, for what is refused whoever sends it: nothing here renews, and nothing is kept."""
    unit, key = busy.prepare(), busy.make_key()
    return Joined(joining=busy, unit=unit, key=key, stored=busy.join(unit, key))


def put_state(joined: Joined, state: DeviceState) -> None:
    """Put the unit into a state."""
    with joined.joining.house.services.database.writing() as session:
        session.get_one(Device, joined.unit.device).state = state


def revoke(joined: Joined) -> None:
    """Revoke all certificates."""
    with joined.joining.house.services.database.writing() as session:
        session.execute(update(Certificate).values(revoked_at=joined.joining.house.clock(), revoked_why="lost"))


def test_unit_renews_with_the_certificate_that_it_has(joined: Joined) -> None:
    """Within the hour the same one; later another of the same key, and both are good."""
    joined.joining.house.clock.pass_time(timedelta(minutes=59))
    assert joined.renew().certificates()[0] in joined.stored.read_bytes()
    joined.joining.house.clock.pass_time(2 * HOUR)
    answer = joined.renew()
    assert answer.status == 200, answer.words
    assert answer.certificates()[0] not in joined.stored.read_bytes()
    assert joined.renew().certificates() == answer.certificates()
    assert joined.fetch_documents().status == 200, "a lost reply locks nobody out"
    joined.joining.keep(answer, joined.key)
    assert joined.fetch_documents().status == 200


def test_new_key_ends_the_old_one_at_its_own_renewal(joined: Joined) -> None:
    """A unit that changes its key keeps the old certificate until it renews with the new one; then TLS is told."""
    newer = joined.joining.make_key("newer")
    joined.joining.house.clock.pass_time(HOUR)
    answer = joined.renew(newer)
    other = replace(joined, key=newer, stored=joined.joining.keep(answer, newer))
    assert (joined.fetch_documents().status, other.fetch_documents().status) == (200, 200)
    joined.joining.house.clock.pass_time(HOUR)
    assert joined.renew().status == 200, "the older key's renewal ends no newer one"
    assert other.renew().status == 200
    assert (joined.fetch_documents().status, other.fetch_documents().status) == (403, 200)
    assert joined.renew().status == 403
    lists = parse_crls((joined.joining.house.services.config.controller.data / LIST).read_bytes())
    assert sum(len(list(one)) for one in lists) == 2, "both of the older key's"


def test_unit_is_given_no_flood_of_certificates(joined: Joined) -> None:
    """Whoever has a unit's certificate and asks with ever new keys is stopped at twelve in an hour."""
    keys = [joined.joining.make_key(f"flood-{number}") for number in range(12)]
    answers = [joined.renew(key) for key in keys]
    assert [answer.status for answer in answers] == [200] * 11 + [429]
    assert 3500 < int(answers[-1].headers["retry-after"]) <= 3600


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (DeviceState.ACTIVE, 200),
        (DeviceState.QUARANTINED, 200),
        (DeviceState.RETIRED, 200),
        (DeviceState.PENDING, 403),
        (DeviceState.LOST, 403),
    ],
)
def test_state_decides_who_renews(joined: Joined, state: DeviceState, status: int) -> None:
    """By TLS and by signature alike: a lost unit never, a retired one until it has delivered."""
    put_state(joined, state)
    assert joined.renew().status == status
    joined.let_end()
    assert joined.send_renewal(joined.make_renewal()).status == status


def test_expired_unit_renews_by_its_old_key(joined: Joined) -> None:
    """100 days later nothing but nonce, request and signature is needed, and the answer is EST's."""
    joined.let_end()
    answer = joined.send_renewal(joined.make_renewal())
    assert (answer.status, answer.headers["content-type"]) == (200, "application/pkcs7-mime; smime-type=certs-only")
    assert run("openssl", "x509", "-pubkey", "-noout", data=answer.certificates()[0]) == run(
        "openssl", "pkey", "-pubout", "-in", joined.key
    )


def test_certificate_that_is_over_renews_nothing_over_tls(joined: Joined) -> None:
    """A connection that outlived its certificate is asked again: 403 that names the other way."""
    joined.let_end()
    answer = joined.renew()
    assert (answer.status, "renew it with a nonce" in answer.words) == (403, True)


def test_nonce_serves_once(joined: Joined) -> None:
    """The same renewal sent again, and another one with the same nonce, are 400."""
    joined.let_end()
    fields = joined.make_renewal()
    assert joined.send_renewal(fields).status == 200
    for again in (fields, joined.make_renewal(nonce=fields["nonce"])):
        answer = joined.send_renewal(again)
        assert (answer.status, "used already" in answer.words) == (400, True)


def test_nonce_is_over_after_five_minutes(joined: Joined) -> None:
    """An old nonce is 400, and what was used is forgotten when it could not be used anyway."""
    joined.let_end()
    fields = joined.make_renewal()
    assert joined.send_renewal(joined.make_renewal()).status == 200
    joined.joining.house.clock.pass_time(timedelta(minutes=5))
    answer = joined.send_renewal(fields)
    assert (answer.status, "this nonce is over" in answer.words) == (400, True)
    joined.joining.house.clock.pass_time(timedelta(minutes=6))
    joined.send_renewal(joined.make_renewal())
    with joined.joining.house.services.database.reading() as session:
        assert len(session.scalars(select(RenewalNonce)).all()) == 1


@pytest.mark.parametrize(
    "nonce", ["", "made up", "1.2.3", "..", "1" * 4000, "é.é.é", "99999999999999999999.0." + "0" * 32]
)
def test_nonce_that_was_not_made_here_is_refused(waiting: Joined, nonce: str) -> None:
    """Whatever a client makes up: 400, nothing stored."""
    fields = {**waiting.make_renewal(), "nonce": nonce}
    assert waiting.send_renewal(fields).status == 400
    with waiting.joining.house.services.database.reading() as session:
        assert session.scalars(select(RenewalNonce)).all() == []


def test_asking_for_nonces_fills_nothing(waiting: Joined) -> None:
    """Twenty nonces are twenty different texts and no row."""
    with waiting.joining.house.services.database.reading() as session:
        found = {waiting.joining.curl(f"{waiting.joining.people}/enrollment/v1/nonce").body for _ in range(20)}
        assert len(found) == 20
        assert session.scalars(select(RenewalNonce)).all() == []


def test_foreign_signature_is_refused(joined: Joined) -> None:
    """Signed by another key, over another nonce or another request: 403, and the nonce is not used up by it."""
    joined.let_end()
    good = joined.make_renewal()
    thief = joined.make_renewal(nonce=good["nonce"], signer=joined.joining.make_key("thief"))
    other_nonce = {**joined.make_renewal(), "nonce": good["nonce"]}
    other_request = {**good, "request": base64.b64encode(joined.joining.request(joined.key)).decode()}
    for fields in (thief, other_nonce, other_request, {**good, "signature": base64.b64encode(b"x" * 70).decode()}):
        answer = joined.send_renewal(fields)
        assert (answer.status, "not signed by the old certificate's key" in answer.words) == (403, True)
    assert joined.send_renewal(good).status == 200


def test_certificate_of_another_authority_renews_nothing(joined: Joined, tmp_path: Path) -> None:
    """A certificate with the right name that the registry did not issue, even of our own CA: 403."""
    joined.let_end()
    for authority in (joined.joining.issuing, joined.joining.root):
        made = issue_device(authority, joined.unit.device, now=joined.joining.house.clock())
        joined.key.write_bytes(made.key_pem())
        joined.stored.write_bytes(made.certificate_pem())
        answer = joined.send_renewal(joined.make_renewal())
        assert (answer.status, "not one that the registry issued" in answer.words) == (403, True)


def test_revoked_unit_renews_nothing(joined: Joined) -> None:
    """Neither over TLS nor by signature, nor with its secret that was not over."""
    revoke(joined)
    assert joined.renew().status == 403
    assert joined.joining.enroll(joined.unit, joined.key).status == 403
    joined.let_end()
    assert joined.send_renewal(joined.make_renewal()).status == 403


@pytest.mark.parametrize(
    "fields",
    [
        [],
        {},
        "text",
        None,
        {"certificate": 1, "request": 2, "nonce": 3, "signature": 4},
        {"certificate": "!", "request": "!", "nonce": "!", "signature": "!"},
        {"certificate": "AAAA", "request": "AAAA", "nonce": "x", "signature": "AAAA"},
    ],
)
def test_malformed_renewal_is_a_clear_400(waiting: Joined, fields: object) -> None:
    """What is no renewal is refused in words."""
    answer = waiting.send_renewal(fields)
    assert (answer.status, answer.headers["content-type"]) == (400, "text/plain; charset=utf-8")
    assert "expected" in answer.words


def test_failed_renewals_are_limited_by_address(joined: Joined) -> None:
    """After 30 failures from one address even a good renewal waits; a quarter of an hour later it passes."""
    joined.let_end()
    good = joined.make_renewal()
    bad = {**good, "signature": base64.b64encode(b"x" * 70).decode()}
    assert {joined.send_renewal(bad).status for _ in range(30)} == {403}
    assert joined.send_renewal(good).status == 429
    joined.joining.house.clock.pass_time(timedelta(minutes=15))
    assert joined.send_renewal(joined.make_renewal()).status == 200
