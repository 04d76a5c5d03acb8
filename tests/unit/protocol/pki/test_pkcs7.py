"""Certificates in PKCS#7: openssl reads ours, and what is none is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from protocol.pki import PkiError, encode_pkcs7, parse_certificates, parse_pkcs7
from tests.unit.protocol.pki.school import ISSUING, ROOT, UNIT, openssl

THREE = {UNIT.certificate, ISSUING.certificate, ROOT.certificate}
DER = encode_pkcs7(THREE)


def test_certificates_are_read_by_openssl(tmp_path: Path) -> None:
    """All of them come out of openssl as they went in."""
    printed = openssl("pkcs7", "-inform", "DER", "-print_certs", folder=tmp_path, given=DER).stdout
    assert set(parse_certificates(printed)) == THREE


def test_certificates_of_openssl_are_read(tmp_path: Path) -> None:
    """What openssl packs comes out again, and so does what we pack."""
    (tmp_path / "root").write_bytes(ROOT.certificate_pem())
    packed = openssl("crl2pkcs7", "-nocrl", "-certfile", "root", "-outform", "DER", folder=tmp_path)
    assert parse_pkcs7(packed.stdout) == (ROOT.certificate,)
    assert set(parse_pkcs7(DER)) == THREE


@pytest.mark.parametrize("der", [b"", b"garbage", DER[:-1], DER[: len(DER) // 2], DER + b"\0"], ids=range(5))
def test_bytes_without_certificates_are_refused(der: bytes) -> None:
    """Empty, garbage, cut, with a tail: always the same kind of error."""
    with pytest.raises(PkiError, match="cacerts: "):
        parse_pkcs7(der, "cacerts")
