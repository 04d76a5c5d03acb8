"""Rotation: what the old key signed goes on being believed until it is retired, and units need no visit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from protocol.documents import Keyring, Purpose, Undo, issue_document, verify_document
from protocol.envelope import PassphraseRecipient, generate_hybrid, open_sealed, parse_recipient, seal
from protocol.errors import ProtocolError
from protocol.keyfiles import load_signing_key
from protocol.pki import issue_device, parse_certificates, verify_client, verify_server
from protocol.signing import SigningKey
from protocol.succession import Standing, compare_documents
from provisioning.keys import make_school_keys, plan_epochs, store_school_keys
from provisioning.keys.certificates import destroy_retired_authorities, read_pair
from provisioning.keys.errors import KeysError
from provisioning.keys.extension import extend_epochs, read_identity
from provisioning.keys.folder import Apart
from provisioning.keys.standing import alone, load_standing
from tests.school import new_id
from tests.unit.provisioning.keys.made import found_keys, keys_command, recipients_of, trust_of

NOW = datetime.now(UTC)
PURPOSES = ["policy", "receipt", "lease", "settings"]
PASSPHRASE = "six words that dice have said"


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """The keys of a school, the root's part among them."""
    return found_keys(tmp_path / "keys", NOW)


def undo(key: SigningKey) -> bytes:
    """Sign a document for a policy key to be believed by."""
    document = Undo(
        generation=1, version=1, issued_at=NOW, expires_at=NOW + timedelta(days=1), device=new_id(), recording=new_id()
    )
    return issue_document(document, key)


def test_document_of_the_old_key_is_believed_until_that_is_retired(keys: Path) -> None:
    """After a rotation both are believed, after retiring the new alone; the keyring only ever gets newer."""
    first, old = (keys / "keyring").read_bytes(), load_signing_key(keys / "policy.key")
    assert keys_command("rotate", "policy", "--keys", keys).exit_code == 0
    new, second = load_signing_key(keys / "policy.key"), (keys / "keyring").read_bytes()
    assert new.verifying != old.verifying
    for key in (old, new):
        verify_document(Undo, undo(key), trust_of(keys))
    assert keys_command("rotate", "policy", "--keys", keys, "--retire-old").exit_code == 0
    verify_document(Undo, undo(new), trust_of(keys))
    with pytest.raises(ProtocolError, match="signed by key"):
        verify_document(Undo, undo(old), trust_of(keys))
    third = (keys / "keyring").read_bytes()
    assert compare_documents(second, first, Keyring) is compare_documents(third, second, Keyring) is Standing.NEWER


@pytest.mark.parametrize("purpose", PURPOSES)
def test_rotation_touches_no_other_purpose(keys: Path, purpose: str) -> None:
    """The other keys stay the ones that sign, and the old key is set aside, not overwritten."""
    before = trust_of(keys)
    old = load_signing_key(keys / f"{purpose}.key")
    result = keys_command("rotate", purpose, "--keys", keys)
    assert result.exit_code == 0, result.output
    after = trust_of(keys)
    for other in PURPOSES:
        if other != purpose:
            assert after.keys_for(Purpose(other)) == before.keys_for(Purpose(other))
    aside = keys / "retired" / f"{purpose}-{old.verifying.key_id}.key"
    assert load_signing_key(aside).seed == old.seed
    assert aside.stat().st_mode & 0o777 == 0o600
    assert old.verifying.key_id in result.output


def test_retiring_needs_an_older_key(keys: Path) -> None:
    """There is nothing to retire right after the ceremony, and that is said."""
    result = keys_command("rotate", "lease", "--keys", keys, "--retire-old")
    assert result.exit_code == 1
    assert "nothing to retire" in result.output


def test_rotation_without_the_root_says_where_it_looked(tmp_path: Path) -> None:
    """The root's part lies elsewhere: the folder stays as it is, and the option is named."""
    keys = found_keys(tmp_path / "keys", NOW, apart=Apart(folder=tmp_path / "stick"))
    before = (keys / "keyring").read_bytes(), (keys / "policy.key").read_bytes()
    result = keys_command("rotate", "policy", "--keys", keys)
    assert result.exit_code == 1
    assert "--root-folder" in result.output
    assert before == ((keys / "keyring").read_bytes(), (keys / "policy.key").read_bytes())
    assert keys_command("rotate", "policy", "--keys", keys, "--root-folder", tmp_path / "stick").exit_code == 0


