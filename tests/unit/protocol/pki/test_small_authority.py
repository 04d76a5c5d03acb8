"""Certificates: openssl, which nobody here wrote, accepts the chains we make and refuses the ones it should."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from protocol.pki import (
    Credential,
    PkiError,
    fingerprint,
    issue_authority,
    issue_device,
    issue_server,
    parse_credential,
)
from tests.unit.protocol.made import DEVICE, NOW

AUTHORITY = issue_authority("A made-up school", now=NOW)
UNIT = issue_device(AUTHORITY, DEVICE, now=NOW)
SERVER = issue_server(AUTHORITY, ("box.example", "10.0.0.5", "::1"), now=NOW)


def verify(folder: Path, authority: Credential, end: Credential, *options: str, after: timedelta = timedelta()) -> bool:
    """Ask openssl whether `end` is a certificate of `authority` at NOW + `after`."""
    (folder / "ca.pem").write_bytes(authority.certificate_pem())
    (folder / "end.pem").write_bytes(end.certificate_pem())
    at = str(int((NOW + after).timestamp()))
    command = ["openssl", "verify", "-x509_strict", "-attime", at, "-CAfile", "ca.pem", *options, "end.pem"]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0


def test_chains_are_accepted_by_openssl_for_their_purpose_alone(tmp_path: Path) -> None:
    """A unit's certificate serves a client, a server's a server, under openssl's strict rules, and not the reverse."""
    assert verify(tmp_path, AUTHORITY, UNIT, "-purpose", "sslclient")
    assert verify(tmp_path, AUTHORITY, SERVER, "-purpose", "sslserver")
    assert not verify(tmp_path, AUTHORITY, UNIT, "-purpose", "sslserver")
    assert not verify(tmp_path, AUTHORITY, SERVER, "-purpose", "sslclient")


def test_chain_of_another_authority_is_refused(tmp_path: Path) -> None:
    """A certificate of an authority with the same name but another key is no unit of the school."""
    stranger = issue_authority("A made-up school", now=NOW)
    assert not verify(tmp_path, AUTHORITY, issue_device(stranger, DEVICE, now=NOW))


def test_unit_cannot_sign_certificates(tmp_path: Path) -> None:
    """A certificate that a unit issued with its own key is refused, although the unit's own is good."""
    forged = issue_device(UNIT, DEVICE, now=NOW)
    (tmp_path / "chain.pem").write_bytes(UNIT.certificate_pem())
    assert not verify(tmp_path, AUTHORITY, forged, "-untrusted", "chain.pem")


@pytest.mark.parametrize(
    ("option", "name", "accepted"),
    [
        ("-verify_hostname", "box.example", True),
        ("-verify_ip", "10.0.0.5", True),
        ("-verify_ip", "::1", True),
        ("-verify_hostname", "other.example", False),
        ("-verify_hostname", "10.0.0.5", False),
        ("-verify_ip", "10.0.0.6", False),
    ],
)
def test_server_is_known_by_its_names_and_addresses(tmp_path: Path, option: str, name: str, accepted: bool) -> None:  # noqa: FBT001
    """Names and addresses that were asked for stand in the certificate as such, and no others."""
    assert verify(tmp_path, AUTHORITY, SERVER, option, name) is accepted


@pytest.mark.parametrize(
    ("after", "accepted"),
    [
        (timedelta(minutes=-59), True),
        (timedelta(minutes=-61), False),
        (timedelta(days=90, seconds=-1), True),
        (timedelta(days=90, seconds=1), False),
    ],
)
def test_certificate_holds_for_its_days(tmp_path: Path, after: timedelta, accepted: bool) -> None:  # noqa: FBT001
    """From an hour before its making, for clocks that are behind, until its last day."""
    assert verify(tmp_path, AUTHORITY, UNIT, after=after) is accepted


def test_unit_is_named_by_its_device_id() -> None:
    """Common name and alternative name are the device id, as the broker and the controller read it."""
    (name,) = UNIT.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    names = UNIT.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert name.value == DEVICE
    assert names.get_values_for_type(x509.DNSName) == [DEVICE]


def test_credential_reads_back_as_what_was_written() -> None:
    """Certificate and key, as PEM, give the same pair again."""
    again = parse_credential(UNIT.certificate_pem(), UNIT.key_pem())
    assert again.certificate == UNIT.certificate
    assert again.key_pem() == UNIT.key_pem()
    assert fingerprint(again.certificate) == UNIT.certificate.fingerprint(hashes.SHA256()).hex()


def test_key_of_another_certificate_is_refused() -> None:
    """A pair that does not belong together is named by its certificate."""
    with pytest.raises(PkiError, match=f"tls: the key is not the one of certificate CN={DEVICE}"):
        parse_credential(UNIT.certificate_pem(), SERVER.key_pem(), "tls")


def rsa_key() -> bytes:
    """Make a key of a type that the profile does not allow."""
    key = rsa.generate_private_key(65537, 2048)
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption())


def locked_key() -> bytes:
    """Make a key that asks for a pass phrase."""
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return UNIT.key.private_bytes(encoding, form, serialization.BestAvailableEncryption(b"secret"))


def test_credential_that_cannot_be_read_is_refused() -> None:
    """Empty, garbage, cut, swapped, another type, locked with a pass phrase: always the same kind of error."""
    certificate, key = UNIT.certificate_pem(), UNIT.key_pem()
    pairs = [
        (b"", key),
        (certificate, b""),
        (b"garbage", key),
        (certificate, b"garbage"),
        (certificate[:200], key),
        (certificate, key[:100]),
        (key, certificate),
        (certificate, rsa_key()),
        (certificate, locked_key()),
        (b"\xff\xfe", b"\xff\xfe"),
    ]
    for certificate_pem, key_pem in pairs:
        with pytest.raises(PkiError, match="tls: "):
            parse_credential(certificate_pem, key_pem, "tls")


def test_server_without_a_host_is_our_own_mistake() -> None:
    """A certificate that names nobody is never made."""
    with pytest.raises(ValueError, match="at least one host"):
        issue_server(AUTHORITY, (), now=NOW)


def test_credential_never_shows_its_key() -> None:
    """The text form, as a log would print it, has no private key."""
    assert "key" not in repr(UNIT)
    assert isinstance(UNIT.key, ec.EllipticCurvePrivateKey)
