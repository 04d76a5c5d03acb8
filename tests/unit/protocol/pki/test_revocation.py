"""The list of revoked certificates: openssl refuses who stands in it, and everybody once it is over."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from protocol.pki import PkiError, Revoked, issue_crl, issue_device, issue_issuing_authority, parse_crls
from tests.unit.protocol.made import DEVICE, NOW
from tests.unit.protocol.pki.school import ISSUING, ROOT, SERVER, UNIT, verify

EMPTY = issue_crl(ISSUING, [], now=NOW)
ONE = issue_crl(ISSUING, [Revoked(UNIT.certificate.serial_number, NOW)], now=NOW)


def checked(folder: Path, crl: bytes) -> tuple[str, ...]:
    """Write a list and give the options with which openssl minds it."""
    (folder / "revoked.crl").write_bytes(crl)
    return ("-crl_check", "-CRLfile", "revoked.crl")


def test_revoked_certificate_is_refused_and_no_other(tmp_path: Path) -> None:
    """Who stands in the list is refused; another of the same authority is not; nobody is by an empty one."""
    assert verify(tmp_path, UNIT, *checked(tmp_path, EMPTY)) == ""
    assert "certificate revoked" in verify(tmp_path, UNIT, *checked(tmp_path, ONE))
    assert verify(tmp_path, SERVER, *checked(tmp_path, ONE)) == ""


def test_lists_of_two_authorities_stand_in_one_file(tmp_path: Path) -> None:
    """After a rotation each issuing CA's list is found beside the other's."""
    later = issue_issuing_authority(ROOT, "A made-up school, issuing 2", now=NOW)
    young = issue_device(later, DEVICE, now=NOW)
    both = ONE + issue_crl(later, [], now=NOW)
    assert "certificate revoked" in verify(tmp_path, UNIT, *checked(tmp_path, both))
    assert verify(tmp_path, young, *checked(tmp_path, both)) == ""
    assert [crl.issuer for crl in parse_crls(both)] == [ISSUING.certificate.subject, later.certificate.subject]


def test_list_that_is_over_refuses_everybody(tmp_path: Path) -> None:
    """After 30 days openssl lets nobody in: the reason why the list is made anew each day."""
    assert verify(tmp_path, SERVER, *checked(tmp_path, EMPTY), after=timedelta(days=30, seconds=-1)) == ""
    assert "CRL has expired" in verify(tmp_path, SERVER, *checked(tmp_path, EMPTY), after=timedelta(days=30, seconds=1))


def test_list_of_a_stranger_is_no_list(tmp_path: Path) -> None:
    """A list of the same name by another key takes nobody's certificate back, and gives none."""
    stranger = issue_issuing_authority(ROOT, "A made-up school, issuing 1", now=NOW)
    assert verify(tmp_path, SERVER, *checked(tmp_path, issue_crl(stranger, [], now=NOW)))


def test_list_reads_back_as_what_was_written() -> None:
    """The serial numbers and the end are found again."""
    (crl,) = parse_crls(ONE)
    assert [entry.serial_number for entry in crl] == [UNIT.certificate.serial_number]
    assert crl.next_update_utc == NOW + timedelta(days=30)
    assert crl.is_signature_valid(ISSUING.key.public_key())


@pytest.mark.parametrize("pem", [b"", b"garbage", ONE[:100], ONE[:-30], UNIT.certificate_pem()], ids=range(5))
def test_list_that_cannot_be_read_is_refused(pem: bytes) -> None:
    """Empty, garbage, cut, something else: always the same kind of error."""
    with pytest.raises(PkiError, match=r"revoked\.crl: "):
        parse_crls(pem, "revoked.crl")
