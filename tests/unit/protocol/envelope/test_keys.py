"""Recipients and identities: their texts, their files, and that a secret shows nowhere."""

import hashlib
import subprocess
from pathlib import Path

import pytest

from protocol.envelope import (
    HybridIdentity,
    HybridRecipient,
    KeyTextError,
    RecipientsError,
    X25519Identity,
    X25519Recipient,
    generate_hybrid,
    generate_x25519,
    open_sealed,
    parse_identities,
    parse_identity,
    parse_recipient,
    seal,
)
from protocol.envelope.bech32 import encode_bech32

# The examples of C2SP age.md ("The X25519 recipient type"), made by its authors.
SPEC_IDENTITY = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
SPEC_RECIPIENT = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"
# The hybrid example of the same page; its recipient of 1959 characters by its digest.
SPEC_HYBRID_IDENTITY = "AGE-SECRET-KEY-PQ-1XX76JRALNLXDMEW0CRK45QMCCH4X06SE84UN3VPM33W6HWDX0H3SK3ZQFR"
SPEC_HYBRID_RECIPIENT_SHA256 = "a091dd7e0ee9d62b75173dcc98441a0424baa941e66a8776e570a4ae60ff61ea"


def test_x25519_identity_has_the_recipient_of_the_specification() -> None:
    """The specification's identity yields the specification's recipient, and both keep their texts."""
    identity = parse_identity(SPEC_IDENTITY)
    assert identity.encode() == SPEC_IDENTITY
    assert str(identity.recipient) == SPEC_RECIPIENT
    assert parse_recipient(SPEC_RECIPIENT) == identity.recipient


def test_hybrid_identity_has_the_recipient_of_the_specification() -> None:
    """The same for the post-quantum type: the seed expands to the very public key that the page shows."""
    identity = parse_identity(SPEC_HYBRID_IDENTITY)
    text = str(identity.recipient)
    assert isinstance(identity, HybridIdentity)
    assert identity.encode() == SPEC_HYBRID_IDENTITY
    assert hashlib.sha256(text.encode()).hexdigest() == SPEC_HYBRID_RECIPIENT_SHA256
    assert parse_recipient(text) == identity.recipient


@pytest.mark.parametrize("identity", [generate_x25519(), generate_hybrid()], ids=["x25519", "hybrid"])
def test_identity_shows_its_secret_only_when_asked(identity: X25519Identity | HybridIdentity) -> None:
    """repr and str name the recipient; the secret is in neither, as text, hexadecimal or bytes."""
    shown = repr(identity) + str(identity) + f"{identity}" + repr([identity])
    assert str(identity.recipient)[:16] in shown
    for secret in (identity.encode(), identity.encode()[20:40], identity.secret.hex(), repr(identity.secret)):
        assert secret not in shown


def test_generated_identities_take_the_given_randomness() -> None:
    """The random source is the caller's: the same bytes make the same identity, and as many as needed are drawn."""
    assert generate_x25519(random_bytes=lambda count: b"\x42" * count).encode() == SPEC_IDENTITY
    assert generate_hybrid(random_bytes=bytes) == HybridIdentity(bytes(32))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (SPEC_RECIPIENT.upper(), "lower case"),
        (SPEC_RECIPIENT[:-1], "checksum"),
        (SPEC_RECIPIENT + " ", "alphabet"),
        (SPEC_IDENTITY, "lower case"),
        (encode_bech32("age", bytes(31)), "32 bytes, got 31"),
        (encode_bech32("age1pq", bytes(1215)), "1216 bytes, got 1215"),
        (encode_bech32("age1pq", b"\xff" * 1216), "ML-KEM-768"),
        (encode_bech32("age1tag", bytes(33)), "age1tag"),
        ("ssh-ed25519 AAAA", "mixed"),
        ("", "prefix"),
    ],
)
def test_recipient_text_is_refused_with_its_reason(text: str, reason: str) -> None:
    """Whatever is not a recipient of ours is refused, and the message says what was expected."""
    with pytest.raises(KeyTextError, match=reason):
        parse_recipient(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (SPEC_IDENTITY.lower(), "upper case"),
        (SPEC_IDENTITY.replace("GFPYY", "GFPYQ", 1), "checksum"),
        (SPEC_IDENTITY[:-8], "checksum"),
        (SPEC_RECIPIENT, "only seals"),
        (encode_bech32("age-secret-key-", bytes(33)).upper(), "32 bytes, got 33"),
        (encode_bech32("age-secret-key-pq-", bytes(31)).upper(), "32 bytes, got 31"),
        (encode_bech32("age-plugin-yubikey-", bytes(32)).upper(), "not supported: a key of an age plugin"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "not supported: an SSH key"),
    ],
)
def test_identity_text_is_refused_without_repeating_it(text: str, reason: str) -> None:
    """A mistyped identity is still nearly a secret: the message says what is wrong and repeats none of it."""
    with pytest.raises(KeyTextError, match=reason) as caught:
        parse_identity(text)
    assert text[18:30].lower() not in str(caught.value).lower()


