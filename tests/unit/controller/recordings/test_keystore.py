"""The key store: entries only the storage identity opens, one file a recording, gone for good when destroyed."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from controller.keys import SchoolKeys, load_school_keys
from controller.recordings.keystore import KeyStore
from protocol.envelope import NoMatchError, generate_x25519, open_sealed
from tests.lesson import BEGAN_AT
from tests.school import make_school, new_id


@pytest.fixture
def keys(tmp_path: Path) -> SchoolKeys:
    """Make a school's keys."""
    return load_school_keys(make_school(tmp_path, now=BEGAN_AT).keys)


def test_entry_is_sealed_to_the_identity_in_force(keys: SchoolKeys, tmp_path: Path) -> None:
    """After a new storage identity came, new entries open with it alone, and old entries still open."""
    older, newer, store = new_id(), new_id(), tmp_path / "store"
    first, second, later = generate_x25519(), generate_x25519(), generate_x25519()
    KeyStore(store, keys).put(older, first)
    both = replace(keys, storage={**keys.storage, "2099-01-01": later})
    rotated = KeyStore(store, both)
    rotated.put(newer, second)
    assert (rotated.get(older), rotated.get(newer)) == (first, second)
    with pytest.raises(NoMatchError):
        open_sealed((store / f"{older}.age").read_bytes(), [later])
    with pytest.raises(NoMatchError):
        open_sealed((store / f"{newer}.age").read_bytes(), keys.storage_identities)


def test_entry_is_for_its_owner_alone_and_says_nothing(keys: SchoolKeys, tmp_path: Path) -> None:
    """Files of mode 600 in a folder of mode 700; nothing of the key stands in the file."""
    recording, identity = new_id(), generate_x25519()
    KeyStore(tmp_path / "store", keys).put(recording, identity)
    path = tmp_path / "store" / f"{recording}.age"
    assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode)) == (0o600, 0o700)
    assert identity.encode().encode() not in path.read_bytes()


def test_destroyed_entry_is_gone(keys: SchoolKeys, tmp_path: Path) -> None:
    """After destroying there is no entry and no key; destroying what is not there is no error."""
    store, recording = KeyStore(tmp_path / "store", keys), new_id()
    store.destroy(recording)
    store.put(recording, generate_x25519())
    store.destroy(recording)
    assert not store.holds(recording)
    with pytest.raises(FileNotFoundError):
        store.get(recording)
    assert list((tmp_path / "store").glob("*.age")) == []
