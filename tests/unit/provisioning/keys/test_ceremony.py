"""The school's keys: complete, private, verified by the root that they name, and made whole or not at all."""

from __future__ import annotations

import dataclasses
import os
import subprocess
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pyrage
import pytest
from click.testing import CliRunner, Result

from protocol.documents import Keyring, Purpose, Recipients, Trust, require_current, verify_document
from protocol.envelope import (
    PassphraseRecipient,
    generate_hybrid,
    generate_x25519,
    open_sealed,
    parse_identities,
    parse_recipient,
    seal,
)
from protocol.keyfiles import load_signing_key, load_verifying_key, parse_signing_key, read_secret
from protocol.pki import parse_credential
from provisioning.commands import group
from provisioning.keys import KeysError, SchoolKeys, make_school_keys, plan_epochs, store_school_keys
from provisioning.keys.folder import Apart

NOW = datetime(2026, 12, 30, 17, 45, 12, 345678, tzinfo=UTC)
ROOT_SECRETS = {"root.key", "root-ca.key", "keeper.key"}
ROOT_PUBLIC = {"root.pub", "root-ca.pem", "keeper.pub"}
SIGNING = {"policy.key", "receipt.key", "lease.key", "settings.key"}
SECRETS = ROOT_SECRETS | SIGNING | {"ca.key", "server.key", "bridge.key"}
PUBLIC = ROOT_PUBLIC | {"ca.pem", "server.pem", "bridge.pem", "keyring", "recipients"}
PASSPHRASE = "six words that dice have said"


def make(weeks: int = 2) -> SchoolKeys:
    """Make the keys of a made-up school."""
    return make_school_keys("Rosa Parks", ("box.school.example", "::1"), now=NOW, weeks=weeks, generate=generate_x25519)


def invoke(*arguments: str) -> Result:
    """Call `backrow provision` as a person would."""
    return CliRunner().invoke(group, ["keys", "init", *arguments])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of keys that was just written."""
    store_school_keys(tmp_path / "keys", make())
    return tmp_path / "keys"


def test_keys_are_exactly_the_files_of_the_architecture(tmp_path: Path) -> None:
    """The folder holds the root, authority, signing keys, documents, epochs, storage, server certificate; no more."""
    names = store_school_keys(tmp_path / "keys", make())
    epochs = {"epochs/2026-w53.key", "epochs/2027-w01.key", "epochs/2027-w02.key"}
    expected = SECRETS | PUBLIC | epochs | {"storage/2026-12-30.key"}
    found = {str(path.relative_to(tmp_path / "keys")) for path in tmp_path.rglob("*") if path.is_file()}
    assert found == expected == set(names)
    assert [path.name for path in tmp_path.iterdir()] == ["keys"]


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_keys_are_readable_by_their_owner_alone(tmp_path: Path, umask: int) -> None:
    """Folders have mode 700 and secrets 600, whatever the umask."""
    before = os.umask(umask)
    try:
        store_school_keys(tmp_path / "keys", make())
    finally:
        os.umask(before)
    found = {path: path.stat().st_mode & 0o777 for path in (tmp_path / "keys", *tmp_path.rglob("*"))}
    assert {mode for path, mode in found.items() if path.is_dir() and path != tmp_path} == {0o700}
    assert {mode for path, mode in found.items() if path.suffix == ".key"} == {0o600}


def test_keyring_and_recipients_verify_against_the_written_root(folder: Path) -> None:
    """A unit that pins root.pub accepts both documents and finds in the keyring the keys that lie beside it."""
    trust = Trust(root=load_verifying_key(folder / "root.pub"))
    keyring = verify_document(Keyring, (folder / "keyring").read_bytes(), trust)
    recipients = verify_document(Recipients, (folder / "recipients").read_bytes(), trust)
    require_current(keyring, NOW + timedelta(days=365))
    assert (keyring.school, keyring.order, recipients.order) == ("Rosa Parks", (1, 1), (1, 1))
    for purpose in (Purpose.POLICY, Purpose.RECEIPT, Purpose.LEASE, Purpose.SETTINGS):
        held = load_signing_key(folder / f"{purpose}.key").verifying
        assert Trust(root=trust.root, keyring=keyring).keys_for(purpose) == (held,)


def test_epoch_identities_open_what_units_seal_to_the_recipients(folder: Path) -> None:
    """For every epoch in the list, its file opens what was sealed to its recipient."""
    trust = Trust(root=load_verifying_key(folder / "root.pub"))
    recipients = verify_document(Recipients, (folder / "recipients").read_bytes(), trust)
    assert recipients.epochs
    for epoch in recipients.epochs:
        identities = parse_identities(read_secret(folder / "epochs" / f"{epoch.name}.key"))
        assert open_sealed(seal(b"lesson", [parse_recipient(epoch.recipient)]), identities) == b"lesson"


def test_epoch_files_are_read_by_the_stock_age(folder: Path) -> None:
    """`age-keygen -y` reads the storage identity: a school can open its footage without this software."""
    path = folder / "storage" / "2026-12-30.key"
    shown = subprocess.run(["age-keygen", "-y", str(path)], check=True, capture_output=True, text=True).stdout.strip()
    assert f"# public key: {shown}" in path.read_text()


def test_server_certificate_is_the_authoritys_and_names_every_host(folder: Path) -> None:
    """openssl accepts the server's certificate for its name and its address, and its key fits."""
    pem = folder / "server.pem"
    for check in (["-verify_hostname", "box.school.example"], ["-verify_ip", "::1"]):
        openssl_verify(folder, pem, "-purpose", "sslserver", *check)
    openssl_verify(folder, folder / "bridge.pem", "-purpose", "sslclient")
    openssl_verify(folder, folder / "ca.pem", "-purpose", "any")
    for name in ("server", "bridge", "ca", "root-ca"):
        parse_credential((folder / f"{name}.pem").read_bytes(), (folder / f"{name}.key").read_bytes())


