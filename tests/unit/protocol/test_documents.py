"""Signed documents: who may sign what, which of two is newer, when one ends, and what is refused by its field."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codec import CodecError, encode_canonical, encode_record
from protocol.commands import Command
from protocol.documents import (
    Decision,
    Document,
    DocumentError,
    Epoch,
    ExpiredError,
    Keyring,
    KeyringKey,
    Lease,
    LessonDecision,
    Permission,
    Policy,
    Purpose,
    Receipt,
    ReceiptItem,
    Recipients,
    Trust,
    issue_document,
    peek_document,
    require_current,
    verify_document,
)
from protocol.errors import ProtocolError
from protocol.schedule import Schedule
from protocol.signing import SignatureError, SigningKey, sign_line
from protocol.succession import Standing, compare_documents
from tests.unit.protocol.made import DEVICE, DIGEST, EVERY_DOCUMENT, NOW, OWNER, RECORDING, WEEK, lease

HOUR = timedelta(hours=1)
KEYS = {purpose: SigningKey.from_seed(bytes([number]) * 32) for number, purpose in enumerate(Purpose)}
ROOT = KEYS[Purpose.ROOT]
KEYRING = Keyring(
    generation=1,
    version=1,
    issued_at=NOW,
    expires_at=NOW + 52 * WEEK,
    school="S",
    keys=tuple(
        KeyringKey(purpose=purpose, public=key.verifying.encode())
        for purpose, key in KEYS.items()
        if purpose is not Purpose.ROOT
    ),
)
TRUST = Trust(root=ROOT.verifying, keyring=KEYRING)
COMMON: dict[str, Any] = {"generation": 1, "version": 1, "issued_at": NOW, "expires_at": NOW + HOUR}


def forge(kind: type[Document], mapping: dict[str, Any]) -> bytes:
    """Sign any mapping as a document of `kind` with the key that may."""
    return sign_line(encode_canonical(mapping), domain=kind.KIND, key=KEYS[kind.SIGNED_FOR])


def mapping_of(document: Document) -> dict[str, Any]:
    """Give a document's JSON, to be spoilt."""
    return {"document": document.KIND, **encode_record(document)}


def receipt(**changes: Any) -> Receipt:
    """Make a receipt with `changes`."""
    fields: dict[str, Any] = {
        **COMMON,
        "device": DEVICE,
        "recording": RECORDING,
        "manifest_lines": 3,
        "manifest_head": DIGEST,
        "items": (ReceiptItem(index=0, digest=DIGEST, size_bytes=1),),
    }
    return Receipt(**{**fields, **changes})


@pytest.mark.parametrize("kind", EVERY_DOCUMENT)
@given(data=st.data())
def test_document_reads_back_as_what_was_issued(kind: type[Document], data: st.DataObject) -> None:
    """Every document survives signing, and peeking reads the same without verifying."""
    document = data.draw(EVERY_DOCUMENT[kind])
    line = issue_document(document, KEYS[kind.SIGNED_FOR])
    assert verify_document(kind, line, TRUST) == document
    assert peek_document(kind, line) == document


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize("kind", EVERY_DOCUMENT)
@given(data=st.data())
def test_document_is_believed_only_from_the_key_of_its_purpose(
    kind: type[Document], purpose: Purpose, data: st.DataObject
) -> None:
    """A lease key signs no policy, a policy key no keyring, and the root no lease: each pair is tried."""
    document = data.draw(EVERY_DOCUMENT[kind])
    line = issue_document(document, KEYS[purpose])
    if purpose is kind.SIGNED_FOR:
        assert verify_document(kind, line, TRUST) == document
    else:
        with pytest.raises(SignatureError, match=f"{kind.KIND}: signed by key {KEYS[purpose].verifying.key_id}"):
            verify_document(kind, line, TRUST)


def test_documents_and_their_purposes_are_these() -> None:
    """The table of who signs what is fixed: changing it changes what a stolen key can do."""
    apart = {Command, Schedule}
    assert apart <= set(Document.__subclasses__()), "their modules stand apart, and must be imported to be counted"
    assert {kind.KIND: kind.SIGNED_FOR for kind in Document.__subclasses__()} == {
        "command": Purpose.POLICY,
        "keyring": Purpose.ROOT,
        "recipients": Purpose.ROOT,
        "policy": Purpose.POLICY,
        "undo": Purpose.POLICY,
        "withdrawal": Purpose.POLICY,
        "lease": Purpose.LEASE,
        "schedule": Purpose.LEASE,
        "receipt": Purpose.RECEIPT,
    }


