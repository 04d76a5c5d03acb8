"""The drill: a backup that opens everything passes, and whatever it lacks is named."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import Result

from provisioning.keys.epochs import plan_epochs
from provisioning.keys.folder import Apart
from tests.unit.provisioning.keys.made import found_keys, keys_command

NOW = datetime.now(UTC)
CURRENT, NEXT = (planned[0] for planned in plan_epochs(NOW, 1))


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """The keys of a school, the root's part apart, and a backup of them in `backup`."""
    folder = found_keys(tmp_path / "keys", NOW, apart=Apart(folder=tmp_path / "stick"))
    shutil.copytree(folder, tmp_path / "backup")
    return folder


def drill(keys: Path, *options: str | Path) -> Result:
    """Hold the drill with the backup beside the keys."""
    return keys_command("drill", "--keys", keys, "--backup", keys.parent / "backup", *options)


def test_whole_backup_opens_everything(keys: Path) -> None:
    """A recording of this week, every published epoch, the key store, and the root's part when it is brought."""
    result = drill(keys, "--root-folder", keys.parent / "stick")
    assert result.exit_code == 0, result.output
    for what in (f"a whole recording of epoch {CURRENT}", f"epochs/{NEXT}.key", "key store", "ca.key", "keeper.key"):
        assert what in result.output
    assert "FAILED" not in result.output


def test_drill_says_what_it_did_not_try(keys: Path) -> None:
    """Without the root's part it passes, and says that this was not proved."""
    result = drill(keys)
    assert result.exit_code == 0, result.output
    assert "not tried   the root's part" in result.output


def test_drill_leaves_both_folders_as_they_were(keys: Path) -> None:
    """A proof that changes what it proves is none."""
    before = {path: path.read_bytes() for path in keys.parent.rglob("*") if path.is_file()}
    drill(keys, "--root-folder", keys.parent / "stick")
    assert {path: path.read_bytes() for path in keys.parent.rglob("*") if path.is_file()} == before


def put_another(name: str) -> Callable[[Path], object]:
    """Spoil a backup by laying the next epoch's identity under another name."""
    return lambda backup: shutil.copy(backup / "epochs" / f"{NEXT}.key", backup / name)


def old_storage(backup: Path) -> None:
    """Spoil a backup by an identity of the store that is another."""
    (path,) = (backup / "storage").iterdir()
    put_another(f"storage/{path.name}")(backup)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda backup: (backup / "epochs" / f"{CURRENT}.key").unlink(), f"{CURRENT}.key: missing from the backup"),
        (lambda backup: (backup / "epochs" / f"{NEXT}.key").unlink(), f"{NEXT}.key: missing from the backup"),
        (put_another(f"epochs/{CURRENT}.key"), f"{CURRENT}.key: does not open it"),
        (lambda backup: next((backup / "storage").iterdir()).unlink(), "missing from the backup"),
        (old_storage, "is the wrong key"),
        (lambda backup: (backup / "root.pub").write_text("x"), "root.pub: differs from"),
        (lambda backup: (backup / "keyring").unlink(), "keyring: missing from the backup"),
        (lambda backup: (backup / "recipients").write_text("older"), "recipients: differs from"),
        (lambda backup: (backup / "lease.key").unlink(), "lease.key: cannot be read"),
        (lambda backup: shutil.copy(backup / "lease.key", backup / "policy.key"), "policy.key: is not the key that"),
        (lambda backup: (backup / "ca.key").write_text("x"), "ca.key"),
        (lambda backup: (backup / "epochs" / f"{CURRENT}.key").chmod(0o644), "chmod 600"),
    ],
    ids=(
        *("epoch", "next", "swapped", "storage", "old storage", "school"),
        *("keyring", "recipients", "lease", "policy", "ca", "open"),
    ),
)
def test_backup_that_lacks_something_fails_by_its_name(keys: Path, spoil: Callable[[Path], object], words: str) -> None:
    """Missing, another's, an older one's, open to others: the file is named, and the status is 1."""
    spoil(keys.parent / "backup")
    result = drill(keys)
    assert result.exit_code == 1
    assert words in result.output
    assert "THE DRILL FAILED: 1 of" in result.output


def test_backup_from_before_a_rotation_fails(keys: Path) -> None:
    """A backup that nobody renewed after a rotation or an extension is found out."""
    for command in (["rotate", "policy"], ["rotate", "ca"], ["extend", "--weeks", "5"]):
        assert keys_command(*command, "--keys", keys, "--root-folder", keys.parent / "stick").exit_code == 0
    result = drill(keys)
    assert result.exit_code == 1
    for words in ("policy.key: is not the key that signs now", "is not the authority that signs now", "copy it there"):
        assert words in result.output


def test_backup_without_the_retired_authority_fails(keys: Path) -> None:
    """Its list of revoked certificates could not be signed after a fire, and the broker would refuse everybody."""
    assert keys_command("rotate", "ca", "--keys", keys, "--root-folder", keys.parent / "stick").exit_code == 0
    shutil.copytree(keys, keys.parent / "backup", dirs_exist_ok=True)
    assert drill(keys).exit_code == 0
    (keys.parent / "backup" / "retired-ca" / "1.key").unlink()
    result = drill(keys)
    assert result.exit_code == 1
    assert "retired-ca/1.key: missing from the backup" in result.output


def test_root_of_another_ceremony_fails_the_drill(keys: Path, tmp_path: Path) -> None:
    """The wrong stick in the safe is found before it is needed."""
    found_keys(tmp_path / "other", NOW, apart=Apart(folder=tmp_path / "wrong"))
    result = drill(keys, "--root-folder", tmp_path / "wrong")
    assert result.exit_code == 1
    assert "THE DRILL FAILED: 3 of" in result.output
