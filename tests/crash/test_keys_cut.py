"""A rotation of the school's keys, cut at every single operation of the disk: killed, without power, refused.

What is left is judged by the controller that would start on it, and the same command then finishes what was begun.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from controller.keys import SchoolKeys, load_authority, load_retired_authorities, load_school_keys
from protocol.documents import Purpose
from protocol.durable import Files
from protocol.envelope import generate_x25519
from protocol.pki import Credential, issue_device, parse_certificates, verify_client
from protocol.signing import VerifyingKey
from provisioning.keys import certificates, make_school_keys, store_school_keys
from provisioning.keys.extension import extend_epochs
from provisioning.keys.folder import Apart
from provisioning.keys.root import RootDoor
from provisioning.keys.rotation import retire_signing, rotate_signing
from provisioning.keys.standing import NEXT, sweep_drafts
from tests.fakes.cutfiles import CountingFiles, Cut, KilledFiles, PoweredFiles, RefusingFiles
from tests.school import new_id

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
LATER = NOW + timedelta(days=30)
Change = Callable[[Path, Files], object]


@dataclass(frozen=True)
class Before:
    """The folder as it was: what must go on being believed whatever happens."""

    keys: SchoolKeys
    unit: Credential
    content: dict[str, bytes]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of keys, made once."""
    folder = tmp_path_factory.mktemp("made") / "keys"
    keys = make_school_keys("Rosa Parks", ("box.example",), now=NOW, weeks=2, generate=generate_x25519)
    store_school_keys(folder, keys)
    return folder


def door(folder: Path) -> RootDoor:
    """Open the root's part, which lies in the same folder and is not sealed."""
    return RootDoor(folder, folder, lambda: b"")


def rotate_policy(folder: Path, files: Files) -> None:
    """Let a new policy key sign."""
    rotate_signing(folder, Purpose.POLICY, door(folder).signing(), now=LATER, files=files)


def rotate_ca(folder: Path, files: Files) -> None:
    """Let a new issuing CA sign."""
    certificates.rotate_authority(folder, door(folder).authority(), now=LATER, files=files)


def extend(folder: Path, files: Files) -> None:
    """Publish further epochs."""
    extend_epochs(folder, door(folder).signing(), now=LATER, weeks=2, files=files)


def renew_server(folder: Path, files: Files) -> None:
    """Give the server's key a new certificate."""
    certificates.renew_certified(folder, "server", now=LATER, files=files)


WRITES: dict[Change, str] = {
    rotate_policy: "policy.key",
    rotate_ca: "ca.pem",
    extend: "recipients",
    renew_server: "server.pem",
}
"""Each change, and the file by which it shows that it was made."""
CHANGES = list(WRITES)
IDS = list(WRITES.values())


def count(made: Path, folder: Path, change: Change) -> int:
    """Do it once undisturbed, to learn how many operations it has."""
    files = CountingFiles()
    change(shutil.copytree(made, folder), files)
    return len(files.names)


def cuts(made: Path, tmp_path: Path, change: Change) -> Iterator[tuple[int, Path]]:
    """Give a fresh copy of the keys for each operation."""
    operations = count(made, tmp_path / "whole", change)
    assert operations > 4
    for at in range(1, operations + 1):
        yield at, shutil.copytree(made, tmp_path / f"cut-{at}")


def look(folder: Path) -> Before:
    """Write down what is believed before anything changes."""
    unit = issue_device(load_authority(folder), new_id(), now=NOW)
    return Before(load_school_keys(folder), unit, {name: (folder / name).read_bytes() for name in WRITES.values()})


def require_usable(folder: Path, before: Before) -> SchoolKeys:
    """Have a controller start on what was left: everything old is believed, and what signs now is, too."""
    keys = load_school_keys(folder)
    for purpose in (Purpose.POLICY, Purpose.RECEIPT, Purpose.LEASE, Purpose.SETTINGS):
        believed: tuple[VerifyingKey, ...] = keys.trust.keys_for(purpose)
        assert set(before.keys.trust.keys_for(purpose)) <= set(believed)
    assert keys.policy.verifying in keys.trust.keys_for(Purpose.POLICY)
    assert set(before.keys.epochs) <= set(keys.epochs)
    assert {epoch.name for epoch in keys.recipients.epochs} <= set(keys.epochs)
    (root,) = parse_certificates(keys.root_ca_pem)
    for unit in (before.unit, issue_device(load_authority(folder), new_id(), now=LATER)):
        verify_client(root, unit.certificate, unit.chain, at=LATER)
    (signer,) = before.unit.chain
    authorities = (load_authority(folder), *load_retired_authorities(folder))
    assert signer in [authority.certificate for authority in authorities]
    certificates.read_pair(folder, "server")
    return keys