def test_rotation_opens_a_sealed_root_with_its_passphrase_alone(tmp_path: Path) -> None:
    """With the right words it rotates, with others it says so and changes nothing."""
    sealed = Apart(folder=tmp_path / "stick", passphrase=PassphraseRecipient(PASSPHRASE.encode(), work_factor=10))
    keys = found_keys(tmp_path / "keys", NOW, apart=sealed)
    for words, status in (("quite other words", 1), (PASSPHRASE, 0)):
        (tmp_path / "words").write_text(f"{words}\n")
        options = ["--root-folder", tmp_path / "stick", "--passphrase-file", tmp_path / "words"]
        result = keys_command("rotate", "receipt", "--keys", keys, *options)
        assert result.exit_code == status, result.output
        assert ("is sealed with another passphrase" in result.output) == bool(status)


def test_root_of_another_school_is_refused(tmp_path: Path, keys: Path) -> None:
    """The wrong stick signs nothing here, for documents and for authorities."""
    other = found_keys(tmp_path / "other", NOW)
    for what, words in (("policy", "is not the secret of"), ("ca", "the key is not the one of certificate")):
        result = keys_command("rotate", what, "--keys", keys, "--root-folder", other)
        assert result.exit_code == 1
        assert words in result.output


def test_units_of_both_authorities_are_believed_after_a_rotation(keys: Path) -> None:
    """By the root CA alone, which the rotation does not touch; the old one is kept for its list."""
    (root,) = parse_certificates((keys / "root-ca.pem").read_bytes())
    old = load_standing(keys).authority()
    assert keys_command("rotate", "ca", "--keys", keys).exit_code == 0
    new = load_standing(keys).authority()
    assert old.certificate != new.certificate
    for authority in (old, new):
        unit = issue_device(authority, new_id(), now=NOW)
        verify_client(root, unit.certificate, unit.chain, at=NOW + timedelta(days=1))
    assert (keys / "retired-ca" / "1.key").read_bytes() == old.key_pem()


def test_retired_authority_is_kept_while_anything_of_it_is_good(keys: Path) -> None:
    """It goes 397 days after its successor came, and not before."""
    keys_command("rotate", "ca", "--keys", keys)
    early = keys_command("rotate", "ca", "--keys", keys, "--retire-old")
    assert early.exit_code == 1
    assert "no retired authority is over yet: the first is over on" in early.output
    assert destroy_retired_authorities(keys, now=NOW + timedelta(days=398)) == (1,)
    assert list((keys / "retired-ca").iterdir()) == []


@pytest.mark.parametrize("name", ["server", "bridge"])
def test_certificate_is_renewed_for_the_same_key(keys: Path, name: str) -> None:
    """One file changes; the names stay, and the root CA still vouches for it."""
    before = read_pair(keys, name)
    assert keys_command("rotate", name, "--keys", keys).exit_code == 0
    after = read_pair(keys, name)
    assert after.key_pem() == before.key_pem()
    assert after.certificate != before.certificate
    (root,) = parse_certificates((keys / "root-ca.pem").read_bytes())
    if name == "server":
        for host in ("box.example", "::1"):
            verify_server(root, after.certificate, after.chain, host=host, at=NOW)
    else:
        verify_client(root, after.certificate, after.chain, at=NOW)


def test_server_gets_a_new_key_and_other_names_when_told(keys: Path) -> None:
    """After a theft, or a move: --new-key and --host."""
    before = read_pair(keys, "server")
    assert keys_command("rotate", "server", "--keys", keys, "--new-key", "--host", "new.example").exit_code == 0
    after = read_pair(keys, "server")
    assert after.key_pem() != before.key_pem()
    (root,) = parse_certificates((keys / "root-ca.pem").read_bytes())
    verify_server(root, after.certificate, after.chain, host="new.example", at=NOW)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["server", "--retire-old"], "--retire-old: a server certificate has no older one"),
        (["policy", "--new-key"], "--new-key: policy always gets a new key"),
        (["bridge", "--host", "h"], "--host: a bridge certificate names no hosts"),
        (["server", "--host", "müller.example"], "müller.example"),
        (["server", "--host", "https://box.example"], "no https://"),
        (["root"], "'root' is not one of"),
    ],
)
def test_option_that_would_do_nothing_is_refused(keys: Path, arguments: list[str], words: str) -> None:
    """No option is passed over in silence."""
    result = keys_command("rotate", *arguments, "--keys", keys)
    assert result.exit_code != 0
    assert words in result.output


def test_extension_publishes_the_weeks_ahead_and_keeps_those_that_live(keys: Path) -> None:
    """Old epochs stay while their identity does, an ended one leaves the list, new ones open what is sealed to them."""
    root, later = load_signing_key(keys / "root.key"), NOW + timedelta(days=21)
    names = [epoch.name for epoch in recipients_of(keys).epochs]
    (keys / "epochs" / f"{names[0]}.key").unlink()
    recipients, new = extend_epochs(keys, root, now=later, weeks=12)
    assert recipients == recipients_of(keys)
    assert [epoch.name for epoch in recipients.epochs] == [*names[1:], *new]
    assert {planned[0] for planned in plan_epochs(later, 12)} <= {epoch.name for epoch in recipients.epochs}
    for epoch in recipients.epochs:
        sealed = seal(b"lesson", [parse_recipient(epoch.recipient)])
        assert open_sealed(sealed, [read_identity(keys / "epochs" / f"{epoch.name}.key")]) == b"lesson"