def openssl_verify(folder: Path, pem: Path, *options: str) -> None:
    """Have openssl accept the first certificate of a file by the others in it and the root CA."""
    command = ["openssl", "verify", "-x509_strict", "-attime", str(int(NOW.timestamp())), *options]
    files = ["-CAfile", str(folder / "root-ca.pem"), "-untrusted", str(pem), str(pem)]
    subprocess.run([*command, *files], check=True, capture_output=True)


def test_keepers_identity_opens_what_is_sealed_to_its_recipient(folder: Path) -> None:
    """The server seals breach packs to keeper.pub; keeper.key alone opens them."""
    sealed = seal(b"breach pack", [parse_recipient((folder / "keeper.pub").read_text().strip())])
    assert open_sealed(sealed, parse_identities(read_secret(folder / "keeper.key"))) == b"breach pack"


def test_roots_part_is_kept_apart(tmp_path: Path) -> None:
    """With a folder of its own the root's secrets are there alone, beside what they are the secrets of."""
    names = store_school_keys(tmp_path / "keys", make(), apart=Apart(folder=tmp_path / "stick" / "root"))
    apart = {path.name for path in (tmp_path / "stick" / "root").iterdir()}
    assert apart == ROOT_SECRETS | ROOT_PUBLIC
    assert not ROOT_SECRETS & set(names)
    assert set(names) >= ROOT_PUBLIC


def test_sealed_root_opens_in_another_program_with_the_passphrase(tmp_path: Path) -> None:
    """Each of the root's secrets is an age file; what pyrage opens is the secret that fits its public half."""
    passphrase = PassphraseRecipient(PASSPHRASE.encode(), work_factor=10)
    store_school_keys(tmp_path / "keys", make(), apart=Apart(passphrase=passphrase))
    folder = tmp_path / "keys"
    assert not [path for path in folder.iterdir() if path.name in ROOT_SECRETS]
    opened = {
        name: pyrage.passphrase.decrypt((folder / f"{name}.age").read_bytes(), PASSPHRASE).decode()
        for name in ROOT_SECRETS
    }
    root = parse_signing_key(opened["root.key"], "root.key")
    assert root.verifying == load_verifying_key(folder / "root.pub")
    parse_credential((folder / "root-ca.pem").read_bytes(), opened["root-ca.key"].encode())
    (keeper,) = parse_identities(opened["keeper.key"])
    assert str(keeper.recipient) == (folder / "keeper.pub").read_text().strip()