def test_document_of_one_kind_is_not_read_as_another() -> None:
    """A keyring, signed by the root as a keyring, is no list of recipients, in its domain or renamed."""
    with pytest.raises(SignatureError, match="does not fit the content"):
        verify_document(Recipients, issue_document(KEYRING, ROOT), TRUST)
    renamed = sign_line(encode_canonical(mapping_of(KEYRING)), domain="recipients", key=ROOT)
    with pytest.raises(DocumentError, match=r"recipients\.document: expected 'recipients', got 'keyring'"):
        verify_document(Recipients, renamed, TRUST)


def test_nothing_but_the_roots_documents_is_believed_without_a_keyring() -> None:
    """A unit that holds no keyring yet believes keyring and recipients alone."""
    bare = Trust(root=ROOT.verifying)
    assert verify_document(Keyring, issue_document(KEYRING, ROOT), bare) == KEYRING
    with pytest.raises(SignatureError, match="expected one of none"):
        verify_document(Lease, issue_document(lease(), KEYS[Purpose.LEASE]), bare)


def test_keyring_that_another_root_signed_is_refused() -> None:
    """Whoever brings an own root and keyring is not believed by a unit that pins its school's."""
    stranger = SigningKey.from_seed(b"x" * 32)
    with pytest.raises(SignatureError, match="keyring: signed by key"):
        verify_document(Keyring, issue_document(KEYRING, stranger), TRUST)


def test_keyring_never_names_a_root() -> None:
    """A keyring cannot replace the root that units pin, not even when the root signs it."""
    with pytest.raises(ValueError, match="holds no root key"):
        KeyringKey(purpose=Purpose.ROOT, public=ROOT.verifying.encode())
    mapping = mapping_of(KEYRING)
    mapping["keys"][0]["purpose"] = "root"
    with pytest.raises(CodecError, match=r"keyring\.keys\[0\]: a keyring holds no root key"):
        verify_document(Keyring, forge(Keyring, mapping), TRUST)


def test_keyring_may_hold_two_keys_of_a_purpose() -> None:
    """While a key is replaced, both the old and the new one sign."""
    new = SigningKey.from_seed(b"n" * 32)
    keys = (*KEYRING.keys, KeyringKey(purpose=Purpose.LEASE, public=new.verifying.encode()))
    trust = Trust(root=ROOT.verifying, keyring=Keyring(**COMMON, school="S", keys=keys))
    for key in (KEYS[Purpose.LEASE], new):
        assert verify_document(Lease, issue_document(lease(), key), trust) == lease()


def test_end_is_the_first_instant_at_which_a_document_no_longer_holds() -> None:
    """One millisecond before its end a document holds; at its end it has expired."""
    document = lease()
    require_current(document, document.expires_at - timedelta(milliseconds=1))
    with pytest.raises(ExpiredError, match="lease version 1 ended at 2026-11-23 09:15"):
        require_current(document, document.expires_at)
    assert document.not_after == document.expires_at


@pytest.mark.parametrize(
    ("arrived", "held", "standing"),
    [
        ((1, 2), (1, 1), Standing.NEWER),
        ((1, 1), (1, 2), Standing.OLDER),
        ((1, 1), (1, 1), Standing.SAME),
        ((2, 1), (1, 900), Standing.NEWER),
        ((1, 900), (2, 1), Standing.OLDER),
    ],
)
def test_newer_document_is_the_one_of_higher_generation_then_version(
    arrived: tuple[int, int], held: tuple[int, int], standing: Standing
) -> None:
    """A restored controller's higher generation wins over any version that units saw before."""
    key = KEYS[Purpose.LEASE]
    new, old = (issue_document(lease(generation=order[0], version=order[1]), key) for order in (arrived, held))
    assert compare_documents(new, old, Lease) is standing


def test_first_document_of_a_stream_is_newer_than_none() -> None:
    """Where nothing is held, what arrives is taken."""
    assert compare_documents(issue_document(lease(), KEYS[Purpose.LEASE]), None, Lease) is Standing.NEWER


