"""Certificate requests: what openssl makes is read, what somebody broke is refused with one kind of error."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from protocol.pki import MAX_REQUEST_BYTES, PkiError, make_request, parse_request, spki_digest
from protocol.pki.profile import common_name
from tests.unit.protocol.made import DEVICE
from tests.unit.protocol.pki.school import openssl

KEY = ec.generate_private_key(ec.SECP256R1())
GOOD = make_request(KEY, DEVICE)


def test_request_of_our_own_is_believed_by_openssl(tmp_path: Path) -> None:
    """Openssl reads it and finds its signature right."""
    done = openssl("req", "-inform", "DER", "-verify", "-noout", "-subject", folder=tmp_path, given=GOOD)
    assert done.returncode == 0
    assert DEVICE.encode() in done.stdout


@pytest.mark.parametrize("curve", ["prime256v1", "secp384r1"])
def test_request_of_openssl_is_read(tmp_path: Path, curve: str) -> None:
    """Its key and the key's digest are those that openssl says itself; the name that it asks for is nowhere."""
    openssl("ecparam", "-name", curve, "-genkey", "-noout", "-out", "key.pem", folder=tmp_path)
    made = openssl(
        "req", "-new", "-key", "key.pem", "-subj", "/CN=principal", "-outform", "DER",
        "-addext", "subjectAltName=DNS:principal.example", folder=tmp_path,
    )  # fmt: skip
    public = openssl("pkey", "-in", "key.pem", "-pubout", "-outform", "DER", folder=tmp_path).stdout
    digest = openssl("dgst", "-sha256", "-r", folder=tmp_path, given=public).stdout.split()[0].decode()
    request = parse_request(made.stdout)
    assert request.spki == spki_digest(request.public_key) == digest
    assert request.fingerprint.replace(" ", "") == digest[:32]
    assert not [name for name in vars(request) if "name" in name or "subject" in name]


def request_of(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, algorithm: hashes.SHA256 | hashes.SHA1) -> bytes:
    """Ask for a certificate with any key and hash."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(common_name(DEVICE))
    return builder.sign(key, algorithm).public_bytes(serialization.Encoding.DER)


@pytest.mark.parametrize(
    ("der", "words"),
    [
        (b"", "expected a PKCS#10 request in DER"),
        (b"garbage", "expected a PKCS#10 request in DER"),
        (GOOD[:-1], "expected a PKCS#10 request in DER"),
        (GOOD + b"\0", "expected a PKCS#10 request in DER"),
        (b"0" * (10 * 1024 * 1024), f"expected at most {MAX_REQUEST_BYTES} bytes, got 10485760"),
        (request_of(rsa.generate_private_key(65537, 2048), hashes.SHA256()), "P-256 or P-384, got RSAPublicKey"),
        (request_of(ec.generate_private_key(ec.SECP521R1()), hashes.SHA256()), "P-256 or P-384, got secp521r1"),
        (request_of(ec.generate_private_key(ec.SECP256K1()), hashes.SHA256()), "P-256 or P-384, got secp256k1"),
        (GOOD[:-1] + bytes([GOOD[-1] ^ 1]), "its signature is not of the key that it names"),
    ],
    ids=range(9),
)
def test_request_that_breaks_a_rule_is_refused_by_name(der: bytes, words: str) -> None:
    """Empty, garbage, cut, with a tail, ten megabytes, another kind of key, a broken signature: each says which."""
    with pytest.raises(PkiError) as caught:
        parse_request(der)
    assert words in str(caught.value)


def test_request_with_an_old_hash_is_refused(tmp_path: Path) -> None:
    """SHA-1 proves nothing; openssl still makes one."""
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "key.pem", folder=tmp_path)
    old = openssl("req", "-new", "-sha1", "-key", "key.pem", "-subj", "/CN=x", "-outform", "DER", folder=tmp_path)
    with pytest.raises(PkiError, match="SHA-256, SHA-384 or SHA-512"):
        parse_request(old.stdout)


def test_request_signed_by_another_key_is_refused() -> None:
    """Nobody gets a certificate for a key that they only saw: the signature must be of the key inside."""
    other = make_request(ec.generate_private_key(ec.SECP256R1()), DEVICE)
    mine = parse_request(GOOD).public_key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    theirs = parse_request(other).public_key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    with pytest.raises(PkiError, match="its signature is not of the key that it names"):
        parse_request(other.replace(theirs, mine))


def test_request_without_a_named_curve_is_refused(tmp_path: Path) -> None:
    """A curve spelled out in numbers may be anybody's."""
    openssl(
        "ecparam", "-name", "prime256v1", "-param_enc", "explicit", "-genkey", "-noout", "-out", "key.pem",
        folder=tmp_path,
    )  # fmt: skip
    made = openssl("req", "-new", "-key", "key.pem", "-subj", "/CN=x", "-outform", "DER", folder=tmp_path)
    assert made.returncode == 0
    with pytest.raises(PkiError, match="expected the curve by its name"):
        parse_request(made.stdout)


@given(at=st.integers(0, len(GOOD) - 1), flip=st.integers(1, 255))
def test_request_with_one_wrong_byte_is_refused(at: int, flip: int) -> None:
    """Whichever byte is changed, what comes is a `PkiError` and nothing else."""
    broken = bytearray(GOOD)
    broken[at] ^= flip
    with pytest.raises(PkiError):
        parse_request(bytes(broken))


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(noise: bytes) -> None:
    """No bytes at random get past, or raise another kind of error."""
    with pytest.raises(PkiError):
        parse_request(noise)