def test_roots_folder_goes_when_the_other_cannot_be_written(tmp_path: Path) -> None:
    """Half a ceremony leaves nothing: neither folder, nor a draft of one."""
    broken = dataclasses.replace(make(), storage_name="n" * 300)
    with pytest.raises(KeysError, match="cannot be written"):
        store_school_keys(tmp_path / "keys", broken, apart=Apart(folder=tmp_path / "root"))
    assert list(tmp_path.iterdir()) == []


def test_ceremony_refuses_a_short_passphrase(tmp_path: Path) -> None:
    """A stick with a passphrase that a machine guesses in a day is an open stick."""
    (tmp_path / "words").write_text("correct horse\n")
    arguments = ["--school", "S", "--host", "h", "--seal-root", "--passphrase-file", str(tmp_path / "words")]
    result = invoke("--out", str(tmp_path / "keys"), *arguments)
    assert result.exit_code != 0
    assert "at least 16 characters, got 13" in result.output
    assert not (tmp_path / "keys").exists()


def test_command_seals_the_root_where_it_is_told(tmp_path: Path) -> None:
    """With --root-folder and --seal-root the words say where the root's part lies and how."""
    (tmp_path / "words").write_text(PASSPHRASE + "\n")
    place = ["--out", str(tmp_path / "keys"), "--root-folder", str(tmp_path / "stick")]
    sealed = ["--seal-root", "--passphrase-file", str(tmp_path / "words")]
    result = invoke(*place, "--school", "S", "--host", "h", *sealed)
    assert result.exit_code == 0, result.output
    assert f"The root's part, sealed with the passphrase, lies in {tmp_path / 'stick'}" in result.output
    assert PASSPHRASE not in result.output
    opened = pyrage.passphrase.decrypt((tmp_path / "stick" / "root.key.age").read_bytes(), PASSPHRASE)
    parse_signing_key(opened.decode(), "root.key")


def test_epochs_are_iso_weeks_without_gap_from_the_current_one() -> None:
    """The first epoch holds now, each begins on a Monday in UTC where the one before ended, across the new year."""
    epochs = plan_epochs(NOW, 12)
    assert [name for name, _, _ in epochs[:3]] == ["2026-w53", "2027-w01", "2027-w02"]
    assert len(epochs) == 13
    assert epochs[0][1] <= NOW < epochs[0][2]
    for (_, begins_at, ends_at), (_, following, _) in pairwise(epochs):
        assert ends_at == following == begins_at + timedelta(days=7)
        assert (begins_at.weekday(), begins_at.hour, begins_at.minute, begins_at.microsecond) == (0, 0, 0, 0)


def test_recipients_end_with_their_last_epoch() -> None:
    """The list does not claim to hold longer than it has recipients."""
    recipients = make(weeks=3).recipients
    assert recipients.expires_at == recipients.epochs[-1].ends_at
    assert recipients.epoch_at(recipients.expires_at) is None


@pytest.mark.parametrize("found", ["a file in the folder", "a file in its place"])
def test_keys_are_never_written_over_what_stands(tmp_path: Path, found: str) -> None:
    """A folder that holds anything, even a dot file, and a file in its place are refused and left as they were."""
    target = tmp_path / "keys"
    held = target if found == "a file in its place" else target / ".old"
    held.parent.mkdir(exist_ok=True)
    held.write_text("precious")
    with pytest.raises(KeysError, match="never written over"):
        store_school_keys(target, make())
    assert held.read_text() == "precious"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [held]


def test_keys_go_into_an_empty_folder_that_stands(tmp_path: Path) -> None:
    """An empty folder made by hand is taken, and becomes private."""
    (tmp_path / "keys").mkdir(mode=0o755)
    store_school_keys(tmp_path / "keys", make())
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700