def test_two_documents_of_one_version_are_a_fork() -> None:
    """Other content under the same generation and version is refused, and the message says what to do."""
    key = KEYS[Purpose.LEASE]
    arrived, held = (issue_document(lease(rate_bps=rate), key) for rate in (1, 2))
    with pytest.raises(DocumentError, match="generation 1, version 1; the controller must issue a higher version"):
        compare_documents(arrived, held, Lease)


def test_same_document_signed_by_another_key_is_no_fork() -> None:
    """After a key was replaced, the same statement signed anew is the same statement."""
    arrived, held = (issue_document(lease(), SigningKey.from_seed(bytes([n]) * 32)) for n in (1, 2))
    assert compare_documents(arrived, held, Lease) is Standing.SAME


@pytest.mark.parametrize("field", ["generation", "version", "issued_at", "expires_at", "device", "fence", "document"])
def test_document_without_a_field_is_refused_by_its_name(field: str) -> None:
    """Each field that a lease needs is demanded, although the signature is right."""
    mapping = mapping_of(lease())
    del mapping[field]
    with pytest.raises((CodecError, DocumentError), match=rf"lease\.{field}: (missing|expected)"):
        verify_document(Lease, forge(Lease, mapping), TRUST)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("generation", 0, "begin at 1, got 0 and 1"),
        ("version", -1, "begin at 1, got 1 and -1"),
        ("version", "1", r"lease\.version: expected a whole number, got text"),
        ("version", True, r"lease\.version: expected a whole number, got true or false"),
        ("fence", 0, "fence: expected at least 1, got 0"),
        ("rate_bps", 0, "rate_bps: expected at least 1"),
        ("device", "../../etc/passwd", "device: expected 26 lower-case base32"),
        ("lease", "", "lease: expected 26"),
        ("expires_at", "2026-11-23T08:15:00.000Z", "is not after"),
        ("expires_at", "2026-11-23T09:15:00Z", r"lease\.expires_at: expected an instant"),
        ("not_before", "2026-11-23T09:15:00.000Z", "is not after"),
        ("must_understand", 1, r"lease\.must_understand"),
        ("document", "policy", r"lease\.document: expected 'lease', got 'policy'"),
        ("document", ["lease"], r"lease\.document: expected 'lease'"),
    ],
)
def test_lease_with_a_wrong_field_is_refused(field: str, value: Any, words: str) -> None:
    """Wrong counters, identifiers that are paths, times that are none: refused although the signature is right."""
    with pytest.raises(ProtocolError, match=words):
        verify_document(Lease, forge(Lease, {**mapping_of(lease()), field: value}), TRUST)


def test_document_of_a_later_release_is_read() -> None:
    """A field that this release does not know is ignored, and the document counts."""
    line = forge(Lease, {**mapping_of(lease()), "colour": "blue"})
    assert verify_document(Lease, line, TRUST) == lease()


def test_document_that_is_not_canonical_is_refused_although_signed() -> None:
    """White space inside a signed body does not pass."""
    body = json.dumps(mapping_of(lease()), sort_keys=True).encode()
    with pytest.raises(CodecError, match="not canonical"):
        verify_document(Lease, sign_line(body, domain="lease", key=KEYS[Purpose.LEASE]), TRUST)


def test_receipt_that_names_an_object_twice_is_refused() -> None:
    """Two digests for one index would leave open which bytes may be erased."""
    item = {"index": 1, "digest": DIGEST, "size_bytes": 5}
    mapping = {**mapping_of(receipt()), "items": [item, {**item, "digest": "f" * 64}]}
    with pytest.raises(CodecError, match="receipt: items: an index stands twice"):
        verify_document(Receipt, forge(Receipt, mapping), TRUST)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"recording": "../x"}, "recording: expected 26"),
        ({"device": DEVICE.upper()}, "device: expected 26"),
        ({"manifest_lines": 0}, "manifest_lines"),
        ({"manifest_head": DIGEST.upper()}, "manifest_head: expected a SHA-256"),
        ({"items": [{"index": -1, "digest": DIGEST, "size_bytes": 5}]}, r"items\[0\]: index: expected at least 0"),
        ({"items": [{"index": 1, "digest": "ab", "size_bytes": 5}]}, r"items\[0\]: digest: expected a SHA-256"),
        ({"items": [{"index": 1, "digest": DIGEST, "size_bytes": -5}]}, r"items\[0\]: size_bytes"),
        ({"backed_up_at": ""}, "backed_up_at: expected an instant"),
    ],
)
def test_receipt_with_a_wrong_field_is_refused(changes: dict[str, Any], words: str) -> None:
    """What lets a unit erase footage is read more strictly than anything else."""
    with pytest.raises(CodecError, match=words):
        verify_document(Receipt, forge(Receipt, {**mapping_of(receipt()), **changes}), TRUST)