def test_identity_file_holds_identities_between_comments() -> None:
    """Comments, blank lines, Windows line ends and blanks around a line are passed over; the order is kept."""
    other = generate_hybrid()
    text = f"# created: today\r\n\r\n{SPEC_IDENTITY}\r\n\n  # public key: …\n  {other.encode()}  \n"
    assert parse_identities(text) == (parse_identity(SPEC_IDENTITY), other)


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing here\n"])
def test_identity_file_without_identity_is_refused(text: str) -> None:
    """A file of comments is not mistaken for a file with a key."""
    with pytest.raises(KeyTextError, match="at least one identity"):
        parse_identities(text)


def test_identity_file_names_the_line_that_is_wrong() -> None:
    """The line number is said, the line is not."""
    broken = SPEC_IDENTITY[:-1] + "Q"
    with pytest.raises(KeyTextError, match=r"^line 3: .*checksum") as caught:
        parse_identities(f"# one\n{SPEC_IDENTITY}\n{broken}\n")
    assert broken[18:40] not in str(caught.value)


def test_recipients_of_two_kinds_are_refused_in_one_file() -> None:
    """A post-quantum recipient beside a classical one would protect nothing."""
    with pytest.raises(RecipientsError, match="one kind"):
        seal(b"lesson", [generate_x25519().recipient, generate_hybrid().recipient])


def test_no_recipient_is_refused() -> None:
    """A file that nobody could open is not made."""
    with pytest.raises(RecipientsError, match="at least one"):
        seal(b"lesson", [])


@pytest.mark.parametrize("recipient", [X25519Recipient(bytes(32)), X25519Recipient(b"\x01" + bytes(31))])
def test_low_order_recipient_is_refused(recipient: X25519Recipient) -> None:
    """A recipient to which every secret is the same is refused before anything is sealed."""
    with pytest.raises(RecipientsError, match="low-order"):
        seal(b"lesson", [recipient])


def test_hybrid_recipient_with_a_low_order_half_is_refused() -> None:
    """The same for the X25519 half of a hybrid recipient."""
    honest = generate_hybrid().recipient
    with pytest.raises(RecipientsError, match="not a usable hybrid key"):
        seal(b"lesson", [HybridRecipient(honest.public[:-32] + bytes(32))])


@pytest.mark.parametrize("generate", [generate_x25519, generate_hybrid])
def test_every_recipient_of_a_file_opens_it(generate: object) -> None:
    """Three recipients, each alone opens the file; a fourth does not matter."""
    assert callable(generate)
    identities = [generate() for _ in range(3)]
    sealed = seal(b"lesson", [identity.recipient for identity in identities])
    for identity in identities:
        assert open_sealed(sealed, [generate(), identity]) == b"lesson"


def test_identity_file_written_by_the_age_program_is_read(tmp_path: Path) -> None:
    """What age-keygen writes, comments and all, parses to the recipient that it names."""
    path = tmp_path / "key.txt"
    subprocess.run(["age-keygen", "-o", path], check=True, capture_output=True)
    text = path.read_text()
    (identity,) = parse_identities(text)
    assert f"# public key: {identity.recipient}" in text
