"""Root CA, issuing CA, leaf: openssl and the verifier of `cryptography` accept what they should, and nothing else."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from protocol.pki import (
    Credential,
    PkiError,
    encode_certificates,
    issue_authority,
    issue_device,
    issue_device_for,
    issue_issuing_authority,
    issue_root_authority,
    issue_server,
    parse_certificates,
    parse_credential,
    presented_chain,
    verify_client,
    verify_server,
)
from tests.unit.protocol.made import DEVICE, NOW
from tests.unit.protocol.pki.school import BRIDGE, ISSUING, ROOT, SERVER, UNIT, verify


def client_refused(end: Credential, root: Credential = ROOT, at: datetime = NOW) -> str:
    """Give the words with which a client is refused, or nothing."""
    try:
        verify_client(root.certificate, end.certificate, end.chain, at=at)
    except PkiError as error:
        return str(error)
    return ""


def test_chains_are_accepted_for_their_purpose_alone(tmp_path: Path) -> None:
    """Units and bridge are clients, a server a server, under the root CA, as both judges say."""
    for client in (UNIT, BRIDGE):
        assert verify(tmp_path, client, "-purpose", "sslclient") == ""
        assert client_refused(client) == ""
        assert "purpose" in verify(tmp_path, client, "-purpose", "sslserver")
    assert verify(tmp_path, SERVER, "-purpose", "sslserver", "-verify_hostname", "box.example") == ""
    verify_server(ROOT.certificate, SERVER.certificate, SERVER.chain, host="box.example", at=NOW)
    verify_server(ROOT.certificate, SERVER.certificate, SERVER.chain, host="10.0.0.5", at=NOW)
    assert "purpose" in verify(tmp_path, SERVER, "-purpose", "sslclient")
    assert "does not chain" in client_refused(SERVER)


def test_server_of_another_name_is_refused() -> None:
    """A good chain to the school is not enough: the name must be the one that was called."""
    with pytest.raises(PkiError, match=r"CN=box\.example does not chain"):
        verify_server(ROOT.certificate, SERVER.certificate, SERVER.chain, host="other.example", at=NOW)


def test_leaf_is_presented_with_its_issuing_authority_and_not_with_the_root() -> None:
    """What TLS presents is leaf and issuing CA; below a self-signed CA it is the leaf alone."""
    assert UNIT.chain == (ISSUING.certificate,) == presented_chain(ISSUING)
    small = issue_authority("A laptop", now=NOW)
    assert issue_device(small, DEVICE, now=NOW).chain == ()


def test_leaf_without_its_chain_is_refused(tmp_path: Path) -> None:
    """Who pins the root cannot know an issuing CA that nobody presents."""
    bare = Credential(UNIT.certificate, UNIT.key)
    assert "unable to get" in verify(tmp_path, bare)
    assert client_refused(bare)


def test_rotated_issuing_authority_needs_nothing_at_the_units(tmp_path: Path) -> None:
    """A leaf of the next issuing CA, and one of the last, chain to the root CA that units pinned."""
    later = issue_issuing_authority(ROOT, "A made-up school, issuing 2", now=NOW)
    for authority in (ISSUING, later):
        leaf = issue_device(authority, DEVICE, now=NOW)
        assert verify(tmp_path, leaf) == ""
        assert client_refused(leaf) == ""


def test_rogue_authority_is_refused(tmp_path: Path) -> None:
    """The same names under another root are another school."""
    root = issue_root_authority("A made-up school, root", now=NOW)
    rogue = issue_device(issue_issuing_authority(root, "A made-up school, issuing 1", now=NOW), DEVICE, now=NOW)
    assert verify(tmp_path, rogue)
    assert client_refused(rogue)


def test_issuing_authority_signs_no_authority(tmp_path: Path) -> None:
    """One that was made below an issuing CA is refused: its path length is 0."""
    below = issue_issuing_authority(ISSUING, "One too many", now=NOW)
    leaf = issue_device(below, DEVICE, now=NOW)
    deep = Credential(leaf.certificate, leaf.key, (below.certificate, ISSUING.certificate))
    assert "path length" in verify(tmp_path, deep)
    assert client_refused(deep)


def test_unit_signs_nothing(tmp_path: Path) -> None:
    """A certificate that a unit issued with its own key is refused."""
    forged = issue_device(UNIT, DEVICE, now=NOW)
    assert verify(tmp_path, forged)
    assert client_refused(forged)


@pytest.mark.parametrize("after", [timedelta(minutes=-61), timedelta(days=90, seconds=1)])
def test_certificate_that_is_not_yet_or_no_longer_good_is_refused(tmp_path: Path, after: timedelta) -> None:
    """An hour before its making and after its last day both judges refuse it."""
    assert verify(tmp_path, UNIT, after=after)
    assert client_refused(UNIT, at=NOW + after)


def test_certificate_ends_with_its_authority() -> None:
    """Nothing is promised beyond the end of the authority that signs."""
    almost_over = NOW + timedelta(days=5 * 365 - 3)
    leaf = issue_device(ISSUING, DEVICE, now=almost_over)
    assert leaf.certificate.not_valid_after_utc == ISSUING.certificate.not_valid_after_utc


def test_authority_that_is_over_signs_nothing() -> None:
    """It says who ended, when, and what to do, instead of making certificates that everybody refuses."""
    with pytest.raises(PkiError, match=r"issuing 1: this authority ended at \d{4}-\d\d-\d\d .* rotate it"):
        issue_server(ISSUING, ("box.example",), now=NOW + timedelta(days=5 * 365))


def test_unit_gets_a_certificate_for_the_key_that_it_made() -> None:
    """Only the public half is asked for, and serial numbers differ between two for one key."""
    key = ec.generate_private_key(ec.SECP384R1())
    first, second = (issue_device_for(ISSUING, DEVICE, key.public_key(), now=NOW) for _ in range(2))
    assert first.public_key() == key.public_key()
    assert first.serial_number != second.serial_number
    assert client_refused(Credential(first, key, presented_chain(ISSUING))) == ""


def test_credential_with_a_chain_reads_back_as_what_was_written() -> None:
    """Leaf and issuing CA in one file, and the key, give the same three again."""
    again = parse_credential(UNIT.certificate_pem(), UNIT.key_pem())
    assert (again.certificate, again.chain) == (UNIT.certificate, UNIT.chain)
    assert parse_certificates(UNIT.certificate_pem()) == (UNIT.certificate, ISSUING.certificate)


def test_chain_in_the_wrong_order_is_named() -> None:
    """A file whose second certificate did not sign the first says which two do not fit."""
    muddled = encode_certificates((UNIT.certificate, ROOT.certificate))
    with pytest.raises(PkiError, match=f"tls: CN={DEVICE} is followed by .*root, which did not sign it"):
        parse_credential(muddled, UNIT.key_pem(), "tls")