def epoch(name: str, begins_at: datetime, ends_at: datetime) -> Epoch:
    """Make an epoch of a made-up recipient."""
    return Epoch(name=name, begins_at=begins_at, ends_at=ends_at, recipient="age1made")


def test_recipients_give_the_epoch_that_covers_an_instant() -> None:
    """An epoch holds from its beginning to just before its end; a gap and the time after the list have none."""
    first, second = epoch("a", NOW, NOW + HOUR), epoch("b", NOW + 2 * HOUR, NOW + 3 * HOUR)
    recipients = Recipients(**COMMON, epochs=(first, second))
    assert recipients.epoch_at(NOW) == first
    assert recipients.epoch_at(NOW + HOUR - timedelta(milliseconds=1)) == first
    assert recipients.epoch_at(NOW + HOUR) is None
    assert recipients.epoch_at(NOW + 2 * HOUR) == second
    assert recipients.epoch_at(NOW - timedelta(milliseconds=1)) is None
    assert recipients.epoch_at(NOW + 3 * HOUR) is None


def test_epochs_that_overlap_or_run_backwards_are_refused() -> None:
    """For one instant there is at most one epoch."""
    first, second = epoch("a", NOW, NOW + HOUR), epoch("b", NOW + HOUR - timedelta(seconds=1), NOW + 2 * HOUR)
    for listed in ((first, second), (epoch("c", NOW + HOUR, NOW + 2 * HOUR), first)):
        with pytest.raises(ValueError, match=r"before [ac] has ended"):
            Recipients(**COMMON, epochs=listed)


@pytest.mark.parametrize("name", ["", "../root", "a/b", ".hidden", "a" * 33, "w 1", "w\n1", "wöche"])
def test_epochs_name_is_a_safe_file_name(name: str) -> None:
    """The controller finds an identity by this name: it never leads out of its folder."""
    with pytest.raises(ValueError, match="letters, digits and hyphens"):
        epoch(name, NOW, NOW + HOUR)


def test_spans_end_after_they_begin() -> None:
    """An epoch or a lesson of no length is refused."""
    decision = Decision(permission=Permission.ALLOWED, reason="r", owner=OWNER)
    with pytest.raises(ValueError, match="is not after the beginning"):
        epoch("a", NOW, NOW)
    with pytest.raises(ValueError, match="is not after the beginning"):
        LessonDecision(lesson="l", begins_at=NOW, ends_at=NOW, decision=decision)


def test_policy_that_says_nothing_refuses() -> None:
    """Without lessons and without a word for the time outside, a policy allows nothing."""
    policy = Policy(**COMMON, device=DEVICE, policy_version=1)
    assert policy.otherwise.permission is Permission.REFUSED
    mapping = mapping_of(policy)
    del mapping["otherwise"], mapping["lessons"]
    assert verify_document(Policy, forge(Policy, mapping), TRUST) == policy


@pytest.mark.parametrize(
    ("decision", "words"),
    [
        ({"permission": "maybe", "reason": "r", "seats": 0}, r"otherwise\.permission: expected one of"),
        ({"reason": "r", "seats": 0}, r"otherwise\.permission: missing"),
        ({"permission": "allowed", "seats": 0}, r"otherwise\.reason: missing"),
        ({"permission": "allowed", "reason": "r", "owner": "Ms Gray"}, r"otherwise: owner: expected 26"),
        ({"permission": "allowed", "reason": "r", "seats": -1}, r"otherwise: seats"),
        ({"permission": "allowed", "reason": "r", "must_ask": 1}, r"otherwise\.must_ask"),
    ],
)
def test_decision_with_a_wrong_field_refuses_the_policy(decision: dict[str, Any], words: str) -> None:
    """A decision that cannot be read whole is no permission, and an owner is never a name."""
    mapping = {**mapping_of(Policy(**COMMON, device=DEVICE, policy_version=1)), "otherwise": decision}
    with pytest.raises(CodecError, match=words):
        verify_document(Policy, forge(Policy, mapping), TRUST)