def test_keys_appear_whole_or_not_at_all(tmp_path: Path) -> None:
    """When a file in the middle cannot be written, no folder and no draft with secrets stays behind."""
    broken = dataclasses.replace(make(), storage_name="n" * 300)
    with pytest.raises(KeysError, match="cannot be written"):
        store_school_keys(tmp_path / "keys", broken)
    assert list(tmp_path.iterdir()) == []


def test_command_says_what_was_made_and_when_recipients_end(tmp_path: Path) -> None:
    """The command's words name the folder, the hosts, and keep no secret in them."""
    out = tmp_path / "keys"
    result = invoke("--out", str(out), "--school", "École", "--host", "localhost", "--host", "127.0.0.1")
    assert result.exit_code == 0, result.output
    trust = Trust(root=load_verifying_key(out / "root.pub"))
    recipients = verify_document(Recipients, (out / "recipients").read_bytes(), trust)
    assert len(recipients.epochs) == 13
    for words in (str(out), "localhost, 127.0.0.1", f"{recipients.expires_at:%Y-%m-%d}"):
        assert words in result.output
    secrets = [line for path in out.rglob("*.key") for line in path.read_text().splitlines() if line[:1] not in "#-"]
    assert len(secrets) > 20
    assert not [secret for secret in secrets if secret in result.output]


def test_command_makes_hybrid_identities_when_asked(tmp_path: Path) -> None:
    """With --hybrid every recipient, of the epochs and of the store, is a post-quantum one."""
    out = tmp_path / "keys"
    assert invoke("--out", str(out), "--school", "S", "--host", "h", "--hybrid", "--weeks", "1").exit_code == 0
    recipients = verify_document(
        Recipients, (out / "recipients").read_bytes(), Trust(root=load_verifying_key(out / "root.pub"))
    )
    assert [epoch.recipient[:8] for epoch in recipients.epochs] == [
        "age1pq1" + epoch.recipient[7] for epoch in recipients.epochs
    ]
    for path in (*out.glob("epochs/*.key"), *out.glob("storage/*.key")):
        (identity,) = parse_identities(read_secret(path))
        assert isinstance(identity, type(generate_hybrid()))


@pytest.mark.parametrize("root_folder", [".", "keys", "keys/root"])
def test_root_is_kept_in_no_folder_of_the_others(tmp_path: Path, root_folder: str) -> None:
    """Whoever moved one of the two would move both; nothing is written."""
    options = ("--out", str(tmp_path / "keys"), "--school", "S", "--host", "h")
    result = invoke(*options, "--root-folder", str(tmp_path / root_folder))
    assert result.exit_code == 1
    assert f"--root-folder {tmp_path / root_folder}: expected a folder apart" in result.output
    assert list(tmp_path.iterdir()) == []


def test_folder_that_cannot_be_looked_at_is_named(tmp_path: Path) -> None:
    """Another user's folder, or (as here, where tests run as root) a name that is too long, is said in words."""
    result = invoke("--out", str(tmp_path / ("n" * 300)), "--school", "S", "--host", "h")
    assert result.exit_code == 1
    assert "cannot be looked at" in result.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--school", "S", "--host", "müller.example"], "müller.example"),
        (["--school", "S", "--host", f"{'a' * 63}.example"], "aaaa.example"),
        (["--school", "S", "--host", "https://box.example:8443"], "no https://, no port"),
        (["--school", "S", "--host", "box example"], "'box example'"),
        (["--school", "S", "--host", ""], "--host"),
        (["--school", " ", "--host", "h"], "--school: expected the school's name"),
        (["--school", "S\nT", "--host", "h"], "--school: expected the school's name"),
        (["--school", "S", "--host", "h", "--passphrase-file", "/dev/null"], "--passphrase-file: "),
        (["--school", "S", "--host", "h", "--weeks", "0"], "1<=x<=104"),
        (["--school", "S"], "--host"),
        (["--host", "h"], "--school"),
    ],
)
def test_command_refuses_what_it_cannot_make(tmp_path: Path, arguments: list[str], words: str) -> None:
    """A host that no certificate can carry, no weeks, no host, no school: said in words, and nothing is written."""
    result = invoke("--out", str(tmp_path / "keys"), *arguments)
    assert result.exit_code != 0
    assert words in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert list(tmp_path.iterdir()) == []