def test_extension_comes_late_and_finds_every_epoch_ended(tmp_path: Path) -> None:
    """After a long pause every identity was destroyed by its end: the school goes on, with its kind of identities."""
    made = make_school_keys("S", ("h",), now=NOW, weeks=1, generate=generate_hybrid)
    keys = tmp_path / "keys"
    store_school_keys(keys, made)
    for path in (keys / "epochs").iterdir():
        path.unlink()
    recipients, new = extend_epochs(keys, made.root.signing, now=NOW + timedelta(days=200), weeks=1)
    assert tuple(epoch.name for epoch in recipients.epochs) == new
    assert all(epoch.recipient.startswith("age1pq1") for epoch in recipients.epochs)


def test_extension_drops_no_week_that_lost_its_identity(keys: Path) -> None:
    """A file that is missing before its week is over was not ended: said by name, and replaced only when told so."""
    before, lost = recipients_of(keys), recipients_of(keys).epochs[1]
    (keys / "epochs" / f"{lost.name}.key").unlink()
    refused = keys_command("extend", "--keys", keys, "--weeks", "5")
    assert refused.exit_code == 1
    assert f"{lost.name}.key: missing" in refused.output
    assert "--replace-lost" in refused.output
    assert recipients_of(keys) == before
    assert keys_command("extend", "--keys", keys, "--weeks", "5", "--replace-lost").exit_code == 0
    after = {epoch.name: epoch for epoch in recipients_of(keys).epochs}
    assert set(after) > {epoch.name for epoch in before.epochs}
    held = read_identity(keys / "epochs" / f"{lost.name}.key")
    assert str(held.recipient) == after[lost.name].recipient != lost.recipient


def test_foreign_file_among_the_retired_authorities_is_passed_over(keys: Path) -> None:
    """A person's copy of a key does not stop check and rotation."""
    assert keys_command("rotate", "ca", "--keys", keys).exit_code == 0
    (keys / "retired-ca" / "1-copy.key").write_text("a copy")
    assert "retired-ca/1.pem" in keys_command("check", "--keys", keys).output
    assert keys_command("rotate", "ca", "--keys", keys).exit_code == 0


def test_extension_without_need_changes_nothing(keys: Path) -> None:
    """Published already: said, and the list keeps its version."""
    before = (keys / "recipients").read_bytes()
    with pytest.raises(KeysError, match="are published already"):
        extend_epochs(keys, load_signing_key(keys / "root.key"), now=NOW, weeks=2)
    assert (keys / "recipients").read_bytes() == before


def test_extension_goes_on_with_the_schools_kind_of_identities(tmp_path: Path) -> None:
    """A school that chose post-quantum ones gets such ones again."""
    made = make_school_keys("S", ("h",), now=NOW, weeks=1, generate=generate_hybrid)
    store_school_keys(tmp_path / "keys", made)
    recipients, new = extend_epochs(tmp_path / "keys", made.root.signing, now=NOW, weeks=3)
    assert len(new) == 2
    assert all(epoch.recipient.startswith("age1pq1") for epoch in recipients.epochs)


def test_draft_that_a_cut_left_is_swept_away(keys: Path) -> None:
    """It may hold a secret that was never used."""
    (keys / ".policy.key.next.12.new").write_text("half a secret")
    (keys / "retired").mkdir()
    (keys / "retired" / ".lease-0.key.destroyed").write_text("a secret that was to go")
    assert keys_command("rotate", "policy", "--keys", keys).exit_code == 0
    assert not list(keys.rglob(".*"))


def test_draft_of_the_controllers_is_left_alone(keys: Path) -> None:
    """The store's identities are rotated by the controller, which may be at it now."""
    draft = keys / "storage" / ".2027-01-01.key.12.new"
    draft.write_text("being written")
    assert keys_command("rotate", "policy", "--keys", keys).exit_code == 0
    assert draft.exists()


@pytest.mark.parametrize("command", [["rotate", "lease"], ["extend", "--weeks", "9"]])
def test_keys_are_changed_by_one_person_at_a_time(keys: Path, command: list[str]) -> None:
    """Two at once would sign two keyrings of one version, which no unit could tell apart."""
    before = (keys / "keyring").read_bytes(), (keys / "recipients").read_bytes()
    with alone(keys):
        result = keys_command(*command, "--keys", keys)
    assert result.exit_code == 1
    assert "somebody else is changing these keys" in result.output
    assert ((keys / "keyring").read_bytes(), (keys / "recipients").read_bytes()) == before
    assert keys_command(*command, "--keys", keys).exit_code == 0