def require_finished(folder: Path, change: Change, before: Before, whole: Path) -> None:
    """Give the same command once more: the folder is then as if nothing had been cut."""
    sweep_drafts(folder, Files())
    if list(folder.glob(f"*{NEXT}")) or (folder / WRITES[change]).read_bytes() == before.content[WRITES[change]]:
        change(folder, Files())
    require_usable(folder, before)
    assert not [path for path in folder.rglob("*") if path.name.endswith((NEXT, ".new"))]
    assert {file_kind(path, folder) for path in folder.rglob("*")} == {
        file_kind(path, whole) for path in whole.rglob("*")
    }


def file_kind(path: Path, folder: Path) -> str:
    """Name a file, but not by the key that it holds."""
    name = str(path.relative_to(folder))
    return name.split("-")[0] if name.startswith("retired/") else name


@pytest.mark.parametrize("change", CHANGES, ids=IDS)
def test_keys_are_usable_wherever_a_change_is_killed(made: Path, tmp_path: Path, change: Change) -> None:
    """kill -9 at each write, sync and rename: a controller starts on what is left, and the command finishes."""
    for at, folder in cuts(made, tmp_path, change):
        before = look(folder)
        with pytest.raises(Cut):
            change(folder, KilledFiles(at))
        require_usable(folder, before)
        require_finished(folder, change, before, tmp_path / "whole")


@pytest.mark.parametrize("change", CHANGES, ids=IDS)
def test_keys_are_usable_wherever_the_power_goes(made: Path, tmp_path: Path, change: Change) -> None:
    """The same with only what was synced left on the disk."""
    for at, folder in cuts(made, tmp_path, change):
        before, files = look(folder), PoweredFiles(folder, at)
        files.take_as_durable()
        with pytest.raises(Cut):
            change(folder, files)
        files.leave()
        for path in folder.rglob("*.key*"):
            path.chmod(0o600)  # the model of the disk keeps content and names; a journal keeps modes
        require_usable(folder, before)
        require_finished(folder, change, before, tmp_path / "whole")


@pytest.mark.parametrize("change", CHANGES, ids=IDS)
def test_keys_are_usable_wherever_the_disk_refuses(made: Path, tmp_path: Path, change: Change) -> None:
    """One operation fails and the disk works again: nothing is lost, and the command finishes the next time."""
    for at, folder in cuts(made, tmp_path, change):
        before = look(folder)
        with pytest.raises(OSError, match="was refused"):
            change(folder, RefusingFiles(at))
        require_usable(folder, before)
        require_finished(folder, change, before, tmp_path / "whole")


def test_old_key_is_retired_wherever_that_is_killed(made: Path, tmp_path: Path) -> None:
    """Retiring is either not begun or can be done again; the key that signs is believed throughout."""
    folder = shutil.copytree(made, tmp_path / "keys")
    rotate_policy(folder, Files())

    def retire(where: Path, files: Files) -> None:
        retire_signing(where, Purpose.POLICY, door(where).signing(), now=LATER, files=files)

    for at, cut in cuts(folder, tmp_path, retire):
        with pytest.raises(Cut):
            retire(cut, KilledFiles(at))
        keys = load_school_keys(cut)
        sweep_drafts(cut, Files())
        if len(keys.trust.keys_for(Purpose.POLICY)) > 1 or list((cut / "retired").iterdir()):
            retire(cut, Files())
        assert load_school_keys(cut).trust.keys_for(Purpose.POLICY) == (keys.policy.verifying,)
        assert list((cut / "retired").iterdir()) == []


def test_replaced_pair_is_finished_wherever_it_is_cut(made: Path, tmp_path: Path) -> None:
    """With a new key two files change: no key is lost, and the command ends with two that fit."""

    def replace(where: Path, files: Files) -> None:
        certificates.replace_certified(where, "server", now=LATER, files=files)

    for at, cut in cuts(made, tmp_path, replace):
        with pytest.raises(Cut):
            replace(cut, KilledFiles(at))
        certificates.finish_pair(cut, "server", Files())
        certificates.read_pair(cut, "server")
        assert not list(cut.glob(f"*{NEXT}"))


def test_ceremony_that_is_cut_leaves_no_half_folder(tmp_path: Path) -> None:
    """Cut at any operation, each folder is whole or not there, and there are no keys without their root's part."""
    keys = make_school_keys("Rosa Parks", ("box.example",), now=NOW, weeks=1, generate=generate_x25519)

    def hold(where: Path, files: Files) -> None:
        store_school_keys(where / "keys", keys, apart=Apart(folder=where / "stick"), files=files)

    counting = CountingFiles()
    hold(tmp_path / "whole", counting)
    for at in range(1, len(counting.names) + 1):
        folder = tmp_path / f"cut-{at}"
        with pytest.raises(Cut):
            hold(folder, KilledFiles(at))
        if (folder / "stick").exists():
            RootDoor(folder / "stick", folder / "stick", lambda: b"").signing()
        if (folder / "keys").exists():
            load_school_keys(folder / "keys")
            door_apart = RootDoor(folder / "keys", folder / "stick", lambda: b"")
            assert door_apart.authority().certificate == keys.root.authority.certificate
            assert door_apart.keeper() == keys.root.keeper
